// Keys and values of the benchmarks, the same for both engines: 16-byte keys in three kinds, 100-byte values.

/** A well-mixed 32-bit number for each (index, lane): keys are decided by their index, so nothing has to be stored. */
function mix(index, lane) {
  let h = Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(lane + 1, 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 16), 0x21f0aaad)
  h = Math.imul(h ^ (h >>> 15), 0x735a2d97)
  return (h ^ (h >>> 15)) >>> 0
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz012345'

const MAKERS = {
  /** `0000000000001234`: ascending decimal text. */
  sequential: (index, out) => {
    for (let i = 15, rest = index; i >= 0; i--, rest = Math.floor(rest / 10)) out[i] = 48 + (rest % 10)
  },
  /** 16 random bytes. */
  random: (index, out) => {
    for (let lane = 0; lane < 4; lane++) {
      const word = mix(index, lane)
      for (let i = 0; i < 4; i++) out[lane * 4 + i] = word >>> (8 * i)
    }
  },
  /** `user:` and random letters: a shared beginning, as most real keys have one. */
  text: (index, out) => {
    for (let i = 0; i < 5; i++) out[i] = 'user:'.charCodeAt(i)
    for (let i = 5; i < 16; i++) out[i] = ALPHABET.charCodeAt((mix(index, i >> 1) >>> ((i & 1) * 5)) & 31)
  },
}

export const KEY_KINDS = Object.keys(MAKERS)

/** One key, in a buffer of its own. */
export function keyOf(kind, index) {
  const key = new Uint8Array(16)
  MAKERS[kind](index, key)
  return key
}

/**
 * Keys [0, count) as a function of the index. Their bytes are made before the clock starts; a million views of them would
 * be work for the garbage collector that no program has which makes its keys as it goes.
 */
export function keySource(kind, count) {
  const slab = new Uint8Array(16 * count)
  for (let i = 0; i < count; i++) MAKERS[kind](i, slab.subarray(16 * i, 16 * i + 16))
  return (i) => slab.subarray(16 * i, 16 * i + 16)
}

/** Keys [0, count) as a list. */
export function keysOf(kind, count) {
  const key = keySource(kind, count)
  return Array.from({ length: count }, (_, i) => key(i))
}

/** A key that was never written: those that are stay far below this index. */
export const missingKey = (kind, index) => keyOf(kind, index + 1_000_000_000)

/** 64 values of 100 random bytes; row i has value i % 64. */
export const VALUES = Array.from({ length: 64 }, (_, n) => Uint8Array.from({ length: 100 }, (_, i) => mix(n, i) & 0xff))
export const rowValue = (index) => VALUES[index & 63]

/** Spreads [0, count) over the whole range in an order that looks random and repeats exactly. */
export const shuffled = (i, count) => mix(i, 7) % count
