// The end of an SST (format.md sections 3 and 9).
//
//   ... info crc32(info):u32 infoOffset:u64 formatVersion:u16          info := SsTableInfo, never compressed
//
// Only WAL objects, and tools that look at a lone object, read it: of a compacted SST the manifest holds the info.

import { getU16, getU32, putU16, putU32 } from '../bytes/writer.ts'
import { dataError } from '../errors.ts'
import { checkedBytes, putChecksum } from './seal.ts'
import { decodeTableInfo, encodeTableInfo, type TableInfo } from './table-info.ts'

export const FOOTER_LENGTH = 10
export const WRITTEN_VERSION = 2

export interface TableEnd {
  readonly info: TableInfo
  readonly formatVersion: 1 | 2
}

/** Info, checksum and footer, to stand at `infoOffset`. */
export function encodeTableEnd(info: TableInfo, infoOffset: number): Uint8Array {
  const encoded = encodeTableInfo(info)
  const bytes = new Uint8Array(encoded.length + 4 + FOOTER_LENGTH)
  bytes.set(encoded)
  putChecksum(bytes.subarray(0, encoded.length + 4))
  const footer = encoded.length + 4
  putU32(bytes, footer, Math.floor(infoOffset / 0x100000000))
  putU32(bytes, footer + 4, infoOffset >>> 0)
  putU16(bytes, footer + 8, WRITTEN_VERSION)
  return bytes
}

/**
 * Reads the end of an object of `size` bytes, given its last bytes. Answers a number when more of them are needed: how
 * many. `what` names the object. A size of 0 is the caller's to judge: a WAL fence, or damage (RC-6).
 */
export function decodeTableEnd(tail: Uint8Array, size: number, what: string): TableEnd | number {
  if (size <= FOOTER_LENGTH) throw dataError('EMPTY_SST', `${what}: ${size} bytes are no SST (empty SSTable)`)
  if (tail.length < FOOTER_LENGTH) return FOOTER_LENGTH
  const footer = tail.length - FOOTER_LENGTH
  const formatVersion = getU16(tail, footer + 8)
  if (formatVersion !== 1 && formatVersion !== 2) {
    throw dataError('UNSUPPORTED_SST_VERSION', `${what}: unsupported SST format version ${formatVersion}`)
  }
  const infoOffset = getU32(tail, footer) * 0x100000000 + getU32(tail, footer + 4)
  const length = size - infoOffset
  if (length < FOOTER_LENGTH + 8) {
    throw dataError('INVALID_SST_FOOTER', `${what}: info at ${infoOffset} in an object of ${size} bytes`)
  }
  if (length > tail.length) {
    if (tail.length === size) throw dataError('INVALID_SST_FOOTER', `${what}: info at ${infoOffset}`)
    return length
  }
  const start = tail.length - length
  let info: Uint8Array
  try {
    info = checkedBytes(tail.subarray(start, footer))
  } catch (error) {
    throw dataError('CHECKSUM_MISMATCH', `${what}: the info at offset ${infoOffset} is damaged`, { cause: error })
  }
  return { info: checkInfo(decodeTableInfo(info, what), infoOffset, what), formatVersion }
}

/** Sections must lie where the format puts them, so that what follows may trust them. */
export function checkInfo(info: TableInfo, size: number, what: string): TableInfo {
  const { indexOffset, indexLength, filterOffset, filterLength, statsOffset, statsLength } = info
  if (indexOffset + indexLength > size || filterOffset + filterLength > size || statsOffset + statsLength > size) {
    throw dataError('INVALID_SST_INFO', `${what}: sections go beyond the object's ${size} bytes`)
  }
  return info
}
