// Writes that happen together or not at all, under one sequence number (W-1..W-4). Inputs are copied when they are
// given, so a caller may reuse its buffers at once.

import { compareRange, EMPTY } from '../bytes/compare.ts'
import type { KeyRange } from '../bytes/range.ts'
import { U32_MAX } from '../bytes/u64.ts'
import { checkOptions } from '../checks.ts'
import type { VersionCursor } from '../cursor/cursor.ts'
import type { MergeOperator } from '../cursor/merge-operator.ts'
import { MERGE, Row, type RowKind, rowKey, TOMBSTONE, VALUE } from '../cursor/row.ts'
import type { PreparedRows } from '../memtable/memtable.ts'
import { SortedLeaves } from '../memtable/sorted-leaves.ts'
import { BatchCursor } from './batch-cursor.ts'
import { foldBatch } from './batch-fold.ts'
import { BatchOps } from './batch-ops.ts'
import { orderedIds } from './batch-order.ts'
import { BATCH_CALLS, type RowOptions, type Ttl } from './options.ts'

/** Up to here a batch is searched as a plain list: most transactions stay below. */
const SMALL = 16

/** Puts, deletes and merges of many keys; `db.write(batch)` applies them. */
export class WriteBatch {
  readonly #ops: BatchOps
  // While every key is greater than the one before, operations are already what prepare() would make of them. The order
  // is only built when that fails or when somebody reads, and then keeps up.
  #ascending = true
  #hasMerges = false
  #order: SortedLeaves | undefined
  #ordered = 0

  constructor() {
    this.#ops = new BatchOps(8)
  }

  /** Operations given so far, replaced ones included. */
  get size(): number {
    return this.#ops.count
  }

  /** What copying and ordering its operations costs, as the turns of the event loop count it. */
  get units(): number {
    return this.#ops.count + (this.#ops.arena.length >>> 12)
  }

  get isEmpty(): boolean {
    return this.#ops.count === 0
  }

  /** Length of the longest key given so far. */
  get longestKey(): number {
    return this.#ops.longestKey
  }

  /** Replaces every earlier operation of this batch on the key. */
  put(key: Uint8Array, value: Uint8Array, options?: RowOptions): void {
    if (options !== undefined) checkOptions(BATCH_CALLS.put, options)
    this.add(key, value, VALUE, options?.ttl)
  }

  /** Replaces every earlier operation of this batch on the key. */
  delete(key: Uint8Array): void {
    this.add(key, EMPTY, TOMBSTONE, 'none')
  }

  /** Adds an operand behind the earlier operations of this batch on the key. */
  merge(key: Uint8Array, operand: Uint8Array, options?: RowOptions): void {
    if (options !== undefined) checkOptions(BATCH_CALLS.merge, options)
    this.add(key, operand, MERGE, options?.ttl)
  }

  /** Forgets all operations; rows that `prepare` handed out lose their meaning. */
  clear(): void {
    this.#ops.clear()
    this.#ascending = true
    this.#hasMerges = false
    this.#order = undefined
    this.#ordered = 0
  }

  /** A batch of its own with the same operations. */
  copy(): WriteBatch {
    const copy = new WriteBatch()
    this.#ops.copyTo(copy.#ops)
    copy.#ascending = this.#ascending
    copy.#hasMerges = this.#hasMerges
    return copy
  }

  /**
   * One row per key, keys ascending, merges folded, expiry counted from `now` (W-2..W-4). Changes nothing: the batch may
   * go on and be prepared again, which ends the life of the earlier result.
   *
   * @throws Invalid `MERGE_OPERATOR_MISSING`, `MERGE_OPERATOR`, or `INCOMPATIBLE_MERGE_TTLS`
   */
  prepare(mergeOperator: MergeOperator | undefined, now: number, defaultTtlMs: number | undefined): PreparedRows {
    const ops = this.#ops
    ops.expireAt(now, defaultTtlMs)
    if (this.#ascending && !(this.#hasMerges && mergeOperator === undefined)) return ops.prepared(undefined, ops.count)
    return foldBatch(ops, orderedIds(ops), mergeOperator)
  }

  /** True when an operation of this batch touches the key. */
  has(key: Uint8Array): boolean {
    const ops = this.#ops
    if (ops.count <= SMALL && this.#order === undefined) {
      for (let id = 0; id < ops.count; id++) if (ops.compareKey(id, key, 0, key.length, 0) === 0) return true
      return false
    }
    const order = this.#sorted()
    order.find(key, 0, key.length, U32_MAX, U32_MAX)
    return (
      order.foundDir < order.leafCount &&
      ops.compareKey(order.idAt(order.foundDir, order.foundAt), key, 0, key.length, 0) === 0
    )
  }

  /**
   * The operations so far as rows: newest first within a key, sequence number u64 max, no timestamps (RD-10). What is
   * added later does not show.
   */
  cursor(range: KeyRange, descending: boolean): VersionCursor {
    return new BatchCursor(this.#ops, this.#sorted(), range, descending)
  }

  /** The keys this batch touches: ascending, each once, copies. */
  sortedKeys(): Uint8Array[] {
    const ops = this.#ops
    const keys: Uint8Array[] = []
    const row = new Row()
    let last: Uint8Array | undefined
    const take = (id: number) => {
      ops.place(id, row)
      if (last !== undefined && compareRange(last, 0, last.length, row.key, row.keyStart, row.keyEnd) === 0) return
      keys.push((last = rowKey(row)))
    }
    if (this.#ascending) for (let id = 0; id < ops.count; id++) take(id)
    else orderedIds(ops).forEach(take)
    return keys
  }

  /**
   * One operation of any kind, for callers that have checked their options.
   * @internal
   */
  add(key: Uint8Array, value: Uint8Array, kind: RowKind, ttl: Ttl | undefined): void {
    const ops = this.#ops
    ops.add(key, value, kind, ttl)
    if (kind === MERGE) this.#hasMerges = true
    const last = ops.count - 1
    if (last > 0 && this.#ascending) this.#ascending = ops.compareKey(last - 1, key, 0, key.length, 0) < 0
  }

  #sorted(): SortedLeaves {
    const ops = this.#ops
    this.#order ??= new SortedLeaves(ops)
    for (; this.#ordered < ops.count; this.#ordered++) {
      const id = this.#ordered
      const start = ops.at[id]!
      this.#order.insert(id, ops.arena.bytes, start, start + ops.keyLength[id]!, 0, id)
    }
    return this.#order
  }
}
