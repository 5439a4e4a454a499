// A cursor over rows that are already in memory as objects: results of merges, operations of a transaction, tests.

import { compareRange } from '../bytes/compare.ts'
import { afterRange, beforeRange, EVERYTHING, type KeyRange } from '../bytes/range.ts'
import { END, ROW, type Step, type VersionCursor } from './cursor.ts'
import { NO_TS, pointAt, Row, type RowKind, VALUE } from './row.ts'

/** A row of its own, pointing at the given bytes. */
export function rowOf(
  key: Uint8Array,
  value: Uint8Array,
  seqHi: number,
  seqLo: number,
  kind: RowKind = VALUE,
  createTs = NO_TS,
  expireTs = NO_TS,
): Row {
  const row = new Row()
  row.key = key
  row.keyEnd = key.length
  row.value = value
  row.valueEnd = value.length
  row.seqHi = seqHi
  row.seqLo = seqLo
  row.kind = kind
  row.createTs = createTs
  row.expireTs = expireTs
  return row
}

/** True when the row is at `key` or behind it in scan order: a seek to `key` stops here. */
export function reaches(row: Row, key: Uint8Array, descending: boolean): boolean {
  const order = compareRange(row.key, row.keyStart, row.keyEnd, key, 0, key.length)
  return descending ? order <= 0 : order >= 0
}

/** True when the row is behind all rows of `key` in scan order: a pass stops here. */
export function isBehind(row: Row, key: Uint8Array, descending: boolean): boolean {
  const order = compareRange(row.key, row.keyStart, row.keyEnd, key, 0, key.length)
  return descending ? order < 0 : order > 0
}

/** Yields nothing. */
export function emptyCursor(): VersionCursor {
  return new RowsCursor([])
}

/** Rows must be given in ascending order, newest first within a key; descending scans walk them backwards. */
export class RowsCursor implements VersionCursor {
  readonly row = new Row()
  readonly #rows: readonly Row[]
  readonly #descending: boolean
  readonly #step: number
  // The current index, and the first one that is out of range in scan order.
  #at: number
  #end: number

  constructor(rows: readonly Row[], descending = false, range: KeyRange = EVERYTHING) {
    let low = 0
    let high = rows.length
    while (low < high && beforeRange(range, rows[low]!.key, rows[low]!.keyStart, rows[low]!.keyEnd)) low++
    while (high > low && afterRange(range, rows[high - 1]!.key, rows[high - 1]!.keyStart, rows[high - 1]!.keyEnd))
      high--
    this.#rows = rows
    this.#descending = descending
    this.#step = descending ? -1 : 1
    this.#at = descending ? high : low - 1
    this.#end = descending ? low - 1 : high
  }

  next(): Step {
    if (this.#at === this.#end) return END
    this.#at += this.#step
    return this.#here()
  }

  seek(key: Uint8Array): Step {
    return this.#moveTo(key, reaches)
  }

  pass(key: Uint8Array): Step {
    return this.#moveTo(key, isBehind)
  }

  prune(): Step {
    return ROW
  }

  ready(): Promise<void> {
    return Promise.resolve()
  }

  #moveTo(key: Uint8Array, stops: typeof reaches): Step {
    if (this.#at === this.#end) return END
    // Before the first row there is none to compare with.
    const started = this.row.keyEnd > 0
    if (started && stops(this.row, key, this.#descending)) return ROW
    do this.#at += this.#step
    while (this.#at !== this.#end && !stops(this.#rows[this.#at]!, key, this.#descending))
    return this.#here()
  }

  #here(): Step {
    if (this.#at === this.#end) return END
    pointAt(this.row, this.#rows[this.#at]!)
    return ROW
  }
}
