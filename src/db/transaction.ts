// A transaction: a snapshot to read from, a batch to write into, and the footprint that decides whether it may commit
// (TX-1..TX-11). It reads its own writes. Nothing leaves this object before commit, which is one synchronous step.

import { compareBytes } from '../bytes/compare.ts'
import { copyOf } from '../bytes/copy.ts'
import { mintUuid } from '../bytes/ids.ts'
import { copyRange, type KeyRange, pointRange } from '../bytes/range.ts'
import { toBigInt } from '../bytes/u64.ts'
import { checkOptions } from '../checks.ts'
import { invalid } from '../errors.ts'
import type { KeyValue } from '../read/key-value.ts'
import type { ReadOptions, ScanOptions } from '../read/options.ts'
import type { WriteBatch } from '../write/batch.ts'
import { type Footprint, sortedKeys } from '../write/conflicts.ts'
import type { WriteHandle } from '../write/handle.ts'
import type { RowOptions, WriteOptions } from '../write/options.ts'
import { type HeldBound, heldBy, type Pin } from '../write/snapshots.ts'
import { checkKey, checkKeys, ENGINE_CALLS, keyCopies } from './call-options.ts'
import type { Engine } from './engine.ts'
import type { Scan } from './scan.ts'

export type Isolation = 'snapshot' | 'serializable'

const NO_OPTIONS: WriteOptions = {}

type MaybePromise<T> = T | Promise<T>

export class Transaction {
  readonly isolation: Isolation
  readonly #engine: Engine
  readonly #pin: Pin
  readonly #bound: HeldBound
  readonly #batch: WriteBatch
  #id: string | undefined
  /** A scan may still read the batch after the end. */
  #scanned = false
  #released = false
  #reads: Uint8Array[] = []
  #ranges: KeyRange[] = []
  #unmarked: Uint8Array[] = []
  #ended: 'committed' | 'rolled back' | undefined

  constructor(engine: Engine, isolation: Isolation) {
    this.#engine = engine
    this.isolation = isolation
    this.#batch = engine.takeBatch()
    const { state, writer, clock } = engine
    // One step with the sequence number (INV-6): no flush may drop a version in between.
    this.#pin = writer.snapshots.register(state.lastSeqHi, state.lastSeqLo, clock.now(), this)
    this.#bound = heldBy(this.#pin, this)
    writer.conflicts.begin(this.#pin)
  }

  /** UUID text. */
  get id(): string {
    this.#id ??= mintUuid(this.#engine.env.random.bytes(16))
    return this.#id
  }

  /** The snapshot it reads: every write up to this sequence number, none after it. */
  get seq(): bigint {
    return toBigInt(this.#pin.seqHi, this.#pin.seqLo)
  }

  /** The instant at which it judges expiry: when it began, or the time of the newest row if that was later. */
  get expiresAtMs(): number {
    return this.#pin.expiresAtMs
  }

  get(key: Uint8Array, options?: ReadOptions): MaybePromise<Uint8Array | undefined> {
    this.#noteRead(key)
    if (!this.#batch.has(key)) return this.#engine.get(key, this.#bound, options)
    const found = this.#ownRow(key, options)
    return found instanceof Promise ? found.then((row) => row?.value) : found?.value
  }

  getRow(key: Uint8Array, options?: ReadOptions): MaybePromise<KeyValue | undefined> {
    this.#noteRead(key)
    if (!this.#batch.has(key)) return this.#engine.getRow(key, this.#bound, options)
    return this.#ownRow(key, options)
  }

  async getMany(keys: readonly Uint8Array[], options?: ReadOptions): Promise<(Uint8Array | undefined)[]> {
    checkKeys('getMany', keys)
    // Begun in one step; a key that is refused leaves no rejection behind.
    return Promise.all(keys.map(async (key) => this.get(key, options)))
  }

  /** The whole requested range counts as read under `serializable`, however much of it is consumed (TX-3). */
  scan(range: KeyRange, options: ScanOptions = {}): Scan {
    this.#check()
    // What was asked for counts, whatever the caller does with its buffers afterwards.
    const asked = copyRange(range)
    this.#scanned = true
    if (this.isolation === 'serializable') this.#ranges.push(asked)
    return this.#engine.scan(asked, this.#bound, options, this.#batch)
  }

  put(key: Uint8Array, value: Uint8Array, options?: RowOptions): void {
    this.#check()
    checkKey(key)
    this.#engine.writer.checkKeyLength(key.length)
    this.#batch.put(key, value, options)
  }

  delete(key: Uint8Array): void {
    this.#check()
    checkKey(key)
    this.#engine.writer.checkKeyLength(key.length)
    this.#batch.delete(key)
  }

  merge(key: Uint8Array, operand: Uint8Array, options?: RowOptions): void {
    this.#check()
    if (this.#engine.writer.mergeOperator === undefined) {
      throw invalid('MERGE_OPERATOR_MISSING', 'merge needs a merge operator: open the database with one')
    }
    checkKey(key)
    this.#engine.writer.checkKeyLength(key.length)
    this.#batch.merge(key, operand, options)
  }

  /** Counts these keys as read, under either isolation level (TX-4). */
  markRead(keys: Iterable<Uint8Array>): void {
    this.#check()
    for (const key of keyCopies('markRead', keys)) this.#reads.push(key)
  }

  /** These keys are written but conflict with nobody, now and for the rest of the transaction (TX-4). */
  unmarkWrite(keys: Iterable<Uint8Array>): void {
    this.#check()
    for (const key of keyCopies('unmarkWrite', keys)) this.#unmarked.push(key)
  }

  /**
   * All or nothing. `undefined` when there was nothing to write.
   * @throws Transaction when a write that committed after `seq` conflicts: run the whole transaction again.
   */
  commit(options: WriteOptions = NO_OPTIONS): MaybePromise<WriteHandle | undefined> {
    this.#check()
    if (options !== NO_OPTIONS) checkOptions(ENGINE_CALLS.commit, options)
    const { writer, state } = this.#engine
    this.#ended = 'committed'
    try {
      state.check()
      if (this.#batch.isEmpty) {
        writer.checkConflicts(this.#footprint())
        return this.#release(undefined)
      }
      if (writer.isStalled) {
        // The fate of the commit does not depend on the caller still waiting (BG-7).
        return writer.backpressure(options.signal).then(
          () => this.#commitNow(options),
          (error) => {
            this.#release(undefined)
            throw error
          },
        )
      }
      const { units } = this.#batch
      return this.#engine.env.turns.after(this.#commitNow(options), units)
    } catch (error) {
      this.#release(undefined)
      throw error
    }
  }

  /** Forgets everything. Fine after the end, too. */
  rollback(): void {
    if (this.#ended !== undefined) return
    this.#ended = 'rolled back'
    this.#release(undefined)
  }

  #commitNow(options: WriteOptions): WriteHandle {
    const { conflicts } = this.#engine.writer
    try {
      let footprint: Footprint | undefined
      // Alone there is nothing to compare with, and ending first spares the record of what it wrote.
      if (conflicts.isAlone(this.#pin)) conflicts.end(this.#pin)
      else footprint = this.#footprint()
      return this.#engine.commit(this.#batch, options.seq, footprint)
    } finally {
      this.#release(undefined)
    }
  }

  #footprint(): Footprint {
    const unmarked = sortedKeys(this.#unmarked)
    const isUnmarked = (key: Uint8Array) => unmarked.some((one) => compareBytes(one, key) === 0)
    const writes = this.#batch.sortedKeys()
    return {
      start: this.#pin,
      writes: unmarked.length === 0 ? writes : writes.filter((key) => !isUnmarked(key)),
      unmarked: unmarked.length === 0 ? [] : writes.filter(isUnmarked),
      reads: sortedKeys(this.#reads),
      ranges: this.#ranges,
    }
  }

  #noteRead(key: Uint8Array): void {
    this.#check()
    checkKey(key)
    if (this.isolation === 'serializable') this.#reads.push(copyOf(key))
  }

  /** A key that the batch touches: its operations lie over what is stored. */
  #ownRow(key: Uint8Array, options?: ReadOptions): MaybePromise<KeyValue | undefined> {
    this.#scanned = true
    return this.#engine.scan(pointRange(key), this.#bound, options, this.#batch).next()
  }

  #check(): void {
    if (this.#ended !== undefined) {
      throw invalid('TRANSACTION_COMPLETED', `the transaction has already been ${this.#ended}: begin a new one`)
    }
    this.#engine.state.check()
  }

  #release<T>(result: T): T {
    // Error paths cross: the batch must not be given back twice, or two transactions would write into one.
    if (this.#released) return result
    this.#released = true
    const { writer } = this.#engine
    writer.conflicts.end(this.#pin)
    writer.snapshots.release(this.#pin)
    if (!this.#scanned) this.#engine.giveBatch(this.#batch)
    return result
  }
}
