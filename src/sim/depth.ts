// Round trips: how many store calls of a piece of work wait for each other. On a real store that is its latency.

import { type Sim, simulate } from './simulate.ts'
import type { SimStore } from './store.ts'
import type { SimRequest } from './world.ts'

export interface Depth<T> {
  /** The longest chain of calls in which each waits for the one before. */
  readonly depth: number
  readonly requests: readonly SimRequest[]
  readonly value: T
}

/**
 * Measures the critical path of `work` on a store where every call takes one unit of time and nothing else takes any.
 * Prepare objects through `sim.bucket()`, which takes no time. Timers that `work` waits for count with their length in
 * units, so choose a unit that is long against them.
 */
export async function measureDepth<T>(
  work: (sim: Sim, store: SimStore) => Promise<T>,
  options: { unitMs?: number } = {},
): Promise<Depth<T>> {
  const { unitMs = 1 } = options
  const run = await simulate('depth', (sim) => work(sim, sim.store({ latencyMs: [unitMs, unitMs] })))
  return { depth: Math.floor(run.elapsedMs / unitMs), requests: run.requests, value: run.value }
}
