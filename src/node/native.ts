// Native checksums and codecs of node:zlib, as `#native` for Node, Bun and Deno. Everything is synchronous: an
// asynchronous call costs about 50 us, more than a block takes. What an older runtime lacks is left out, and the
// JavaScript codecs take over.

import * as threads from 'node:worker_threads'
import * as zlib from 'node:zlib'
import type { Native } from '../compress/no-native.ts'

/** The part of node:zlib that came after Node 20.19, looked up by name because the types of 20 do not have it. */
interface NewerZlib {
  readonly constants: { readonly ZSTD_c_compressionLevel?: number }
  readonly zstdCompressSync?: (raw: Uint8Array, options: { params: Record<number, number> }) => Uint8Array
  readonly zstdDecompressSync?: (stored: Uint8Array, options: { maxOutputLength: number }) => Uint8Array
}

const { crc32 } = zlib
const { markAsUntransferable } = threads
const { constants, zstdCompressSync, zstdDecompressSync } = zlib as unknown as NewerZlib
const levelKey = constants.ZSTD_c_compressionLevel ?? 100

export const native: Native = {
  keepWhole,
  ...(typeof crc32 === 'function' && { crc32: (bytes: Uint8Array) => crc32(bytes) }),
  deflate: (raw) => compact(zlib.deflateSync(raw, { level: 6 })),
  inflate: (stored, maxSize) => compact(zlib.inflateSync(stored, limit(maxSize)), maxSize),
  ...(typeof zstdCompressSync === 'function'
    ? { zstdCompress: (raw: Uint8Array) => compact(zstdCompressSync(raw, { params: { [levelKey]: 3 } })) }
    : { loadZstdCompress }),
  ...(typeof zstdDecompressSync === 'function' && {
    zstdDecompress: (stored: Uint8Array, maxSize: number) =>
      compact(zstdDecompressSync(stored, limit(maxSize)), maxSize),
  }),
}

/** WebAssembly for Node 20, which can be switched off. Elsewhere its binary would have to be served beside the scripts. */
async function loadZstdCompress(): Promise<((raw: Uint8Array) => Uint8Array) | undefined> {
  try {
    return await (await import('../compress/zstd-wasm.ts')).loadCompress()
  } catch {
    return undefined
  }
}

/** zlib does not take 0. */
function limit(maxSize: number): { maxOutputLength: number } {
  return { maxOutputLength: Math.max(1, maxSize) }
}

/**
 * zlib answers with Buffers, small ones cut from chunks of 16 KiB: a cache must not keep the chunk, nor meet two kinds of
 * array. A large one has its memory to itself and is not copied.
 */
function compact(bytes: Uint8Array, maxSize = Number.POSITIVE_INFINITY): Uint8Array {
  if (bytes.length > maxSize) throw new RangeError(`${bytes.length} bytes came out, at most ${maxSize} are possible`)
  if (bytes.byteLength === bytes.buffer.byteLength) return new Uint8Array(bytes.buffer as ArrayBuffer)
  const copy = new Uint8Array(bytes.length)
  copy.set(bytes)
  return copy
}

/** Whether marking works here: Bun and Deno have the function, too. */
let canMark: boolean | undefined

/**
 * Node up to 23 heeds the mark where a transfer list names the memory (it is copied then); from 24 on every way to take it
 * is refused.
 */
function keepWhole(buffer: ArrayBufferLike): boolean {
  canMark ??= typeof markAsUntransferable === 'function' && isHeeded()
  if (canMark) markAsUntransferable(buffer)
  return canMark
}

function isHeeded(): boolean {
  const probe = new ArrayBuffer(8)
  try {
    markAsUntransferable(probe)
  } catch {
    // A runtime that has the name only.
    return false
  }
  try {
    structuredClone(probe, { transfer: [probe] })
  } catch {
    // Refused: just what was asked for.
  }
  return probe.byteLength > 0
}
