// Round trips and requests are promises (design.md 5.2-5.4): these are exact, so they are tests and not benchmarks.

import { describe, expect, test } from 'vitest'
import type { Db } from '../../src/db/db.ts'
import { openReader } from '../../src/db/reader.ts'
import { type Sim, simulate } from '../../src/sim/simulate.ts'
import { toBytes, toText } from '../model/bytes.ts'
import { Meter, summary } from './world.ts'

const QUIET = { flushInterval: null } as const

function measured(name: string, scenario: (meter: Meter, sim: Sim) => Promise<void>): void {
  test(name, () => simulate(name, (sim) => scenario(new Meter(sim), sim)))
}

async function fill(db: Db, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) await db.put(toBytes(`key${String(i).padStart(5, '0')}`), toBytes('v'.repeat(100)))
}

describe('open', () => {
  measured('of an empty store: <= 8 requests, depth <= 6', async (meter) => {
    const { value: db, requests, depth } = await meter.measure(() => meter.open())
    expect(requests.length, summary(requests).join(', ')).toBeLessThanOrEqual(8)
    expect(depth, summary(requests).join(', ')).toBeLessThanOrEqual(6)
    await db.close()
  })

  measured('of a cleanly closed database: <= 8 requests, depth <= 6', async (meter) => {
    const first = await meter.open()
    await fill(first, 0, 100)
    await first.close()
    const { value: db, requests, depth } = await meter.measure(() => meter.open())
    expect(requests.length, summary(requests).join(', ')).toBeLessThanOrEqual(8)
    expect(depth, summary(requests).join(', ')).toBeLessThanOrEqual(6)
    await db.close()
  })

  measured('replays the log with one GET per object, 16 ahead', async (meter) => {
    const objects = 48
    const first = await meter.open(QUIET)
    for (let i = 0; i < objects; i++) {
      await fill(first, i, i + 1)
      await first.flush('wal')
    }
    await first.close({ flush: false })
    const base = await meter.measure(() => meter.open(QUIET))
    const walGets = base.requests.filter(({ op, path }) => op === 'get' && path.includes('/wal/'))
    expect(walGets.length).toBe(objects)
    expect(new Set(walGets.map(({ path }) => path)).size).toBe(objects)
    const inFlight = walGets.map(
      (one) => walGets.filter((other) => other.startMs <= one.startMs && other.endMs! > one.startMs).length,
    )
    expect(Math.max(...inFlight)).toBe(16)
    // 48 objects, 16 at a time: three rounds on top of what every open takes.
    expect(base.depth).toBeLessThanOrEqual(6 + objects / 16 + 1)
    expect(Number(base.value.status.lastSeq)).toBe(objects)
    await base.value.close()
  })

  measured('of a reader: <= 6 requests, and no write, ever', async (meter, sim) => {
    const writer = await meter.open(QUIET)
    await fill(writer, 0, 10)
    await writer.flush('memtable')
    await fill(writer, 10, 20)
    await writer.flush('wal')
    const { value: reader, requests } = await meter.measure(() =>
      openReader({ store: meter.store, path: 'db', env: sim.env, pollIntervalMs: 1000 }),
    )
    expect(requests.length, summary(requests).join(', ')).toBeLessThanOrEqual(6)
    const later = await meter.measure(() => sim.sleep(60_000))
    expect(toText((await reader.get(toBytes('key00015')))!)).toBe('v'.repeat(100))
    await reader.close()
    const writes = [...requests, ...later.requests].filter(({ op }) => op !== 'get' && op !== 'list' && op !== 'head')
    expect(summary(writes)).toEqual([])
    await writer.close()
  })
})

describe('reads', () => {
  measured(
    'a point read costs 2 sequential requests cold, 1 with metadata cached, 0 with its block cached',
    async (meter) => {
      const first = await meter.open({ ...QUIET, minFilterKeys: 1 })
      await fill(first, 0, 1000)
      await first.close()
      const db = await meter.open({ ...QUIET, minFilterKeys: 1 })
      const get = (key: string) => meter.measure(() => db.get(toBytes(key)))
      const cold = await get('key00100')
      expect(cold.value).toBeDefined()
      expect([cold.depth, cold.requests.length], summary(cold.requests).join(', ')).toEqual([2, 2])
      const warm = await get('key00900')
      expect([warm.depth, warm.requests.length], summary(warm.requests).join(', ')).toEqual([1, 1])
      const cached = await get('key00900')
      expect([cached.depth, cached.requests.length]).toEqual([0, 0])
      const filtered = await get('key00100x')
      expect(filtered.value).toBeUndefined()
      expect(filtered.requests.length, 'the filter rules it out').toBe(0)
      await db.close()
    },
  )

  measured('a short scan over several tables, metadata cached: depth 1', async (meter) => {
    const first = await meter.open(QUIET)
    for (let i = 0; i < 5; i++) {
      // The same rows each time, so that no table ends a block inside the ten rows of the scan.
      await fill(first, 0, 500)
      await first.flush('memtable')
    }
    await first.close()
    const db = await meter.open(QUIET)
    // It is in the range of every table and in none, and no table has a filter: this reads the index of each.
    await db.get(toBytes('key00498x'))
    const {
      value: rows,
      requests,
      depth,
    } = await meter.measure(async () => {
      const scan = db.scan({ start: { key: toBytes('key00003'), inclusive: true }, end: undefined })
      const rows = []
      while (rows.length < 10) rows.push((await scan.next())!)
      scan.close()
      return rows
    })
    expect(toText(rows[9]!.key)).toBe('key00012')
    expect(depth, summary(requests).join(', ')).toBe(1)
    expect(requests.length).toBe(5)
    await db.close()
  })
})

describe('writes', () => {
  measured('a durable put is one PUT', async (meter) => {
    const db = await meter.open({ flushInterval: 100 })
    const { requests, depth } = await meter.measure(async () => (await db.put(toBytes('k'), toBytes('v'))).durable)
    expect(summary(requests)).toEqual(['put db/wal/*.sst'])
    expect(depth).toBe(1)
    await db.close()
  })

  measured('a memtable flush is a WAL object, a table, a manifest version and its boundary check', async (meter) => {
    const db = await meter.open(QUIET)
    await fill(db, 0, 10)
    const { requests, depth } = await meter.measure(() => db.flush('memtable'))
    expect(summary(requests).sort()).toEqual([
      'get db/gc/manifest.boundary',
      'put db/compacted/*.sst',
      'put db/manifest/*.manifest',
      'put db/wal/*.sst',
    ])
    expect(depth).toBeLessThanOrEqual(3)
    await db.close()
  })

  test.each([1, 10, 100])(
    'never more WAL PUTs per second than 1 / interval (%i ms), one in flight',
    async (intervalMs) => {
      await simulate(`pacing ${intervalMs}`, async (sim) => {
        const meter = new Meter(sim)
        const store = sim.store({ latencyMs: [0.1, 30] })
        Object.assign(meter, { store })
        const db = await meter.open({ flushInterval: intervalMs })
        const writers = Array.from({ length: 20 }, async (_, i) => {
          for (let j = 0; j < 30; j++) {
            const handle = await db.put(toBytes(`k${i}.${j}`), toBytes('v'))
            if (j % 3 === 0) await handle.durable
            await sim.sleep(sim.random.int(0, 40))
          }
        })
        await Promise.all(writers)
        const puts = sim.world.requests.filter(({ op, path }) => op === 'put' && path.includes('/wal/')).slice(1)
        expect(puts.length).toBeGreaterThan(5)
        for (let i = 1; i < puts.length; i++) {
          expect(puts[i]!.startMs - puts[i - 1]!.startMs).toBeGreaterThanOrEqual(intervalMs - 1e-6)
          expect(puts[i]!.startMs).toBeGreaterThanOrEqual(puts[i - 1]!.endMs!)
        }
        await db.close()
      })
    },
  )
})

describe('idle', () => {
  measured('an open database makes at most 0.1 requests per second', async (meter, sim) => {
    const db = await meter.open()
    await fill(db, 0, 10)
    await db.flush('memtable')
    await sim.sleep(60_000)
    const { requests } = await meter.measure(() => sim.sleep(3_600_000))
    expect(requests.length).toBeLessThanOrEqual(360)
    // AP-4: it still looks at the manifest once a minute.
    expect(requests.length).toBeGreaterThanOrEqual(59)
    await db.close()
  })

  measured('a successor is noticed within a minute, without any write', async (meter, sim) => {
    const first = await meter.open()
    await sim.sleep(600_000)
    const second = await meter.open()
    await sim.sleep(61_000)
    expect(first.status.closeReason).toBe('Fenced')
    await second.close()
  })
})
