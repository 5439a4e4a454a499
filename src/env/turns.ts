// Turns of the event loop, for loops of calls that settle without one. A promise that is settled already is continued
// before any timer or socket: a caller who awaits nothing but rows in memory would hold up flushes, polls and its own
// timers for as long as its loop runs. So calls count what they do, and when about 5 ms of it have passed without a
// turn, the next answer waits for one. The result is decided before that: only the answer comes later.
//
// Counting costs a nanosecond; the clock is asked every 64 units, and a turn costs some microseconds of every 5 ms.

import type { Clock } from './env.ts'

/** About how long calls may run before one of them waits for a turn. */
const TURN_MS = 5
/** Units of work between two looks at the clock; one is about a microsecond: a row, or 4 KiB of bytes copied. */
const LOOK_UNITS = 64
/** Clocks of some runtimes stand still until the event loop turns: then a turn is due by count. */
const MOST_UNITS = 16_384

export class Turns {
  readonly #clock: Clock
  #left = LOOK_UNITS
  /** Units since the last turn that was given. */
  #units = 0
  #sinceMs: number
  #giving: Promise<void> | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.#sinceMs = clock.monotonic()
  }

  /** Counts work. True when a turn is due: the caller then waits for `give()`. */
  spend(units = 1): boolean {
    this.#left -= units
    return this.#left <= 0 && this.#look()
  }

  /** A turn of the event loop, which all who are due one share. */
  give(): Promise<void> {
    this.#giving ??= this.#clock.yield().then(() => {
      this.#giving = undefined
      this.#left = LOOK_UNITS
      this.#units = 0
      this.#sinceMs = this.#clock.monotonic()
    })
    return this.#giving
  }

  /** The answer of a call that did `units` of work: as it is, or behind a turn when one is due. */
  after<T>(answer: T | Promise<T>, units = 1): T | Promise<T> {
    if (!this.spend(units)) return answer
    // Waited for together: an answer that rejects meanwhile must find somebody who listens.
    return answer instanceof Promise
      ? Promise.all([answer, this.give()]).then(([settled]) => settled)
      : this.give().then(() => answer)
  }

  #look(): boolean {
    if (this.#giving !== undefined) return true
    this.#units += LOOK_UNITS - this.#left
    if (this.#units >= MOST_UNITS || this.#clock.monotonic() - this.#sinceMs >= TURN_MS) return true
    this.#left = LOOK_UNITS
    return false
  }
}

/** Units of work that copying so many bytes is. */
export const unitsOf = (bytes: number): number => 1 + (bytes >>> 12)
