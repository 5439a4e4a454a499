// Zstandard for runtimes that have no native one, by RFC 8878: frames that every decoder reads, smaller than lz4 makes
// them and larger than the original's level 3. A WebAssembly module would do better, but pages would have to serve it
// beside their scripts, and Workers compile none.
//
//   frame    := magic descriptor [window:u8] size:u8|u16|u32 block+      the content size in the header
//   block    := header:u24le (last:1 type:2 size:21) content
//   content  := literals sequences                            the bytes that repeat nothing; what repeats what
//   sequence := (literals to copy, match length, offset)      in the three FSE codes that need no description

import { EMPTY } from '../bytes/compare.ts'
import { BitWriter, put } from './zstd-bits.ts'
import {
  DEFAULT_LENGTHS,
  DEFAULT_MATCHES,
  DEFAULT_OFFSETS,
  LENGTH_BASE,
  LENGTH_BITS,
  MATCH_BASE,
  MATCH_BITS,
} from './zstd-defaults.ts'
import { FseSteps } from './zstd-fse.ts'
import { putLiterals } from './zstd-literals.ts'
import { highBit } from './zstd-tables.ts'

const MAGIC = 0xfd2fb528
const MAX_BLOCK = 128 * 1024
const MIN_MATCH = 4
const MAX_HASH_BITS = 15
const NEAR = 64
/**
 * How far back matches reach: the least window that every decoder must offer (RFC 8878 section 3.1.1.1.2). A frame that
 * asks for more than 128 MiB is refused by most, and a frame of one segment asks for as much as it holds.
 */
const WINDOW_LOG = 23
const WINDOW = 1 << WINDOW_LOG

/** One frame that holds `raw`. */
export function encodeZstd(raw: Uint8Array): Uint8Array {
  return new Encoder(raw).frame()
}

class Encoder {
  readonly #raw: Uint8Array
  readonly #out: Uint8Array
  readonly #hashShift: number
  /** Last position + 1 of each hash; 0 = none. */
  readonly #seen: Int32Array
  readonly #literals: Uint8Array
  /** Three numbers each: literals before the match, its length, the offset's value. */
  readonly #sequences: Uint32Array
  /** The offset of the match before: the same one again takes no extra bits. */
  #lastOffset = 1

  constructor(raw: Uint8Array) {
    this.#raw = raw
    const blocks = Math.ceil(raw.length / MAX_BLOCK) + 1
    // A block that does not shrink is stored as it is; until that is known it may be somewhat larger.
    this.#out = new Uint8Array(raw.length + 1024 + 3 * blocks + (Math.min(raw.length, MAX_BLOCK) >> 1))
    const hashBits = Math.max(8, Math.min(MAX_HASH_BITS, 32 - Math.clz32(raw.length)))
    this.#hashShift = 32 - hashBits
    this.#seen = new Int32Array(1 << hashBits)
    const largest = Math.min(raw.length, MAX_BLOCK)
    this.#literals = largest === 0 ? EMPTY : new Uint8Array(largest)
    this.#sequences = new Uint32Array(3 * Math.ceil(largest / MIN_MATCH))
  }

  frame(): Uint8Array {
    const { length } = this.#raw
    const out = this.#out
    let to = put(out, 0, MAGIC, 4)
    const [flag, bytes, base] = length < 256 ? [0, 1, 0] : length < 65_792 ? [1, 2, 256] : [2, 4, 0]
    const oneSegment = length <= WINDOW ? 1 : 0
    to = put(out, to, (flag << 6) | (oneSegment << 5), 1)
    if (oneSegment === 0) to = put(out, to, (WINDOW_LOG - 10) << 3, 1)
    to = put(out, to, length - base, bytes)
    let from = 0
    do {
      const end = Math.min(length, from + MAX_BLOCK)
      to = this.#block(from, end, to)
      from = end
    } while (from < length)
    return out.slice(0, to)
  }

  #block(from: number, end: number, to: number): number {
    const out = this.#out
    const size = end - from
    const isLast = end === this.#raw.length ? 1 : 0
    const before = this.#lastOffset
    const body = to + 3
    const stop = size < 16 ? body + size : this.#content(from, end, body)
    if (stop - body < size) {
      put(out, to, isLast | (2 << 1) | ((stop - body) << 3), 3)
      return stop
    }
    // Decoders learn no offsets from a block that is stored as it is.
    this.#lastOffset = before
    put(out, to, isLast | (size << 3), 3)
    out.set(this.#raw.subarray(from, end), body)
    return body + size
  }

  /** Literals and sequences of raw[from, end), at `to`; answers where they ended. */
  #content(from: number, end: number, to: number): number {
    const raw = this.#raw
    let literals = 0
    let count = 0
    let anchor = from
    let at = from
    let misses = 0
    while (at < end - MIN_MATCH) {
      const match = this.#find(at, anchor)
      if (match < 0) {
        at += 1 + (misses++ >> 6)
        continue
      }
      misses = 0
      let start = at
      let from = match
      let length = matchLength(raw, from, start, end)
      // One byte later there may be a longer one.
      if (at + 1 < end - MIN_MATCH) {
        const later = this.#find(at + 1, anchor)
        const laterLength = later < 0 ? 0 : matchLength(raw, later, at + 1, end)
        if (laterLength > length + 1) {
          start = at + 1
          from = later
          length = laterLength
        }
      }
      while (start > anchor && from > 0 && raw[start - 1] === raw[from - 1]) {
        start--
        from--
        length++
      }
      const offset = start - from
      const before = start - anchor
      for (let i = anchor; i < start; i++) this.#literals[literals++] = raw[i]!
      const sequence = 3 * count++
      this.#sequences[sequence] = before
      this.#sequences[sequence + 1] = length
      this.#sequences[sequence + 2] = offset === this.#lastOffset && before > 0 ? 1 : offset + 3
      this.#lastOffset = offset
      at = start + length
      anchor = at
      // Some of what was passed over, so that it is found again from elsewhere.
      for (let i = start + 2; i < Math.min(at, end - MIN_MATCH); i += 2) this.#remember(i)
    }
    this.#literals.set(raw.subarray(anchor, end), literals)
    literals += end - anchor
    const next = putLiterals(this.#literals, literals, this.#out, to)
    return this.#putSequences(count, next)
  }

  /** Where the bytes at `at` were before, if it pays to say so; -1 otherwise. Remembers them. */
  #find(at: number, anchor: number): number {
    const raw = this.#raw
    const again = at - this.#lastOffset
    const match = this.#remember(at)
    // The offset of before is nearly free, but not right behind its own match.
    if (at > anchor && again >= 0 && wordAt(raw, again) === wordAt(raw, at)) return again
    if (match < 0 || at - match > WINDOW || wordAt(raw, match) !== wordAt(raw, at)) return -1
    // A sequence costs three bytes or so: four bytes from afar are cheaper as literals.
    return raw[match + 4] === raw[at + 4] || at - match < NEAR ? match : -1
  }

  /** Where bytes of the same hash were last, or -1. */
  #remember(at: number): number {
    const raw = this.#raw
    const hash = (Math.imul(wordAt(raw, at), 0x9e3779b1) ^ Math.imul(raw[at + 4]!, 0x85ebca6b)) >>> this.#hashShift
    const last = this.#seen[hash]! - 1
    this.#seen[hash] = at + 1
    return last
  }

  #putSequences(count: number, to: number): number {
    const out = this.#out
    if (count < 128) out[to++] = count
    else if (count < 0x7f00) {
      out[to++] = (count >> 8) + 128
      out[to++] = count
    } else {
      out[to++] = 255
      to = put(out, to, count - 0x7f00, 2)
    }
    if (count === 0) return to
    // All three codes are the predefined ones.
    out[to++] = 0
    const writer = new BitWriter(out, to)
    let [lengthState, matchState, offsetState] = [-1, -1, -1]
    // The stream is read from its end: the last sequence goes first, and of each what is read last.
    for (let i = count - 1; i >= 0; i--) {
      const before = this.#sequences[3 * i]!
      const length = this.#sequences[3 * i + 1]!
      const offset = this.#sequences[3 * i + 2]!
      const [lengthSymbol, matchSymbol] = [codeOf(LENGTH_BASE, before), codeOf(MATCH_BASE, length)]
      const offsetSymbol = highBit(offset)
      offsetState = OFFSETS.step(writer, offsetState, offsetSymbol)
      matchState = MATCHES.step(writer, matchState, matchSymbol)
      lengthState = LENGTHS.step(writer, lengthState, lengthSymbol)
      writer.write(before - LENGTH_BASE[lengthSymbol]!, LENGTH_BITS[lengthSymbol]!)
      writer.write(length - MATCH_BASE[matchSymbol]!, MATCH_BITS[matchSymbol]!)
      writer.write(offset - 2 ** offsetSymbol, offsetSymbol)
    }
    writer.write(matchState, DEFAULT_MATCHES.log)
    writer.write(offsetState, DEFAULT_OFFSETS.log)
    writer.write(lengthState, DEFAULT_LENGTHS.log)
    writer.end()
    return writer.at
  }
}

const LENGTHS = new FseSteps(DEFAULT_LENGTHS, LENGTH_BITS.length)
const MATCHES = new FseSteps(DEFAULT_MATCHES, MATCH_BITS.length)
const OFFSETS = new FseSteps(DEFAULT_OFFSETS, 29)

function matchLength(raw: Uint8Array, from: number, at: number, end: number): number {
  let length = MIN_MATCH
  while (at + length < end && raw[from + length] === raw[at + length]) length++
  return length
}

const wordAt = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)

/** The number of a code for `value`: the last one whose base is not greater. */
function codeOf(bases: readonly number[], value: number): number {
  let code = Math.min(bases.length - 1, value)
  // Most lengths are small, and their code is themselves.
  while (bases[code]! > value) code--
  return code
}
