// What the processes of a simulation share: time, randomness, buckets, and the record of what happened.

import { Random } from '../env/random.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import type { SimClock } from './clock.ts'
import type { FaultKind } from './faults.ts'
import { SimProcess } from './process.ts'
import type { SimOp } from './store.ts'
import type { Trace } from './trace.ts'

/** One call of a store, as the world saw it. */
export interface SimRequest {
  readonly process: string
  /** Counts the calls of one store handle, from 1; crash points refer to it. */
  readonly call: number
  readonly op: SimOp
  readonly path: string
  readonly startMs: number
  /** Undefined while it is in flight, and for ever when its process died. */
  endMs: number | undefined
  /** 'ok', or how it failed; undefined as `endMs`. */
  outcome: string | undefined
  fault: FaultKind | undefined
}

export class SimWorld {
  readonly clock: SimClock
  readonly random: Random
  readonly trace: Trace
  /** Every store call of every process, in the order they began. */
  readonly requests: SimRequest[] = []
  /** How often each kind of fault happened. */
  readonly faults: Partial<Record<FaultKind, number>> = {}
  readonly #buckets = new Map<string, MemoryStore>()
  readonly #processes: SimProcess[] = []
  #outageUntilMs = 0

  constructor(seed: number | string, clock: SimClock, trace: Trace) {
    this.clock = clock
    this.random = new Random(seed)
    this.trace = trace
  }

  /** The objects themselves: no latency, no faults, no trace. For judging the state of the world. */
  bucket(name = 'main'): MemoryStore {
    let bucket = this.#buckets.get(name)
    if (bucket === undefined) {
      bucket = new MemoryStore({ clock: this.clock })
      this.#buckets.set(name, bucket)
    }
    return bucket
  }

  process(name: string, options: { skewMs?: number } = {}): SimProcess {
    const process = new SimProcess(this, name, options)
    this.#processes.push(process)
    return process
  }

  get processes(): readonly SimProcess[] {
    return this.#processes
  }

  /** Every store answers 503 for the next `ms`. */
  outage(ms: number): void {
    this.note(`outage for ${ms} ms`)
    this.#outageUntilMs = Math.max(this.#outageUntilMs, this.clock.monotonic() + ms)
  }

  get isOutage(): boolean {
    return this.clock.monotonic() < this.#outageUntilMs
  }

  /** Adds a line to the trace. */
  note(text: string): void {
    this.trace.add(`${this.clock.monotonic()} ${text}`)
  }

  countFault(kind: FaultKind): void {
    this.faults[kind] = (this.faults[kind] ?? 0) + 1
  }
}
