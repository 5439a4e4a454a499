// Rows in memory, ordered: keys ascending and, within a key, newest first (W-7). A writer fills one, then freezes it and
// reads it out to a table; transactions and replay use smaller ones. Nothing here knows visibility, time or storage: the
// callers filter by sequence number, and a frozen memtable is one that nobody inserts into any more.
//
// Row ids count inserts, so rows [from, to) are what was written between two moments, in write order: the WAL encodes
// them straight from here.

import type { KeyRange } from '../bytes/range.ts'
import { compareU64 } from '../bytes/u64.ts'
import { NO_TS, type Row, type RowKind } from '../cursor/row.ts'
import { MemtableCursor } from './memtable-cursor.ts'
import { RowStore } from './row-store.ts'
import { SortedLeaves } from './sorted-leaves.ts'

/** One row per key, keys ascending; what `WriteBatch.prepare` makes. Row i is entry `order[i]`, or i without an order. */
export interface PreparedRows {
  readonly count: number
  /** Keys and values; the value of a row directly follows its key. */
  readonly bytes: Uint8Array
  readonly byteLength: number
  /** Bytes of `bytes` that rows use; the rest belongs to operations that were replaced inside the batch. */
  readonly usedBytes: number
  readonly order: Uint32Array | undefined
  readonly at: Uint32Array
  readonly keyLength: Uint32Array
  readonly valueLength: Uint32Array
  readonly kind: Uint8Array
  readonly expireTs: Float64Array
}

/** Per row of a table beside key and value: lengths, sequence number, flags, create_ts, checksum and filter shares. */
const ROW_OVERHEAD = 24
const EXPIRE_OVERHEAD = 8

export class Memtable {
  /** Sum of key and value lengths of all inserted rows. */
  payloadBytes = 0
  /** Estimated size of a table of these rows (W-15). Prefix compression and codecs only make it smaller. */
  encodedSize = 0
  /** Smallest and largest sequence number; 0 and 0 while empty. */
  firstSeqHi = 0
  firstSeqLo = 0
  lastSeqHi = 0
  lastSeqLo = 0
  /** The largest create_ts: the data clock of a flush (RT-1). NO_TS while there is none. */
  lastTick = NO_TS
  readonly #rows = new RowStore()
  readonly #leaves = new SortedLeaves(this.#rows)

  /** Ids given out so far; the next insert gets this one. */
  get rowCount(): number {
    return this.#rows.rowCount
  }

  /** Rows that cursors see: inserts less replacements. */
  get liveRowCount(): number {
    return this.#leaves.size
  }

  /** Bytes of memory held. */
  get byteSize(): number {
    return this.#rows.byteSize + this.#leaves.byteSize
  }

  /** Copies a row in. A row with the same key and sequence number is replaced. */
  insert(
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
    kind: RowKind,
    seqHi: number,
    seqLo: number,
    createTs: number,
    expireTs: number,
  ): void {
    this.#account(keyEnd - keyStart + valueEnd - valueStart, seqHi, seqLo, createTs, expireTs)
    const id = this.#rows.add(
      key,
      keyStart,
      keyEnd,
      value,
      valueStart,
      valueEnd,
      kind,
      seqHi,
      seqLo,
      createTs,
      expireTs,
    )
    this.#leaves.insert(id, key, keyStart, keyEnd, seqHi, seqLo)
  }

  /** Copies the row in that `row` points at: replay. */
  insertRow(row: Row): void {
    this.insert(
      row.key,
      row.keyStart,
      row.keyEnd,
      row.value,
      row.valueStart,
      row.valueEnd,
      row.kind,
      row.seqHi,
      row.seqLo,
      row.createTs,
      row.expireTs,
    )
  }

  /** Inserts a batch under one sequence number (W-2): its bytes move in one copy, ids follow the batch's key order. */
  insertBatch(batch: PreparedRows, seqHi: number, seqLo: number, createTs: number): void {
    const { bytes, order, at, keyLength, valueLength, kind, expireTs } = batch
    // One row, or a batch that mostly replaced its own operations: copying row by row takes less.
    if (batch.count === 1 || batch.usedBytes < batch.byteLength >>> 1) {
      for (let i = 0; i < batch.count; i++) {
        const entry = order === undefined ? i : order[i]!
        const start = at[entry]!
        const end = start + keyLength[entry]!
        const last = end + valueLength[entry]!
        const rowKind = kind[entry]! as RowKind
        this.insert(bytes, start, end, bytes, end, last, rowKind, seqHi, seqLo, createTs, expireTs[entry]!)
      }
      return
    }
    const { chunk, base } = this.#rows.addBytes(bytes, batch.byteLength)
    for (let i = 0; i < batch.count; i++) {
      const entry = order === undefined ? i : order[i]!
      const start = at[entry]!
      const length = keyLength[entry]!
      const size = valueLength[entry]!
      const expires = expireTs[entry]!
      this.#account(length + size, seqHi, seqLo, createTs, expires)
      const rowKind = kind[entry]! as RowKind
      const id = this.#rows.record(chunk, base + start, length, size, rowKind, seqHi, seqLo, createTs, expires)
      this.#leaves.insert(id, bytes, start, start + length, seqHi, seqLo)
    }
  }

  /** Points `row` at an inserted row, replaced ones included. */
  row(rowId: number, row: Row): void {
    this.#rows.place(rowId, row)
  }

  /** Points `row` at the newest version of the key with seq <= maxSeq. */
  find(key: Uint8Array, maxSeqHi: number, maxSeqLo: number, row: Row): boolean {
    return this.#find(key, 0, key.length, maxSeqHi, maxSeqLo, row)
  }

  /** Moves a row that `find` placed to the next older version of its key; false (and unmoved) when there is none. */
  findOlder(row: Row): boolean {
    const { seqHi, seqLo } = row
    if (seqHi === 0 && seqLo === 0) return false
    const hi = seqLo === 0 ? seqHi - 1 : seqHi
    const lo = seqLo === 0 ? 0xffffffff : seqLo - 1
    return this.#find(row.key, row.keyStart, row.keyEnd, hi, lo, row)
  }

  /** All rows in the range, every version. Stays right while rows are inserted under it. */
  cursor(range: KeyRange, descending: boolean): MemtableCursor {
    return new MemtableCursor(this.#rows, this.#leaves, range, descending)
  }

  #find(key: Uint8Array, start: number, end: number, hi: number, lo: number, row: Row): boolean {
    const leaves = this.#leaves
    leaves.find(key, start, end, hi, lo)
    if (leaves.foundDir === leaves.leafCount) return false
    const id = leaves.idAt(leaves.foundDir, leaves.foundAt)
    if (!this.#rows.hasKey(id, key, start, end)) return false
    this.#rows.place(id, row)
    return true
  }

  #account(payload: number, seqHi: number, seqLo: number, createTs: number, expireTs: number): void {
    this.payloadBytes += payload
    this.encodedSize += payload + (expireTs === NO_TS ? ROW_OVERHEAD : ROW_OVERHEAD + EXPIRE_OVERHEAD)
    if (createTs > this.lastTick) this.lastTick = createTs
    if (compareU64(seqHi, seqLo, this.lastSeqHi, this.lastSeqLo) > 0) {
      this.lastSeqHi = seqHi
      this.lastSeqLo = seqLo
    }
    if (this.#rows.rowCount === 0 || compareU64(seqHi, seqLo, this.firstSeqHi, this.firstSeqLo) < 0) {
      this.firstSeqHi = seqHi
      this.firstSeqLo = seqLo
    }
  }
}
