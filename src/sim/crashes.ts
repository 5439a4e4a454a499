// Crash points, enumerated and not sampled: one run per store call of a process and side of that call.

import { type Sim, type SimulateOptions, simulate } from './simulate.ts'
import type { SimStore } from './store.ts'

export interface CrashPoint {
  /** The call at which the process dies; undefined in the first run, which only counts. */
  readonly call: number | undefined
  readonly when: 'before' | 'after'
}

export interface EveryCrashOptions extends SimulateOptions {
  /** Only every n-th call; 1 when left out. */
  readonly stride?: number
}

/**
 * Runs `scenario` without a crash, and then once for every store call of its victim, with a crash before and with one
 * after the call's effect. The scenario calls `arm` with the victim's store handle before its first call, and judges the
 * world after the victim is dead or done. Returns the number of crash points.
 */
export async function everyCrash(
  seed: number | string,
  scenario: (sim: Sim, arm: (victim: SimStore) => void, point: CrashPoint) => Promise<void>,
  options: EveryCrashOptions = {},
): Promise<number> {
  const { stride = 1 } = options
  let calls = 0
  await simulate(
    seed,
    async (sim) => {
      let victim: SimStore | undefined
      await scenario(
        sim,
        (store) => {
          victim = store
        },
        { call: undefined, when: 'before' },
      )
      calls = victim?.calls ?? 0
    },
    options,
  )
  let points = 0
  for (let call = 1; call <= calls; call += stride) {
    for (const when of ['before', 'after'] as const) {
      const name = `${seed}, crash ${when} call ${call}`
      // The seed alone decides the run, so that all runs are equal up to their crash; the name is for the message.
      await named(name, () =>
        simulate(seed, (sim) => scenario(sim, (store) => store.crashAt(call, when), { call, when }), options),
      )
      points++
    }
  }
  return points
}

async function named(name: string, run: () => Promise<unknown>): Promise<void> {
  try {
    await run()
  } catch (error) {
    if (error instanceof Error) error.message = `[seed ${name}] ${error.message}`
    throw error
  }
}
