// A background job: one step function that never overlaps itself, run on poke or after an interval, stopped once.

import type { Clock } from './env.ts'

export interface TaskOptions {
  /** Names the task in reports of a stuck run. */
  readonly name: string
  /** Milliseconds until the next run; asked after each run; `undefined` = only on poke. */
  readonly interval?: () => number | undefined
  /** Asked when the interval is armed: false keeps the process alive for the next run. Default: idle. */
  readonly isIdle?: () => boolean
  /** The first error a step throws ends the task and goes here. */
  readonly onError: (error: unknown) => void
}

export class Task {
  readonly name: string
  readonly #clock: Clock
  readonly #step: () => Promise<void>
  readonly #options: TaskOptions
  #running: Promise<void> | undefined
  #again = false
  #stopped = false
  #cancelTimer: (() => void) | undefined

  constructor(clock: Clock, step: () => Promise<void>, options: TaskOptions) {
    this.name = options.name
    this.#clock = clock
    this.#step = step
    this.#options = options
  }

  get stopped(): boolean {
    return this.#stopped
  }

  /** Arms the first interval without running. */
  start(): void {
    this.#arm()
  }

  /** Runs a step now, or once more after the one that is running. */
  poke(): void {
    if (this.#stopped) return
    if (this.#running !== undefined) {
      this.#again = true
      return
    }
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#running = this.#run()
  }

  /** The interval has changed: counts it from now. */
  rearm(): void {
    if (this.#cancelTimer === undefined) return
    this.#cancelTimer()
    this.#cancelTimer = undefined
    this.#arm()
  }

  /** No step starts after this; resolves when the running one is done. Never rejects. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    await this.#running
  }

  async #run(): Promise<void> {
    try {
      do {
        this.#again = false
        await this.#step()
      } while (this.#again && !this.#stopped)
    } catch (error) {
      this.#stopped = true
      this.#options.onError(error)
    } finally {
      this.#running = undefined
    }
    if (this.#again && !this.#stopped) this.poke()
    else this.#arm()
  }

  #arm(): void {
    if (this.#stopped || this.#cancelTimer !== undefined) return
    const delay = this.#options.interval?.()
    if (delay === undefined) return
    this.#cancelTimer = this.#clock.schedule(
      delay,
      () => {
        this.#cancelTimer = undefined
        this.poke()
      },
      { idle: this.#options.isIdle?.() ?? true, label: this.name },
    )
  }
}
