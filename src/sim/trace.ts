// What happened in a run, line by line, and a hash of all of it: two runs of one seed must have the same hash. Only the
// last lines are kept.

export class Trace {
  readonly #keep: number
  #lines: string[] = []
  #count = 0
  // Two 32-bit lanes of the multiply-and-xor kind; the hash only has to notice differences.
  #a = 0x9e3779b9
  #b = 0x85ebca6b

  constructor(options: { keep?: number } = {}) {
    this.#keep = options.keep ?? 2000
  }

  /** Lines so far, also those no longer kept. */
  get count(): number {
    return this.#count
  }

  get hash(): string {
    const hex = (word: number) => (word >>> 0).toString(16).padStart(8, '0')
    return hex(this.#a ^ (this.#a >>> 15)) + hex(this.#b ^ (this.#b >>> 13))
  }

  add(line: string): void {
    for (let i = 0; i < line.length; i++) {
      const unit = line.charCodeAt(i)
      this.#a = Math.imul(this.#a ^ unit, 0x01000193)
      this.#b = Math.imul(this.#b ^ unit, 0x5bd1e995) + 1
    }
    this.#a = Math.imul(this.#a ^ 0x0a, 0x01000193)
    this.#b = this.#b ^ (this.#a >>> 7)
    this.#count++
    this.#lines.push(line)
    if (this.#lines.length > 2 * this.#keep) this.#lines = this.#lines.slice(-this.#keep)
  }

  /** The last `count` lines that were kept. */
  tail(count: number = this.#keep): string[] {
    return this.#lines.slice(-count)
  }
}
