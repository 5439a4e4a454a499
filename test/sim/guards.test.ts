// Races that chance meets too seldom, played out step by step; the names are those of protocols.md section 14.

import { describe, expect, test } from 'vitest'
import { openDb } from '../../src/db/open.ts'
import { parseSettings } from '../../src/db/settings.ts'
import { Paths } from '../../src/format/paths.ts'
import type { SimProcess } from '../../src/sim/process.ts'
import { type Sim, simulate } from '../../src/sim/simulate.ts'
import type { SimStore } from '../../src/sim/store.ts'
import { scanAll } from '../compat/read-all.ts'
import { toBytes } from '../model/bytes.ts'

const FENCED = { kind: 'Closed', closeReason: 'Fenced' }
const paths = new Paths('db')

const open = (process: SimProcess, store: SimStore = process.store({ latencyMs: [1, 1] })) =>
  openDb({
    store,
    path: 'db',
    env: process.env,
    settings: parseSettings({ flushInterval: null, compactorOptions: null, garbageCollectorOptions: null }),
  })

/** What a WAL collector does, fences included: everything up to the replay point goes. */
async function collectWal(sim: Sim, upTo: number): Promise<void> {
  for (const { path } of await sim.bucket().list(paths.wals)) {
    if (paths.parseWal(path)! <= upTo) await sim.bucket().delete(path)
  }
}

const values = async (db: Awaited<ReturnType<typeof open>>) =>
  (await scanAll(db)).map((row) => `${row.key}=${row.value}`)

describe('zombies', () => {
  test('BG-43: a writer that slept while its successor came, flushed and had its fence collected acknowledges nothing', () =>
    simulate('vacated slot', async (sim) => {
      const sleeper = sim.process('sleeper')
      const a = await open(sleeper)
      await a.put(toBytes('k'), toBytes('a1'))
      await a.flush('wal')
      sleeper.freeze()

      const b = await open(sim.process('successor'))
      await b.put(toBytes('k'), toBytes('b1'))
      await b.flush('memtable')
      await b.put(toBytes('other'), toBytes('b2'))
      await b.flush('memtable')
      await collectWal(sim, b.manifest.value.replayAfterWalId)
      await sim.sleep(600_000)

      sleeper.thaw()
      const zombie = await a.put(toBytes('k'), toBytes('zombie'))
      const flushed = a.flush('wal')
      await expect(flushed).rejects.toMatchObject(FENCED)
      await expect(zombie.durable).rejects.toMatchObject(FENCED)
      expect(a.status.closeReason).toBe('Fenced')

      await b.put(toBytes('k'), toBytes('b3'))
      await b.close()
      const c = await open(sim.process('third'))
      expect(await values(c)).toEqual(['k=b3', 'other=b2'])
      await c.close()
    }).then(() => {}))

  test('BG-43: a writer whose machine was suspended, so that its monotonic clock stood still, acknowledges nothing', () =>
    simulate('suspended', async (sim) => {
      const sleeper = sim.process('sleeper')
      const a = await open(sleeper)
      await a.put(toBytes('k'), toBytes('a1'))
      await a.flush('wal')
      const asleepSince = sleeper.env.clock.monotonic()
      sleeper.suspend()

      const b = await open(sim.process('successor'))
      await b.put(toBytes('k'), toBytes('b1'))
      await b.flush('memtable')
      await b.put(toBytes('other'), toBytes('b2'))
      await b.flush('memtable')
      await collectWal(sim, b.manifest.value.replayAfterWalId)
      await sim.sleep(3_600_000)

      sleeper.resume()
      expect(sleeper.env.clock.monotonic()).toBe(asleepSince)
      const zombie = await a.put(toBytes('k'), toBytes('zombie'))
      await expect(a.flush('wal')).rejects.toMatchObject(FENCED)
      await expect(zombie.durable).rejects.toMatchObject(FENCED)

      await b.close()
      const c = await open(sim.process('third'))
      expect(await values(c)).toEqual(['k=b1', 'other=b2'])
      await c.close()
    }).then(() => {}))

  test('BG-4: an opener that is slow between finding its slot and writing its fence', async () => {
    for (const pauseAt of [2, 3, 4, 5, 6, 7]) {
      await simulate(`slow opener ${pauseAt}`, async (sim) => {
        const a = await open(sim.process('first'))
        await a.put(toBytes('k'), toBytes('a1'))
        await a.flush('wal')

        const slow = sim.process('slow opener')
        const store = slow.store({ latencyMs: [1, 1] })
        let calls = 0
        store.inject('slow', () => ++calls === pauseAt)
        const opening = open(slow, store).then(
          (db) => ({ db }),
          (error) => ({ error }),
        )
        // Meanwhile the first writer flushes past the slot, and a collector empties it.
        let acknowledged = 1
        for (let i = 2; i <= 6; i++) {
          try {
            await a.put(toBytes('k'), toBytes(`a${i}`))
            await a.flush(i % 2 === 0 ? 'memtable' : 'wal')
            acknowledged = i
          } catch (error) {
            expect(error).toMatchObject(FENCED)
            break
          }
          await collectWal(sim, a.manifest.value.replayAfterWalId)
          await sim.sleep(5)
        }
        const opened = await opening
        if ('error' in opened) {
          expect(opened.error).toMatchObject(FENCED)
          return
        }
        const shown = await values(opened.db)
        expect(Number(/k=a(\d)/.exec(shown[0]!)![1]), `pause at call ${pauseAt}`).toBeGreaterThanOrEqual(acknowledged)
        const late = (async () => {
          await a.put(toBytes('k'), toBytes('late'))
          await a.flush('wal')
        })()
        await expect(late).rejects.toMatchObject(FENCED)
        await opened.db.close()
      })
    }
  })

  test('BG-22: a WAL object that vanishes during replay because a newer writer flushed means Fenced, not damage', () =>
    simulate('vanishing', async (sim) => {
      const a = await open(sim.process('first'))
      for (let i = 0; i < 5; i++) {
        await a.put(toBytes(`k${i}`), toBytes('v'))
        await a.flush('wal')
      }
      await a.close({ flush: false })
      const slow = sim.process('slow opener')
      const store = slow.store({ latencyMs: [1, 1] })
      store.inject('reset', (op, path) => op === 'get' && path === paths.wal(3), 20)
      const opening = open(slow, store)
      opening.catch(() => {})
      await sim.sleep(30)
      const b = await open(sim.process('fast opener'))
      await b.flush('memtable')
      await b.put(toBytes('z'), toBytes('b'))
      await b.flush('memtable')
      await collectWal(sim, b.manifest.value.replayAfterWalId)
      await expect(opening).rejects.toMatchObject(FENCED)
      expect((await values(b)).length).toBe(6)
      await b.close()
    }).then(() => {}))
})

describe('callbacks that throw', () => {
  test('a merge operator that throws fails the calls that need it, and nothing else', () =>
    simulate('operator', async (sim) => {
      const store = sim.store({ latencyMs: [1, 1] })
      const options = {
        store,
        path: 'db',
        env: sim.env,
        settings: parseSettings({ flushInterval: null, compactorOptions: null, garbageCollectorOptions: null }),
      }
      const db = await openDb({
        ...options,
        mergeOperator: () => {
          throw new Error('out of order')
        },
      })
      await db.put(toBytes('a'), toBytes('1'))
      await db.merge(toBytes('m'), toBytes('1'))
      await expect((async () => db.get(toBytes('m')))()).rejects.toMatchObject({ kind: 'Invalid' })
      await expect(scanAll(db)).rejects.toMatchObject({ kind: 'Invalid' })
      expect(await db.get(toBytes('a'))).toEqual(toBytes('1'))
      await db.flush('wal')
      expect(db.status.closeReason).toBeUndefined()
      await db.close({ flush: 'wal' })
    }).then(() => {}))
})
