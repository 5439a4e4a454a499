// An instant by both clocks. A monotonic clock may stand still while the machine is suspended or a virtual machine is
// restored from a snapshot; a wall clock may jump back. What must not be trusted for longer than some time therefore counts
// the larger of the two differences: counting too much costs a request, counting too little could cost a write.

import type { Clock } from './env.ts'

export interface Instant {
  readonly monotonicMs: number
  readonly wallMs: number
}

/** Before every instant: what has never happened is infinitely long ago. */
export const NEVER: Instant = { monotonicMs: Number.NEGATIVE_INFINITY, wallMs: Number.NEGATIVE_INFINITY }

export function instantNow(clock: Clock): Instant {
  return { monotonicMs: clock.monotonic(), wallMs: clock.now() }
}

/** A wall clock that answers no finite number proves nothing, so that any time may have passed. */
export function elapsedMs(clock: Clock, since: Instant): number {
  const wallMs = clock.now() - since.wallMs
  return Number.isNaN(wallMs) ? Number.POSITIVE_INFINITY : Math.max(clock.monotonic() - since.monotonicMs, wallMs)
}

/** The later of two instants of one process. */
export function laterOf(a: Instant, b: Instant): Instant {
  return b.monotonicMs >= a.monotonicMs ? b : a
}
