// Zstandard. Both ways: native, else ours. Node 20 has no native one but WebAssembly at hand, which makes smaller blocks
// than ours do.

import { native } from '#native'
import { isSlateDBError } from '../errors.ts'
import { type Codec, type Decompress, damagedInput, tooLarge } from './codec.ts'
import { decodeZstd } from './zstd-decode.ts'
import { encodeZstd } from './zstd-encode.ts'
import { frameAt } from './zstd-frame.ts'

/** Native decoders refuse to keep more than this (128 MiB), whatever the frame holds. */
const MAX_NATIVE_WINDOW = 2 ** 27

const { zstdCompress, zstdDecompress: zstdNative, loadZstdCompress } = native

export const zstdDecompress: Decompress = zstdNative === undefined ? decodeZstd : guarded(zstdNative)

export async function loadZstd(): Promise<Codec> {
  return {
    name: 'zstd',
    compress: zstdCompress ?? (await loadZstdCompress?.()) ?? encodeZstd,
    decompress: zstdDecompress,
  }
}

/**
 * The native decoder stops behind the first frame without a word, and takes the memory that a header asks for; so it
 * gets what is one frame of a usual window and all of the input, which is what every release of the original writes.
 */
function guarded(decompress: Decompress): Decompress {
  return (stored, maxSize) => {
    if (stored.length === 0) return decodeZstd(stored, maxSize)
    const frame = frameAt(stored, 0)
    if (frame.skipped || frame.end < stored.length || frame.window > MAX_NATIVE_WINDOW) {
      return decodeZstd(stored, maxSize)
    }
    if (frame.declared !== undefined && frame.declared > maxSize) throw tooLarge('zstd', frame.declared, maxSize)
    try {
      return decompress(stored, maxSize)
    } catch (error) {
      throw isSlateDBError(error) ? error : damagedInput('zstd', String((error as Error).message), error)
    }
  }
}
