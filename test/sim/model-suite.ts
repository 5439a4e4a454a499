// The seeds of one test file: vitest gives every file a process, so the seeds are dealt out over several files.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Coverage } from './run.ts'
import { addCoverage, loadCodecs, runSeed, seedsOf } from './seeds.ts'

const BATCH = 25

/** What every part must have met, or it proves little: each of these is far below what 250 seeds really bring. */
const MUST_HAPPEN = [
  'acknowledged',
  'crashes',
  'crashes while opening',
  'takeovers',
  'fenced writers',
  'freezes',
  'suspensions',
  'tables moved',
  'collected log objects',
  'clean closes',
  'transactions',
  'transaction conflicts',
  'snapshot reads',
  'stalled writes',
  'refused sequence numbers',
  'reader scans',
  'reader steps',
  'flush wal',
  'flush memtable',
  'L0 tables',
  'fault lost',
  'fault late',
  'fault duplicate',
  'fault short',
  'fault timeout',
]

export function modelSuite(part: number, of: number): void {
  describe(`lives of a database, part ${part + 1} of ${of}`, () => {
    const seeds = seedsOf(part, of)
    const total: Coverage = {}
    beforeAll(loadCodecs)

    for (let at = 0; at < seeds.length; at += BATCH) {
      const batch = seeds.slice(at, at + BATCH)
      test(`seeds ${batch[0]} to ${batch.at(-1)}`, { timeout: 300_000 }, async () => {
        for (const seed of batch) addCoverage(total, (await runSeed(seed)).value)
      })
    }

    afterAll(() => {
      const { COVERAGE_COUNTS } = process.env
      if (seeds.length >= 100) for (const what of MUST_HAPPEN) expect(total[what] ?? 0, what).toBeGreaterThan(5)
      if (COVERAGE_COUNTS !== undefined) console.log(`part ${part + 1}`, total)
    })
  })
}
