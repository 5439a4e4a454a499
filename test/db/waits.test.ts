// Waits that must settle: each did not once.

import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { encodeUtf8 as b } from '../../src/bytes/text.ts'
import { openDb } from '../../src/db/open.ts'
import { parseSettings } from '../../src/db/settings.ts'
import type { Clock } from '../../src/env/env.ts'
import { createEnv, systemClock } from '../../src/env/system.ts'
import { storeError } from '../../src/errors.ts'
import { Paths } from '../../src/format/paths.ts'
import { manifestVersions } from '../../src/manifest/records.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'

const QUIET = { compactorOptions: null, garbageCollectorOptions: null }

/** 'waits' when the promise has not settled after `ms`. */
const within = <T>(promise: Promise<T>, ms: number): Promise<T | Error | 'waits'> =>
  Promise.race([
    promise.catch((error) => error as Error),
    new Promise<'waits'>((resolve) => setTimeout(() => resolve('waits'), ms)),
  ])

/** A put to a table that never ends before its signal. */
const hangTables = (store: MemoryStore) => {
  const put = store.put.bind(store)
  store.put = (path, body, options) =>
    path.includes('/compacted/')
      ? new Promise((_, reject) => options.signal?.addEventListener('abort', () => reject(options.signal!.reason)))
      : put(path, body, options)
}

test('a close whose signal fires ends although the tables do not get through', async () => {
  const store = new MemoryStore()
  const db = await openDb({ store, path: 'db', settings: parseSettings(QUIET) })
  hangTables(store)
  await (await db.put(b('a'), b('1'))).durable
  expect(await within(db.close({ signal: AbortSignal.timeout(50) }), 3000)).not.toBe('waits')
})

test('a close with a WAL does not wait for room in L0 that only a compactor can make (FL-3)', async () => {
  const store = new MemoryStore()
  const settings = parseSettings({
    ...QUIET,
    l0SstSizeBytes: 1000,
    maxUnflushedBytes: 1 << 20,
    l0MaxSsts: 2,
    l0FlushParallelism: 1,
  })
  const db = await openDb({ store, path: 'db', settings })
  let release: () => void = () => {}
  const released = new Promise<void>((resolve) => (release = resolve))
  const put = store.put.bind(store)
  store.put = async (path, body, options) => {
    if (path.includes('/compacted/')) await released
    return put(path, body, options)
  }
  for (let i = 0; i < 4; i++) await (await db.put(b(`k${i}`), new Uint8Array(1500))).durable
  const closing = db.close()
  // Two go through, and the others find L0 full only then.
  setTimeout(release, 50)
  expect(await within(closing, 3000)).not.toBe('waits')
})

test('a stalled write goes on when the WAL made the room', async () => {
  const store = new MemoryStore()
  const settings = parseSettings({ ...QUIET, flushInterval: '20ms', l0SstSizeBytes: 10_000, maxUnflushedBytes: 20_000 })
  const db = await openDb({ store, path: 'db', settings })
  hangTables(store)
  // 11 kB in a memtable that cannot go, and as much again in the WAL buffer until its PUT is acknowledged.
  await db.put(b('a'), new Uint8Array(11_000))
  const second = Promise.resolve(db.put(b('b'), b('1')))
  expect(await within(second, 3000)).not.toBe('waits')
  await db.close({ flush: false })
})

test('opening with more WAL than fits into memory notices that a compactor elsewhere made room in L0', async () => {
  const store = new MemoryStore()
  const first = await openDb({ store, path: 'db', settings: parseSettings(QUIET) })
  await first.put(b('old'), b('1'))
  await first.flush('memtable')
  for (let i = 0; i < 5; i++) {
    await (await first.put(b(`k${i}`), new Uint8Array(3000))).durable
  }
  await first.close({ flush: false })
  const settings = parseSettings({
    ...QUIET,
    l0SstSizeBytes: 2000,
    maxUnflushedBytes: 5000,
    l0MaxSsts: 2,
    manifestPollInterval: '100ms',
  })
  const controller = new AbortController()
  const opening = openDb({ store, path: 'db', settings, signal: controller.signal })
  // A compactor elsewhere, which takes all tables away as fast as they come.
  const env = createEnv()
  const elsewhere = manifestVersions(store, env, new Paths('db'))
  const timer = setInterval(async () => {
    await elsewhere.refresh()
    await elsewhere.update((value) =>
      value.tree.l0.length === 0 ? undefined : { ...value, tree: { ...value.tree, l0: [] } },
    )
  }, 50)
  const outcome = await within(opening, 4000)
  controller.abort(new Error('enough'))
  const aborted = outcome === 'waits' ? await within(opening, 2000) : undefined
  clearInterval(timer)
  expect({
    outcome: outcome === 'waits' ? 'waits' : 'opened',
    aborted: aborted === 'waits' ? 'waits' : 'ended',
  }).toEqual({
    outcome: 'opened',
    aborted: 'ended',
  })
})

test('a signal ends an opening that waits for room', async () => {
  const store = new MemoryStore()
  const first = await openDb({ store, path: 'db', settings: parseSettings(QUIET) })
  for (let i = 0; i < 5; i++) await (await first.put(b(`k${i}`), new Uint8Array(3000))).durable
  await first.close({ flush: false })
  hangTables(store)
  const settings = parseSettings({ ...QUIET, l0SstSizeBytes: 2000, maxUnflushedBytes: 5000 })
  const opening = openDb({ store, path: 'db', settings, signal: AbortSignal.timeout(200) })
  expect(await within(opening, 3000)).not.toBe('waits')
})

test('whoever waits for room in L0 keeps the process alive', async () => {
  const store = new MemoryStore()
  const settings = parseSettings({ ...QUIET, walEnabled: false, l0MaxSsts: 1 })
  const timers = new Map<number, string>()
  let next = 0
  const clock: Clock = {
    ...systemClock,
    schedule(delayMs, callback, options) {
      const id = next++
      if (options?.idle !== true) timers.set(id, options?.label ?? '')
      const cancel = systemClock.schedule(
        delayMs,
        () => {
          timers.delete(id)
          callback()
        },
        options,
      )
      return () => {
        timers.delete(id)
        cancel()
      }
    },
  }
  const db = await openDb({ store, path: 'db', settings, env: createEnv({ clock }) })
  await db.put(b('a'), b('1'))
  await db.flush('memtable')
  await db.put(b('b'), b('2'))
  const flushed = db.flush('memtable').catch(() => {})
  await new Promise((resolve) => setTimeout(resolve, 50))
  const alive = [...timers.values()]
  await db.close({ flush: false })
  await flushed
  // No request is under way, and an idle timer does not hold the process: `await db.flush()` would be its last line.
  expect(alive).not.toEqual([])
})

test('an opening that fails forgets the caller’s signal', async () => {
  const store = new MemoryStore()
  const controller = new AbortController()
  await (await openDb({ store, path: 'db', settings: parseSettings(QUIET) })).close()
  await store.put('db/manifest/00000000000000000099.manifest', b('rubbish'), { mode: 'create' })
  for (let i = 0; i < 3; i++) {
    await expect(openDb({ store, path: 'db', signal: controller.signal })).rejects.toMatchObject({ kind: 'Data' })
  }
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
})

test('without a WAL, an awaited write becomes durable by itself or says why not', async () => {
  const store = new MemoryStore()
  const db = await openDb({ store, path: 'db', settings: parseSettings({ ...QUIET, walEnabled: false }) })
  const handle = await db.put(b('a'), b('1'))
  const outcome = await within(handle.durable, 2000)
  await db.close()
  expect(outcome).not.toBe('waits')
})

test('the signal of a scan ends its waiting', async () => {
  const store = new MemoryStore()
  const db = await openDb({ store, path: 'db', settings: parseSettings(QUIET), cache: false })
  await db.put(b('a'), b('1'))
  await db.flush('memtable')
  await db.close()
  const again = await openDb({ store, path: 'db', settings: parseSettings(QUIET), cache: false })
  const get = store.get.bind(store)
  store.get = (path, options) => {
    if (path.includes('/compacted/')) return Promise.reject(storeError('Generic', path, 'no'))
    return get(path, options)
  }
  const range = { start: undefined, end: undefined }
  const point = Promise.resolve(again.get(b('a'), { signal: AbortSignal.timeout(50) }))
  expect(await within(point, 1000)).toMatchObject({ name: 'TimeoutError' })
  const next = Promise.resolve(again.scan(range, { signal: AbortSignal.timeout(50) }).next())
  const outcome = await within(next as Promise<unknown>, 1000)
  await again.close({ flush: false })
  expect(outcome).toMatchObject({ name: 'TimeoutError' })
})
