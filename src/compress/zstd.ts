// Zstandard. Decompressing: native, else ours. Compressing: native, else WebAssembly, loaded only for writing.

import { native } from '#native'
import { isSlateDBError, unavailable } from '../errors.ts'
import { type Codec, type Decompress, damagedInput } from './codec.ts'
import { decodeZstd } from './zstd-decode.ts'

const { zstdCompress, zstdDecompress: zstdNative } = native

export const zstdDecompress: Decompress = zstdNative === undefined ? decodeZstd : guarded(zstdNative)

export async function loadZstd(): Promise<Codec> {
  return { name: 'zstd', compress: zstdCompress ?? (await loadWasm()), decompress: zstdDecompress }
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

async function loadWasm(): Promise<(raw: Uint8Array) => Uint8Array> {
  try {
    return (await import('./zstd-wasm.ts')).compress
  } catch (error) {
    const detail = 'zstd cannot be written in this runtime: WebAssembly did not load; choose another codec'
    throw unavailable('CODEC', detail, { cause: error })
  }
}
