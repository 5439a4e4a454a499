// Copies of bytes that came from elsewhere. Not `slice()`: of a Node Buffer that is a view of the same memory, so what is
// kept would change with it, and what is written to it would be written to the caller's.

/** bytes[start, end) in memory of its own, a plain Uint8Array whatever it is a copy of. */
export function copyOf(bytes: Uint8Array, start = 0, end = bytes.length): Uint8Array {
  if (bytes.constructor === Uint8Array) return bytes.slice(start, end)
  return new Uint8Array(bytes.subarray(start, end))
}
