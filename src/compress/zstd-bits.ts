// Bits and bytes on their way out, lowest first.

/** Bits to a buffer that is large enough. */
export class BitWriter {
  readonly out: Uint8Array
  at: number
  #held = 0
  #count = 0

  constructor(out: Uint8Array, at: number) {
    this.out = out
    this.at = at
  }

  /** The lowest `count` <= 24 bits of `value`, which has no others. */
  write(value: number, count: number): void {
    this.#held |= value << this.#count
    this.#count += count
    while (this.#count >= 8) {
      this.out[this.at++] = this.#held
      this.#held >>>= 8
      this.#count -= 8
    }
  }

  /** Writes the mark that decoders of backward streams start from. */
  end(): void {
    this.write(1, 1)
    this.pad()
  }

  /** Fills the last byte with zeros. */
  pad(): void {
    if (this.#count > 0) this.out[this.at++] = this.#held
  }
}

/** `count` bytes of `value`, lowest first; answers where they ended. */
export function put(out: Uint8Array, to: number, value: number, count: number): number {
  for (let i = 0; i < count; i++) out[to++] = value >>> (8 * i)
  return to
}
