// Ends an opening, or a closing, whose object store does not answer: retries without end are right for a database at
// work, and wrong for a bucket that is misspelt, or a process that wants to end.

import { onAbort } from '../env/abort.ts'
import type { Clock } from '../env/env.ts'
import { isSlateDBError, isStoreError, unavailable } from '../errors.ts'

/** How long an opening waits for a store that does not answer, or for room in L0, unless it is told. */
export const OPEN_TIMEOUT_MS = 60_000
/** Wrong credentials do not get better; a few seconds are for tokens that are being rolled over. */
const REFUSED_TIMEOUT_MS = 5_000

export class StoreGuard {
  readonly #clock: Clock
  readonly #abort: AbortController
  #timeoutMs: number
  #what: 'opening' | 'closing' = 'opening'
  #since: number | undefined
  #active = true
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
    if (now - this.#since < timeoutMs) return
    const detail = isSlateDBError(error) ? `: ${error.message}` : ''
    const message = `the object store answered only errors for ${Math.round(timeoutMs / 1000)} s while ${this.#what}${detail}`
    const code = this.#what === 'opening' ? 'OPEN_TIMEOUT' : 'CLOSE_TIMEOUT'
    this.#abort.abort(unavailable(code, message, { cause: error }))
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
  }
}
