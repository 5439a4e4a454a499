// Reading a checked block backwards: the exact reverse order, so versions of one key come oldest first. Keys build on
// the row before, so the stretch behind a restart is looked through once forwards, noting where each row's own key bytes
// are. Stepping back then puts back only the bytes that the later row had replaced; all in all no more than the block's.

import { compareRange } from '../bytes/compare.ts'
import { getU16 } from '../bytes/writer.ts'
import { Row } from '../cursor/row.ts'
import { rowsEnd } from './block.ts'
import { compareRestart, growKey } from './block-cursor.ts'
import { decodeRowTail, readVarint, stampLength, varintEnd } from './rows.ts'

/** What is noted of each row. */
const KEY_AT = 0
const SHARED = 1
const KEY_LENGTH = 2
const VALUE_LENGTH = 3
/** The row that spelled the last byte of this key, and (of a row that spelled some) who spelled the bytes before. */
const SPELLED_BY = 4
const BEFORE = 5
const WIDTH = 6

export class ReverseBlockCursor {
  readonly row: Row
  #block: Uint8Array = new Uint8Array([0, 0])
  #end = 0
  /** The stretch that `#notes` describes, and the row in it that is next to be handed out, plus one. */
  #stretch = 0
  #left = 0
  #notes = new Int32Array(16 * WIDTH)
  #placed = false
  /** How many bytes of the key buffer are right for the row at `#left - 1`. */
  #keep = 0

  constructor(row = new Row()) {
    this.row = row
  }

  /** Stands behind the last row of `block`, which `checkBlock` has passed. */
  open(block: Uint8Array): void {
    this.#block = block
    this.#end = rowsEnd(block)
    this.#stretch = (block.length - 2 - this.#end) >> 1
    this.#left = 0
    this.#placed = false
  }

  /** False when there is no row before the current one. */
  next(): boolean {
    if (this.#left === 0) {
      if (this.#stretch === 0) {
        this.#placed = false
        return false
      }
      this.#stretch--
      this.#look()
    }
    const i = --this.#left * WIDTH
    const notes = this.#notes
    const row = this.row
    const keyLength = notes[i + KEY_LENGTH]!
    this.#spell(i, keyLength)
    row.keyStart = 0
    row.keyEnd = keyLength
    row.value = this.#block
    row.valueStart = notes[i + KEY_AT]! + keyLength - notes[i + SHARED]!
    row.valueEnd = row.valueStart + notes[i + VALUE_LENGTH]!
    decodeRowTail(this.#block, row.valueEnd, row)
    this.#keep = notes[i + SHARED]!
    this.#placed = true
    return true
  }

  /** Moves to the first row, in this order, with key <= `key` that is not before the current one. */
  seek(key: Uint8Array): boolean {
    return this.#moveTo(key, 0)
  }

  /** Moves to the first row, in this order, with key < `key` that is not before the current one. */
  pass(key: Uint8Array): boolean {
    return this.#moveTo(key, -1)
  }

  /** To the first row whose order against `key` is at most `most`. */
  #moveTo(key: Uint8Array, most: 0 | -1): boolean {
    const row = this.row
    if (this.#placed && compareRange(row.key, 0, row.keyEnd, key, 0, key.length) <= most) return true
    let low = 0
    let high = this.#stretch
    // The last stretch that begins at or below the key.
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#beginsUpTo(middle, key, most)) low = middle + 1
      else high = middle
    }
    if (low < this.#stretch || (low === this.#stretch && this.#left > 0 && !this.#beginsUpTo(low, key, most))) {
      this.#stretch = low
      this.#left = 0
    }
    while (this.next()) {
      if (compareRange(row.key, 0, row.keyEnd, key, 0, key.length) <= most) return true
    }
    return false
  }

  /** Whether a stretch starts where rows that are sought may be in it; the one that is walked is `#stretch`. */
  #beginsUpTo(stretch: number, key: Uint8Array, most: number): boolean {
    return compareRestart(this.#block, getU16(this.#block, this.#end + 2 * stretch), key) <= most
  }

  /** Notes the rows of the stretch. */
  #look(): void {
    const block = this.#block
    const end = this.#end
    let at = getU16(block, end + 2 * this.#stretch)
    const stopAt = end + 2 * this.#stretch + 2
    const stop = stopAt < block.length - 2 ? getU16(block, stopAt) : end
    let notes = this.#notes
    let i = 0
    let top = 0
    while (at < stop) {
      if (i === notes.length) {
        notes = new Int32Array(notes.length * 2)
        notes.set(this.#notes)
        this.#notes = notes
      }
      const shared = readVarint(block, at)
      at = varintEnd(block, at)
      const unshared = readVarint(block, at)
      at = varintEnd(block, at)
      const valueLength = readVarint(block, at)
      at = varintEnd(block, at)
      // Rows whose bytes this one has replaced do not count any more.
      while (top > 0 && notes[top + SHARED]! >= shared) top = notes[top + BEFORE]!
      notes[i + KEY_AT] = at
      notes[i + SHARED] = shared
      notes[i + KEY_LENGTH] = shared + unshared
      notes[i + VALUE_LENGTH] = valueLength
      if (unshared > 0) {
        notes[i + BEFORE] = top
        top = i
      }
      notes[i + SPELLED_BY] = top
      at += unshared + valueLength + 9
      at += stampLength(block[at - 1]!)
      i += WIDTH
    }
    this.#left = i / WIDTH
    this.#keep = 0
  }

  /** Completes the key of the row noted at `i`, of which the first `#keep` bytes are in place. */
  #spell(i: number, keyLength: number): void {
    const keep = this.#keep
    const notes = this.#notes
    const block = this.#block
    let key = this.row.key
    if (keyLength > key.length || key.length === 0) key = growKey(this.row, keep, keyLength + 32)
    let by = notes[i + SPELLED_BY]!
    let high = keyLength
    while (high > keep) {
      const shared = notes[by + SHARED]!
      const from = Math.max(shared, keep)
      const base = notes[by + KEY_AT]! - shared
      for (let b = from; b < high; b++) key[b] = block[base + b]!
      high = from
      by = notes[by + BEFORE]!
    }
  }
}
