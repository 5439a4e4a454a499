// One promise per WAL flush, shared by every write that rides it: group commit without a promise per write.

/** Says when a group of writes has become durable. */
export class FlushTicket {
  #state: 'pending' | 'durable' | 'failed' = 'pending'
  #error: unknown
  #promise: Promise<void> | undefined
  #resolve: (() => void) | undefined
  #reject: ((error: unknown) => void) | undefined
  readonly #onWait: (() => void) | undefined

  /** `onWait` is told when somebody begins to wait. */
  constructor(onWait?: () => void) {
    this.#onWait = onWait
  }

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
      if (this.#state === 'pending') this.#onWait?.()
    }
    return this.#promise
  }

  succeed(): void {
    if (this.#state !== 'pending') return
    this.#state = 'durable'
    this.#resolve?.()
  }

  /** One attempt failed: those who wait learn it now, those who ask later wait for the next one. */
  report(error: unknown): void {
    if (this.#state !== 'pending') return
    this.#reject?.(error)
    this.#promise = undefined
    this.#resolve = undefined
    this.#reject = undefined
  }

  fail(error: unknown): void {
    if (this.#state !== 'pending') return
    this.#state = 'failed'
    this.#error = error
    this.#reject?.(error)
  }
}
