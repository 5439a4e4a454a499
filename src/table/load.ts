// Fetches that reads share, and how long they go on: a fetch that no read waits for any more is given up. Otherwise every
// read that its caller abandoned during an outage would go on asking the store.

import { abortable } from '../env/abort.ts'

/** One read as its fetches know it: what may end it. Options of a read are one. */
export interface ReadScope {
  /** The caller's. */
  readonly signal?: AbortSignal | undefined
  /** Fires when the read needs no fetch any more, for another reason. */
  readonly closed?: AbortSignal | undefined
}

/** A read that is never given up. */
export const ENDLESS: ReadScope = {}

/** A read of several fetches that may end before they do. Costs next to nothing as long as nothing is fetched. */
export class ClosableScope implements ReadScope {
  readonly signal: AbortSignal | undefined
  #controller: AbortController | undefined

  constructor(signal: AbortSignal | undefined) {
    this.signal = signal
  }

  get closed(): AbortSignal {
    this.#controller ??= new AbortController()
    return this.#controller.signal
  }

  /** Gives up what is being fetched for this read alone. After it the read asks for nothing. */
  close(): void {
    this.#controller?.abort()
  }
}

/** A read that has ended begins no further fetch. */
export function throwIfEnded({ signal, closed }: ReadScope): void {
  signal?.throwIfAborted()
  closed?.throwIfAborted()
}

export class Load<T> {
  readonly #result: Promise<T>
  readonly #onEnd: () => void
  /** `undefined`: begun by a read that is never given up. */
  readonly #abort: AbortController | undefined
  #waiting = 0
  #settled = false

  /** Begins the fetch for a read that then waits. `onEnd`: it has settled, or was given up, or both. */
  constructor(scope: ReadScope, fetch: (signal: AbortSignal | undefined) => Promise<T>, onEnd: () => void) {
    this.#onEnd = onEnd
    this.#abort = isEndless(scope) ? undefined : new AbortController()
    this.#result = fetch(this.#abort?.signal)
    const settled = () => {
      this.#settled = true
      onEnd()
    }
    this.#result.then(settled, settled)
  }

  /** The result, for as long as the read lasts. */
  wait(scope: ReadScope): Promise<T> {
    this.#waiting++
    if (isEndless(scope)) return this.#result
    const waiting = abortable(abortable(this.#result, scope.signal), scope.closed)
    waiting.catch(() => this.#leave())
    return waiting
  }

  #leave(): void {
    if (--this.#waiting > 0 || this.#settled) return
    // Later reads begin anew.
    this.#onEnd()
    this.#abort?.abort()
  }
}

function isEndless({ signal, closed }: ReadScope): boolean {
  return signal === undefined && closed === undefined
}
