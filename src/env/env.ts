// The world comes in as an argument: nothing outside this room reads a clock, draws a random number, sets a timer or
// prints. A simulation passes its own Env, and a seed then replays a run.

import { onAbort } from './abort.ts'
import type { WatchCollected } from './collected.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import type { Random } from './random.ts'
import type { Turns } from './turns.ts'

export interface Clock {
  /** Wall clock, milliseconds since 1970. May jump. */
  now(): number
  /** Milliseconds that only go forward; no fixed origin. */
  monotonic(): number
  /**
   * Runs `callback` once after `delayMs`, however long: below 0 counts as 0, `Infinity` never comes. The returned
   * function cancels it. An `idle` timer does not keep the process alive. `label` names what waits, for the report of a
   * run that got stuck.
   */
  schedule(delayMs: number, callback: () => void, options?: { idle?: boolean; label?: string }): () => void
  /** Gives the event loop a turn: long synchronous work calls it every few milliseconds. */
  yield(): Promise<void>
}

export interface Env {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  /** Shared by all handles of this environment. */
  readonly turns: Turns
  /** Tells what the garbage collector found unused; left out where a seed must replay a run. */
  readonly watchCollected?: WatchCollected | undefined
}

/** Resolves after `ms`, or rejects with the signal's reason. */
export function sleep(
  clock: Clock,
  ms: number,
  options: { signal?: AbortSignal | undefined; idle?: boolean; label?: string } = {},
): Promise<void> {
  const { signal } = options
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const forget = signal && onAbort(signal, abort)
    const cancel = clock.schedule(
      ms,
      () => {
        forget?.()
        resolve()
      },
      options,
    )
    function abort() {
      cancel()
      reject(signal!.reason)
    }
  })
}
