// The bloom filter on storage (format.md 7.3, 7.4). All integers big-endian.
//
//   payload := probes:u16 bits:u8 * ceil(hashes * bitsPerKey / 8)
//
// Bit b is byte b >> 3, mask 1 << (b & 7). The probes of a 64-bit hash walk by enhanced double hashing:
//
//   h = lo32 % nbits, d = hi32 % nbits;   for i in 0 .. probes: d = (d + i) % nbits; use h; h = (h + d) % nbits

import { equalRange } from '../bytes/compare.ts'
import { type Hash64, siphash13 } from '../bytes/siphash.ts'
import { copyBytes, getU16, putU16 } from '../bytes/writer.ts'
import { dataError, invalid } from '../errors.ts'
import type { Filter, FilterBuilder, FilterPolicy, FilterQuery } from './policy.ts'
import { extractPrefix, type PrefixExtractor } from './prefix-extractor.ts'

/** Name of the default policy on storage: never change. */
const BLOOM = '_bf'

export interface BloomOptions {
  /** Bits per added key; 10 gives about 1 % false positives. Not part of the name: tables may differ. */
  readonly bitsPerKey?: number
  /** Adds the prefix of every key too, so that prefix scans can skip tables. */
  readonly prefixExtractor?: PrefixExtractor | undefined
  /** Adds whole keys (default). `false` saves space where only prefixes are looked for. */
  readonly wholeKey?: boolean
}

/** The filter that is built into the format; legacy tables have no other. */
export function bloomPolicy(options: BloomOptions = {}): FilterPolicy {
  const { bitsPerKey = 10, prefixExtractor, wholeKey = true } = options
  if (!Number.isInteger(bitsPerKey) || bitsPerKey < 1 || bitsPerKey > 65535) {
    throw invalid('BLOOM_BITS', `bitsPerKey must be a whole number from 1 to 65535, not ${bitsPerKey}`)
  }
  const prefix = prefixExtractor === undefined ? '' : `:p=${prefixExtractor.name}`
  return {
    name: `${BLOOM}${prefix}${wholeKey ? '' : ':wh=0'}`,
    builder: () => new BloomBuilder(bitsPerKey, prefixExtractor, wholeKey),
    decode: (bytes) => new BloomFilter(bytes, prefixExtractor, wholeKey),
  }
}

class BloomBuilder implements FilterBuilder {
  readonly #bitsPerKey: number
  readonly #extractor: PrefixExtractor | undefined
  readonly #wholeKey: boolean
  // The size of the bit array follows from the number of hashes, so they are kept (hi, lo) until the end.
  #hashes = new Uint32Array(1024)
  #count = 0
  readonly #hash: Hash64 = { hi: 0, lo: 0 }
  #lastPrefix = new Uint8Array(32)
  #lastPrefixLength = -1

  constructor(bitsPerKey: number, extractor: PrefixExtractor | undefined, wholeKey: boolean) {
    this.#bitsPerKey = bitsPerKey
    this.#extractor = extractor
    this.#wholeKey = wholeKey
  }

  add(key: Uint8Array, start: number, end: number): void {
    if (this.#extractor !== undefined) this.#addPrefix(this.#extractor, key, start, end)
    if (this.#wholeKey) this.#push(key, start, end)
  }

  build(): Uint8Array {
    const size = Math.ceil((this.#count * this.#bitsPerKey) / 8)
    // The original holds the number of bits in a u32; more would wrap there and give wrong answers.
    if (size * 8 > 0xffffffff) {
      throw invalid(
        'BLOOM_TOO_LARGE',
        `${this.#count} keys at ${this.#bitsPerKey} bits exceed a bloom filter's 2^32 bits`,
      )
    }
    const probes = probesFor(this.#bitsPerKey)
    const payload = new Uint8Array(2 + size)
    putU16(payload, 0, probes)
    if (size > 0) fill(payload, probes, this.#hashes, this.#count)
    return payload
  }

  // Keys come sorted, so a prefix that was added before was added last.
  #addPrefix(extractor: PrefixExtractor, key: Uint8Array, start: number, end: number): void {
    const length = extractPrefix(extractor, key, start, end, 'point')
    if (length === undefined) return
    if (equalRange(this.#lastPrefix, 0, this.#lastPrefixLength, key, start, start + length)) return
    if (length > this.#lastPrefix.length) this.#lastPrefix = new Uint8Array(2 * length)
    copyBytes(key, start, start + length, this.#lastPrefix, 0)
    this.#lastPrefixLength = length
    this.#push(key, start, start + length)
  }

  #push(key: Uint8Array, start: number, end: number): void {
    if (2 * this.#count === this.#hashes.length) {
      const grown = new Uint32Array(this.#hashes.length * 2)
      grown.set(this.#hashes)
      this.#hashes = grown
    }
    siphash13(key, start, end, this.#hash)
    this.#hashes[2 * this.#count] = this.#hash.hi
    this.#hashes[2 * this.#count + 1] = this.#hash.lo
    this.#count++
  }
}

class BloomFilter implements Filter {
  readonly #bytes: Uint8Array
  readonly #probes: number
  readonly #extractor: PrefixExtractor | undefined
  readonly #wholeKey: boolean

  constructor(bytes: Uint8Array, extractor: PrefixExtractor | undefined, wholeKey: boolean) {
    if (bytes.length < 2 || (bytes.length - 2) * 8 > 0xffffffff) {
      throw dataError('INVALID_FILTER_BLOCK', `a bloom filter holds 2 to 2^29 bytes, found ${bytes.length}`)
    }
    this.#bytes = bytes
    this.#probes = getU16(bytes, 0)
    const bits = (bytes.length - 2) * 8
    // One key takes more bits than it has probes, so no builder makes this, and every query would walk in circles.
    if (bits > 0 && this.#probes > bits) {
      throw dataError('INVALID_FILTER_BLOCK', `a bloom filter of ${bits} bits with ${this.#probes} probes`)
    }
    this.#extractor = extractor
    this.#wholeKey = wholeKey
  }

  mightContain(query: FilterQuery): boolean {
    const length = this.#probedLength(query)
    if (length === undefined) return true
    // No bits: nothing was added (FT-5). Without this the walk below would divide by zero.
    if (this.#bytes.length === 2) return false
    return probe(this.#bytes, this.#probes, query.hash.prefix(length))
  }

  /** How many bytes of the query's key were added for whatever matches it; undefined: the filter cannot tell. */
  #probedLength(query: FilterQuery): number | undefined {
    const { key, kind } = query
    if (kind === 'point' && this.#wholeKey) return key.length
    return this.#extractor === undefined ? undefined : extractPrefix(this.#extractor, key, 0, key.length, kind)
  }
}

/** In 32-bit floats, as the original computes it: 1 -> 0, 5 -> 3, 10 -> 6, 20 -> 13. */
function probesFor(bitsPerKey: number): number {
  return Math.trunc(Math.fround(Math.fround(bitsPerKey) * Math.fround(0.69)))
}

function fill(payload: Uint8Array, probes: number, hashes: Uint32Array, count: number): void {
  const nbits = ((payload.length - 2) * 8) >>> 0
  for (let k = 0; k < count; k++) {
    let d = hashes[2 * k]! % nbits
    let h = hashes[2 * k + 1]! % nbits
    for (let i = 0; i < probes; i++) {
      d += i
      // Rarely taken: a remainder per probe would cost more than the bit it finds.
      if (d >= nbits) d %= nbits
      payload[2 + (h >>> 3)]! |= 1 << (h & 7)
      h += d
      if (h >= nbits) h -= nbits
    }
  }
}

function probe(payload: Uint8Array, probes: number, hash: Hash64): boolean {
  const nbits = ((payload.length - 2) * 8) >>> 0
  let d = (hash.hi >>> 0) % nbits
  let h = (hash.lo >>> 0) % nbits
  for (let i = 0; i < probes; i++) {
    d += i
    if (d >= nbits) d %= nbits
    if ((payload[2 + (h >>> 3)]! & (1 << (h & 7))) === 0) return false
    h += d
    if (h >= nbits) h -= nbits
  }
  return true
}
