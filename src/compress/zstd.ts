// Zstandard frames. Decompressing: native, else fzstd. Compressing: native, else WebAssembly.

import { decompress as fzstd } from 'fzstd'
import { native } from '#native'
import { isSlateDBError } from '../errors.ts'
import { type Codec, type Decompress, damagedInput } from './codec.ts'

export const zstdDecompress: Decompress = (stored, maxSize) => {
  try {
    return native.zstdDecompress?.(stored, maxSize) ?? fzstd(stored)
  } catch (error) {
    throw isSlateDBError(error) ? error : damagedInput('zstd', String((error as Error).message), error)
  }
}

export async function loadZstd(): Promise<Codec> {
  return { name: 'zstd', compress: native.zstdCompress ?? (await loadWasm()), decompress: zstdDecompress }
}

async function loadWasm(): Promise<(raw: Uint8Array) => Uint8Array> {
  const loaded = await import('@bokuweb/zstd-wasm')
  const wasm = 'compress' in loaded ? loaded : (loaded as { default: typeof loaded }).default
  await wasm.init()
  return (raw) => wasm.compress(raw, 3)
}
