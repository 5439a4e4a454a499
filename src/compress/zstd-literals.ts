// Literals of a Zstandard block on their way out (RFC 8878 section 4.2): Huffman codes of at most 11 bits when that is
// shorter, and the bytes as they are otherwise.

import { BitWriter, put } from './zstd-bits.ts'
import { FseSteps } from './zstd-fse.ts'
import { fseTable, highBit } from './zstd-tables.ts'

const MAX_LENGTH = 11
/** Longer descriptions of a tree cannot be told from direct ones. */
const MAX_TREE = 127
/** How often each weight is expected. One table for all trees: making one for each would save a few bytes. */
const WEIGHT_COUNTS = [26, 6, 6, 6, 5, 4, 3, 2, 2, 2, 1, 1]
const WEIGHT_LOG = 6
/** Below this the tree costs more than it saves. */
const LEAST_LITERALS = 64
/** More than this go into four streams, which decoders read side by side. */
const ONE_STREAM = 1023

/** Writes the literals section of bytes[0, size) at `to`; answers where it ended. */
export function putLiterals(bytes: Uint8Array, size: number, out: Uint8Array, to: number): number {
  if (size >= LEAST_LITERALS) {
    const end = putCoded(bytes, size, out, to)
    if (end !== undefined) return end
  }
  if (size < 32) out[to++] = size << 3
  else if (size < 4096) to = put(out, to, (size << 4) | (1 << 2), 2)
  else to = put(out, to, (size << 4) | (3 << 2), 3)
  out.set(bytes.subarray(0, size), to)
  return to + size
}

/** Undefined when that would not be shorter. */
function putCoded(bytes: Uint8Array, size: number, out: Uint8Array, to: number): number | undefined {
  const counts = new Uint32Array(256)
  let last = 0
  for (let i = 0; i < size; i++) {
    const byte = bytes[i]!
    counts[byte]!++
    if (byte > last) last = byte
  }
  // Two states describe at least two weights.
  if (last < 2) return undefined
  const lengths = codeLengths(counts, last)
  if (lengths === undefined) return undefined
  let bits = 0
  for (let symbol = 0; symbol <= last; symbol++) bits += counts[symbol]! * lengths[symbol]!
  const streams = size > ONE_STREAM ? 4 : 1
  const tree = treeOf(lengths, last)
  if (tree.length > MAX_TREE + 1) return undefined
  // Every stream ends in up to one byte of mark and padding.
  const atMost = tree.length + (streams === 4 ? 6 : 0) + (bits >> 3) + 2 * streams
  if (atMost >= size) return undefined

  const headerSize = streams === 1 ? 3 : size < 16384 ? 4 : 5
  const codes = codesOf(lengths, last)
  const body = to + headerSize
  out.set(tree, body)
  let at = body + tree.length
  if (streams === 1) at = putStream(bytes, 0, size, lengths, codes, out, at)
  else {
    const part = (size + 3) >> 2
    const jumps = at
    at += 6
    for (let stream = 0; stream < 4; stream++) {
      const start = at
      at = putStream(bytes, stream * part, Math.min(size, (stream + 1) * part), lengths, codes, out, at)
      if (stream < 3) put(out, jumps + 2 * stream, at - start, 2)
    }
  }
  putSizes(out, to, headerSize, size, at - body)
  return at
}

/** The weights of all symbols but the last one, which follows from them: in FSE, by two states that take turns. */
function treeOf(lengths: Uint8Array, last: number): Uint8Array {
  const out = new Uint8Array(512)
  out.set(WEIGHT_TABLE, 1)
  const maxLength = lengths.reduce((a, b) => Math.max(a, b))
  const writer = new BitWriter(out, 1 + WEIGHT_TABLE.length)
  const states = [-1, -1]
  for (let symbol = last - 1; symbol >= 0; symbol--) {
    const weight = lengths[symbol] === 0 ? 0 : maxLength + 1 - lengths[symbol]!
    states[symbol & 1] = WEIGHTS.step(writer, states[symbol & 1]!, weight)
  }
  writer.write(states[1]!, WEIGHT_LOG)
  writer.write(states[0]!, WEIGHT_LOG)
  writer.end()
  out[0] = writer.at - 1
  return out.subarray(0, writer.at)
}

/** The description of WEIGHT_COUNTS, as `readFseTable` reads it. */
function describeWeights(): Uint8Array {
  const writer = new BitWriter(new Uint8Array(16), 0)
  writer.write(WEIGHT_LOG - 5, 4)
  let left = 1 << WEIGHT_LOG
  for (const count of WEIGHT_COUNTS) {
    const bits = highBit(left + 1) + 1
    const low = (1 << (bits - 1)) - 1
    const small = (1 << bits) - 2 - left
    const value = count + 1
    if (value < small) writer.write(value, bits - 1)
    else writer.write(value > low ? value + small : value, bits)
    left -= count
  }
  writer.pad()
  return writer.out.subarray(0, writer.at)
}

/** The header: type 2, the format, both sizes in as many bits as there are. */
function putSizes(out: Uint8Array, to: number, headerSize: number, size: number, coded: number): void {
  const sizeBits = headerSize === 3 ? 10 : headerSize === 4 ? 14 : 18
  const format = headerSize - 3 + (headerSize === 3 ? 0 : 1)
  // 40 bits do not fit into a shift.
  let value = 2 + format * 4 + size * 16 + coded * 2 ** (4 + sizeBits)
  for (let i = 0; i < headerSize; i++) {
    out[to + i] = value % 256
    value = Math.floor(value / 256)
  }
}

/** A stream is read from its end: the last literal goes first. */
function putStream(
  bytes: Uint8Array,
  from: number,
  end: number,
  lengths: Uint8Array,
  codes: Uint16Array,
  out: Uint8Array,
  to: number,
): number {
  const writer = new BitWriter(out, to)
  for (let i = end - 1; i >= from; i--) writer.write(codes[bytes[i]!]!, lengths[bytes[i]!]!)
  writer.end()
  return writer.at
}

/** Lengths of Huffman codes of at most 11 bits; undefined for fewer than two symbols. */
function codeLengths(counts: Uint32Array, last: number): Uint8Array | undefined {
  const symbols: number[] = []
  for (let symbol = 0; symbol <= last; symbol++) if (counts[symbol]! > 0) symbols.push(symbol)
  if (symbols.length < 2) return undefined
  const weights = Float64Array.from(counts)
  for (;;) {
    const lengths = huffmanLengths(symbols, weights)
    if (lengths.reduce((a, b) => Math.max(a, b)) <= MAX_LENGTH) return lengths
    // Too deep: counts closer to each other make a flatter tree.
    for (const symbol of symbols) weights[symbol] = Math.ceil(weights[symbol]! / 4) + 1
  }
}

/** Leaves in the order of their counts and the nodes made of them are two queues: the lighter head is next. */
function huffmanLengths(symbols: readonly number[], counts: Float64Array): Uint8Array {
  const leaves = [...symbols].sort((a, b) => counts[a]! - counts[b]! || a - b)
  const total = 2 * leaves.length - 1
  const weights = leaves.map((symbol) => counts[symbol]!)
  const parents = new Uint16Array(total)
  let leaf = 0
  let node = leaves.length
  for (let made = leaves.length; made < total; made++) {
    let weight = 0
    for (let child = 0; child < 2; child++) {
      const isLeaf = leaf < leaves.length && (node >= made || weights[leaf]! <= weights[node]!)
      const taken = isLeaf ? leaf++ : node++
      parents[taken] = made
      weight += weights[taken]!
    }
    weights[made] = weight
  }
  const depths = new Uint8Array(total)
  for (let at = total - 2; at >= 0; at--) depths[at] = depths[parents[at]!]! + 1
  const lengths = new Uint8Array(256)
  leaves.forEach((symbol, at) => {
    lengths[symbol] = depths[at]!
  })
  return lengths
}

/** The codes that decoders derive from the lengths: longest first, by symbol. */
function codesOf(lengths: Uint8Array, last: number): Uint16Array {
  const codes = new Uint16Array(256)
  const maxLength = lengths.reduce((a, b) => Math.max(a, b))
  let at = 0
  for (let length = maxLength; length > 0; length--) {
    for (let symbol = 0; symbol <= last; symbol++) {
      if (lengths[symbol] !== length) continue
      codes[symbol] = at >> (maxLength - length)
      at += 1 << (maxLength - length)
    }
  }
  return codes
}

const WEIGHTS = new FseSteps(fseTable(WEIGHT_COUNTS, WEIGHT_LOG), WEIGHT_COUNTS.length)
const WEIGHT_TABLE = describeWeights()
