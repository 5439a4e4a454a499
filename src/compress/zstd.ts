// Zstandard. Both ways: native, else ours. Node 20 has no native one but WebAssembly at hand, which makes smaller blocks
// than ours do.

import { native } from '#native'
import { isSlateDBError } from '../errors.ts'
import { type Codec, type Decompress, damagedInput } from './codec.ts'
import { decodeZstd } from './zstd-decode.ts'
import { encodeZstd } from './zstd-encode.ts'

const { zstdCompress, zstdDecompress: zstdNative, loadZstdCompress } = native

export const zstdDecompress: Decompress = zstdNative === undefined ? decodeZstd : guarded(zstdNative)

export async function loadZstd(): Promise<Codec> {
  return {
    name: 'zstd',
    compress: zstdCompress ?? (await loadZstdCompress?.()) ?? encodeZstd,
    decompress: zstdDecompress,
  }
}

function guarded(decompress: Decompress): Decompress {
  return (stored, maxSize) => {
    try {
      return decompress(stored, maxSize)
    } catch (error) {
      throw isSlateDBError(error) ? error : damagedInput('zstd', String((error as Error).message), error)
    }
  }
}
