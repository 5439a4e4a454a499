// Data blocks of SST format version 2: rows in order, then the places where keys are written out whole.
//
//   block := row* restart:u16 * r  r:u16         (rows: format/rows.ts; restart = offset of a row with shared = 0)
//
// Blocks of version 1 are turned into this form when they are loaded (format/block-v1.ts), so nothing else knows them.

import { sharedLength } from '../bytes/compare.ts'
import { copyBytes, getU16, putU16 } from '../bytes/writer.ts'
import type { Row } from '../cursor/row.ts'
import { dataError, type SlateDBError } from '../errors.ts'
import {
  encodedRowLength,
  encodeRow,
  flagsAreValid,
  flagsOf,
  MAX_KEY_LENGTH,
  readVarint,
  stampLength,
  varintEnd,
} from './rows.ts'

/** Every 16th row is written whole. Readers rely on the restart array only. */
const RESTART_INTERVAL = 16
const MAX_RESTART_OFFSET = 0xffff

export class BlockBuilder {
  readonly #limit: number
  #bytes: Uint8Array
  #length = 0
  readonly #restarts: number[] = []
  #lastKey = new Uint8Array(64)
  #lastKeyLength = 0
  rowCount = 0

  /** `blockSize` counts rows and restarts, before compression and without the checksum. */
  constructor(blockSize: number) {
    this.#limit = blockSize
    this.#bytes = new Uint8Array(blockSize + 64)
  }

  /** A copy of the key of the last row, also of a block that was just finished. */
  lastKey(): Uint8Array {
    return this.#lastKey.slice(0, this.#lastKeyLength)
  }

  /** Raw size if the block ended here. */
  get size(): number {
    return this.#length + 2 * this.#restarts.length + 2
  }

  /**
   * False when the row does not fit any more (format.md 4.1); an empty block takes a row of any size. Rows of a sorted
   * table come by key ascending, those of a WAL table in write order.
   */
  add(row: Row): boolean {
    const restart = this.rowCount % RESTART_INTERVAL === 0
    const shared = restart ? 0 : sharedLength(this.#lastKey, 0, this.#lastKeyLength, row.key, row.keyStart, row.keyEnd)
    const flags = flagsOf(row)
    const length = encodedRowLength(row, shared, flags)
    if (this.rowCount > 0) {
      // Restart offsets are u16 whatever the block size is.
      if (this.size + length + (restart ? 2 : 0) > this.#limit || this.#length > MAX_RESTART_OFFSET) return false
    }
    const end = this.#length + length
    if (end > this.#bytes.length) this.#grow(end)
    if (restart) this.#restarts.push(this.#length)
    this.#length = encodeRow(row, shared, flags, this.#bytes, this.#length)
    this.#keepKey(row, shared)
    this.rowCount++
    return true
  }

  /** The raw block, a new buffer with `spare` unused bytes behind it; the builder is empty again. */
  finish(spare = 0): Uint8Array {
    const block = new Uint8Array(this.size + spare)
    this.finishInto(block, 0)
    return block
  }

  /** Writes the raw block, `size` bytes, to `target` at `start`; the builder is empty again. */
  finishInto(target: Uint8Array, start: number): void {
    target.set(this.#bytes.subarray(0, this.#length), start)
    let at = start + this.#length
    for (const restart of this.#restarts) {
      putU16(target, at, restart)
      at += 2
    }
    putU16(target, at, this.#restarts.length)
    this.#length = 0
    this.#restarts.length = 0
    this.rowCount = 0
  }

  #keepKey(row: Row, shared: number): void {
    const length = row.keyEnd - row.keyStart
    if (length > this.#lastKey.length) {
      const grown = new Uint8Array(length * 2)
      grown.set(this.#lastKey.subarray(0, shared))
      this.#lastKey = grown
    }
    copyBytes(row.key, row.keyStart + shared, row.keyEnd, this.#lastKey, shared)
    this.#lastKeyLength = length
  }

  #grow(size: number): void {
    const grown = new Uint8Array(size + 64)
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }
}

/** Where the rows end and the restart array begins. */
export function rowsEnd(block: Uint8Array): number {
  return block.length - 2 - 2 * getU16(block, block.length - 2)
}

/**
 * Checks a block that comes from storage, once: after this its cursors read without looking back. Every length, flag
 * and restart is looked at, in one pass over the rows. Throws a Data error with the offset inside the block.
 */
export function checkBlock(block: Uint8Array): void {
  const length = block.length
  if (length < 4) throw damagedBlock(0, `${length} bytes are no block`)
  const restarts = getU16(block, length - 2)
  const end = rowsEnd(block)
  if (restarts === 0 || end <= 0) throw damagedBlock(length - 2, `${restarts} restarts in ${length} bytes`)
  let nextRestart = 0
  let restartAt = getU16(block, end)
  if (restartAt !== 0) throw damagedBlock(end, `the first restart is at ${restartAt}`)
  let at = 0
  let keyLength = 0
  while (at < end) {
    const start = at
    // Over-long varints are legal (format.md 5.1), so these are read with care for their width.
    let shared = block[at++]!
    if (shared > 0x7f) {
      shared = checkedVarint(block, at - 1, end)
      at = varintEnd(block, at - 1)
    }
    let unshared = block[at++]!
    if (unshared > 0x7f) {
      unshared = checkedVarint(block, at - 1, end)
      at = varintEnd(block, at - 1)
    }
    let valueLength = block[at++]!
    if (valueLength > 0x7f) {
      valueLength = checkedVarint(block, at - 1, end)
      at = varintEnd(block, at - 1)
    }
    if (start === restartAt) {
      if (shared !== 0) throw damagedBlock(start, 'a restart row shares bytes with the one before it')
      nextRestart++
      restartAt = nextRestart < restarts ? getU16(block, end + 2 * nextRestart) : -1
    } else if (restartAt !== -1 && restartAt < at) {
      throw damagedBlock(end + 2 * nextRestart, `restart ${restartAt} is not at a row`)
    }
    if (shared > keyLength) throw damagedBlock(start, `${shared} bytes shared with a key of ${keyLength}`)
    keyLength = shared + unshared
    if (keyLength > MAX_KEY_LENGTH) throw damagedBlock(start, `a key of ${keyLength} bytes`)
    at += unshared + valueLength + 9
    if (at > end) throw damagedBlock(start, 'a row goes beyond the rows')
    const flags = block[at - 1]!
    if (!flagsAreValid(flags)) throw invalidFlags(at - 1, flags)
    at += stampLength(flags)
    if (at > end) throw damagedBlock(start, 'a row goes beyond the rows')
  }
  if (nextRestart !== restarts) throw damagedBlock(end + 2 * nextRestart, `restart ${restartAt} is not at a row`)
}

/** Calls `visit` with the lengths of key and value of every row of a checked block. */
export function eachRow(block: Uint8Array, visit: (keyLength: number, valueLength: number) => void): void {
  const end = rowsEnd(block)
  let at = 0
  while (at < end) {
    const shared = readVarint(block, at)
    at = varintEnd(block, at)
    const unshared = readVarint(block, at)
    at = varintEnd(block, at)
    const valueLength = readVarint(block, at)
    at = varintEnd(block, at) + unshared + valueLength + 9
    at += stampLength(block[at - 1]!)
    visit(shared + unshared, valueLength)
  }
}

function checkedVarint(block: Uint8Array, at: number, end: number): number {
  let value = 0
  for (let shift = 0; ; shift += 7) {
    if (at >= end || shift > 63) throw damagedBlock(at, 'a number without end')
    const byte = block[at++]!
    value += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) break
  }
  if (value > 0xffffffff) throw damagedBlock(at, `${value} is no length`)
  return value
}

export const damagedBlock = (at: number, detail: string): SlateDBError =>
  dataError('INVALID_BLOCK', `damaged block at offset ${at}: ${detail}`)

export const invalidFlags = (at: number, flags: number): SlateDBError =>
  dataError('INVALID_ROW_FLAGS', `damaged block at offset ${at}: row flags 0x${flags.toString(16)} are not known`)
