// Reading a checked block forwards, in place. The key of the current row is rebuilt in a buffer of the cursor's own, the
// value stays in the block; nothing is allocated per row.

import { compareRange } from '../bytes/compare.ts'
import { getU16, getU32 } from '../bytes/writer.ts'
import { Row } from '../cursor/row.ts'
import { rowsEnd } from './block.ts'
import { decodeRowTail, FLAG_CREATE_TS, FLAG_EXPIRE_TS, readVarint, stampLength, varintEnd } from './rows.ts'

export class BlockCursor {
  readonly row: Row
  #block: Uint8Array = EMPTY_BLOCK
  #end = 0
  #at = 0
  /** True while `row` is a row of this block. */
  #placed = false

  /** A row to move may be given: a table cursor shares one with the block cursors below it. */
  constructor(row = new Row()) {
    this.row = row
  }

  /** Stands before the first row of `block`, which `checkBlock` has passed. */
  open(block: Uint8Array): void {
    this.#block = block
    this.#end = rowsEnd(block)
    this.#at = 0
    this.#placed = false
    if (this.row.key.length === 0) this.row.key = new Uint8Array(64)
  }

  /** False at the end of the block. */
  next(): boolean {
    let at = this.#at
    if (at >= this.#end) {
      this.#placed = false
      return false
    }
    const block = this.#block
    const row = this.row
    let shared = block[at]!
    let unshared = block[at + 1]!
    let valueLength = block[at + 2]!
    if ((shared | unshared | valueLength) < 0x80) at += 3
    else {
      shared = readVarint(block, at)
      at = varintEnd(block, at)
      unshared = readVarint(block, at)
      at = varintEnd(block, at)
      valueLength = readVarint(block, at)
      at = varintEnd(block, at)
    }
    const keyEnd = shared + unshared
    let key = row.key
    if (keyEnd > key.length) key = growKey(row, shared, keyEnd)
    if (unshared > 48) {
      key.set(block.subarray(at, at + unshared), shared)
      at += unshared
    } else {
      for (let i = shared; i < keyEnd; i++) key[i] = block[at++]!
    }
    row.keyStart = 0
    row.keyEnd = keyEnd
    row.value = block
    row.valueStart = at
    at += valueLength
    row.valueEnd = at
    this.#at = decodeRowTail(block, at, row)
    this.#placed = true
    return true
  }

  /** Moves to the first row with key > `key` that is not before the current one; false when the block has none. */
  pass(key: Uint8Array): boolean {
    const row = this.row
    if (this.#placed && compareRange(row.key, row.keyStart, row.keyEnd, key, 0, key.length) > 0) return true
    const restart = restartUpTo(this.#block, this.#end, key)
    if (restart > this.#at) this.#at = restart
    while (this.next()) {
      if (compareRange(row.key, 0, row.keyEnd, key, 0, key.length) > 0) return true
    }
    return false
  }

  /** Moves to the first row with key >= `key` that is not before the current one; false when the block has none. */
  seek(key: Uint8Array): boolean {
    const row = this.row
    if (this.#placed && compareRange(row.key, row.keyStart, row.keyEnd, key, 0, key.length) >= 0) return true
    const restart = restartBefore(this.#block, this.#end, key)
    if (restart > this.#at) this.#at = restart
    while (this.next()) {
      if (compareRange(row.key, 0, row.keyEnd, key, 0, key.length) >= 0) return true
    }
    return false
  }
}

const EMPTY_BLOCK = new Uint8Array([0, 0])

export const FOUND = 1
/** The block goes beyond the key without holding it. */
export const ABSENT = 0
/** The block ended at or before the key: the next block may hold it. */
export const BEYOND = 2

/**
 * The newest version of `key` with a sequence number <= max. After FOUND `row` is that row, its key being `key` itself.
 * Keys are not rebuilt: as long as the row before was less than the key from byte `matched` on, a row that shares more
 * than `matched` bytes with it is less as well, and is stepped over unread.
 */
export function findInBlock(
  block: Uint8Array,
  key: Uint8Array,
  maxSeqHi: number,
  maxSeqLo: number,
  row: Row,
): typeof FOUND | typeof ABSENT | typeof BEYOND {
  const end = rowsEnd(block)
  const keyLength = key.length
  let at = restartBefore(block, end, key)
  let matched = 0
  while (at < end) {
    let shared = block[at]!
    let unshared = block[at + 1]!
    let valueLength = block[at + 2]!
    if ((shared | unshared | valueLength) < 0x80) at += 3
    else {
      shared = readVarint(block, at)
      at = varintEnd(block, at)
      unshared = readVarint(block, at)
      at = varintEnd(block, at)
      valueLength = readVarint(block, at)
      at = varintEnd(block, at)
    }
    const valueStart = at + unshared
    const valueEnd = valueStart + valueLength
    if (shared <= matched) {
      const rowKeyLength = shared + unshared
      const n = Math.min(rowKeyLength, keyLength)
      const base = at - shared
      let i = shared
      while (i < n && block[base + i] === key[i]) i++
      if (i < n) {
        if (block[base + i]! > key[i]!) return ABSENT
      } else if (rowKeyLength > keyLength) {
        return ABSENT
      } else if (rowKeyLength === keyLength) {
        const seqHi = getU32(block, valueEnd)
        if (seqHi < maxSeqHi || (seqHi === maxSeqHi && getU32(block, valueEnd + 4) <= maxSeqLo)) {
          row.key = key
          row.keyStart = 0
          row.keyEnd = keyLength
          row.value = block
          row.valueStart = valueStart
          row.valueEnd = valueEnd
          decodeRowTail(block, valueEnd, row)
          return FOUND
        }
      }
      matched = i
    }
    const flags = block[valueEnd + 8]!
    at = valueEnd + 9
    if ((flags & (FLAG_EXPIRE_TS | FLAG_CREATE_TS)) !== 0) at += stampLength(flags)
  }
  return BEYOND
}

/**
 * Offset of the last restart whose key is less than `key`, or 0. Not "less or equal": newer versions of the key may
 * stand before a restart.
 */
export function restartBefore(block: Uint8Array, end: number, key: Uint8Array): number {
  let low = 0
  let high = ((block.length - 2 - end) >> 1) - 1
  // Restart `low` is known to be less (or is the first), everything above `high` is known not to be.
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (compareRestart(block, getU16(block, end + 2 * middle), key) < 0) low = middle
    else high = middle - 1
  }
  return getU16(block, end + 2 * low)
}

/** Offset of the last restart whose key is not greater than `key`, or 0. */
function restartUpTo(block: Uint8Array, end: number, key: Uint8Array): number {
  let low = 0
  let high = ((block.length - 2 - end) >> 1) - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (compareRestart(block, getU16(block, end + 2 * middle), key) <= 0) low = middle
    else high = middle - 1
  }
  return getU16(block, end + 2 * low)
}

/** Order of the whole key at a restart and `key`. */
export function compareRestart(block: Uint8Array, at: number, key: Uint8Array): number {
  at = varintEnd(block, at)
  const length = readVarint(block, at)
  at = varintEnd(block, varintEnd(block, at))
  return compareRange(block, at, at + length, key, 0, key.length)
}

/** Makes room for a key, keeping its first `keep` bytes. */
export function growKey(row: Row, keep: number, length: number): Uint8Array {
  const grown = new Uint8Array(length * 2)
  grown.set(row.key.subarray(0, keep))
  row.key = grown
  return grown
}
