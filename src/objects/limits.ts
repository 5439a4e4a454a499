// What may end a call before its store does: a deadline, the caller's signal, the owner's signal. Made once per call.

import { onAbort } from '../env/abort.ts'
import type { Clock } from '../env/env.ts'

export class Limits {
  /** What the last attempt failed with: an error that says only that time is over helps nobody. */
  trouble: unknown
  readonly #controller = new AbortController()
  readonly #ended: Promise<never>
  readonly #release: (() => void)[] = []
  #end!: (error: unknown) => void

  constructor(
    clock: Clock,
    deadline: { ms: number; error: (trouble: unknown) => unknown } | undefined,
    signals: readonly AbortSignal[],
  ) {
    this.#ended = new Promise((_, reject) => {
      this.#end = (error) => {
        this.#controller.abort(error)
        reject(error)
      }
    })
    // Nobody may be racing at the moment it ends.
    this.#ended.catch(() => {})
    for (const signal of signals) {
      const abort = () => this.#end(signal.reason)
      if (signal.aborted) abort()
      else this.#release.push(onAbort(signal, abort))
    }
    if (deadline !== undefined) {
      const cancel = clock.schedule(deadline.ms, () => this.#end(deadline.error(this.trouble)), {
        label: 'store call deadline',
      })
      this.#release.push(cancel)
    }
  }

  /** Given to the store, so that it stops too. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get over(): boolean {
    return this.#controller.signal.aborted
  }

  /** Settles as `work` does, or fails when a limit is reached first, whatever `work` then still does. */
  race<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#ended])
  }

  /** Forgets timer and listeners. */
  release(): void {
    for (const forget of this.#release) forget()
  }
}
