// Bit streams, most significant bit first.

import { ByteWriter } from './writer.ts'

export class BitWriter {
  readonly #out: ByteWriter
  #pending = 0
  #bits = 0

  constructor(capacity: number) {
    this.#out = new ByteWriter(capacity)
  }

  /** The low `width` bits of `value`, width 0..32. */
  write(value: number, width: number): void {
    let left = width
    while (left > 0) {
      const take = Math.min(8 - this.#bits, left)
      left -= take
      this.#pending = (this.#pending << take) | ((value >>> left) & ((1 << take) - 1))
      this.#bits += take
      if (this.#bits === 8) this.#emit()
    }
  }

  /** Zero bits up to the next byte. */
  align(): void {
    if (this.#bits > 0) this.write(0, 8 - this.#bits)
  }

  toBytes(): Uint8Array {
    this.align()
    return this.#out.toBytes()
  }

  #emit(): void {
    this.#out.u8(this.#pending)
    this.#pending = 0
    this.#bits = 0
  }
}

/** Reads from `start` on. Callers ask `remaining` first. */
export class BitReader {
  readonly #bytes: Uint8Array
  #at: number

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes
    this.#at = start * 8
  }

  /** Bits that are left. */
  get remaining(): number {
    return this.#bytes.length * 8 - this.#at
  }

  /** The next `width` bits as an unsigned number, width 0..32. */
  read(width: number): number {
    let value = 0
    let left = width
    while (left > 0) {
      const used = this.#at & 7
      const take = Math.min(8 - used, left)
      const part = (this.#bytes[this.#at >>> 3]! >>> (8 - used - take)) & ((1 << take) - 1)
      value = value * 2 ** take + part
      this.#at += take
      left -= take
    }
    return value
  }

  align(): void {
    this.#at = (this.#at + 7) & ~7
  }
}
