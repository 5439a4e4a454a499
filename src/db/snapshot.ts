// A fixed point in the history of the database, as long as it is open: it pins old versions against flushes.

import type { KeyRange } from '../bytes/range.ts'
import { toBigInt } from '../bytes/u64.ts'
import { invalid } from '../errors.ts'
import type { KeyValue } from '../read/key-value.ts'
import type { ReadOptions, ScanOptions } from '../read/options.ts'
import { type HeldBound, heldBy, type Pin } from '../write/snapshots.ts'
import type { Engine } from './engine.ts'
import type { Scan } from './scan.ts'

type MaybePromise<T> = T | Promise<T>

export class Snapshot {
  readonly #engine: Engine
  readonly #pin: Pin
  readonly #bound: HeldBound
  #closed = false

  constructor(engine: Engine) {
    this.#engine = engine
    const { state, writer, clock } = engine
    this.#pin = writer.snapshots.register(state.lastSeqHi, state.lastSeqLo, clock.now(), this)
    this.#bound = heldBy(this.#pin, this)
  }

  /** Every write up to this sequence number is visible, none after it. */
  get seq(): bigint {
    return toBigInt(this.#pin.seqHi, this.#pin.seqLo)
  }

  /** The instant at which it judges expiry: when it was taken, or the time of the newest row if that was later. */
  get expiresAtMs(): number {
    return this.#pin.expiresAtMs
  }

  get(key: Uint8Array, options?: ReadOptions): MaybePromise<Uint8Array | undefined> {
    return this.#engine.get(key, this.#open(), options)
  }

  getRow(key: Uint8Array, options?: ReadOptions): MaybePromise<KeyValue | undefined> {
    return this.#engine.getRow(key, this.#open(), options)
  }

  getMany(keys: readonly Uint8Array[], options?: ReadOptions): Promise<(Uint8Array | undefined)[]> {
    return this.#engine.getMany(keys, this.#open(), options)
  }

  scan(range: KeyRange, options?: ScanOptions): Scan {
    return this.#engine.scan(range, this.#open(), options)
  }

  /** Releases the versions it pins. Closing twice is fine. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#engine.writer.snapshots.release(this.#pin)
  }

  #open(): HeldBound {
    if (this.#closed) throw invalid('SNAPSHOT_CLOSED', 'the snapshot is closed: take a new one')
    return this.#bound
  }
}
