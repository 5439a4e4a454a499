// Types of packages that come without.

declare module 'snappyjs' {
  const snappyjs: { compress(raw: Uint8Array): Uint8Array }
  export default snappyjs
}
