// What stores with the latency of real ones allow (virtual time, so exact): a PUT takes 40 ms, a GET, HEAD or LIST 20.
// The same in real time, over HTTP: bench/stores.mjs.

import { describe, expect, test } from 'vitest'
import { openDb } from '../../src/db/open.ts'
import { openReader } from '../../src/db/reader.ts'
import { type Sim, simulate } from '../../src/sim/simulate.ts'
import { toBytes, toText } from '../model/bytes.ts'
import { keyOf, manyTables, storedUnder, THOUSAND } from './many-tables.ts'
import { TwoSpeed } from './two-speed.ts'
import { summary } from './world.ts'

const GET_MS = 20
const PUT_MS = 40

async function timed<T>(sim: Sim, work: () => T | Promise<T>) {
  const from = sim.world.requests.length
  const startMs = sim.clock.monotonic()
  const value = await work()
  return { value, ms: sim.clock.monotonic() - startMs, requests: sim.world.requests.slice(from) }
}

describe('a durable put', () => {
  for (const seed of [1, 2, 3]) {
    test(`on an idle database is there after one PUT, whenever it comes (seed ${seed})`, async () => {
      await simulate(`durable put ${seed}`, async (sim) => {
        const db = await openDb({ store: new TwoSpeed(sim, GET_MS, PUT_MS), path: 'db', env: sim.env })
        for (let i = 0; i < 50; i++) {
          // Idle: longer than the flush interval of 100 ms, which also bounds what PUTs cost in a month.
          await sim.sleep(100 + sim.random.float() * 5000)
          const { ms } = await timed(sim, async () => (await db.put(toBytes(`key${i}`), toBytes('v'))).durable)
          expect(ms, `put ${i}`).toBeLessThanOrEqual(45)
        }
        await db.close()
      })
    })
  }
})

describe('1,000 tables, cold', () => {
  const scenario = (name: string, run: (sim: Sim, store: TwoSpeed) => Promise<void>) =>
    test(name, () =>
      simulate(name, async (sim) => {
        await manyTables(sim.bucket(), sim.env, 'db', THOUSAND)
        await run(sim, new TwoSpeed(sim, GET_MS, PUT_MS))
      }),
    )

  /** In the oldest run, below a table of every newer one and four of L0. */
  const key = keyOf(100, 43)

  scenario('a writer is open after 150 ms, in 8 requests', async (sim, store) => {
    const { value: db, ms, requests } = await timed(sim, () => openDb({ store, path: 'db', env: sim.env }))
    expect(ms, summary(requests).join(', ')).toBeLessThanOrEqual(150)
    expect(requests.length, summary(requests).join(', ')).toBeLessThanOrEqual(8)
    const first = await timed(sim, () => db.get(toBytes(key)))
    expect(toText(first.value!)).toBe(storedUnder(key))
    // The metadata of eight tables side by side, then one block.
    expect(first.ms, summary(first.requests).join(', ')).toBeLessThanOrEqual(2 * GET_MS)
    expect(first.requests.length).toBe(9)
    const second = await timed(sim, () => db.get(toBytes(keyOf(100, 42))))
    expect(toText(second.value!)).toBe(storedUnder(keyOf(100, 42)))
    expect([second.ms, second.requests.length]).toEqual([GET_MS, 1])
    await db.close()
  })

  scenario('a reader is open and has answered its first get after 150 ms', async (sim, store) => {
    const opened = await timed(sim, () => openReader({ store, path: 'db', env: sim.env }))
    const got = await timed(sim, () => opened.value.get(toBytes(key)))
    expect(toText(got.value!)).toBe(storedUnder(key))
    const requests = summary([...opened.requests, ...got.requests])
    expect(opened.ms + got.ms, requests.join(', ')).toBeLessThanOrEqual(150)
    expect(requests.length).toBeLessThanOrEqual(6 + 9)
    await opened.value.close()
  })

  scenario('a cold get that the newest table answers does not wait for the others', async (sim, store) => {
    const { value: reader } = await timed(sim, () => openReader({ store, path: 'db', env: sim.env }))
    const got = await timed(sim, () => reader.get(toBytes('key.l0.3')))
    expect(toText(got.value!)).toBe(storedUnder('key.l0.3'))
    expect(got.ms).toBe(2 * GET_MS)
    await reader.close()
  })
})
