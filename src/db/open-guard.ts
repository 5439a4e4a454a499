// Ends an opening whose object store does not answer: retries without end are right for a database at work, and wrong
// for a bucket that is misspelt.

import type { Clock } from '../env/env.ts'
import { isSlateDBError, isStoreError, unavailable } from '../errors.ts'

const DEFAULT_TIMEOUT_MS = 60_000
/** Wrong credentials do not get better; a few seconds are for tokens that are being rolled over. */
const REFUSED_TIMEOUT_MS = 5_000

export class OpenGuard {
  readonly #clock: Clock
  readonly #abort: AbortController
  readonly #timeoutMs: number
  #since: number | undefined
  #done = false

  readonly #release: () => void

  constructor(
    clock: Clock,
    abort: AbortController,
    options: { readonly signal?: AbortSignal | undefined; readonly openTimeoutMs?: number | undefined },
  ) {
    const { signal, openTimeoutMs } = options
    this.#clock = clock
    this.#abort = abort
    this.#timeoutMs = openTimeoutMs ?? DEFAULT_TIMEOUT_MS
    const end = () => abort.abort(signal?.reason)
    if (signal?.aborted) end()
    signal?.addEventListener('abort', end, { once: true })
    this.#release = () => signal?.removeEventListener('abort', end)
  }

  /** What a request failed with before it is tried again; `undefined` when one got through. */
  onTrouble(error: unknown): void {
    if (this.#done) return
    if (error === undefined) {
      this.#since = undefined
      return
    }
    const now = this.#clock.monotonic()
    this.#since ??= now
    const refused = isStoreError(error, 'Unauthenticated') || isStoreError(error, 'PermissionDenied')
    const timeoutMs = refused ? Math.min(REFUSED_TIMEOUT_MS, this.#timeoutMs) : this.#timeoutMs
    if (now - this.#since < timeoutMs) return
    const detail = isSlateDBError(error) ? `: ${error.message}` : ''
    const message = `the object store answered only errors for ${Math.round(timeoutMs / 1000)} s while opening${detail}`
    this.#abort.abort(unavailable('OPEN_TIMEOUT', message, { cause: error }))
  }

  /** The handle is open, or the opening failed: the caller's signal and the timeout have no say any more. */
  done(): void {
    this.#done = true
    this.#release()
  }
}
