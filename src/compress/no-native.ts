// What a runtime may offer natively. Node, Bun and Deno resolve `#native` to src/node/native.ts; every other runtime
// gets this file, and the codecs beside it fall back to JavaScript.

/** Native helpers; an absent member means that the runtime has none. Results are plain, compact Uint8Arrays. */
export interface Native {
  /** CRC-32/ISO-HDLC, unsigned. */
  crc32?(bytes: Uint8Array): number
  /** RFC 1950 stream, level 6. */
  deflate?(raw: Uint8Array): Uint8Array
  /** Throws when damaged or larger than `maxSize`. */
  inflate?(stored: Uint8Array, maxSize: number): Uint8Array
  /** One frame, level 3, with the content size in its header. */
  zstdCompress?(raw: Uint8Array): Uint8Array
  /** Where that is not native but can be loaded; undefined when it cannot. */
  loadZstdCompress?(): Promise<((raw: Uint8Array) => Uint8Array) | undefined>
  /** Makes the runtime refuse to take this memory away from those who look at it; false when it cannot. */
  keepWhole?(buffer: ArrayBufferLike): boolean
  /** Throws when damaged or larger than `maxSize`. */
  zstdDecompress?(stored: Uint8Array, maxSize: number): Uint8Array
}

export const native: Native = {}
