// A store that never answers, as a file system that hangs or a store of the user's may: every call ends.

import { describe, expect, test } from 'vitest'
import type { Db } from '../../src/db/db.ts'
import { openDb } from '../../src/db/open.ts'
import type { DbOptions } from '../../src/db/options.ts'
import { openReader } from '../../src/db/reader.ts'
import { parseSettings } from '../../src/db/settings.ts'
import type { ObjectStore } from '../../src/objects/store.ts'
import { type Sim, simulate } from '../../src/sim/simulate.ts'
import { toBytes } from '../model/bytes.ts'

const ALL = { start: undefined, end: undefined }

interface Hanging extends ObjectStore {
  /** Requests that match are never answered from now on; `undefined`: all are. */
  hangs: ((path: string) => boolean) | undefined
}

function hanging(sim: Sim): Hanging {
  const inner = sim.store({ latencyMs: [1, 1] })
  const call = <T>(path: string, answer: () => Promise<T>): Promise<T> =>
    store.hangs?.(path) === true ? new Promise(() => {}) : answer()
  const store: Hanging = {
    hangs: undefined,
    capabilities: inner.capabilities,
    get: (path, options) => call(path, () => inner.get(path, options)),
    head: (path, options) => call(path, () => inner.head(path, options)),
    put: (path, body, options) => call(path, () => inner.put(path, body, options)),
    delete: (path, options) => call(path, () => inner.delete(path, options)),
    list: (prefix, options) => call(prefix, () => inner.list(prefix, options)),
    describe: () => 'a store that may hang',
  }
  return store
}

const open = (sim: Sim, store: ObjectStore, settings: object = {}, more: Partial<DbOptions> = {}) =>
  openDb({
    store,
    path: 'db',
    env: sim.env,
    cache: false,
    settings: parseSettings({ compactorOptions: null, garbageCollectorOptions: null, ...settings }),
    ...more,
  })

function scenario(name: string, body: (sim: Sim, store: Hanging) => Promise<void>): void {
  test(name, () => simulate(name, (sim) => body(sim, hanging(sim))).then(() => {}))
}

/** What a call fails with, and after how many seconds of the simulation. */
async function outcome(sim: Sim, call: () => unknown): Promise<{ error: unknown; seconds: number }> {
  const startMs = sim.clock.monotonic()
  const error = await Promise.resolve()
    .then(call)
    .then(
      () => 'it succeeded',
      (failure) => failure,
    )
  return { error, seconds: (sim.clock.monotonic() - startMs) / 1000 }
}

async function filled(sim: Sim, store: Hanging, settings: object = {}): Promise<Db> {
  const db = await open(sim, store, settings)
  await db.put(toBytes('a'), toBytes('1'))
  await db.flush('memtable')
  await db.put(toBytes('b'), toBytes('2'))
  await db.flush()
  return db
}

describe('an opening ends within its timeout', () => {
  const silent: readonly [string, (path: string) => boolean][] = [
    ['nothing is answered', () => true],
    ['no manifest is', (path) => path.includes('/manifest')],
    ['no log object is', (path) => path.includes('/wal/')],
  ]
  for (const [what, hangs] of silent) {
    scenario(`when ${what}`, async (sim, store) => {
      const first = await filled(sim, store)
      await first.close({ flush: 'wal' })
      store.hangs = hangs
      const { error, seconds } = await outcome(sim, () => open(sim, store, {}, { openTimeoutMs: 20_000 }))
      expect(error).toMatchObject({
        kind: 'Unavailable',
        code: 'SLATEDB_OPEN_TIMEOUT',
        message: expect.stringMatching(/did not answer while opening: object ".*had no answer for 20 s/),
      })
      expect(seconds).toBeLessThan(21)
    })
  }

  scenario('of a reader, too', async (sim, store) => {
    await (await filled(sim, store)).close()
    store.hangs = () => true
    const opening = () => openReader({ store, path: 'db', env: sim.env, openTimeoutMs: 20_000 })
    const { error, seconds } = await outcome(sim, opening)
    expect(error).toMatchObject({ kind: 'Unavailable' })
    expect(seconds).toBeLessThan(21)
  })

  scenario('by default within about a minute', async (sim, store) => {
    store.hangs = () => true
    const { seconds } = await outcome(sim, () => open(sim, store))
    expect(seconds).toBeLessThan(61)
  })
})

describe('a call on an open handle ends', () => {
  const calls: readonly [string, (db: Db) => unknown][] = [
    ['a put that waits to be durable', async (db) => (await db.put(toBytes('c'), toBytes('3'))).durable],
    ['a flush of the log', async (db) => [await db.put(toBytes('c'), toBytes('3')), await db.flush('wal')]],
    ['a flush of the memtable', async (db) => [await db.put(toBytes('c'), toBytes('3')), await db.flush('memtable')]],
    ['a get', (db) => db.get(toBytes('a'))],
    ['a get of many', (db) => db.getMany([toBytes('a'), toBytes('b')])],
    ['a scan', (db) => db.scan(ALL).next()],
    ['a refresh', (db) => db.refresh()],
  ]
  for (const [what, call] of calls) {
    scenario(what, async (sim, store) => {
      const db = await filled(sim, store)
      store.hangs = () => true
      const { error, seconds } = await outcome(sim, () => call(db))
      expect(error).toMatchObject({ kind: 'Unavailable', code: 'SLATEDB_STORE_SILENT' })
      expect(seconds).toBeLessThan(130)
      // The handle lives, and what it took is not lost.
      expect(db.status.closeReason).toBeUndefined()
      store.hangs = undefined
      await sim.sleep(130_000)
      await db.close()
      const again = await open(sim, store)
      expect(await again.get(toBytes('a'))).toEqual(toBytes('1'))
      if (db.status.lastSeq === 3n) expect(await again.get(toBytes('c'))).toEqual(toBytes('3'))
      await again.close()
    })
  }

  scenario('a read with a reader', async (sim, store) => {
    await (await filled(sim, store)).close()
    const reader = await openReader({ store, path: 'db', env: sim.env, cache: false })
    store.hangs = () => true
    const { error, seconds } = await outcome(sim, () => reader.get(toBytes('a')))
    expect(error).toMatchObject({ kind: 'Unavailable' })
    expect(seconds).toBeLessThan(130)
    await reader.close()
  })
})

describe('a close ends within the deadline of a manifest update', () => {
  const silent: readonly [string, (path: string) => boolean][] = [
    ['nothing is answered', () => true],
    ['no log object is', (path) => path.includes('/wal/')],
    ['no table is', (path) => path.includes('/compacted/')],
    ['no manifest is', (path) => path.includes('/manifest')],
  ]
  for (const [what, hangs] of silent) {
    for (const walEnabled of [true, false]) {
      scenario(`when ${what} (WAL ${walEnabled})`, async (sim, store) => {
        const db = await open(sim, store, { walEnabled, manifestUpdateTimeout: '20s' })
        await db.put(toBytes('a'), toBytes('1'))
        store.hangs = hangs
        // A look at the manifest, and a flush, are under way already.
        await sim.sleep(5000)
        await db.put(toBytes('b'), toBytes('2'))
        const { error, seconds } = await outcome(sim, () => db.close())
        const isStored = walEnabled ? what === 'no table is' : what === 'no log object is'
        if (isStored && error === 'it succeeded') return
        expect(error).toMatchObject({ kind: 'Unavailable' })
        expect(seconds).toBeLessThan(70)
      })
    }
  }
})
