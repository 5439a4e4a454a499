// Block codecs (format.md section 10). Reading all of them works in every runtime, synchronously; what a codec needs is
// loaded when a table first uses it, never with the library. Stored bytes are not trusted: a declared size is checked
// before memory is taken for it, the output never grows past `maxSize`, and damaged input ends in a Data error.

import { dataError, type SlateDBError } from '../errors.ts'

/** Names are fixed by the format; see CODECS in format/table-info.ts. */
export type CodecName = 'none' | 'snappy' | 'zlib' | 'lz4' | 'zstd'

/** Turns stored bytes back into at most `maxSize` raw ones. Throws a Data error. */
export type Decompress = (stored: Uint8Array, maxSize: number) => Uint8Array

export interface Codec {
  readonly name: CodecName
  /** A new buffer, or `raw` itself when there is nothing to do. */
  compress(raw: Uint8Array): Uint8Array
  /** A new buffer, or `stored` itself when there is nothing to do. Throws a Data error. */
  decompress: Decompress
}

export const noCodec: Codec = {
  name: 'none',
  compress: (raw) => raw,
  decompress(stored, maxSize) {
    if (stored.length > maxSize) throw tooLarge('none', stored.length, maxSize)
    return stored
  },
}

/** A browser takes turns of the event loop to import what it has already: once per table that would be felt. */
const loaded = new Map<CodecName, Codec>()

/** A codec for writing and reading. */
export async function loadCodec(name: CodecName): Promise<Codec> {
  let codec = loaded.get(name)
  if (codec === undefined) loaded.set(name, (codec = await importCodec(name)))
  return codec
}

async function importCodec(name: CodecName): Promise<Codec> {
  switch (name) {
    case 'none':
      return noCodec
    case 'snappy':
      return (await import('./snappy.ts')).snappy
    case 'zlib':
      return (await import('./zlib.ts')).loadZlib()
    case 'lz4':
      return (await import('./lz4.ts')).lz4
    case 'zstd':
      return (await import('./zstd.ts')).loadZstd()
  }
}

/** Reading only: unlike `loadCodec` it never loads WebAssembly. */
export async function loadDecompress(name: CodecName): Promise<Decompress> {
  if (name === 'zstd' && !loaded.has(name)) return (await import('./zstd.ts')).zstdDecompress
  return (await loadCodec(name)).decompress
}

export const damagedInput = (codec: CodecName, detail: string, cause?: unknown): SlateDBError =>
  dataError('BLOCK_DECOMPRESSION', `damaged ${codec} data: ${detail}`, { cause })

export const tooLarge = (codec: CodecName, size: number, maxSize: number): SlateDBError =>
  dataError('BLOCK_DECOMPRESSION', `${codec} data claims ${size} bytes, at most ${maxSize} are possible here`)
