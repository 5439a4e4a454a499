// What the simulator found, reduced: one short test per bug.

import { describe, expect, test } from 'vitest'
import { EVERYTHING } from '../../src/bytes/range.ts'
import { openDb } from '../../src/db/open.ts'
import { openReader } from '../../src/db/reader.ts'
import { parseSettings, type SettingsInput } from '../../src/db/settings.ts'
import { type Sim, simulate } from '../../src/sim/simulate.ts'
import type { SimStore } from '../../src/sim/store.ts'
import { append } from './append.ts'
import { toBytes, toText } from './bytes.ts'

const QUIET: SettingsInput = { flushInterval: null, compactorOptions: null, garbageCollectorOptions: null }

const open = (sim: Sim, store: SimStore, more: SettingsInput = {}) =>
  openDb({
    store,
    path: 'db',
    env: sim.env,
    cache: false,
    mergeOperator: append,
    settings: parseSettings({ ...QUIET, ...more }),
  })

describe('found by the simulator', () => {
  test('a seek after a short batch does not return a row before its key', () =>
    simulate('seek', async (sim) => {
      const store = sim.store({ latencyMs: [1, 1] })
      const db = await open(sim, store)
      for (const key of ['a', 'c', 'e']) await db.put(toBytes(key), toBytes('1'))
      await db.flush('memtable')
      for (const key of ['a', 'b', 'd']) await db.put(toBytes(key), toBytes('2'.repeat(2000)))
      await db.flush('memtable')
      for (const [key, then] of [
        ['d', 'd'],
        ['cc', 'd'],
        ['e', 'e'],
      ] as const) {
        const scan = db.scan(EVERYTHING)
        // The tables' blocks come one by one, so a batch ends where one is missing.
        const batch = await scan.nextBatch(10)
        expect(batch.map((row) => toText(row.key))).toEqual(['a', 'b'])
        scan.seek(toBytes(key))
        expect(toText((await scan.next())!.key)).toBe(then)
      }
      await db.close()
    }))

  test('a merge operand counts once when a look at the store sees our publication before its answer comes', () =>
    simulate('twice', async (sim) => {
      const store = sim.store({ latencyMs: [1, 1], timeoutMs: 500 })
      const db = await open(sim, store)
      await db.put(toBytes('k'), toBytes('a'))
      await db.flush('memtable')
      await db.merge(toBytes('k'), toBytes('b'))
      store.inject('lost', (op, path) => op === 'put' && path.includes('/manifest/'))
      let isFlushed = false
      const flushed = db.flush('memtable').then(() => {
        isFlushed = true
      })
      while (!isFlushed) {
        await sim.sleep(1)
        await db.refresh()
        expect(toText((await db.get(toBytes('k')))!)).toBe('ab')
      }
      await flushed
      expect(toText((await db.get(toBytes('k')))!)).toBe('ab')
      await db.close()
    }))

  test('a reader shows no row of the log without the rows that a writer without a log published before it', async () => {
    for (const pauseMs of [1, 500, 1500, 2000, 2500, 3000, 3999]) {
      await simulate(`log-less ${pauseMs}`, async (sim) => {
        const fast = sim.store({ latencyMs: [0.1, 0.1] })
        await (await open(sim, fast)).close()
        const slow = sim.process('reader').store({ latencyMs: [1000, 1000] })
        const reader = await openReader({ store: slow, path: 'db', env: sim.env, pollIntervalMs: 1e9 })
        const round = reader.refresh()
        await sim.sleep(pauseMs)
        const logLess = await open(sim, fast, { walEnabled: false })
        await logLess.put(toBytes('a'), toBytes('first'))
        await logLess.close()
        const logging = await open(sim, fast)
        await logging.put(toBytes('b'), toBytes('second'))
        await logging.flush('wal')
        await round
        const hasSecond = (await reader.get(toBytes('b'))) !== undefined
        const hasFirst = (await reader.get(toBytes('a'))) !== undefined
        expect(hasFirst || !hasSecond, 'b without a').toBe(true)
        await reader.refresh()
        expect(toText((await reader.get(toBytes('b')))!)).toBe('second')
        await reader.close()
        await logging.close()
      })
    }
  })

  test('a table that is uploaded before its WAL object is durable is published all the same', () =>
    simulate(
      'overtaken',
      async (sim) => {
        const store = sim.store({ latencyMs: [1, 1] })
        const db = await open(sim, store, { l0SstSizeBytes: 600, maxUnflushedBytes: 1200 })
        store.inject('slow', (op, path) => op === 'put' && path.includes('/wal/'), 3)
        for (let i = 0; i < 20; i++) await db.put(toBytes(`k${i}`), toBytes('x'.repeat(200)))
        await sim.sleep(2000)
        expect(db.status.lastSeq).toBe(20n)
        expect(db.manifest.value.tree.l0.length).toBeGreaterThan(5)
        await db.close()
      },
      { maxMs: 60_000 },
    ))

  test('after a refused commit no two transactions share a batch', () =>
    simulate('shared batch', async (sim) => {
      const db = await open(sim, sim.store({ latencyMs: [1, 1] }))
      const refused = db.begin()
      refused.put(toBytes('x'), toBytes('refused'))
      await db.put(toBytes('x'), toBytes('first'))
      await expect((async () => refused.commit())()).rejects.toMatchObject({ kind: 'Transaction' })
      refused.rollback()
      const [a, b] = [db.begin(), db.begin()]
      a.put(toBytes('a'), toBytes('1'))
      b.put(toBytes('b'), toBytes('2'))
      expect(await a.get(toBytes('b'))).toBeUndefined()
      await a.commit()
      expect(await db.get(toBytes('b'))).toBeUndefined()
      await b.commit()
      expect(toText((await db.get(toBytes('b')))!)).toBe('2')
      await db.close()
    }).then(() => {}))
})
