// What reads and writes answer when tables vanish, rooms fill up, buffers are reused: each was a bug once.

import { expect, test } from 'vitest'
import { encodeUtf8 as b, decodeUtf8 } from '../../src/bytes/text.ts'
import { openDb } from '../../src/db/open.ts'
import { parseSettings } from '../../src/db/settings.ts'
import { createEnv } from '../../src/env/system.ts'
import { storeError } from '../../src/errors.ts'
import { Paths } from '../../src/format/paths.ts'
import { manifestVersions } from '../../src/manifest/records.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'
import { retrying } from '../../src/objects/retrying.ts'
import { WriteBatch } from '../../src/write/batch.ts'

const QUIET = { compactorOptions: null, garbageCollectorOptions: null }
const text = (bytes: Uint8Array | undefined) => bytes && decodeUtf8(bytes)
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Table reads wait until released. */
function gate(store: MemoryStore) {
  let open: () => void = () => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  const get = store.get.bind(store)
  store.get = async (path, options) => {
    if (path.includes('/compacted/')) await opened
    return get(path, options)
  }
  return () => open()
}

async function withColdTable() {
  const store = new MemoryStore()
  const first = await openDb({ store, path: 'db', settings: parseSettings(QUIET) })
  for (const key of ['a', 'b', 'c', 'd']) await first.put(b(key), b(`old ${key}`))
  await first.close()
  const db = await openDb({ store, path: 'db', settings: parseSettings(QUIET), cache: false })
  return { store, db }
}

/** What a compaction to nothing and a collector do: the tables leave the manifest, then the store. */
async function dropTables(store: MemoryStore) {
  const versions = manifestVersions(store, createEnv(), new Paths('db'))
  await versions.readLatest()
  await versions.update((value) => ({ ...value, tree: { ...value.tree, l0: [] } }))
  for (const { path } of await store.list('db/compacted/')) await store.delete(path)
}

test('AP-6: a read whose table was collected is repeated also when the newer manifest is known already', async () => {
  const { store, db } = await withColdTable()
  const release = gate(store)
  const read = Promise.resolve(db.get(b('a')))
  const scan = db.scan({ start: undefined, end: undefined })
  const row = Promise.resolve(scan.next())
  await dropTables(store)
  // The poll, another read, a conflict of a flush: anything that looks before the read hears of it.
  expect(await db.refresh()).toBe(true)
  release()
  const got = await Promise.allSettled([read, row])
  await db.close()
  expect(got).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }])
})

test('AP-6: reads that are repeated side by side each get their own row', async () => {
  const { store, db } = await withColdTable()
  const release = gate(store)
  const reads = ['a', 'b', 'c', 'd'].map(async (key) => text(await db.get(b(key))))
  await sleep(1)
  for (const key of ['a', 'b', 'c', 'd']) await db.put(b(key), b(`new ${key}`))
  await dropTables(store)
  release()
  const values = await Promise.all(reads)
  await db.close()
  expect(values).toEqual(['new a', 'new b', 'new c', 'new d'])
})

async function stalled() {
  const store = new MemoryStore()
  const settings = parseSettings({ ...QUIET, l0SstSizeBytes: 1000, maxUnflushedBytes: 3000 })
  const db = await openDb({ store, path: 'db', settings })
  const put = store.put.bind(store)
  let open: () => void = () => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  store.put = async (path, body, options) => {
    await opened
    return put(path, body, options)
  }
  void db.put(b('big'), new Uint8Array(4000))
  return { db, open }
}

test('a batch that waits for room is written as it was given, whatever its owner does with it then', async () => {
  const { db, open } = await stalled()
  const batch = new WriteBatch()
  batch.put(b('x'), b('1'))
  const first = Promise.resolve(db.write(batch))
  batch.clear()
  batch.put(b('y'), b('2'))
  const second = Promise.resolve(db.write(batch))
  open()
  await Promise.all([first, second])
  const got = [text(await db.get(b('x'))), text(await db.get(b('y')))]
  await db.close()
  expect(got).toEqual(['1', '2'])
})

test('writes of one caller keep their order across a stall', async () => {
  const { db, open } = await stalled()
  const first = Promise.resolve(db.put(b('x'), b('1')))
  let second: unknown
  // The moment there is room, before the waiting write comes to its turn.
  db.onStatus(() => {
    if (second === undefined && db.status.unflushedBytes < 3000) second = db.put(b('x'), b('2'))
  })
  open()
  await first
  await second
  const got = text(await db.get(b('x')))
  await db.close()
  expect(got).toBe('2')
})

test('a serializable scan counts the range as it was asked for', async () => {
  const store = new MemoryStore()
  const db = await openDb({ store, path: 'db', settings: parseSettings(QUIET) })
  const tx = db.begin('serializable')
  const key = b('m')
  const scan = tx.scan({ start: { key, inclusive: true }, end: { key, inclusive: true } })
  expect(await scan.next()).toBeUndefined()
  // The caller's buffer is the caller's.
  key[0] = 'z'.charCodeAt(0)
  await db.put(b('m'), b('phantom'))
  tx.put(b('other'), b('1'))
  let outcome: unknown
  try {
    outcome = await tx.commit()
  } catch (error) {
    outcome = error
  }
  await db.close()
  expect(outcome).toMatchObject({ kind: 'Transaction' })
})

test('a read that has to wait reads the key it was given', async () => {
  const { store, db } = await withColdTable()
  const release = gate(store)
  const key = b('a')
  const range = { start: { key, inclusive: true }, end: { key, inclusive: true } }
  const scan = db.scan(range)
  const reads = [Promise.resolve(db.get(key)).then(text), Promise.resolve(scan.next()).then((row) => text(row?.value))]
  key[0] = 'b'.charCodeAt(0)
  release()
  const got = await Promise.all(reads)
  await db.close()
  expect(got).toEqual(['old a', 'old a'])
})

test('getMany with a bad key leaves no rejection behind', async () => {
  const { store, db } = await withColdTable()
  const unhandled: unknown[] = []
  const listen = (error: unknown) => unhandled.push(error)
  process.on('unhandledRejection', listen)
  gate(store)
  await expect(db.getMany([b('a'), new Uint8Array(0)])).rejects.toMatchObject({ kind: 'Invalid' })
  const tx = db.begin()
  await expect(tx.getMany([b('a'), new Uint8Array(0)])).rejects.toMatchObject({ kind: 'Invalid' })
  tx.rollback()
  await db.close()
  await sleep(20)
  process.off('unhandledRejection', listen)
  expect(unhandled).toEqual([])
})

test('D11: an outage between the repeats of a WAL PUT does not end the handle', async () => {
  const store = new MemoryStore()
  const settings = parseSettings({ ...QUIET, objectStoreMaxRetries: 0 })
  const db = await openDb({ store, path: 'db', settings })
  const put = store.put.bind(store)
  const get = store.get.bind(store)
  let puts = 0
  store.put = async (path, body, options) => {
    const result = await put(path, body, options)
    // The first answer gets lost.
    if (path.includes('/wal/') && puts++ === 0) throw storeError('Generic', path, 'lost')
    return result
  }
  let gets = 0
  store.get = async (path, options) => {
    if (path.includes('/wal/') && gets++ === 0) throw storeError('Generic', path, 'down')
    return get(path, options)
  }
  const handle = await db.put(b('a'), b('1'))
  await handle.durable.catch(() => {})
  await sleep(2500)
  expect(db.status.closeReason).toBeUndefined()
  await db.close()
})

test('the status forgets an outage that is over', async () => {
  const store = new MemoryStore()
  const settings = parseSettings({ ...QUIET, objectStoreMaxRetries: 0, manifestPollInterval: '20ms' })
  const db = await openDb({ store, path: 'db', settings })
  const list = store.list.bind(store)
  store.list = async (path) => {
    throw storeError('Generic', path, 'down')
  }
  for (let i = 0; i < 100 && db.status.degraded === undefined; i++) await sleep(10)
  expect(db.status.degraded).toBeDefined()
  store.list = list
  for (let i = 0; i < 5; i++) {
    db.get(b('x'))
    await sleep(100)
    await db.refresh()
  }
  expect(db.status.degraded).toBeUndefined()
  await db.close()
})

test('a status listener that throws does not end the handle or fail a write', async () => {
  const store = new MemoryStore()
  const db = await openDb({ store, path: 'db', settings: parseSettings(QUIET) })
  const stop = db.onStatus(() => {
    throw new Error('mine')
  })
  const handle = await db.put(b('a'), b('1'))
  await handle.durable.catch(() => {})
  stop()
  expect(db.status.closeReason).toBeUndefined()
  await db.close()
})

test('a definitive answer after a failed attempt ends the trouble, too', async () => {
  const memory = new MemoryStore()
  const told: unknown[] = []
  let calls = 0
  const get = memory.get.bind(memory)
  memory.get = async (path, options) => {
    if (calls++ === 0) throw storeError('Generic', path, '503')
    return get(path, options)
  }
  const store = retrying(memory, createEnv(), { onTrouble: (error) => told.push(error) })
  await expect(store.get('missing')).rejects.toMatchObject({ storeReason: 'NotFound' })
  // OpenGuard counts from the first failure to the next 'undefined': without one, a single 503 much later ends the opening.
  expect(told.at(-1)).toBeUndefined()
})

test('AP-6: many reads of one vanished table look at the manifest once', async () => {
  const { store, db } = await withColdTable()
  const release = gate(store)
  const reads = Array.from({ length: 50 }, () => Promise.resolve(db.get(b('a'))))
  await sleep(1)
  await dropTables(store)
  let lists = 0
  const list = store.list.bind(store)
  store.list = (path, options) => {
    lists++
    return list(path, options)
  }
  release()
  await Promise.allSettled(reads)
  await db.close()
  expect(lists).toBeLessThan(5)
})

test('a transaction reads a row again whose table was collected, as a snapshot does', async () => {
  const { store, db } = await withColdTable()
  const release = gate(store)
  const tx = db.begin()
  tx.put(b('zz'), b('own'))
  const row = Promise.resolve(tx.scan({ start: undefined, end: undefined }).next())
  await sleep(1)
  await dropTables(store)
  release()
  const got = await row.then(
    (one) => text(one?.key),
    (error) => error,
  )
  tx.rollback()
  await db.close()
  expect(got).toBe('zz')
})
