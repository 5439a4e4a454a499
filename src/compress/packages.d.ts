// Types of packages that come without. lz4js serves the tests only.

declare module 'snappyjs' {
  const snappyjs: { compress(raw: Uint8Array): Uint8Array; uncompress(stored: Uint8Array): Uint8Array }
  export default snappyjs
}

declare module 'lz4js' {
  const lz4js: {
    compressBlock(raw: Uint8Array, out: Uint8Array, from: number, length: number, table: Uint32Array): number
    decompressBlock(stored: Uint8Array, out: Uint8Array, from: number, length: number, to: number): number
  }
  export default lz4js
}
