// What is acknowledged, and to whom: each was a bug once.

import { expect, test } from 'vitest'
import { encodeUtf8 as b } from '../../src/bytes/text.ts'
import { openDb } from '../../src/db/open.ts'
import { parseSettings } from '../../src/db/settings.ts'
import type { Clock } from '../../src/env/env.ts'
import { createEnv, systemClock } from '../../src/env/system.ts'
import { storeError } from '../../src/errors.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'
import type { ObjectStore } from '../../src/objects/store.ts'

const QUIET = { compactorOptions: null, garbageCollectorOptions: null }
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

function gate() {
  let open: () => void = () => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { open, opened }
}

/**
 * #352: a writer sleeps through its successor, whose WAL and fence are collected then, and wakes up after an hour.
 * Its looks at the manifest have failed meanwhile.
 */
async function zombie() {
  const bucket = new MemoryStore()
  const store: ObjectStore = {
    capabilities: bucket.capabilities,
    get: bucket.get.bind(bucket),
    head: bucket.head.bind(bucket),
    put: bucket.put.bind(bucket),
    delete: bucket.delete.bind(bucket),
    list: bucket.list.bind(bucket),
    describe: () => 'zombie',
  }
  let ahead = 0
  const clock: Clock = { ...systemClock, monotonic: () => systemClock.monotonic() + ahead }
  const settings = parseSettings({ ...QUIET, manifestPollInterval: '20ms', objectStoreMaxRetries: 0 })
  const db = await openDb({ store, path: 'db', settings, env: createEnv({ clock }) })
  await (await db.put(b('a'), b('1'))).durable
  store.list = async (path) => {
    throw storeError('Generic', path, 'asleep')
  }
  const successor = await openDb({ store: bucket, path: 'db', settings: parseSettings(QUIET) })
  await successor.put(b('b'), b('2'))
  await successor.close()
  for (const { path } of await bucket.list('db/wal/')) await bucket.delete(path)
  await sleep(30)
  ahead = 3_600_000
  return { db, store, bucket, wake: () => (store.list = bucket.list.bind(bucket)) }
}

test('EP-4: a handle that has read a newer epoch, by whatever call, acknowledges nothing any more', async () => {
  const { db, wake } = await zombie()
  wake()
  await expect(db.refresh()).rejects.toMatchObject({ closeReason: 'Fenced' })
  const outcome = await Promise.resolve()
    .then(() => db.put(b('c'), b('3')))
    .then((handle) => handle.durable)
    .then(
      () => 'acknowledged, and nobody will ever read it',
      (error) => error.closeReason,
    )
  await db.close().catch(() => {})
  expect(outcome).toBe('Fenced')
})

/** True when the write was acknowledged that far after the poll's answer. */
async function zombieAcknowledges(microtasks: number): Promise<boolean> {
  const { db, store, bucket, wake } = await zombie()
  const [written, read] = [gate(), gate()]
  const [atPut, atGet] = [gate(), gate()]
  store.put = async (path, body, options) => {
    const result = await bucket.put(path, body, options)
    if (path.includes('/wal/')) {
      atPut.open()
      await written.opened
    }
    return result
  }
  store.get = async (path, options) => {
    const result = await bucket.get(path, options)
    if (path.endsWith('.manifest')) {
      atGet.open()
      await read.opened
    }
    return result
  }
  const handle = await db.put(b('c'), b('3'))
  const outcome = handle.durable.then(
    () => true,
    () => false,
  )
  await atPut.opened
  wake()
  await atGet.opened
  read.open()
  for (let i = 0; i < microtasks; i++) await undefined
  written.open()
  const acknowledged = await outcome
  await db.close().catch(() => {})
  return acknowledged
}

test('AP-1, AP-3: a newer epoch that a poll has just read counts at once', async () => {
  const wrong: number[] = []
  for (let microtasks = 0; microtasks < 40; microtasks++)
    if (await zombieAcknowledges(microtasks)) wrong.push(microtasks)
  expect(wrong).toEqual([])
})

test('W-10: a write that became durable after an outage says so to who asks then', async () => {
  const store = new MemoryStore()
  const db = await openDb({ store, path: 'db', settings: parseSettings({ ...QUIET, objectStoreMaxRetries: 0 }) })
  const put = store.put.bind(store)
  let failed = false
  store.put = async (path, body, options) => {
    if (!failed && path.includes('/wal/')) {
      failed = true
      throw storeError('Generic', path, 'down')
    }
    return put(path, body, options)
  }
  const handle = await db.put(b('a'), b('1'))
  await expect(handle.durable).rejects.toMatchObject({ kind: 'Unavailable' })
  await sleep(1500)
  expect(db.status.durableSeq).toBe(handle.seq)
  const again = await handle.awaitDurable().then(
    () => 'durable',
    () => 'failed',
  )
  await db.close()
  expect(again).toBe('durable')
})

test('a store of the user’s that throws plain errors is an outage like any other, not the end of the handle', async () => {
  const store = new MemoryStore()
  const db = await openDb({ store, path: 'db', settings: parseSettings({ ...QUIET, objectStoreMaxRetries: 1 }) })
  const put = store.put.bind(store)
  let down = true
  store.put = async (path, body, options) => {
    if (down) throw new TypeError('fetch failed')
    return put(path, body, options)
  }
  const handle = await db.put(b('a'), b('1'))
  await handle.durable.catch(() => {})
  down = false
  expect(db.status.closeReason).toBeUndefined()
  await db.close()
})

test('a transformer that fails for a moment does not end the handle', async () => {
  const store = new MemoryStore()
  let fails = false
  const transformer = {
    encode: async (bytes: Uint8Array) => {
      if (fails) throw new Error('KMS does not answer')
      return bytes
    },
    decode: async (bytes: Uint8Array) => bytes,
  }
  const db = await openDb({ store, path: 'db', settings: parseSettings(QUIET), transformer })
  fails = true
  const handle = await db.put(b('a'), b('1'))
  await handle.durable.catch(() => {})
  fails = false
  const reason = db.status.closeReason
  await db.close().catch(() => {})
  expect(reason).toBeUndefined()
})

test('a close on a store that answers only errors ends within the deadline of a manifest update', async () => {
  const store = new MemoryStore()
  let skipped = 0
  const clock: Clock = {
    ...systemClock,
    monotonic: () => systemClock.monotonic() + skipped,
    schedule: (delayMs, callback, options) =>
      systemClock.schedule(
        0,
        () => {
          skipped += delayMs
          callback()
        },
        // The clock is fast, so an idle loop would spin.
        options,
      ),
  }
  const db = await openDb({ store, path: 'db', settings: parseSettings(QUIET), env: createEnv({ clock }) })
  const fail = async (path: string) => {
    throw storeError('Generic', path, 'down')
  }
  store.list = fail
  store.put = fail
  // A look at the manifest is under way.
  await sleep(20)
  const closing = db.close().then(
    () => 'ended',
    () => 'ended',
  )
  const start = skipped
  const outcome = await Promise.race([closing, sleep(1500).then(() => 'waits')])
  const waitedMs = skipped - start
  await Promise.race([sleep(1)])
  expect({ outcome, waitedMs }).toMatchObject({ outcome: 'ended' })
})
