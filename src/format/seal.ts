// How every block of an SST (data, filter, index, stats) gets to storage and back (format.md sections 3 and 10).
//
//   sealed := stored crc32(stored):u32          stored := transform(compress(raw))
//
// Without a transformer everything is synchronous; nothing here makes a promise then.

import { getU32, putU32 } from '../bytes/writer.ts'
import type { Codec, Decompress } from '../compress/codec.ts'
import { dataError, isSlateDBError, unavailable } from '../errors.ts'
import { checksum } from './checksum.ts'

/** A hook between compression and checksum, for example encryption. Nothing on storage says that one was used. */
export interface BlockTransformer {
  encode(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>
  /** The exact reverse of `encode`. Throws when the bytes cannot have come from it. */
  decode(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>
}

export const CRC_LENGTH = 4

/** Key and value of one row together, when it is written: every reader of ours can hold such a block. */
export const MAX_ROW_LENGTH = 512 * 1024 * 1024

/** The largest raw block: a row of maximal length, and room for what stands around it. */
export const MAX_RAW_BLOCK = MAX_ROW_LENGTH + 1024 * 1024

/**
 * The largest raw index, filter or stats of `length` stored bytes. Each is small beside the rows it speaks of, and repeats
 * itself less than rows may: a filter without bits for 26 million rows, or a thousand times what is stored.
 */
export const sectionLimit = (length: number): number => Math.min(MAX_RAW_BLOCK, 32 * 1024 * 1024 + 1024 * length)

export function seal(
  raw: Uint8Array,
  codec: Codec,
  transformer?: BlockTransformer | undefined,
): Uint8Array | Promise<Uint8Array> {
  const compressed = codec.compress(raw)
  if (transformer === undefined) return withChecksum(compressed)
  const stored = transformed('encode', transformer, compressed)
  return stored instanceof Promise ? stored.then(withChecksum) : withChecksum(stored)
}

/** Writes the checksum of all but the last four bytes into these. */
export function putChecksum(bytes: Uint8Array): void {
  const end = bytes.length - CRC_LENGTH
  putU32(bytes, end, checksum(bytes.subarray(0, end)))
}

function withChecksum(stored: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(stored.length + CRC_LENGTH)
  sealed.set(stored)
  putU32(sealed, stored.length, checksum(stored))
  return sealed
}

/** The stored bytes behind which a right checksum stands. Throws a Data error. */
export function checkedBytes(sealed: Uint8Array): Uint8Array {
  if (sealed.length < CRC_LENGTH) throw dataError('CHECKSUM_MISMATCH', `${sealed.length} bytes have no checksum`)
  const stored = sealed.subarray(0, sealed.length - CRC_LENGTH)
  const expected = getU32(sealed, stored.length)
  const actual = checksum(stored)
  if (actual !== expected) {
    throw dataError('CHECKSUM_MISMATCH', `checksum ${hex(expected)} is stored, the bytes have ${hex(actual)}`)
  }
  return stored
}

/** The raw block of at most `maxSize` bytes: a buffer of its own, or a view of `sealed` when the bytes are stored as they are. */
export function unseal(
  sealed: Uint8Array,
  decompress: Decompress | undefined,
  transformer?: BlockTransformer | undefined,
  maxSize: number = MAX_RAW_BLOCK,
): Uint8Array | Promise<Uint8Array> {
  const stored = checkedBytes(sealed)
  if (transformer === undefined) return decompress === undefined ? stored : decompress(stored, maxSize)
  const compressed = transformed('decode', transformer, stored)
  if (compressed instanceof Promise) {
    return decompress === undefined ? compressed : compressed.then((bytes) => decompress(bytes, maxSize))
  }
  return decompress === undefined ? compressed : decompress(compressed, maxSize)
}

function transformed(
  way: 'encode' | 'decode',
  transformer: BlockTransformer,
  bytes: Uint8Array,
): Uint8Array | Promise<Uint8Array> {
  try {
    const result = transformer[way](bytes)
    return result instanceof Promise ? result.then(undefined, (error) => fail(way, error)) : result
  } catch (error) {
    return fail(way, error)
  }
}

function fail(way: string, error: unknown): never {
  if (isSlateDBError(error)) throw error
  // A transformer that fails while writing is an outage of whatever it asks, no damage: the write is tried again.
  const kind = way === 'encode' ? unavailable : dataError
  throw kind('BLOCK_TRANSFORM', `block transformer: ${way} failed`, { cause: error })
}

const hex = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`
