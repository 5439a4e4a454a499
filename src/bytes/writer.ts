// A growing buffer. Integers outside FlatBuffers are big-endian (format.md section 1).

export class ByteWriter {
  bytes: Uint8Array
  length = 0

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity)
  }

  /** Makes room for `more` bytes behind `length`; callers may then write into `bytes` directly. */
  reserve(more: number): void {
    const need = this.length + more
    if (need <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(need, this.bytes.length * 2))
    grown.set(this.bytes.subarray(0, this.length))
    this.bytes = grown
  }

  u8(value: number): void {
    this.reserve(1)
    this.bytes[this.length++] = value
  }

  u16(value: number): void {
    this.reserve(2)
    putU16(this.bytes, this.length, value)
    this.length += 2
  }

  u32(value: number): void {
    this.reserve(4)
    putU32(this.bytes, this.length, value)
    this.length += 4
  }

  /** A u64 from two halves. */
  u64(hi: number, lo: number): void {
    this.reserve(8)
    putU32(this.bytes, this.length, hi)
    putU32(this.bytes, this.length + 4, lo)
    this.length += 8
  }

  varint(value: number): void {
    this.reserve(5)
    this.length = putVarint(this.bytes, this.length, value)
  }

  append(source: Uint8Array, start = 0, end = source.length): void {
    const n = end - start
    this.reserve(n)
    copyBytes(source, start, end, this.bytes, this.length)
    this.length += n
  }

  /** A copy of what was written. */
  toBytes(): Uint8Array {
    return this.bytes.slice(0, this.length)
  }
}

/** Copies source[start, end) to target at `at`. A loop wins over the native call below about 48 bytes. */
export function copyBytes(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): void {
  if (end - start > 48) {
    target.set(source.subarray(start, end), at)
    return
  }
  for (let i = start; i < end; i++) target[at++] = source[i]!
}

export function putU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}

export function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

export function getU16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}

export function getU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

/** An i64 of milliseconds as a number: exact within 2^53, which every clock tick but the extremes is. */
export function getI64(bytes: Uint8Array, at: number): number {
  const hi = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
  return hi * 0x100000000 + getU32(bytes, at + 4)
}

export function putI64(bytes: Uint8Array, at: number, value: number): void {
  const hi = Math.floor(value / 0x100000000)
  putU32(bytes, at, hi)
  putU32(bytes, at + 4, value - hi * 0x100000000)
}

/** LEB128 of a u32 (format.md section 1). Returns the next position. */
export function putVarint(bytes: Uint8Array, at: number, value: number): number {
  while (value > 0x7f) {
    bytes[at++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  bytes[at++] = value
  return at
}

export function varintLength(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5
}
