// Ends an opening, or a closing, whose object store does not answer: retries without end are right for a database at
// work, and wrong for a bucket that is misspelt, or a process that wants to end.

import { onAbort } from '../env/abort.ts'
import type { Clock } from '../env/env.ts'
import { isSlateDBError, isStoreError, unavailable } from '../errors.ts'
import { isSilence } from '../objects/answering.ts'

/** How long an opening waits for a store that does not answer, or for room in L0, unless it is told. */
export const OPEN_TIMEOUT_MS = 60_000
/** A request that has no answer for so long is given up. */
const SILENCE_MS = 60_000
/** Wrong credentials do not get better; a few seconds are for tokens that are being rolled over. */
const REFUSED_TIMEOUT_MS = 5_000

export class StoreGuard {
  readonly #clock: Clock
  readonly #abort: AbortController
  #timeoutMs: number
  #what: 'opening' | 'closing' = 'opening'
  #since: number | undefined
  #active = true
  #answers = 0
  #cancelTimer = () => {}
  readonly #release: () => void

  constructor(
    clock: Clock,
    abort: AbortController,
    options: { readonly signal?: AbortSignal | undefined; readonly openTimeoutMs?: number | undefined },
  ) {
    const { signal, openTimeoutMs } = options
    this.#clock = clock
    this.#abort = abort
    this.#timeoutMs = openTimeoutMs ?? OPEN_TIMEOUT_MS
    const end = () => abort.abort(signal?.reason)
    if (signal?.aborted) end()
    const forget = signal && onAbort(signal, end)
    this.#release = () => forget?.()
  }

  /** How long a request may go without an answer. */
  get silenceMs(): number {
    return this.#active ? Math.min(SILENCE_MS, this.#timeoutMs) : SILENCE_MS
  }

  /** A request has ended, however. */
  onAnswer(): void {
    this.#answers++
  }

  /** What a request failed with before it is tried again; `undefined` when one got through. */
  onTrouble(error: unknown): void {
    if (error === undefined) {
      this.#since = undefined
      return
    }
    const now = this.#clock.monotonic()
    this.#since ??= now
    if (!this.#active) return
    const refused = isStoreError(error, 'Unauthenticated') || isStoreError(error, 'PermissionDenied')
    const timeoutMs = refused ? Math.min(REFUSED_TIMEOUT_MS, this.#timeoutMs) : this.#timeoutMs
    // A request that was not answered at all has waited long enough by itself.
    if (isSilence(error)) this.#giveUp('did not answer', error)
    else if (now - this.#since >= timeoutMs) this.#giveUp(`answered only errors for ${seconds(timeoutMs)}`, error)
  }

  #giveUp(what: string, error?: unknown): void {
    const detail = isSlateDBError(error) ? `: ${error.message}` : ''
    const code = this.#what === 'opening' ? 'OPEN_TIMEOUT' : 'CLOSE_TIMEOUT'
    this.#abort.abort(unavailable(code, `the object store ${what} while ${this.#what}${detail}`, { cause: error }))
  }

  /** The handle is open, or the opening failed: the caller's signal and the timeout have no say any more. */
  done(): void {
    this.#active = false
    this.#release()
  }

  /** The handle is closing: from now on the store has this long to answer. */
  closing(timeoutMs: number): void {
    this.#what = 'closing'
    this.#timeoutMs = timeoutMs
    this.#active = true
    if (this.#since !== undefined) this.#since = this.#clock.monotonic()
    this.#watch()
  }

  /** The handle is closed. */
  closed(): void {
    this.#active = false
    this.#cancelTimer()
  }

  /** Requests that were under way when the closing began may have longer limits of their own. */
  #watch(): void {
    const before = this.#answers
    this.#cancelTimer = this.#clock.schedule(
      this.#timeoutMs,
      () => {
        if (!this.#active) return
        if (this.#answers === before) this.#giveUp(`did not answer for ${seconds(this.#timeoutMs)}`)
        else this.#watch()
      },
      { label: 'a store that answers while closing' },
    )
  }
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`
