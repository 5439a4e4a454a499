// A database on an S3 server whose answers are odd, as servers and proxies of other people were: nothing is acknowledged
// that is not there, and no handle dies of what passes.

import { afterEach, expect, test } from 'vitest'
import { SlateDB } from '../../src/api/slatedb.ts'
import { type FakeS3, fakeS3, type S3Request, s3Error } from '../servers/fake-s3.ts'

const TEXT = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const handle of opened.splice(0)) await handle.close().catch(() => {})
})

async function open(server: FakeS3, seed: number) {
  const settings = { flushInterval: '5ms' }
  const db = await SlateDB.open({ store: server.client(), path: 'db' }, { ...TEXT, seed, settings })
  opened.push(db)
  return db
}

async function openReader(server: FakeS3, seed: number) {
  const reader = await SlateDB.openReader({ store: server.client(), path: 'db' }, { ...TEXT, seed })
  opened.push(reader)
  return reader
}

type Fits = (request: S3Request) => boolean
const isLog: Fits = ({ op, name }) => op === 'put' && name.startsWith('db/wal/')

/** Answers the next `times` requests that fit with something else; tells how many are left. */
function answerNext(server: FakeS3, times: number, fits: Fits, answer: ReturnType<NonNullable<FakeS3['instead']>>) {
  let left = times
  server.instead = (request) => (left > 0 && fits(request) && left-- > 0 ? answer : undefined)
  return () => left
}

test('a fenced writer is told so by a server that refuses creates with 304', async () => {
  const server = fakeS3()
  const first = await open(server, 1)
  await first.put('a', '1')
  await open(server, 2)
  const there = new Set((await server.objects.list('db/wal/')).map(({ path }) => path))
  server.instead = ({ op, name }) => (op === 'put' && there.has(name) ? { status: 304 } : undefined)
  await expect(first.put('b', '2')).rejects.toMatchObject({ kind: 'Closed', closeReason: 'Fenced' })
})

test.each([304, 412])(
  'a log object whose answer got lost is known by its put id when its retry is refused with %i',
  async (status) => {
    const server = fakeS3()
    const db = await open(server, 1)
    const names: string[] = []
    server.instead = (request) => {
      if (!isLog(request)) return undefined
      names.push(request.name)
      return names.length === 1 ? { status: 503, after: true } : names.length === 2 ? { status } : undefined
    }
    await db.put('a', '1')
    expect(names).toEqual([names[0], names[0]])
    await db.put('b', '2')
    expect(await db.get('b')).toBe('2')
  },
)

test('a log object that a proxy answered in the place of the server is written again before it is acknowledged', async () => {
  const server = fakeS3()
  const db = await open(server, 1)
  answerNext(server, 1, isLog, { status: 200, body: 'OK' })
  await db.put('a', '1')
  await db.put('b', '2')
  const again = await open(server, 2)
  expect(await again.get('a')).toBe('1')
})

test('a login page in the place of the lists never makes a database look empty', async () => {
  const server = fakeS3()
  const db = await open(server, 1)
  await db.put('a', '1')
  await db.close()
  // As 0.12 leaves it when it collects: no first manifest, and no boundary that would say so.
  const manifests = await server.objects.list('db/manifest/')
  for (const { path } of manifests.slice(0, -1)) await server.objects.delete(path)
  const page = '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body>Log in</body></html>'
  const left = answerNext(server, 6, ({ op }) => op === 'list', { status: 200, body: page })
  const again = await open(server, 2)
  expect(left()).toBe(0)
  expect(await again.get('a')).toBe('1')
})

const places: [what: string, fits: Fits][] = [
  ['the PUT of a log object', isLog],
  ['the LIST of the log', ({ op, name }) => op === 'list' && name.startsWith('db/wal/')],
  ['the PUT of a table', ({ op, name }) => op === 'put' && name.startsWith('db/compacted/')],
  ['the PUT of a manifest', ({ op, name }) => op === 'put' && name.startsWith('db/manifest/')],
  ['the GET of a table', ({ op, name }) => op === 'get' && name.startsWith('db/compacted/')],
]
test.each(places)(
  'a bucket in use that is said not to exist at %s is waited for',
  async (_, fits) => {
    const server = fakeS3()
    const db = await open(server, 1)
    await db.put('a', '1')
    const left = answerNext(server, 3, fits, s3Error(404, 'NoSuchBucket'))
    await db.put('b', '2')
    await db.flush('memtable')
    const reader = await openReader(server, 2)
    expect(await reader.get('a')).toBe('1')
    await db.put('c', '3')
    const successor = await open(server, 3)
    expect(await successor.get('c')).toBe('3')
    expect(left()).toBe(0)
  },
  30_000,
)

test('a bucket that never answered is refused at once on opening', async () => {
  const server = fakeS3()
  server.instead = () => s3Error(404, 'NoSuchBucket')
  for (const opening of [open(server, 1), openReader(server, 2)]) {
    await expect(opening).rejects.toMatchObject({ kind: 'Invalid', message: expect.stringMatching(/does not exist/) })
  }
  expect(server.requests.length).toBeLessThanOrEqual(4)
})

test('a table on a server that ignores ranges fails its read with what to do, and is not asked for without end', async () => {
  const server = fakeS3()
  const db = await open(server, 1)
  await db.put('a', '1')
  await db.flush('memtable')
  const reader = await openReader(server, 2)
  const before = server.requests.length
  const whole = { status: 200, body: new Uint8Array(17 << 20) }
  server.instead = ({ op, name }) => (op === 'get' && name.startsWith('db/compacted/') ? whole : undefined)
  await expect(reader.get('a')).rejects.toMatchObject({
    kind: 'Invalid',
    code: 'SLATEDB_STORE_RANGE_IGNORED',
    message: expect.stringMatching(/use a server, or a cache before it, that serves byte ranges/),
  })
  expect(server.requests.length - before).toBeLessThan(10)
}, 30_000)
