// Our Zstandard encoder before three judges: our decoder, fzstd, and the runtime's own where it has one.

import * as zlib from 'node:zlib'
import { decompress as fzstd } from 'fzstd'
import { describe, expect, test } from 'vitest'
import { encodeUtf8 } from '../bytes/text.ts'
import { Random } from '../env/random.ts'
import { lz4 } from './lz4.ts'
import { decodeZstd } from './zstd-decode.ts'
import { encodeZstd } from './zstd-encode.ts'
import { frameAt } from './zstd-frame.ts'

const { zstdDecompressSync } = zlib as unknown as { zstdDecompressSync?: (stored: Uint8Array) => Uint8Array }

function judge(raw: Uint8Array): number {
  const frame = encodeZstd(raw)
  expect(Buffer.compare(decodeZstd(frame, raw.length), raw), 'our decoder').toBe(0)
  // fzstd stops short of an empty last block.
  if (raw.length > 0) expect(Buffer.compare(fzstd(frame), raw), 'fzstd').toBe(0)
  if (zstdDecompressSync !== undefined) expect(Buffer.compare(zstdDecompressSync(frame), raw), 'native').toBe(0)
  return frame.length
}

const rows = (count: number): Uint8Array =>
  encodeUtf8(
    Array.from({ length: count }, (_, i) => `{"id":${i * 7},"name":"user ${i % 37}","tags":["a","b${i % 5}"]}`).join(
      '\n',
    ),
  )

describe('zstd of our own', () => {
  test.each([
    0, 1, 5, 15, 16, 63, 64, 255, 256, 300, 1023, 1024, 1100, 4096, 16_383, 16_384, 65_791, 65_792, 131_071, 131_072,
    131_073, 400_000,
  ])('sizes: %i bytes of text, of noise, of one byte', (size) => {
    const text = rows(1 + (size >> 4)).subarray(0, size)
    const noise = new Random(size).bytes(size)
    judge(text)
    expect(judge(noise)).toBeLessThanOrEqual(size + 12 + 3 * Math.ceil(size / 131_072))
    judge(new Uint8Array(size).fill(97))
    judge(noise.map((byte) => 97 + (byte % 9)))
  })

  test('5,000 random mixtures of copies, text and noise', () => {
    for (let seed = 1; seed <= 5000; seed++) {
      const random = new Random(`zstd/${seed}`)
      try {
        judge(mixture(random, random.int(0, random.pick([40, 500, 5000, 20_000]))))
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
      }
    }
  })

  test('counts that would make a tree too deep', () => {
    // Fibonacci counts make the deepest Huffman tree there is.
    const bytes: number[] = []
    for (let symbol = 0, a = 1, b = 1; symbol < 18; symbol++, [a, b] = [b, a + b]) {
      for (let i = 0; i < a; i++) bytes.push(symbol)
    }
    const random = new Random(1)
    for (let i = bytes.length - 1; i > 0; i--) {
      const j = random.int(0, i)
      ;[bytes[i], bytes[j]] = [bytes[j]!, bytes[i]!]
    }
    expect(judge(Uint8Array.from(bytes))).toBeLessThan(bytes.length * 0.6)
  })

  test('matches across 128 KiB blocks, and the same offset again after a block that was stored as it is', () => {
    const noise = new Random(7).bytes(131_072)
    const both = new Uint8Array(5 * 131_072)
    for (const [i, part] of [
      rows(3000).subarray(0, 131_072),
      noise,
      noise,
      rows(3000).subarray(0, 131_072),
      noise,
    ].entries()) {
      both.set(part, i * 131_072)
    }
    expect(judge(both)).toBeLessThan(131_072 * 1.7)
  })

  test('a frame of any size asks for a window of at most 8 MiB, which every decoder has', () => {
    expect(windowOf(new Uint8Array(8 << 20))).toBe(8 << 20)
    expect(windowOf(new Uint8Array((8 << 20) + 1))).toBe(8 << 20)
    const large = new Uint8Array(129 << 20)
    expect(windowOf(large)).toBe(8 << 20)
    judge(large)
  })

  test('no match reaches back beyond the window', () => {
    const phrase = new Random('phrase').bytes(64)
    const other = new Random('other').bytes(64)
    const apart = (distance: number, second: Uint8Array) => {
      const bytes = new Uint8Array(distance + 64)
      bytes.set(phrase)
      bytes.set(second, distance)
      return judge(bytes)
    }
    expect(apart(8 << 20, phrase)).toBeLessThan(apart(8 << 20, other) - 40)
    expect(Math.abs(apart((8 << 20) + 1, phrase) - apart((8 << 20) + 1, other))).toBeLessThan(10)
    expect(Math.abs(apart(12 << 20, phrase) - apart(12 << 20, other))).toBeLessThan(10)
  })

  test('it is smaller than lz4 on what databases hold', () => {
    const block = rows(2000).subarray(0, 4096)
    expect(judge(block)).toBeLessThan(lz4.compress(block).length * 0.8)
    const large = rows(20_000)
    expect(judge(large)).toBeLessThan(lz4.compress(large).length * 0.8)
  })
})

/** What the frame of `raw` makes a decoder keep. */
function windowOf(raw: Uint8Array): number {
  const frame = encodeZstd(raw)
  expect(frameAt(frame, 0)).toMatchObject({ declared: raw.length, end: frame.length })
  const oneSegment = (frame[4]! & 32) !== 0
  return oneSegment ? raw.length : 2 ** (10 + (frame[5]! >> 3))
}

function mixture(random: Random, size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  for (let at = 0; at < size; ) {
    const length = Math.min(size - at, random.int(1, random.pick([8, 60, 400])))
    const kind = random.int(0, 3)
    if (kind === 0 && at > 0) {
      const from = random.int(0, at - 1)
      for (let i = 0; i < length; i++) bytes[at + i] = bytes[from + i]!
    } else {
      const width = random.pick([1, 4, 30, 128, 256])
      for (let i = 0; i < length; i++) bytes[at + i] = random.int(0, width - 1)
    }
    at += length
  }
  return bytes
}
