// One row of a block of SST format version 2. Keys drop what they share with the key before them.
//
//   row   := shared:varint unshared:varint valueLength:varint keyTail value seq:u64 flags:u8 [expireTs:i64] [createTs:i64]
//
// A tombstone's value is empty and skipped when it is not. All fixed-width integers are big-endian. Rows are written and
// read in place; a block is checked once when it comes from storage (format/block.ts), so reading trusts its lengths.

import { copyBytes, getI64, getU32, putI64, putU32, putVarint, varintLength } from '../bytes/writer.ts'
import { MERGE, NO_TS, type Row, type RowKind, TOMBSTONE, VALUE } from '../cursor/row.ts'

/** Row flag bits, written into every row on storage: never renumber. */
export const FLAG_TOMBSTONE = 1
export const FLAG_EXPIRE_TS = 2
export const FLAG_CREATE_TS = 4
export const FLAG_MERGE = 8

/** Longest key that is read: what a memtable can count. Which keys are written says the format generation (W-1). */
export const MAX_KEY_LENGTH = 2 ** 30 - 1

/** Unknown bits fail the whole read, and so does a tombstone that is an operand (format.md section 5). */
export function flagsAreValid(flags: number): boolean {
  return flags < 16 && (flags & (FLAG_TOMBSTONE | FLAG_MERGE)) !== (FLAG_TOMBSTONE | FLAG_MERGE)
}

export function kindOf(flags: number): RowKind {
  return (flags & FLAG_TOMBSTONE) !== 0 ? TOMBSTONE : (flags & FLAG_MERGE) !== 0 ? MERGE : VALUE
}

export function flagsOf(row: Row): number {
  return (
    (row.kind === TOMBSTONE ? FLAG_TOMBSTONE : row.kind === MERGE ? FLAG_MERGE : 0) |
    (row.expireTs !== NO_TS ? FLAG_EXPIRE_TS : 0) |
    (row.createTs !== NO_TS ? FLAG_CREATE_TS : 0)
  )
}

/** Bytes that the timestamps of `flags` take. */
export function stampLength(flags: number): number {
  return ((flags & FLAG_EXPIRE_TS) << 2) + ((flags & FLAG_CREATE_TS) << 1)
}

/** Bytes of the row when its key shares `shared` bytes with the key before it. */
export function encodedRowLength(row: Row, shared: number, flags: number): number {
  const unshared = row.keyEnd - row.keyStart - shared
  const valueLength = row.kind === TOMBSTONE ? 0 : row.valueEnd - row.valueStart
  return (
    varintLength(shared) +
    varintLength(unshared) +
    varintLength(valueLength) +
    unshared +
    valueLength +
    9 +
    stampLength(flags)
  )
}

/** Writes the row at `at`, where there must be room for `encodedRowLength`. Returns the position behind it. */
export function encodeRow(row: Row, shared: number, flags: number, out: Uint8Array, at: number): number {
  const keyTail = row.keyStart + shared
  const unshared = row.keyEnd - keyTail
  const valueLength = row.kind === TOMBSTONE ? 0 : row.valueEnd - row.valueStart
  at = putVarint(out, at, shared)
  at = putVarint(out, at, unshared)
  at = putVarint(out, at, valueLength)
  copyBytes(row.key, keyTail, row.keyEnd, out, at)
  at += unshared
  copyBytes(row.value, row.valueStart, row.valueStart + valueLength, out, at)
  at += valueLength
  putU32(out, at, row.seqHi)
  putU32(out, at + 4, row.seqLo)
  out[at + 8] = flags
  at += 9
  if ((flags & FLAG_EXPIRE_TS) !== 0) at = putStamp(out, at, row.expireTs)
  if ((flags & FLAG_CREATE_TS) !== 0) at = putStamp(out, at, row.createTs)
  return at
}

/** What follows the value at `at`: sequence number, flags, timestamps. Returns the position behind the row. */
export function decodeRowTail(block: Uint8Array, at: number, row: Row): number {
  row.seqHi = getU32(block, at)
  row.seqLo = getU32(block, at + 4)
  const flags = block[at + 8]!
  at += 9
  row.kind = kindOf(flags)
  if ((flags & FLAG_EXPIRE_TS) !== 0) {
    row.expireTs = getI64(block, at)
    at += 8
  } else row.expireTs = NO_TS
  if ((flags & FLAG_CREATE_TS) !== 0) {
    row.createTs = getI64(block, at)
    at += 8
  } else row.createTs = NO_TS
  return at
}

/** A varint of a checked block. It may be longer than it needs to be (format.md 5.1); the value fits in a u32. */
export function readVarint(block: Uint8Array, at: number): number {
  let value = block[at]! & 0x7f
  for (let scale = 0x80; block[at]! > 0x7f; scale *= 0x80) value += (block[++at]! & 0x7f) * scale
  return value
}

/** The position behind the varint at `at`. */
export function varintEnd(block: Uint8Array, at: number): number {
  while (block[at]! > 0x7f) at++
  return at + 1
}

/** i64::MAX is no number: as 2^63 it must not come back as i64::MIN. */
function putStamp(out: Uint8Array, at: number, value: number): number {
  if (value >= 2 ** 63) {
    putU32(out, at, 0x7fffffff)
    putU32(out, at + 4, 0xffffffff)
  } else putI64(out, at, value)
  return at + 8
}
