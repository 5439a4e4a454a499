// Changes to bytes and texts that damage, carelessness and malice make: single bits, numbers at their edges, parts that
// are missing, doubled, moved or from elsewhere.

import type { Random } from '../../src/env/random.ts'

const BYTES = [0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 254, 255]
const NUMBERS = [0, 1, 2, 3, 4, 8, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000]

/** A number that decoders are likely to be wrong about; `size` is that of the input. */
export function oddNumber(random: Random, size: number): number {
  const way = random.int(0, 4)
  if (way === 0) return random.pick(NUMBERS)
  if (way === 1) return (0x100000000 - random.pick(NUMBERS)) % 0x100000000
  if (way === 2) return Math.max(0, size + random.int(-8, 8))
  return random.int(0, size)
}

/** A new array with `changes` changes; 0 gives a copy. */
export function mutate(random: Random, bytes: Uint8Array, changes = random.int(1, 3)): Uint8Array {
  let out: Uint8Array = bytes.slice()
  for (let i = 0; i < changes; i++) out = mutateOnce(random, out)
  return out
}

function mutateOnce(random: Random, bytes: Uint8Array): Uint8Array {
  const { length } = bytes
  if (length === 0) return random.bytes(random.int(0, 9))
  const at = random.int(0, length - 1)
  const end = Math.min(length, at + random.int(1, random.pick([1, 4, 16, length])))
  switch (random.int(0, 9)) {
    case 0:
      return bytes.slice(0, at)
    case 1:
      return spliced(bytes, at, end, new Uint8Array(0))
    case 2:
      return spliced(bytes, at, at, bytes.slice(at, Math.min(end, at + 4096)))
    case 3:
      return spliced(bytes, at, at, random.bytes(random.int(1, 9)))
    case 4:
      return spliced(bytes, at, Math.min(length, at + 4), u32(oddNumber(random, length), random.chance(0.5)))
    case 5:
      return spliced(bytes, at, Math.min(length, at + 2), u32(oddNumber(random, length), true).slice(0, 2))
    case 6: {
      const from = random.int(0, length - 1)
      return spliced(bytes, at, Math.min(length, at + end - at), bytes.slice(from, from + end - at))
    }
    case 7:
      bytes[at] = random.pick(BYTES)
      return bytes
    case 8:
      bytes[at]! += random.pick([1, 255])
      return bytes
    default:
      bytes[at]! ^= 1 << random.int(0, 7)
      return bytes
  }
}

export function spliced(bytes: Uint8Array, start: number, end: number, middle: Uint8Array): Uint8Array {
  const out = new Uint8Array(start + middle.length + bytes.length - end)
  out.set(bytes.subarray(0, start))
  out.set(middle, start)
  out.set(bytes.subarray(end), start + middle.length)
  return out
}

export function u32(value: number, littleEndian: boolean): Uint8Array {
  const out = new Uint8Array(4)
  new DataView(out.buffer).setUint32(0, value >>> 0, littleEndian)
  return out
}

/** A text with `changes` changes at its own marks: `tokens` are what its format is made of. */
export function mutateText(
  random: Random,
  text: string,
  tokens: readonly string[],
  changes = random.int(1, 3),
): string {
  let out = text
  for (let i = 0; i < changes; i++) {
    const at = random.int(0, out.length)
    const end = Math.min(out.length, at + random.int(1, random.pick([1, 5, 40])))
    switch (random.int(0, 5)) {
      case 0:
        out = out.slice(0, at) + out.slice(end)
        break
      case 1:
        out = out.slice(0, at) + out.slice(at, end) + out.slice(at)
        break
      case 2:
        out = out.slice(0, at)
        break
      case 3:
        out = out.slice(0, at) + random.pick(tokens) + out.slice(end)
        break
      default:
        out = out.slice(0, at) + random.pick(tokens) + out.slice(at)
    }
  }
  return out
}

/** Sizes as inputs have them: mostly small, now and then large enough that work beyond linear is felt. */
export const someSize = (random: Random, small: number, large: number): number =>
  random.chance(0.01) ? random.int(small, large) : random.int(0, random.pick([3, small >> 3, small]))
