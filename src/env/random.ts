// Seeded randomness: sfc32. Every part forks its own stream, so that one part's draws do not move another's.

export class Random {
  #a: number
  #b: number
  #c: number
  #d: number

  constructor(seed: number | string) {
    const [a, b, c, d] = spread(String(seed))
    this.#a = a
    this.#b = b
    this.#c = c
    this.#d = d
    for (let i = 0; i < 12; i++) this.u32()
  }

  /** A stream of its own, decided by this stream's state and the name. */
  fork(name: string): Random {
    return new Random(`${this.u32()}.${this.u32()}/${name}`)
  }

  u32(): number {
    const t = (((this.#a + this.#b) | 0) + this.#d) | 0
    this.#d = (this.#d + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (this.#c << 21) | (this.#c >>> 11)
    this.#c = (this.#c + t) | 0
    return t >>> 0
  }

  /** In [0, 1). */
  float(): number {
    return this.u32() / 0x100000000
  }

  /** An integer in [min, max], both included. */
  int(min: number, max: number): number {
    return min + Math.floor(this.float() * (max - min + 1))
  }

  chance(probability: number): boolean {
    return this.float() < probability
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length - 1)]!
  }

  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length)
    for (let i = 0; i < length; i += 4) {
      const word = this.u32()
      for (let j = 0; j < 4 && i + j < length; j++) out[i + j] = word >>> (8 * j)
    }
    return out
  }
}

/**
 * A seed that no other process has. Ids must not collide, they keep no secrets: Math.random, which every runtime seeds
 * from the operating system, is enough, and loading WebCrypto for it costs Node 3 ms at the start.
 */
export function systemRandom(): Random {
  return new Random(`${Math.random()}/${Math.random()}/${Math.random()}/${Date.now()}`)
}

function spread(text: string): [number, number, number, number] {
  const state = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 0x6a09e667]
  for (let i = 0; i < text.length; i++) {
    for (let j = 0; j < 4; j++) {
      let h = (state[j]! ^ (text.charCodeAt(i) + j * 0x1f)) >>> 0
      h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
      h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
      state[j] = (h ^ (h >>> 16)) >>> 0
    }
  }
  return [state[0]! | 0, state[1]! | 0, state[2]! | 0, state[3]! | 0]
}
