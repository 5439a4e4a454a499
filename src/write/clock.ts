// The write clock: create_ts never goes back, whatever the wall clock does (TM-1..TM-3). Where the original sleeps and
// then fails, this one holds the last tick until the wall clock has caught up (D14): no write fails because two hosts
// disagree, and equal ticks are legal everywhere.

import type { Env } from '../env/env.ts'
import { invalid } from '../errors.ts'
import { MIN_TICK } from '../format/manifest.ts'

/** A difference worth a warning: below it, clocks of one data centre disagree every day. */
const WARN_MS = 1000

export class WriteClock {
  readonly #env: Env
  #last = MIN_TICK
  #warned = false

  constructor(env: Env) {
    this.#env = env
  }

  /** Last tick handed out or replayed; MIN_TICK when there is none. */
  get last(): number {
    return this.#last
  }

  /** Milliseconds by which the wall clock is behind the data; 0 normally. */
  get heldMs(): number {
    // One look at the clock: time passes between two.
    const wall = this.#wall() ?? this.#last
    return Math.max(wall, this.#last) - wall
  }

  raise(tick: number): void {
    if (tick > this.#last) this.#last = tick
  }

  /** @throws Invalid when the clock answers what no row can carry: such a row would make the database unreadable. */
  tick(): number {
    const now = this.#wall()
    if (now === undefined) {
      throw invalid(
        'INVALID_CLOCK',
        `the clock says ${this.#env.clock.now()}, expected milliseconds since 1970 as a number below 2^53: mend the clock that the database was opened with`,
      )
    }
    if (now >= this.#last) {
      this.#warned = false
      return (this.#last = now)
    }
    if (!this.#warned && this.#last - now > WARN_MS) {
      this.#warned = true
      this.#env.logger.warn('the wall clock is behind the newest row; writes keep the last tick until it catches up', {
        behindMs: this.#last - now,
      })
    }
    return this.#last
  }

  /** The instant at which expiry is judged (TM-6): a row must not look alive after a flush has turned it into a tombstone. */
  now(): number {
    return Math.max(this.#wall() ?? this.#last, this.#last)
  }

  /** Whole milliseconds of the wall clock, which may be one of the user's; `undefined` when it makes no sense. */
  #wall(): number | undefined {
    const now = Math.floor(this.#env.clock.now())
    return Number.isSafeInteger(now) ? now : undefined
  }
}
