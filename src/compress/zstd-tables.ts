// The two entropy codes of Zstandard (RFC 8878 section 4), as lookup tables.
//
// FSE: a state is an index; its entry says the symbol, how many bits to read, and what to add them to for the next state.
// Huffman: the next `log` bits are an index; its entry says the symbol and how many of these bits it used up.
// Both are read from the end of a bit stream to its beginning: the last byte's highest set bit marks where it starts.

import { damagedInput } from './codec.ts'

export interface FseTable {
  readonly log: number
  readonly symbols: Uint8Array
  readonly bits: Uint8Array
  readonly bases: Uint16Array
}

export interface HuffmanTable {
  readonly log: number
  readonly symbols: Uint8Array
  readonly bits: Uint8Array
}

const MAX_HUFFMAN_LOG = 11
const MAX_WEIGHTS = 255

export const damaged = (what: string) => damagedInput('zstd', what)

/** Position of the highest set bit; `value` > 0. */
export const highBit = (value: number): number => 31 - Math.clz32(value)

/** The bits of a backward stream bytes[start, end): how many there are before the end mark. */
export function streamBits(bytes: Uint8Array, start: number, end: number): number {
  const last = end > start ? bytes[end - 1]! : 0
  if (last === 0) throw damaged('a bit stream without end mark')
  return (end - start - 1) * 8 + highBit(last)
}

/** `count` <= 24 bits below position `at` of a backward stream; bits before its beginning are 0. */
export function bitsBelow(bytes: Uint8Array, start: number, at: number, count: number): number {
  const from = at - count
  if (from < 0) return at <= 0 ? 0 : bitsBelow(bytes, start, at, at) << -from
  const i = start + (from >> 3)
  const word = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
  return (word >>> (from & 7)) & ((1 << count) - 1)
}

/** A table in which one symbol takes no bits at all. */
export function constantTable(symbol: number): FseTable {
  return { log: 0, symbols: new Uint8Array([symbol]), bits: new Uint8Array(1), bases: new Uint16Array(1) }
}

/** Reads the probabilities at `start`; answers the table and where its description ended. */
export function readFseTable(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxLog: number,
  maxSymbol: number,
): { table: FseTable; next: number } {
  if (start >= end) throw damaged('a table is cut off')
  const log = (bytes[start]! & 15) + 5
  if (log > maxLog) throw damaged(`a table of 2^${log} states`)
  const counts = new Int16Array(maxSymbol + 1)
  let at = start * 8 + 4
  const stop = end * 8
  const read = (count: number): number => {
    const i = at >> 3
    const value = ((bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16)) >>> (at & 7)) & ((1 << count) - 1)
    at += count
    return value
  }
  let left = 1 << log
  let symbol = 0
  while (left > 0) {
    if (symbol > maxSymbol || at > stop) throw damaged('probabilities that do not add up')
    // Values below `small` are written with one bit less.
    const bits = highBit(left + 1) + 1
    const low = (1 << (bits - 1)) - 1
    const small = (1 << bits) - 2 - left
    let value = read(bits)
    if ((value & low) < small) {
      at--
      value &= low
    } else if (value > low) value -= small
    counts[symbol++] = value - 1
    left -= value === 0 ? 1 : value - 1
    if (value === 1) {
      for (let zeros = 3; zeros === 3; symbol += zeros) {
        if (at > stop) throw damaged('a table is cut off')
        zeros = read(2)
      }
    }
  }
  if (left < 0 || symbol > maxSymbol + 1 || at > stop) throw damaged('probabilities that do not add up')
  return { table: fseTable(counts, log), next: (at + 7) >> 3 }
}

/** From probabilities that add up to 2^log, where -1 means "less than one". */
export function fseTable(counts: ArrayLike<number>, log: number): FseTable {
  const size = 1 << log
  const symbols = new Uint8Array(size)
  const bits = new Uint8Array(size)
  const bases = new Uint16Array(size)
  const nextOf = new Uint16Array(counts.length)
  let high = size
  for (let symbol = 0; symbol < counts.length; symbol++) {
    if (counts[symbol] === -1) {
      symbols[--high] = symbol
      nextOf[symbol] = 1
    } else nextOf[symbol] = counts[symbol]!
  }
  const step = (size >> 1) + (size >> 3) + 3
  let at = 0
  for (let symbol = 0; symbol < counts.length; symbol++) {
    for (let i = 0; i < counts[symbol]!; i++) {
      symbols[at] = symbol
      do at = (at + step) & (size - 1)
      while (at >= high)
    }
  }
  for (let state = 0; state < size; state++) {
    const next = nextOf[symbols[state]!]!++
    bits[state] = log - highBit(next)
    bases[state] = (next << bits[state]!) - size
  }
  return { log, symbols, bits, bases }
}

/** Reads a tree description at `start`; answers the table and where the description ended. */
export function readHuffmanTable(bytes: Uint8Array, start: number, end: number): { table: HuffmanTable; next: number } {
  if (start >= end) throw damaged('a tree is cut off')
  const header = bytes[start]!
  const weights = new Uint8Array(MAX_WEIGHTS + 1)
  let count: number
  let next: number
  if (header < 128) {
    next = start + 1 + header
    if (next > end) throw damaged('a tree is cut off')
    count = readWeights(bytes, start + 1, next, weights)
  } else {
    count = header - 127
    next = start + 1 + ((count + 1) >> 1)
    if (next > end) throw damaged('a tree is cut off')
    for (let i = 0; i < count; i++) {
      const byte = bytes[start + 1 + (i >> 1)]!
      weights[i] = i % 2 === 0 ? byte >> 4 : byte & 15
    }
  }
  return { table: huffmanTable(weights, count), next }
}

/** Weights in FSE: two states take turns until the stream runs out. */
function readWeights(bytes: Uint8Array, start: number, end: number, weights: Uint8Array): number {
  const { table, next } = readFseTable(bytes, start, end, 6, MAX_HUFFMAN_LOG + 1)
  let at = streamBits(bytes, next, end)
  const states = [bitsBelow(bytes, next, at, table.log), bitsBelow(bytes, next, at - table.log, table.log)]
  at -= 2 * table.log
  if (at < 0) throw damaged('a tree is cut off')
  for (let count = 0; ; ) {
    const turn = count & 1
    const state = states[turn]!
    weights[count++] = table.symbols[state]!
    const bits = table.bits[state]!
    // A state that takes no bits would go on for ever.
    if (count >= MAX_WEIGHTS) throw damaged('a tree of too many symbols')
    if (at < bits) {
      weights[count++] = table.symbols[states[1 - turn]!]!
      return count
    }
    states[turn] = table.bases[state]! + bitsBelow(bytes, next, at, bits)
    at -= bits
  }
}

function huffmanTable(weights: Uint8Array, count: number): HuffmanTable {
  let sum = 0
  for (let i = 0; i < count; i++) {
    if (weights[i]! > MAX_HUFFMAN_LOG) throw damaged('a tree that is too deep')
    sum += (1 << weights[i]!) >> 1
  }
  if (sum === 0) throw damaged('a tree without symbols')
  const log = highBit(sum) + 1
  const rest = (1 << log) - sum
  if (log > MAX_HUFFMAN_LOG || (rest & (rest - 1)) !== 0) throw damaged('a tree that is not complete')
  // The last symbol's weight is what makes the sum a power of two.
  weights[count] = highBit(rest) + 1
  const symbols = new Uint8Array(1 << log)
  const bits = new Uint8Array(1 << log)
  let at = 0
  for (let weight = 1; weight <= log; weight++) {
    const width = 1 << (weight - 1)
    for (let symbol = 0; symbol <= count; symbol++) {
      if (weights[symbol] !== weight) continue
      symbols.fill(symbol, at, at + width)
      bits.fill(log + 1 - weight, at, at + width)
      at += width
    }
  }
  return { log, symbols, bits }
}
