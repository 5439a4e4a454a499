// One promise per WAL flush, shared by every write that rides it: group commit without a promise per write.

/** Says when a group of writes has become durable. */
export class FlushTicket {
  #state: 'pending' | 'durable' | 'failed' = 'pending'
  #error: unknown
  #promise: Promise<void> | undefined
  #resolve: (() => void) | undefined
  #reject: ((error: unknown) => void) | undefined

  get isDurable(): boolean {
    return this.#state === 'durable'
  }

  /** Resolves once durable; made on first use, so writes that nobody waits for cost nothing. */
  get promise(): Promise<void> {
    if (this.#promise === undefined) {
      this.#promise = new Promise((resolve, reject) => {
        if (this.#state === 'durable') resolve()
        else if (this.#state === 'failed') reject(this.#error)
        else {
          this.#resolve = resolve
          this.#reject = reject
        }
      })
      // Whoever waits sees the failure; a handle that was dropped must not raise an unhandled rejection.
      this.#promise.catch(() => {})
    }
    return this.#promise
  }

  succeed(): void {
    if (this.#state !== 'pending') return
    this.#state = 'durable'
    this.#resolve?.()
  }

  fail(error: unknown): void {
    if (this.#state !== 'pending') return
    this.#state = 'failed'
    this.#error = error
    this.#reject?.(error)
  }
}
