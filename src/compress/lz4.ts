// LZ4 blocks behind a u32 little-endian length. Ours both ways: a block is a page of code, the packages for it do not
// check their input, and their 256 KiB hash table costs more to clear than a 4 KiB block costs to compress.
//
//   sequence := token:u8 [literalLength:u8*] literals offset:u16le [matchLength:u8*]
//   token    := literal length << 4 | match length - 4; a nibble of 15 goes on in bytes until one is not 255
//   The last sequence ends after its literals: at least 5 of them, and no match starts in the last 12 bytes.

import { type Codec, damagedInput, tooLarge } from './codec.ts'

const MIN_MATCH = 4
const LAST_LITERALS = 5
const MATCH_LIMIT = 12
const HASH_BITS = 12

export const lz4: Codec = { name: 'lz4', compress, decompress }

function compress(raw: Uint8Array): Uint8Array {
  const size = raw.length
  const out = new Uint8Array(4 + size + Math.ceil(size / 255) + 16)
  out[0] = size
  out[1] = size >>> 8
  out[2] = size >>> 16
  out[3] = size >>> 24
  let to = 4
  /** Last position + 1 of each hash; 0 = none. */
  const seen = new Int32Array(1 << HASH_BITS)
  const matchEnd = size - LAST_LITERALS
  let anchor = 0
  let at = 0
  let misses = 0
  while (at < size - MATCH_LIMIT) {
    const word = raw[at]! | (raw[at + 1]! << 8) | (raw[at + 2]! << 16) | (raw[at + 3]! << 24)
    const hash = Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS)
    const from = seen[hash]! - 1
    seen[hash] = at + 1
    if (
      from < 0 ||
      at - from > 0xffff ||
      (raw[from]! | (raw[from + 1]! << 8) | (raw[from + 2]! << 16) | (raw[from + 3]! << 24)) !== word
    ) {
      // Bytes that do not repeat are stepped over faster and faster.
      at += 1 + (misses++ >> 6)
      continue
    }
    misses = 0
    let end = at + MIN_MATCH
    let other = from + MIN_MATCH
    while (end < matchEnd && raw[end] === raw[other]) {
      end++
      other++
    }
    const matchLength = end - at - MIN_MATCH
    to = putLiterals(raw, anchor, at, matchLength, out, to)
    out[to++] = at - from
    out[to++] = (at - from) >>> 8
    if (matchLength >= 15) to = putLength(matchLength - 15, out, to)
    at = end
    anchor = end
  }
  to = putLiterals(raw, anchor, size, 0, out, to)
  return out.slice(0, to)
}

function putLiterals(raw: Uint8Array, from: number, end: number, matchLength: number, out: Uint8Array, to: number) {
  const length = end - from
  out[to++] = (Math.min(length, 15) << 4) | Math.min(matchLength, 15)
  if (length >= 15) to = putLength(length - 15, out, to)
  if (length > 32) out.set(raw.subarray(from, end), to)
  else for (let i = 0; i < length; i++) out[to + i] = raw[from + i]!
  return to + length
}

function putLength(length: number, out: Uint8Array, to: number): number {
  for (; length >= 255; length -= 255) out[to++] = 255
  out[to++] = length
  return to
}

function decompress(stored: Uint8Array, maxSize: number): Uint8Array {
  const end = stored.length
  if (end < 5) throw damagedInput('lz4', `${end} bytes`)
  const size = (stored[0]! | (stored[1]! << 8) | (stored[2]! << 16) | (stored[3]! << 24)) >>> 0
  if (size > maxSize) throw tooLarge('lz4', size, maxSize)
  // One byte of length stands for at most 255 bytes.
  if (size > end * 256) throw damagedInput('lz4', `${end} bytes cannot hold ${size}`)
  const out = new Uint8Array(size)
  let at = 4
  let to = 0
  while (at < end) {
    const token = stored[at++]!
    let literals = token >> 4
    if (literals === 15) {
      for (let more = 255; more === 255; literals += more) {
        if (at >= end) throw damagedInput('lz4', `cut off at ${at}`)
        more = stored[at++]!
      }
    }
    if (at + literals > end || to + literals > size) throw damagedInput('lz4', `literals at ${at}`)
    if (literals > 32) out.set(stored.subarray(at, at + literals), to)
    else for (let i = 0; i < literals; i++) out[to + i] = stored[at + i]!
    at += literals
    to += literals
    if (at === end) break
    if (at + 2 > end) throw damagedInput('lz4', `cut off at ${at}`)
    const offset = stored[at]! | (stored[at + 1]! << 8)
    at += 2
    let length = token & 15
    if (length === 15) {
      for (let more = 255; more === 255; length += more) {
        if (at >= end) throw damagedInput('lz4', `cut off at ${at}`)
        more = stored[at++]!
      }
    }
    length += MIN_MATCH
    if (offset === 0 || offset > to || to + length > size) throw damagedInput('lz4', `match at ${at}`)
    for (let i = 0; i < length; i++) out[to + i] = out[to - offset + i]!
    to += length
  }
  if (to !== size) throw damagedInput('lz4', `${to} bytes came out, ${size} were declared`)
  return out
}
