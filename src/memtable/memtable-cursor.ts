// A cursor over a memtable that may grow under it. Its place is an entry in a leaf; after any insert that place means
// nothing, so the cursor finds its last row again by key and sequence number and goes on from there. Rows inserted behind
// the cursor are not seen, rows inserted ahead are: readers bound what they see by sequence number, and later inserts lie
// above that bound.

import { compareRange } from '../bytes/compare.ts'
import { afterRange, beforeRange, isEmptyRange, type KeyRange } from '../bytes/range.ts'
import { U32_MAX } from '../bytes/u64.ts'
import { END, ROW, type Step, type VersionCursor } from '../cursor/cursor.ts'
import { MERGE, Row } from '../cursor/row.ts'
import { isBehind } from '../cursor/rows.ts'
import type { OrderedRows } from './directory.ts'
import type { SortedLeaves } from './sorted-leaves.ts'

const BEFORE = 0
const ON_ROW = 1
const DONE = 2

export class MemtableCursor implements VersionCursor {
  readonly row = new Row()
  readonly #rows: OrderedRows
  readonly #leaves: SortedLeaves
  readonly #range: KeyRange
  readonly #descending: boolean
  #state: typeof BEFORE | typeof ON_ROW | typeof DONE = BEFORE
  #version = -1
  // The current row's entry, and the entry at which the range ends: ascending the first one behind it, descending the
  // first one inside it.
  #dir = 0
  #at = 0
  #edgeDir = 0
  #edgeAt = 0
  // Entries in the current leaf: the walk asks for it once per leaf.
  #leafSize = 0
  #touched = 0

  constructor(rows: OrderedRows, leaves: SortedLeaves, range: KeyRange, descending: boolean) {
    this.#rows = rows
    this.#leaves = leaves
    this.#range = range
    this.#descending = descending
    if (isEmptyRange(range)) this.#state = DONE
  }

  next(): Step {
    if (this.#state !== ON_ROW) return this.#state === DONE ? END : this.#first()
    if (this.#version !== this.#leaves.version) this.#findAgain()
    return this.#descending ? this.#previous() : this.#following()
  }

  seek(key: Uint8Array): Step {
    if (this.#state === DONE) return END
    if (this.#state === ON_ROW && this.#reached(key)) return ROW
    const range = this.#range
    if (this.#descending) {
      if (beforeRange(range, key, 0, key.length)) return this.#end()
      if (this.#state === BEFORE && afterRange(range, key, 0, key.length)) return this.#first()
      this.#findEdge()
      // The oldest version of the key is the last entry that is not behind it.
      this.#leaves.find(key, 0, key.length, 0, -1)
      this.#take()
      return this.#previous()
    }
    if (afterRange(range, key, 0, key.length)) return this.#end()
    if (this.#state === BEFORE && beforeRange(range, key, 0, key.length)) return this.#first()
    this.#findEdge()
    this.#leaves.find(key, 0, key.length, U32_MAX, U32_MAX)
    this.#take()
    return this.#here()
  }

  pass(key: Uint8Array): Step {
    if (this.#state === DONE) return END
    if (this.#state === ON_ROW && isBehind(this.row, key, this.#descending)) return ROW
    const range = this.#range
    if (this.#descending) {
      if (beforeRange(range, key, 0, key.length)) return this.#end()
      if (this.#state === BEFORE && afterRange(range, key, 0, key.length)) return this.#first()
      this.#findEdge()
      this.#findBound(key, false)
      this.#take()
      return this.#previous()
    }
    if (afterRange(range, key, 0, key.length)) return this.#end()
    if (this.#state === BEFORE && beforeRange(range, key, 0, key.length)) return this.#first()
    this.#findEdge()
    this.#findBound(key, true)
    this.#take()
    return this.#here()
  }

  prune(key: Uint8Array, seqHi: number, seqLo: number): Step {
    if (this.#version !== this.#leaves.version) this.#findAgain()
    const dir = this.#dir
    const at = this.#at
    const leaves = this.#leaves
    leaves.find(key, 0, key.length, seqHi, seqLo)
    if (!this.#descending) {
      if (leaves.foundDir < dir || (leaves.foundDir === dir && leaves.foundAt <= at)) return ROW
      this.#take()
      return this.#here()
    }
    // From the newest version that the bound lets through down to the one that hides those below it, or to where the
    // cursor is.
    let neededDir = leaves.foundDir
    let neededAt = leaves.foundAt
    while (neededDir < dir || (neededDir === dir && neededAt < at)) {
      this.#rows.place(leaves.idAt(neededDir, neededAt), this.row)
      if (this.row.kind !== MERGE) {
        this.#dir = neededDir
        this.#at = neededAt
        this.#leafSize = leaves.leafSize(neededDir)
        return ROW
      }
      if (++neededAt === leaves.leafSize(neededDir)) {
        neededDir++
        neededAt = 0
      }
    }
    return this.#place()
  }

  ready(): Promise<void> {
    return Promise.resolve()
  }

  /** True when the current row is already at the key or behind it, in this cursor's direction. */
  #reached(key: Uint8Array): boolean {
    const { row } = this
    const order = compareRange(row.key, row.keyStart, row.keyEnd, key, 0, key.length)
    return this.#descending ? order <= 0 : order >= 0
  }

  #first(): Step {
    this.#findEdge()
    const { start, end } = this.#range
    const leaves = this.#leaves
    if (this.#descending) {
      if (end === undefined) {
        this.#dir = leaves.leafCount
        this.#at = 0
        this.#leafSize = 0
      } else {
        this.#findBound(end.key, end.inclusive)
        this.#take()
      }
      return this.#previous()
    }
    if (start === undefined) {
      leaves.foundDir = 0
      leaves.foundAt = 0
    } else {
      this.#findBound(start.key, !start.inclusive)
    }
    this.#take()
    return this.#here()
  }

  /** The first entry of the key, or the first one behind all of its versions. */
  #findBound(key: Uint8Array, behind: boolean): void {
    if (behind) this.#leaves.find(key, 0, key.length, 0, -1)
    else this.#leaves.find(key, 0, key.length, U32_MAX, U32_MAX)
  }

  #findEdge(): void {
    const leaves = this.#leaves
    const { start, end } = this.#range
    this.#version = leaves.version
    if (this.#descending) {
      if (start === undefined) {
        this.#edgeDir = 0
        this.#edgeAt = 0
        return
      }
      this.#findBound(start.key, !start.inclusive)
    } else {
      if (end === undefined) {
        this.#edgeDir = leaves.leafCount
        this.#edgeAt = 0
        return
      }
      this.#findBound(end.key, end.inclusive)
    }
    this.#edgeDir = leaves.foundDir
    this.#edgeAt = leaves.foundAt
  }

  #findAgain(): void {
    this.#findEdge()
    const { row } = this
    this.#leaves.find(row.key, row.keyStart, row.keyEnd, row.seqHi, row.seqLo)
    this.#take()
  }

  #take(): void {
    const leaves = this.#leaves
    this.#dir = leaves.foundDir
    this.#at = leaves.foundAt
    this.#leafSize = this.#dir < leaves.leafCount ? leaves.leafSize(this.#dir) : 0
  }

  #following(): Step {
    if (++this.#at >= this.#leafSize) {
      this.#dir++
      this.#at = 0
      this.#leafSize = 0
      if (this.#dir < this.#leaves.leafCount) this.#enterLeaf()
    }
    return this.#here()
  }

  #here(): Step {
    if (this.#dir > this.#edgeDir || (this.#dir === this.#edgeDir && this.#at >= this.#edgeAt)) return this.#end()
    return this.#place()
  }

  #previous(): Step {
    if (this.#dir < this.#edgeDir || (this.#dir === this.#edgeDir && this.#at <= this.#edgeAt)) return this.#end()
    if (this.#at === 0) {
      this.#dir--
      this.#enterLeaf()
      this.#at = this.#leafSize
    }
    this.#at--
    return this.#place()
  }

  /** A walk that has come from another leaf will probably go through this one. */
  #enterLeaf(): void {
    this.#leafSize = this.#leaves.leafSize(this.#dir)
    const { ids, start } = this.#leaves.leafIds(this.#dir)
    this.#touched ^= this.#rows.touch(ids, start, start + this.#leafSize)
  }

  #place(): Step {
    this.#rows.place(this.#leaves.idAt(this.#dir, this.#at), this.row)
    this.#state = ON_ROW
    return ROW
  }

  #end(): Step {
    this.#state = DONE
    return END
  }
}
