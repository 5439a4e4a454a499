// The root of a scan: the only place that awaits. Rows are copied out one batch at a time.

import { compareRange } from '../bytes/compare.ts'
import { copyOf } from '../bytes/copy.ts'
import { afterRange, beforeRange, type KeyRange } from '../bytes/range.ts'
import { showKey } from '../bytes/text.ts'
import { checkArgument, upTo } from '../checks.ts'
import { type Cursor, END, ROW, type Step, WAIT } from '../cursor/cursor.ts'
import { KeptKey } from '../cursor/kept-key.ts'
import { reaches } from '../cursor/rows.ts'
import { abortable } from '../env/abort.ts'
import { type Turns, unitsOf } from '../env/turns.ts'
import { invalid } from '../errors.ts'
import { KeyValue } from '../read/key-value.ts'
import { ResultBytes } from '../read/result-bytes.ts'
import { ClosableScope, type ReadScope } from '../table/load.ts'
import { checkKey } from './call-options.ts'

type MaybePromise<T> = T | Promise<T>

export interface ScanSource {
  readonly range: KeyRange
  readonly descending: boolean
  /** Opens the cursor on the view of the moment. */
  open(scope: ReadScope): Cursor
  /** A fetch failed before any row came out: true when the view has moved on and the scan may begin again (AP-6). */
  mayRestart(error: unknown): Promise<boolean>
  /** Throws when the handle has ended. */
  check(): void
  readonly signal: AbortSignal | undefined
  readonly turns: Turns
}

/** Rows of a range in key order, at one sequence number. Not for several callers at once. */
export class Scan {
  /** For those who do more work per row than the scan itself. */
  readonly turns: Turns
  readonly #source: ScanSource
  readonly #results = new ResultBytes()
  /** Closed when no row comes any more: read-ahead stops, requests for this scan alone are given up. */
  readonly #scope: ClosableScope
  #cursor: Cursor | undefined
  /** Of the last row returned; the caller may do what it likes with the key that it has. */
  readonly #lastKey = new KeptKey()
  /** Where the next step goes first. */
  #seekKey: Uint8Array | undefined
  /** The cursor said WAIT inside next(): the same call must be repeated before another one. */
  #inNext = false
  #failed: { error: unknown } | undefined
  #closed = false

  constructor(source: ScanSource) {
    this.#source = source
    this.turns = source.turns
    this.#scope = new ClosableScope(source.signal)
    this.#cursor = source.open(this.#scope)
  }

  /** The next row, `undefined` at the end. Errors are sticky (RD-16). */
  next(): MaybePromise<KeyValue | undefined> {
    if (this.#closed) return undefined
    const step = this.#step()
    if (step === ROW) return this.#give()
    if (step !== WAIT) return undefined
    return this.#settle().then((found) => (found ? this.#give() : undefined))
  }

  /**
   * Up to `maxRows` rows: what is in memory comes without waiting, and the event loop gets its turns, so a batch may be
   * short; empty means the end.
   */
  nextBatch(maxRows: number): MaybePromise<KeyValue[]> {
    checkArgument('nextBatch', 'maxRows', upTo, maxRows)
    if (this.#closed || maxRows <= 0) return []
    const batch: KeyValue[] = []
    const step = this.#fill(batch, maxRows)
    if (batch.length > 0 || step !== WAIT) return this.#giveAll(batch)
    return this.#settle().then((found) => {
      if (!found) return batch
      batch.push(this.#take())
      this.#fill(batch, maxRows)
      return this.#giveAll(batch)
    })
  }

  /**
   * Moves forward: the next row is the first with key >= `key` (descending: <= `key`).
   * @throws Invalid when `key` is outside the range, or at or before the last row returned (RD-22).
   */
  seek(key: Uint8Array): void {
    checkKey(key)
    this.#check()
    const { range, descending } = this.#source
    if (beforeRange(range, key, 0, key.length) || afterRange(range, key, 0, key.length)) {
      throw invalid('SEEK_OUT_OF_RANGE', `seek to ${showKey(key)}: the key is outside the scan's range`)
    }
    const last = this.#lastKey
    if (last.isKept) {
      const order = compareRange(key, 0, key.length, last.bytes, 0, last.length)
      if (descending ? order >= 0 : order <= 0) {
        const side = descending ? 'below' : 'above'
        throw invalid(
          'SEEK_BACKWARDS',
          `seek to ${showKey(key)}: it must lie ${side} the last key returned, ${showKey(last.bytes.subarray(0, last.length))}`,
        )
      }
    }
    this.#seekKey = copyOf(key)
  }

  close(): void {
    this.#closed = true
    this.#cursor = undefined
    this.#scope.close()
  }

  #check(): void {
    if (this.#failed !== undefined) throw this.#failed.error
    try {
      this.#source.signal?.throwIfAborted()
      this.#source.check()
    } catch (error) {
      throw this.#fail(error)
    }
  }

  #step(): Step {
    this.#check()
    try {
      const step = this.#advance()
      if (step === END) this.#scope.close()
      return step
    } catch (error) {
      throw this.#fail(error)
    }
  }

  #advance(): Step {
    const cursor = this.#cursor!
    if (this.#seekKey !== undefined && !this.#inNext) {
      const step = cursor.seek(this.#seekKey)
      if (step !== WAIT) this.#seekKey = undefined
      return step
    }
    const step = cursor.next()
    this.#inNext = step === WAIT
    if (step === WAIT || this.#seekKey === undefined) return step
    // A short batch left the cursor waiting inside next(); that ends first, and the row may lie before the seek's key.
    if (step === ROW && !reaches(cursor.row, this.#seekKey, this.#source.descending)) return this.#advance()
    this.#seekKey = undefined
    return step
  }

  /** What is in memory, up to `maxRows`. Nothing can end the handle between two rows of one turn. */
  #fill(batch: KeyValue[], maxRows: number): Step {
    this.#check()
    try {
      let step: Step = ROW
      while (batch.length < maxRows && (step = this.#advance()) === ROW) {
        const row = this.#take()
        batch.push(row)
        if (this.turns.spend(unitsOf(row.valueSize))) break
      }
      if (step === END) this.#scope.close()
      return step
    } catch (error) {
      throw this.#fail(error)
    }
  }

  /** Fails, for good, unless the scan may begin again. */
  async #checkRestart(error: unknown): Promise<void> {
    const { signal } = this.#source
    try {
      signal?.throwIfAborted()
      if (this.#lastKey.isKept || !(await abortable(this.#source.mayRestart(error), signal))) throw error
    } catch (reason) {
      throw this.#fail(reason)
    }
  }

  /** Every later call fails with it, too. */
  #fail(error: unknown): unknown {
    this.#failed = { error }
    this.#scope.close()
    return error
  }

  /** One row to the caller. */
  #give(): MaybePromise<KeyValue> {
    const row = this.#take()
    this.#lastKey.keepBytes(row.key)
    return this.turns.after(row, unitsOf(row.valueSize))
  }

  /** A batch to the caller. */
  #giveAll(batch: KeyValue[]): MaybePromise<KeyValue[]> {
    const last = batch.at(-1)
    if (last !== undefined) this.#lastKey.keepBytes(last.key)
    // The rows were counted when they were taken.
    return this.turns.after(batch, 0)
  }

  #take(): KeyValue {
    return new KeyValue(this.#cursor!.row, this.#results)
  }

  /** Awaits until a row is in place (true) or the scan is at its end (false). */
  async #settle(): Promise<boolean> {
    for (;;) {
      try {
        if (this.#cursor !== undefined) await abortable(this.#cursor.ready(), this.#source.signal)
      } catch (error) {
        // A scan that was closed meanwhile is at its end, whatever its fetches came to.
        if (!this.#closed) await this.#checkRestart(error)
        if (this.#closed) return false
        this.#cursor = this.#source.open(this.#scope)
        this.#inNext = false
      }
      if (this.#closed) return false
      const step = this.#step()
      if (step !== WAIT) return step === ROW
    }
  }
}
