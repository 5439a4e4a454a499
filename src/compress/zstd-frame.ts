// The headers of Zstandard frames and their blocks (RFC 8878 section 3.1.1): where a frame ends and how much can come out
// of it is known before a byte is decoded, so that memory is taken once, and never for a size that cannot be true.
//
//   frame  := magic:u32le header block* [checksum:u32le]       block := (size << 3 | type << 1 | last):u24le bytes
//   header := descriptor:u8 [window:u8] [contentSize:u8|u16le|u32le|u64le]
//
// Dictionaries are not used by this format. The checksum is not verified: the one of the sealed block is.

import { damaged } from './zstd-tables.ts'

const MAX_BLOCK = 128 * 1024

export interface FrameHeader {
  readonly blocksAt: number
  /** Behind the frame. */
  readonly end: number
  /** A frame of something else than data, which decoders step over. */
  readonly skipped: boolean
  /** How far back matches may reach. */
  readonly window: number
  /** No block may hold more, stored or decoded. */
  readonly maxBlock: number
  /** The content size that the header gives, if it gives one: never more than `most`. */
  readonly declared: number | undefined
  /** The most bytes that can come out of the blocks. */
  readonly most: number
}

/** Reads the header of the frame at `at` and walks its block headers. */
export function frameAt(bytes: Uint8Array, at: number): FrameHeader {
  if (at + 8 > bytes.length) throw damaged('cut off')
  const magic = u32(bytes, at)
  if ((magic & 0xfffffff0) >>> 0 === 0x184d2a50) {
    const end = at + 8 + u32(bytes, at + 4)
    if (end > bytes.length) throw damaged('cut off')
    return { blocksAt: end, end, skipped: true, window: 0, maxBlock: 0, declared: 0, most: 0 }
  }
  if (magic !== 0xfd2fb528) throw damaged('not a frame')
  at += 4
  const descriptor = bytes[at++]!
  if ((descriptor & 8) !== 0) throw damaged('an unknown frame header')
  if ((descriptor & 3) !== 0) throw damaged('a frame that needs a dictionary')
  const singleSegment = (descriptor & 32) !== 0
  let window = 0
  if (!singleSegment) {
    const byte = bytes[at++]!
    window = 2 ** (10 + (byte >> 3)) * (1 + (byte & 7) / 8)
  }
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!
  if (at + sizeBytes > bytes.length) throw damaged('cut off')
  let declared: number | undefined
  if (sizeBytes > 0) {
    declared = sizeBytes === 2 ? 256 : 0
    for (let i = 0; i < sizeBytes; i++) declared += bytes[at + i]! * 2 ** (8 * i)
    if (singleSegment) window = declared
  }
  const blocksAt = at + sizeBytes
  const maxBlock = Math.min(MAX_BLOCK, window)
  const { most, end } = measureBlocks(bytes, blocksAt, maxBlock)
  const frameEnd = end + ((descriptor & 4) !== 0 ? 4 : 0)
  if (frameEnd > bytes.length) throw damaged('cut off')
  if (declared !== undefined && declared > most) throw damaged(`the blocks cannot hold ${declared} bytes`)
  return { blocksAt, end: frameEnd, skipped: false, window, maxBlock, declared, most }
}

/** Finds the end of the blocks, and the most that can come out of them. */
function measureBlocks(bytes: Uint8Array, at: number, maxBlock: number): { most: number; end: number } {
  let most = 0
  for (let last = false; !last; ) {
    if (at + 3 > bytes.length) throw damaged('cut off')
    const header = u24(bytes, at)
    last = (header & 1) !== 0
    const size = header >> 3
    const type = (header >> 1) & 3
    if (type === 3 || size > maxBlock) throw damaged(`a block of type ${type} and ${size} bytes`)
    most += type === 2 ? maxBlock : size
    at += 3 + (type === 1 ? 1 : size)
    if (at > bytes.length) throw damaged('cut off')
  }
  return { most, end: at }
}

export const u24 = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16)

const u32 = (bytes: Uint8Array, at: number): number => (u24(bytes, at) | (bytes[at + 3]! << 24)) >>> 0
