// What a store that only reads, and a reader on it, have to live through in a hostile place: no wrong and no short
// answer, every call ends within its deadline, and all is well again when the fault is over.

import { EVERYTHING } from '../../src/bytes/range.ts'
import { decodeUtf8, encodeUtf8 } from '../../src/bytes/text.ts'
import { type DbReader, openReader } from '../../src/db/reader.ts'
import { createEnv } from '../../src/env/system.ts'
import { isSlateDBError, type SlateDBError, type StoreReason } from '../../src/errors.ts'
import { retrying } from '../../src/objects/retrying.ts'
import type { GetOptions, ObjectStore } from '../../src/objects/store.ts'
import { RANGE_BEHIND_END } from '../../src/objects/store-range.ts'
import { check, same, settled } from '../../src/sim/check.ts'
import { etagOf, type Files } from '../servers/static-server.ts'
import { type Published, ROOT, type Rows } from './published.ts'

export interface ReadOnlyPlace {
  /** Its single requests give up soon. */
  readonly store: ObjectStore
  /** Its single requests wait for 30 s. */
  readonly patientStore: ObjectStore
  /** From now on this is what is published. */
  readonly publish: (files: Files) => void
  /** From now on everything goes through untouched. */
  readonly heal: () => void
}

const DEADLINE_MS = 20_000
const SHORT_DEADLINE_MS = 150
/** Settling takes a little longer than the deadline on a machine that is busy. */
const SLACK_MS = 5_000

const BODY = Uint8Array.from({ length: 3000 }, (_, i) => (i * 31) % 251)
const OTHER = Uint8Array.of(1, 2, 3)
const FILES: Files = new Map([
  ['a/body', BODY],
  ['a/odd name+%', OTHER],
  ['b/empty', new Uint8Array(0)],
])

/** A store through `retrying`, as the engine uses it. */
export async function storeLife({ store, patientStore, publish, heal }: ReadOnlyPlace, label: string): Promise<void> {
  publish(FILES)
  const through = (one: ObjectStore, deadlineMs: number) => retrying(one, createEnv({ seed: label }), { deadlineMs })
  const dependable = through(store, DEADLINE_MS)
  await eachCall(dependable, (what, work) => within(DEADLINE_MS, what, work))
  // Here nothing but the deadline of the call ends it: either it was in time, or the error says that it was not.
  await eachCall(through(patientStore, SHORT_DEADLINE_MS), async (what, work) => {
    const outcome = await settled(within(SHORT_DEADLINE_MS, what, work))
    if (outcome.ok) return
    const late = isSlateDBError(outcome.error) && outcome.error.code === 'SLATEDB_STORE_DEADLINE'
    if (!late) throw outcome.error
  })
  heal()
  await eachCall(dependable, (what, work) => within(DEADLINE_MS, what, work))
}

/** Every kind of read, each with the one answer that is right. */
async function eachCall(store: ObjectStore, call: (what: string, work: Promise<void>) => Promise<void>): Promise<void> {
  const gives = async (body: Uint8Array, path: string, options: GetOptions, start = 0, end = body.length) => {
    const { bytes, size, etag } = await store.get(path, options)
    same(bytes, body.subarray(start, end), `${path} ${JSON.stringify(options)}`)
    same([size, etag], [body.length, etagOf(body)], `size and etag of ${path}`)
  }
  const refuses = async (work: Promise<unknown>, is: (error: SlateDBError) => boolean) => {
    const outcome = await settled(work)
    if (outcome.ok) throw new Error('what must be refused was served')
    if (!isSlateDBError(outcome.error) || !is(outcome.error)) throw outcome.error
  }
  const refusesAs = (reason: StoreReason, work: Promise<unknown>) =>
    refuses(work, (error) => error.storeReason === reason)
  const etag = etagOf(BODY)
  const calls: Record<string, () => Promise<void>> = {
    head: async () => {
      const { size, etag } = await store.head('a/odd name+%')
      same([size, etag], [OTHER.length, etagOf(OTHER)], 'head')
    },
    get: () => gives(BODY, 'a/body', {}),
    'get of nothing': () => gives(new Uint8Array(0), 'b/empty', {}),
    'a range': () => gives(BODY, 'a/body', { range: { start: 100, end: 2000 } }, 100, 2000),
    'one byte': () => gives(BODY, 'a/body', { range: { start: 7, end: 8 } }, 7, 8),
    'an open range': () => gives(BODY, 'a/body', { range: { start: 2500 } }, 2500),
    'a range beyond the end': () => gives(BODY, 'a/body', { range: { start: 2900, end: 9000 } }, 2900),
    'a suffix': () => gives(BODY, 'a/body', { range: { suffix: 70 } }, 2930),
    'a range behind the end': () =>
      refuses(store.get('a/body', { range: { start: 3000 } }), (error) => error.code === RANGE_BEHIND_END),
    'what is known': () => refusesAs('NotModified', store.get('a/body', { ifNoneMatch: etag })),
    'what is new': () => gives(BODY, 'a/body', { ifNoneMatch: '"old"', refetch: true }),
    'a missing head': () => refusesAs('NotFound', store.head('a/missing')),
    'a missing object': () => refusesAs('NotFound', store.get('a/missing')),
    'a missing range': () => refusesAs('NotFound', store.get('a/missing', { range: { suffix: 4 } })),
    list: async () => {
      const listed = await store.list('a/')
      same(
        listed.map(({ path, size }) => [path, size]),
        [
          ['a/body', BODY.length],
          ['a/odd name+%', OTHER.length],
        ],
        'the list',
      )
    },
    put: () => refusesAs('NotSupported', store.put('a/new', OTHER, { mode: 'overwrite' })),
  }
  await Promise.all(Object.entries(calls).map(([what, work]) => call(what, work())))
}

/** A reader opens, reads, and follows what is published, while the fault lasts and after it. */
export async function readerLife(place: ReadOnlyPlace, label: string, published: Published): Promise<void> {
  const { store } = place
  const { before, after, states } = published
  place.publish(before)
  const open = (path: string) =>
    reading(`open ${path}`, openReader({ store, path, pollIntervalMs: 400, env: createEnv({ seed: label }) }))
  const nowhere = await settled(open('no/db'))
  if (nowhere.ok || !isSlateDBError(nowhere.error) || nowhere.error.code !== 'SLATEDB_MANIFEST_MISSING') {
    throw new Error('a database that is not there was not reported as missing', { cause: nowhere })
  }
  const reader = await open(ROOT)
  try {
    await shows(reader, states.slice(0, 1))
    place.publish(after)
    await shows(reader, states)
    // The first may join a round that began before the newer files were there.
    for (let round = 0; round < 2; round++) await reading('refresh', reader.refresh())
    await shows(reader, states.slice(-1))
    place.heal()
    await reader.refresh()
    await shows(reader, states.slice(-1))
    same(reader.status.degraded, undefined, 'trouble after the fault')
  } finally {
    await reader.close()
  }
}

/** Every answer is that of one of these states, and never of an earlier one than the answer before. */
async function shows(reader: DbReader, states: readonly Rows[]): Promise<void> {
  let at = 0
  const expect = (what: string, fits: (rows: Rows) => boolean) => {
    while (at < states.length && !fits(states[at]!)) at++
    check(at < states.length, `${what} to be what was published`)
  }
  for (const descending of [false, true]) {
    const what = descending ? 'a scan back' : 'a scan'
    const found = await reading(what, rowsOf(reader, descending))
    if (descending) found.reverse()
    expect(what, (rows) => rows.size === found.length && found.every(([key, value]) => rows.get(key) === value))
    const inOrder = found.every(([key], i) => i === 0 || found[i - 1]![0] < key)
    check(inOrder, `${what} to be in order`)
  }
  for (const key of ['key 007', 'key never']) {
    const value = await reading(`get ${key}`, Promise.resolve(reader.get(encodeUtf8(key))))
    expect(`the value of ${key}`, (rows) => rows.get(key) === (value && decodeUtf8(value)))
  }
}

async function rowsOf(reader: DbReader, descending: boolean): Promise<[string, string][]> {
  const rows: [string, string][] = []
  const scan = reader.scan(EVERYTHING, { descending })
  for (let row = await scan.next(); row !== undefined; row = await scan.next()) {
    rows.push([decodeUtf8(row.key), decodeUtf8(row.value)])
  }
  return rows
}

/** A reader's calls have no deadline of their own; these faults let each through long before this one. */
const reading = <T>(what: string, work: Promise<T>): Promise<T> => within(DEADLINE_MS, what, work)

async function within<T>(deadlineMs: number, what: string, work: Promise<T>): Promise<T> {
  const limitMs = deadlineMs + SLACK_MS
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not settle within ${limitMs} ms`)), limitMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
