// A long cold scan against what the store delivers to eight range GETs at once; a short one against its promise to cost
// one request per source. Virtual time: a GET takes 20 ms, a connection brings 25 MB/s.

import { describe, expect, test } from 'vitest'
import { openReader } from '../../src/db/reader.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'
import type { ObjectStore } from '../../src/objects/store.ts'
import type { ScanOptions } from '../../src/read/options.ts'
import { type Sim, simulate } from '../../src/sim/simulate.ts'
import { manyTables, type Shape } from './many-tables.ts'
import { TwoSpeed } from './two-speed.ts'
import { summary } from './world.ts'

const GET_MS = 20
const BYTES_PER_MS = 25_000
const EVERYTHING = { start: undefined, end: undefined }

async function parallelGets(store: ObjectStore, rangeBytes: number): Promise<number> {
  const ranges: { path: string; start: number; end: number }[] = []
  for (const { path, size } of await store.list('db/compacted/')) {
    for (let start = 0; start < size; start += rangeBytes) {
      ranges.push({ path, start, end: Math.min(size, start + rangeBytes) })
    }
  }
  let bytes = 0
  const worker = async () => {
    for (let next = ranges.shift(); next !== undefined; next = ranges.shift()) {
      const { path, start, end } = next
      bytes += (await store.get(path, { range: { start, end } })).bytes.length
    }
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  return bytes
}

async function measured(sim: Sim, work: () => Promise<number>) {
  const from = sim.world.requests.length
  const startMs = sim.clock.monotonic()
  const count = await work()
  return { count, ms: sim.clock.monotonic() - startMs, requests: sim.world.requests.slice(from) }
}

/** The objects of a database; building one is most of the work of these tests. */
async function built(shape: Shape): Promise<MemoryStore> {
  const bucket = new MemoryStore()
  await simulate('build', (sim) => manyTables(bucket, sim.env, 'db', shape))
  return bucket
}

function scenario(
  name: string,
  from: Promise<MemoryStore>,
  run: (
    scan: (rows: number, options?: ScanOptions) => ReturnType<typeof measured>,
    raw: (rangeBytes: number) => ReturnType<typeof measured>,
  ) => Promise<void>,
) {
  test(name, { timeout: 120_000 }, () =>
    simulate(name, async (sim) => {
      const bucket = await from
      for (const { path } of await bucket.list('')) {
        const { bytes } = await bucket.get(path)
        await sim.bucket().put(path, bytes, { mode: 'overwrite', owned: true })
      }
      const store = new TwoSpeed(sim, GET_MS, GET_MS, BYTES_PER_MS)
      const scan = async (rows: number, options: ScanOptions = {}) => {
        const reader = await openReader({ store, path: 'db', env: sim.env })
        const result = await measured(sim, async () => {
          const rowsOf = reader.scan(EVERYTHING, options)
          let count = 0
          while (count < rows) {
            const batch = await rowsOf.nextBatch(Math.min(1000, rows - count))
            if (batch.length === 0) break
            count += batch.length
          }
          rowsOf.close()
          return count
        })
        await reader.close()
        return result
      }
      await run(scan, (rangeBytes) => measured(sim, () => parallelGets(store, rangeBytes)))
    }),
  )
}

const LARGE = { rowsPerTable: 2000, valueBytes: 4000 }
const oneRun = built({ l0: 0, runs: 1, tablesPerRun: 16, ...LARGE })
const fourRuns = built({ l0: 0, runs: 4, tablesPerRun: 4, ...LARGE })
const inOrder = built({ l0: 0, runs: 4, tablesPerRun: 4, disjoint: true, ...LARGE })
const smallTables = built({ l0: 0, runs: 1, tablesPerRun: 200, rowsPerTable: 60, valueBytes: 1000 })

describe('a cold scan', () => {
  for (const [name, bucket, share] of [
    ['one run of 16 tables', oneRun, 0.8],
    ['four runs of 4 tables, merged', fourRuns, 0.8],
    // Nobody reads ahead from one source into the next: each change costs two round trips and a large fetch.
    ['four runs of 4 tables, one behind the other', inOrder, 0.6],
  ] as const) {
    for (const descending of [false, true]) {
      scenario(
        `of 128 MiB, ${name}, ${descending ? 'descending' : 'ascending'}: ${share} of eight parallel GETs`,
        bucket,
        async (scan, raw) => {
          const best = await raw(2 << 20)
          const ours = await scan(Infinity, { descending })
          expect(ours.count).toBe(16 * 2000)
          expect(best.ms / ours.ms, `${best.ms} ms, ours ${ours.ms} ms`).toBeGreaterThanOrEqual(share)
          // Small requests of the first round trips, and the metadata of the tables, come on top.
          expect(ours.requests.length).toBeLessThan(3 * best.requests.length)
        },
      )
    }
  }

  scenario('of 200 small tables waits for a dozen at a time', smallTables, async (scan) => {
    const { count, ms, requests } = await scan(Infinity)
    expect(count).toBe(200 * 60)
    expect(requests.length).toBeLessThanOrEqual(3 + 2 * 200)
    expect(ms, 'one after the other they take 8 s').toBeLessThan(1000)
  })

  scenario('that ends early has fetched little in vain', fourRuns, async (scan) => {
    // Four sources; a block holds one of these rows.
    for (const [rows, maxRequests, maxMs] of [
      [3, 12, 90],
      [30, 28, 150],
      [300, 48, 180],
    ] as const) {
      const { count, ms, requests } = await scan(rows)
      expect(count).toBe(rows)
      expect(ms, `${rows} rows: ${summary(requests).join(', ')}`).toBeLessThan(maxMs)
      expect(requests.length, `${rows} rows`).toBeLessThanOrEqual(maxRequests)
    }
  })
})
