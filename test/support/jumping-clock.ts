import type { Clock } from '../../src/env/env.ts'

/** Time that stands still while there is work, and jumps to the next timer when there is none. */
export class JumpingClock implements Clock {
  time = 1_000_000
  /** For how long the machine was suspended: the wall clock knows it, the monotonic one does not. */
  suspendedMs = 0
  #timers: { at: number; callback: () => void }[] = []
  #pumping = false

  now = () => this.time + this.suspendedMs
  monotonic = () => this.time
  yield = () => new Promise<void>((resolve) => setImmediate(resolve))

  schedule(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.time + delayMs, callback }
    this.#timers.push(timer)
    this.#pump()
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer)
    }
  }

  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    setImmediate(() => {
      this.#pumping = false
      const [next] = this.#timers.sort((a, b) => a.at - b.at)
      if (next === undefined) return
      this.#timers.shift()
      this.time = Math.max(this.time, next.at)
      next.callback()
      if (this.#timers.length > 0) this.#pump()
    })
  }
}
