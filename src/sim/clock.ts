// Virtual time. Nothing passes by itself: whoever drives the clock runs the timers one by one, in the order of their due
// times and, at the same instant, in the order they were set, and lets every promise settle in between. So a run of an
// hour takes as long as its events, and the same events always come in the same order.

import type { Clock } from '../env/env.ts'
import { systemClock } from '../env/system.ts'

interface Timer {
  readonly dueMs: number
  readonly order: number
  readonly label: string
  readonly idle: boolean
  /** Undefined once it ran or was cancelled. */
  callback: (() => void) | undefined
}

/** A timer that waits, for reports. */
export interface PendingTimer {
  readonly label: string
  readonly dueMs: number
  readonly idle: boolean
}

export interface SimClockOptions {
  /** Wall clock at the start, milliseconds since 1970. */
  readonly startMs?: number
  /** One turn of the real event loop, after which all promises have settled that can. */
  readonly turn?: () => Promise<void>
}

const START_MS = 1_750_000_000_000

export class SimClock implements Clock {
  readonly #startMs: number
  readonly #turn: () => Promise<void>
  /** A binary heap by due time and order; cancelled timers stay until they surface or are many. */
  #heap: Timer[] = []
  #cancelled = 0
  #orders = 0
  #elapsedMs = 0

  constructor(options: SimClockOptions = {}) {
    this.#startMs = options.startMs ?? START_MS
    this.#turn = options.turn ?? systemClock.yield
  }

  now(): number {
    return Math.floor(this.#startMs + this.#elapsedMs)
  }

  /** Virtual milliseconds since the start, with fractions. */
  monotonic(): number {
    return this.#elapsedMs
  }

  schedule(delayMs: number, callback: () => void, options: { idle?: boolean; label?: string } = {}): () => void {
    // As with real timers, what is no positive number (NaN included) means at once.
    return this.at(this.#elapsedMs + Math.max(0, delayMs || 0), callback, options)
  }

  /** As `schedule`, at an instant of `monotonic()`. */
  at(dueMs: number, callback: () => void, options: { idle?: boolean; label?: string } = {}): () => void {
    const { label = 'timer', idle = false } = options
    const timer: Timer = { dueMs: Math.max(dueMs, this.#elapsedMs), order: this.#orders++, label, idle, callback }
    push(this.#heap, timer)
    return () => {
      if (timer.callback === undefined) return
      timer.callback = undefined
      // Every store call may set and cancel a deadline: they must not pile up for its length.
      if (++this.#cancelled > 1000 && this.#cancelled > this.#heap.length / 2) this.#compact()
    }
  }

  /** Lets other work that is due run first; takes no virtual time. */
  yield(): Promise<void> {
    return new Promise((resolve) => this.schedule(0, resolve, { label: 'yield' }))
  }

  pending(): PendingTimer[] {
    return this.#heap
      .filter((timer) => timer.callback !== undefined)
      .sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)
      .map(({ label, dueMs, idle }) => ({ label, dueMs, idle }))
  }

  /** Lets all promises settle that can without time passing. */
  settle(): Promise<void> {
    return this.#turn()
  }

  /** When the next timer is due; undefined when none ever is. */
  nextDueMs(): number | undefined {
    while (this.#heap.length > 0 && this.#heap[0]!.callback === undefined) {
      pop(this.#heap)
      this.#cancelled--
    }
    const due = this.#heap[0]?.dueMs
    return due === undefined || due === Number.POSITIVE_INFINITY ? undefined : due
  }

  /** Moves to the next timer and runs it; false when there is none. Promises it settles run with the next `settle`. */
  runNext(): boolean {
    if (this.nextDueMs() === undefined) return false
    const timer = pop(this.#heap)
    const callback = timer.callback!
    timer.callback = undefined
    this.#elapsedMs = timer.dueMs
    callback()
    return true
  }

  /** Lets `ms` pass, with all that happens meanwhile. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#elapsedMs + ms
    await this.settle()
    for (;;) {
      const due = this.nextDueMs()
      if (due === undefined || due > untilMs) break
      this.runNext()
      await this.settle()
    }
    this.#elapsedMs = Math.max(this.#elapsedMs, untilMs)
  }

  /** Lets time pass until `work` settles. For runs with faults and reports, see `simulate`. */
  async drive<T>(work: Promise<T>): Promise<T> {
    let settled = false
    const done = () => {
      settled = true
    }
    work.then(done, done)
    await this.settle()
    while (!settled) {
      if (!this.runNext()) throw new Error('nothing is left to happen, and what is waited for did not settle')
      await this.settle()
    }
    return work
  }

  #compact(): void {
    const kept = this.#heap.filter((timer) => timer.callback !== undefined)
    this.#heap = []
    this.#cancelled = 0
    for (const timer of kept) push(this.#heap, timer)
  }
}

const before = (a: Timer, b: Timer): boolean => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order)

function push(heap: Timer[], timer: Timer): void {
  let at = heap.length
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!before(timer, heap[parent]!)) break
    heap[at] = heap[parent]!
    at = parent
  }
  heap[at] = timer
}

function pop(heap: Timer[]): Timer {
  const top = heap[0]!
  const last = heap.pop()!
  if (heap.length === 0) return top
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
    if (!before(heap[child]!, last)) break
    heap[at] = heap[child]!
    at = child
  }
  heap[at] = last
  return top
}
