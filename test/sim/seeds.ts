// Which seeds a simulation test runs. `SEEDS=5000` runs more of them, `SEED=17` one, for looking into a failure.

import { loadCodec } from '../../src/compress/codec.ts'
import { type SimRun, simulate } from '../../src/sim/simulate.ts'
import { type Coverage, Run, type RunOptions } from './run.ts'

const DEFAULT_SEEDS = 500

/** The seeds of one of `of` test files, which run side by side. */
export function seedsOf(part: number, of: number, count = defaultCount()): number[] {
  const { SEED: one } = process.env
  if (one !== undefined) return part === 0 ? [Number(one)] : []
  return Array.from({ length: count }, (_, i) => i + 1).filter((seed) => seed % of === part)
}

function defaultCount(): number {
  const { SEEDS } = process.env
  return SEEDS === undefined ? DEFAULT_SEEDS : Number(SEEDS)
}

/** Codecs come by dynamic import, which is not virtual time: they must be there before a run begins. */
export async function loadCodecs(): Promise<void> {
  for (const name of ['snappy', 'zlib', 'lz4', 'zstd'] as const) await loadCodec(name)
}

export function runSeed(seed: number | string, options?: RunOptions): Promise<SimRun<Coverage>> {
  return simulate(seed, (sim) => new Run(sim, options).live(), { maxMs: 30 * 24 * 3600 * 1000, keepLines: 200 })
}

export function addCoverage(total: Coverage, more: Coverage): void {
  for (const [what, times] of Object.entries(more)) total[what] = (total[what] ?? 0) + times
}
