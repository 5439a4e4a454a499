import { expect, test } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/text.ts'
import { openDb } from '../../src/db/open.ts'
import { openReader } from '../../src/db/reader.ts'
import type { Clock } from '../../src/env/env.ts'
import { createEnv, systemClock } from '../../src/env/system.ts'
import { type StoreReason, storeError } from '../../src/errors.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'

/** Sleeps take no time, but count. */
function fastEnv() {
  let skipped = 0
  const clock: Clock = {
    ...systemClock,
    monotonic: () => systemClock.monotonic() + skipped,
    schedule(delayMs, callback, options) {
      return systemClock.schedule(
        0,
        () => {
          skipped += delayMs
          callback()
        },
        options,
      )
    },
  }
  return createEnv({ clock, seed: 1 })
}

function failingStore(reason: StoreReason) {
  const store = new MemoryStore()
  store.list = async (prefix) => {
    throw storeError(reason, prefix, 'no')
  }
  return store
}

test.each([
  ['Generic', 60],
  ['Unauthenticated', 5],
] as const)(
  'opening on a store that only answers %s ends after %d s with the store’s error',
  async (reason, seconds) => {
    for (const open of [openDb, openReader]) {
      const env = fastEnv()
      const start = env.clock.monotonic()
      await expect(open({ store: failingStore(reason), path: 'db', env })).rejects.toMatchObject({
        kind: 'Unavailable',
        code: 'SLATEDB_OPEN_TIMEOUT',
        cause: { storeReason: reason },
      })
      const took = env.clock.monotonic() - start
      expect(took).toBeGreaterThan(seconds * 1000 - 1000)
      expect(took).toBeLessThan(seconds * 1000 + 5000)
    }
  },
)

test('the caller’s signal ends an opening that waits for its store', async () => {
  const controller = new AbortController()
  const opening = openDb({ store: failingStore('Generic'), path: 'db', signal: controller.signal })
  setTimeout(() => controller.abort(new Error('enough')), 20)
  await expect(opening).rejects.toThrow('enough')
})

test('a signal that fires after the opening has no effect on the handle', async () => {
  const controller = new AbortController()
  const db = await openDb({ store: new MemoryStore(), path: 'db', signal: controller.signal })
  controller.abort()
  await (await db.put(encodeUtf8('a'), encodeUtf8('1'))).durable
  await db.close()
})

test('a closed handle answers everything with Closed(Clean), but a second close, which has nothing to do', async () => {
  const db = await openDb({ store: new MemoryStore(), path: 'db' })
  const snapshot = db.snapshot()
  const transaction = db.begin()
  await db.close()
  const closed = expect.objectContaining({ kind: 'Closed', closeReason: 'Clean' })
  expect(() => db.get(encodeUtf8('a'))).toThrow(closed)
  expect(() => db.put(encodeUtf8('a'), encodeUtf8('b'))).toThrow(closed)
  expect(() => db.snapshot()).toThrow(closed)
  expect(() => snapshot.get(encodeUtf8('a'))).toThrow(closed)
  expect(() => transaction.commit()).toThrow(closed)
  await expect(db.flush()).rejects.toEqual(closed)
  await expect(db.close()).resolves.toBeUndefined()
})

test('close without flush does not wait for the store, and tells writes that are not durable', async () => {
  const store = new MemoryStore()
  const db = await openDb({ store, path: 'db' })
  store.put = (_path, _body, options) =>
    new Promise((_, reject) => options.signal?.addEventListener('abort', () => reject(options.signal!.reason)))
  const handle = await db.put(encodeUtf8('a'), encodeUtf8('1'))
  const outcome = handle.durable.catch((error) => error)
  await db.close({ flush: false })
  expect(await outcome).toMatchObject({ kind: 'Closed', closeReason: 'Clean' })
})

test('a close that waits for its store ends with the signal', async () => {
  const store = new MemoryStore()
  const db = await openDb({ store, path: 'db' })
  store.put = async (path) => {
    throw storeError('Generic', path, 'no')
  }
  await db.put(encodeUtf8('a'), encodeUtf8('1'))
  await expect(db.close({ signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ name: 'TimeoutError' })
  await expect(db.close()).rejects.toMatchObject({ name: 'TimeoutError' })
  expect(db.status.closeReason).toBe('Clean')
})
