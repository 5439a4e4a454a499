// Pure functions on Uint8Array live in this room; it imports nothing but errors. Keys order as unsigned bytes, shorter
// prefix first (PN-6). A native compare costs about 140 ns a call, so short keys compare in a loop here.

export const EMPTY = new Uint8Array(0)

/** Order of a[aStart, aEnd) and b[bStart, bEnd): negative, 0 or positive. */
export function compareRange(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const aLength = aEnd - aStart
  const bLength = bEnd - bStart
  const n = Math.min(aLength, bLength)
  for (let i = 0; i < n; i++) {
    const d = a[aStart + i]! - b[bStart + i]!
    if (d !== 0) return d
  }
  return aLength - bLength
}

export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return compareRange(a, 0, a.length, b, 0, b.length)
}

export function equalRange(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): boolean {
  const n = aEnd - aStart
  if (n !== bEnd - bStart) return false
  // Keys that differ mostly differ at their end.
  for (let i = n - 1; i >= 0; i--) if (a[aStart + i] !== b[bStart + i]) return false
  return true
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return equalRange(a, 0, a.length, b, 0, b.length)
}

/** Length of the common prefix of a[aStart, aEnd) and b[bStart, bEnd). */
export function sharedLength(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const aLength = aEnd - aStart
  const bLength = bEnd - bStart
  const n = Math.min(aLength, bLength)
  let i = 0
  while (i < n && a[aStart + i] === b[bStart + i]) i++
  return i
}

/**
 * Six bytes of bytes[start, end) as one number, zero-padded: numbers order as the bytes do, except that equal numbers
 * decide nothing (a key may end, or go on, after the six). Exact, since it stays below 2^48.
 */
export function numericPrefix(bytes: Uint8Array, start: number, end: number): number {
  if (end - start >= 6) {
    return (
      ((bytes[start]! << 16) | (bytes[start + 1]! << 8) | bytes[start + 2]!) * 0x1000000 +
      ((bytes[start + 3]! << 16) | (bytes[start + 4]! << 8) | bytes[start + 5]!)
    )
  }
  let prefix = 0
  for (let i = 0; i < 6; i++) prefix = prefix * 256 + (start + i < end ? bytes[start + i]! : 0)
  return prefix
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!
  let length = 0
  for (const part of parts) length += part.length
  const out = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}
