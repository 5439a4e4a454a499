// Says what an open handle waits for: in the status at any time, in the log at once, every ten seconds, and when it is over.
// A stall is no error: writes go on by themselves once there is room. But a program that stands still must be able to say
// why.

import type { Env } from '../env/env.ts'
import { isSlateDBError } from '../errors.ts'
import type { Flusher } from '../write/flusher.ts'
import type { State } from '../write/state.ts'
import type { Writer } from '../write/writer.ts'
import type { Settings } from './settings.ts'

export interface Waiting {
  /**
   * `'compaction'`: L0 is full, and memtables wait until a compactor has made room. `'upload'`: too much is unflushed, and
   * writes wait until tables or log objects are stored. `'store'`: the object store answers with errors.
   */
  readonly for: 'compaction' | 'upload' | 'store'
  /** Milliseconds since 1970. */
  readonly since: number
  /** What to do, for people. */
  readonly hint: string
}

export interface WaitMonitorOptions {
  readonly env: Env
  readonly settings: Settings
  readonly state: State
  readonly writer: Writer
  readonly flusher: Flusher
  /** Which database, for the log. */
  readonly place: () => { readonly store: string; readonly path: string }
}

const REPEAT_MS = 10_000

export class WaitMonitor {
  readonly #options: WaitMonitorOptions
  #waiting: Waiting | undefined
  #cancelTimer: (() => void) | undefined
  #hasWarned = false
  #isStopped = false

  constructor(options: WaitMonitorOptions) {
    this.#options = options
    options.state.onChange(() => this.check())
  }

  get waiting(): Waiting | undefined {
    this.check()
    return this.#waiting
  }

  /** Looks what the handle waits for now: after every change of its state, and when a write begins to wait. */
  check(): void {
    if (this.#isStopped) return
    const reason = this.#reason()
    const before = this.#waiting
    if (reason === before?.for) return
    const { env, place } = this.#options
    if (reason === undefined) {
      this.#waiting = undefined
      this.#cancelTimer?.()
      if (before !== undefined && this.#hasWarned) {
        env.logger.info('the wait is over', { ...place(), for: before.for, waitedMs: env.clock.now() - before.since })
      }
      this.#hasWarned = false
      return
    }
    this.#waiting = { for: reason, since: before?.since ?? env.clock.now(), hint: this.#hint(reason) }
    // A full L0 stays full until somebody acts; the others are often over in a moment.
    if (reason === 'compaction') this.#warn()
    else if (before === undefined) this.#arm()
  }

  /** The handle ends: nothing is said any more. */
  stop(): void {
    this.#isStopped = true
    this.#waiting = undefined
    this.#cancelTimer?.()
  }

  #reason(): Waiting['for'] | undefined {
    const { flusher, writer, state } = this.#options
    if (flusher.isStuck) return 'compaction'
    if (state.degraded !== undefined) return 'store'
    return writer.waitingWrites > 0 ? 'upload' : undefined
  }

  #hint(reason: Waiting['for']): string {
    const { settings, state } = this.#options
    switch (reason) {
      case 'compaction':
        return (
          `L0 is full (settings l0MaxSsts ${settings.l0MaxSsts}, l0MaxSstsPerKey ${settings.l0MaxSstsPerKey}): run a ` +
          'compactor on this database, or close it and open it with larger ones; writes go on once there is room'
        )
      case 'upload':
        return `more than maxUnflushedBytes (${settings.maxUnflushedBytes}) is not stored yet: write less at once, or raise it`
      case 'store':
        return `the object store does not answer as it should${isSlateDBError(state.degraded) ? `: ${state.degraded.message}` : ''}`
    }
  }

  #warn(): void {
    const { env, writer, flusher, place } = this.#options
    this.#hasWarned = true
    const { for: reason, since, hint } = this.#waiting!
    env.logger.warn(`the database waits: ${hint}`, {
      ...place(),
      for: reason,
      waitedMs: env.clock.now() - since,
      writes: writer.waitingWrites,
      flushes: flusher.waitingFlushes,
    })
    this.#arm()
  }

  #arm(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = this.#options.env.clock.schedule(
      REPEAT_MS,
      () => {
        this.check()
        if (this.#waiting !== undefined) this.#warn()
      },
      { idle: true, label: 'what the handle waits for' },
    )
  }
}
