// Looks at the manifest now and then: for a newer writer, and for compacted state (FL-16). While something happens it
// keeps the original's pace; when nothing does it backs off to once a minute (PN-9, AP-1..AP-5), because every look
// costs a request.

import type { Env } from '../env/env.ts'
import { Task } from '../env/task.ts'
import { isSlateDBError } from '../errors.ts'

export interface PollerOptions {
  readonly env: Env
  readonly name: string
  /** Pace while something happens. */
  readonly intervalMs: number
  /** Pace when nothing does. */
  readonly idleIntervalMs: number
  /** Reads the manifest, adopts what changed; true when something did. */
  readonly refresh: () => Promise<boolean>
  /** True while a flush or a stall is pending: no backing off. */
  readonly isBusy: () => boolean
  /** True while somebody waits for what a look may find: the process then lives on for it. */
  readonly isAwaited?: () => boolean
  /** True when the last look is too long ago to rely on. */
  readonly isStale: () => boolean
  readonly onFatal: (error: unknown) => void
  readonly onDegraded: (error: unknown) => void
}

export class Poller {
  readonly #options: PollerOptions
  readonly #task: Task
  #interval: number
  #active = true

  constructor(options: PollerOptions) {
    this.#options = options
    this.#interval = options.intervalMs
    this.#task = new Task(options.env.clock, () => this.#step(), {
      name: options.name,
      interval: () => this.#interval,
      isIdle: () => options.isAwaited?.() !== true,
      onError: options.onFatal,
    })
  }

  start(): void {
    this.#task.start()
  }

  /** Something happens on the handle: back to the full pace, and a look at once when the last one is long ago (AP-5). */
  touch(): void {
    this.#active = true
    if (this.#interval <= this.#options.intervalMs) return
    this.#interval = this.#options.intervalMs
    if (this.#options.isStale()) this.#task.poke()
    else this.#task.rearm()
  }

  /** Somebody waits for what a look may find: full pace, and no idling. */
  attend(): void {
    this.#active = true
    this.#interval = this.#options.intervalMs
    this.#task.rearm()
  }

  /** Looks now. */
  poke(): void {
    this.#task.poke()
  }

  stop(): Promise<void> {
    return this.#task.stop()
  }

  async #step(): Promise<void> {
    const { refresh, isBusy, intervalMs, idleIntervalMs, env, onDegraded } = this.#options
    const wasActive = this.#active
    this.#active = false
    let changed = false
    try {
      changed = await refresh()
      onDegraded(undefined)
    } catch (error) {
      // The store does not answer: keep serving, keep trying, show it. Anything else ends the handle.
      if (!isSlateDBError(error) || error.kind !== 'Unavailable') throw error
      onDegraded(error)
    }
    if (wasActive || changed || this.#active || isBusy()) this.#interval = intervalMs
    else {
      const next = Math.min(this.#interval * 2, idleIntervalMs)
      this.#interval = next * (1 - env.random.float() / 4)
    }
  }
}
