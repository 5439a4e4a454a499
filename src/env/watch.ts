// A value that others wait on: waiters re-check their condition on every change, and all of them settle on close.

export class Watch {
  #waiters: { test: () => boolean; resolve: () => void; reject: (error: unknown) => void }[] = []
  #closedWith: { error: unknown } | undefined

  /** Resolves once `test()` holds: at once, or after some `notify()`. Rejects when closed first. */
  until(test: () => boolean): Promise<void> {
    if (test()) return Promise.resolve()
    if (this.#closedWith !== undefined) return Promise.reject(this.#closedWith.error)
    return new Promise((resolve, reject) => this.#waiters.push({ test, resolve, reject }))
  }

  notify(): void {
    if (this.#waiters.length === 0) return
    const waiting = this.#waiters
    this.#waiters = []
    for (const waiter of waiting) {
      if (waiter.test()) waiter.resolve()
      else this.#waiters.push(waiter)
    }
  }

  /** Fails every waiter whose condition does not hold (W-10: what holds at close still succeeds). */
  close(error: unknown): void {
    this.notify()
    this.#closedWith = { error }
    const waiting = this.#waiters
    this.#waiters = []
    for (const waiter of waiting) waiter.reject(error)
  }
}
