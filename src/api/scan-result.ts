// What `scan()` gives: rows in batches from the engine, handed out one by one without a promise of the engine's per
// row. It iterates by hand rather than as an async generator, which would cost several promises more per row.

import { compareBytes, compareRange } from '../bytes/compare.ts'
import { copyOf } from '../bytes/copy.ts'
import { inRange } from '../bytes/range.ts'
import { showKey } from '../bytes/text.ts'
import { upTo } from '../checks.ts'
import { KeptKey } from '../cursor/kept-key.ts'
import type { Scan } from '../db/scan.ts'
import { unitsOf } from '../env/turns.ts'
import { invalid, show } from '../errors.ts'
import type { KeyValue } from '../read/key-value.ts'
import { Shown } from '../shown.ts'
import { asyncDispose } from './dispose.ts'
import type { Codec, Input } from './encoding.ts'
import type { ByteScan } from './range.ts'
import { decodeRow, type Row } from './source.ts'

export interface ScanResultOptions {
  readonly keys: Codec
  readonly values: Codec
  readonly bytes: ByteScan
  readonly signal: AbortSignal | undefined
}

/** Short scans must not copy what nobody reads; long ones want few calls. */
const FIRST_BATCH = 16
const MAX_BATCH = 1024

/**
 * Rows of a range in key order, as `[key, value]`. It holds old data alive while it is open: iterate it to its end,
 * leave the loop, or close it.
 */
export class ScanResult<K = Uint8Array, V = Uint8Array> extends Shown implements AsyncIterable<[K, V]> {
  readonly #scan: Scan
  readonly #options: ScanResultOptions
  #rows: readonly KeyValue[] = []
  #at = 0
  /** Rows that may still be fetched from the engine. */
  #left: number
  #batch = FIRST_BATCH
  /** The fetch in flight: callers that come meanwhile wait for the same one. */
  #filling: Promise<void> | undefined
  #ended = false
  /** Of the last row returned; the caller may do what it likes with the key that it has. */
  readonly #lastKey = new KeptKey()

  constructor(scan: Scan, options: ScanResultOptions) {
    super()
    this.#scan = scan
    this.#options = options
    this.#left = options.bytes.limit
  }

  /** The next row, `undefined` at the end. After an error every further call fails with it. */
  async next(): Promise<[K, V] | undefined> {
    const row = this.#take() ?? (await this.#wait())
    return row === undefined ? undefined : this.#pair(row)
  }

  /** The next rows, at most `max`; fewer only at the end. */
  async nextBatch(max: number): Promise<[K, V][]> {
    if (!upTo.test(max)) throw invalid('INVALID_BATCH', `nextBatch takes ${upTo.expected}, not ${show(max)}`)
    const out: [K, V][] = []
    const { turns } = this.#scan
    while (out.length < max) {
      const row = this.#take() ?? (await this.#wait())
      if (row === undefined) break
      out.push(this.#pair(row))
      // Decoding takes its own time.
      if (turns.spend(unitsOf(row.valueSize))) await turns.give()
    }
    return out
  }

  /**
   * Moves forward, so that the next row is the first whose key is at or after `key` (in reverse: at or before).
   * @throws Invalid when `key` lies outside the range, or at or behind the last row returned.
   */
  async seek(key: Input<K>): Promise<void> {
    const { keys, bytes } = this.#options
    const target = copyOf(keys.encode(key))
    const toward = bytes.descending ? -1 : 1
    if (!inRange(bytes.range, target)) {
      throw invalid('SEEK_OUT_OF_RANGE', `seek to ${showKey(target)}: the key is outside the scan's range`)
    }
    // Wait for the rows in flight: they may hold the place.
    while (this.#filling !== undefined) await this.#filling
    const last = this.#lastKey
    if (last.isKept && compareRange(target, 0, target.length, last.bytes, 0, last.length) * toward <= 0) {
      const side = bytes.descending ? 'below' : 'above'
      throw invalid(
        'SEEK_BACKWARDS',
        `seek to ${showKey(target)}: it must lie ${side} the last key returned, ${showKey(last.bytes.subarray(0, last.length))}`,
      )
    }
    while (this.#at < this.#rows.length && compareBytes(this.#rows[this.#at]!.key, target) * toward < 0) {
      this.#at++
      // Rows that were skipped do not count toward the limit.
      this.#left++
    }
    if (this.#at === this.#rows.length && !this.#ended) this.#scan.seek(target)
  }

  /** All remaining rows. Use `limit`, or iterate, when there may be many. */
  async toArray(): Promise<[K, V][]> {
    return this.nextBatch(Number.POSITIVE_INFINITY)
  }

  /** Iterates over keys alone. */
  keys(): AsyncIterableIterator<K> {
    return new RowIterator(this, (row) => this.#options.keys.decode(row.key) as K)
  }

  /** Iterates over values alone. */
  values(): AsyncIterableIterator<V> {
    return new RowIterator(this, (row) => this.#options.values.decode(row.value) as V)
  }

  /** Iterates over rows with sequence numbers and timestamps. */
  rows(): AsyncIterableIterator<Row<K, V>> {
    const { keys, values } = this.#options
    return new RowIterator(this, (row) => decodeRow(row, keys, values) as Row<K, V>)
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<[K, V]> {
    return new RowIterator(this, (row) => this.#pair(row))
  }

  /** A stream of `[key, value]`; cancelling it closes the scan. */
  toReadableStream(): ReadableStream<[K, V]> {
    return new ReadableStream<[K, V]>({
      pull: async (controller) => {
        const pair = await this.next()
        if (pair !== undefined) return controller.enqueue(pair)
        controller.close()
        this.close()
      },
      cancel: () => this.close(),
    })
  }

  /** Lets go of the data it reads. Further calls find the end. Closing twice is fine. */
  close(): void {
    this.#ended = true
    this.#rows = []
    this.#at = 0
    this.#scan.close()
  }

  override shown(): object {
    return { state: this.#ended ? 'ended' : 'open' }
  }

  async [asyncDispose](): Promise<void> {
    this.close()
  }

  /**
   * For the iterators of this file: a row that is here already, else `undefined`.
   * @internal
   */
  take(): KeyValue | undefined {
    return this.#take()
  }

  /**
   * For the iterators of this file: fetches, then takes a row; `undefined` at the end.
   * @internal
   */
  wait(): Promise<KeyValue | undefined> {
    return this.#wait()
  }

  #pair(row: KeyValue): [K, V] {
    const { keys, values } = this.#options
    return [keys.decode(row.key) as K, values.decode(row.value) as V]
  }

  #take(): KeyValue | undefined {
    const row = this.#rows[this.#at]
    if (row === undefined) return undefined
    this.#at++
    this.#lastKey.keepBytes(row.key)
    return row
  }

  async #wait(): Promise<KeyValue | undefined> {
    for (;;) {
      const row = this.#take()
      if (row !== undefined) return row
      if (this.#ended) return undefined
      const filling = this.#fill()
      if (filling !== undefined) await filling
    }
  }

  /** Starts the next batch; `undefined` when it came at once. */
  #fill(): Promise<void> | undefined {
    if (this.#filling !== undefined) return this.#filling
    this.#options.signal?.throwIfAborted()
    const max = Math.min(this.#batch, this.#left)
    this.#batch = Math.min(this.#batch * 4, MAX_BATCH)
    const batch = max > 0 ? this.#scan.nextBatch(max) : []
    if (!(batch instanceof Promise)) return this.#put(batch)
    this.#filling = batch
      .then((rows) => this.#put(rows))
      .finally(() => {
        this.#filling = undefined
      })
    return this.#filling
  }

  #put(rows: readonly KeyValue[]): undefined {
    // Closed while the rows were on their way.
    if (this.#ended) return
    this.#rows = rows
    this.#at = 0
    this.#left -= rows.length
    if (rows.length === 0) this.close()
  }
}

/** Iterates the rows of a scan; ending the loop early closes it. */
class RowIterator<K, V, T> implements AsyncIterableIterator<T> {
  readonly #result: ScanResult<K, V>
  readonly #view: (row: KeyValue) => T

  constructor(result: ScanResult<K, V>, view: (row: KeyValue) => T) {
    this.#result = result
    this.#view = view
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const row = this.#result.take()
    if (row === undefined) return this.#later()
    try {
      return Promise.resolve({ done: false, value: this.#view(row) })
    } catch (error) {
      // A value that does not decode ends the loop, so the scan must not stay open.
      this.#result.close()
      return Promise.reject(error)
    }
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.#result.close()
    return { done: true, value: undefined }
  }

  async #later(): Promise<IteratorResult<T, undefined>> {
    const row = await this.#result.wait()
    return row === undefined ? { done: true, value: undefined } : { done: false, value: this.#view(row) }
  }
}
