import { deflateSync, inflateSync } from 'node:zlib'
import { decompress as fzstd } from 'fzstd'
import lz4js from 'lz4js'
import snappyjs from 'snappyjs'
import { describe, expect, test, vi } from 'vitest'
import { Random } from '../env/random.ts'
import { isSlateDBError } from '../errors.ts'
import { type CodecName, loadCodec, loadDecompress } from './codec.ts'
import { decodeZstd } from './zstd-decode.ts'

const CODECS: CodecName[] = ['none', 'snappy', 'zlib', 'lz4', 'zstd']

/** Texts of many kinds: runs, repeats near and far, noise, words. */
function sample(random: Random, size: number): Uint8Array {
  const out = new Uint8Array(size)
  const kind = random.int(0, 4)
  const words = Array.from({ length: 20 }, () => random.bytes(random.int(1, 12)))
  for (let at = 0; at < size; ) {
    const piece =
      kind === 0
        ? random.bytes(64)
        : kind === 1
          ? new Uint8Array(random.int(1, 300)).fill(random.int(0, 3))
          : kind === 2
            ? random.pick(words)
            : kind === 3 && at > 8 && random.chance(0.7)
              ? out.slice(random.int(0, at - 4), at)
              : random.bytes(random.int(1, 20)).map((byte) => 97 + (byte & 7))
    out.set(piece.subarray(0, size - at), at)
    at += piece.length
  }
  return out
}

function same(actual: Uint8Array, expected: Uint8Array): void {
  expect(Buffer.compare(actual, expected)).toBe(0)
}

describe.each(CODECS)('%s', (name) => {
  test('there and back', async () => {
    const codec = await loadCodec(name)
    const random = new Random(`codec ${name}`)
    for (let i = 0; i < 120; i++) {
      const raw = sample(random, i < 20 ? i : random.pick([100, 4096, 4096, 70_000, 300_000]))
      const stored = codec.compress(raw)
      same(codec.decompress(stored, raw.length), raw)
      if (raw.length > 0)
        expect(() => codec.decompress(stored, raw.length - 1)).toThrow(/at most|larger|declared|zlib|zstd/)
    }
  })

  test('damage: a Data error or some bytes, soon', async () => {
    const codec = await loadCodec(name)
    const random = new Random(`damage ${name}`)
    for (let i = 0; i < 1500; i++) {
      const raw = sample(random, random.pick([20, 300, 4096]))
      const stored = codec.compress(raw).slice()
      const cut = random.chance(0.3) ? stored.slice(0, random.int(0, stored.length)) : stored
      for (let n = random.int(0, 4); n > 0 && cut.length > 0; n--)
        cut[random.int(0, cut.length - 1)] = random.int(0, 255)
      try {
        expect(codec.decompress(cut, 1 << 20).length).toBeLessThanOrEqual(1 << 20)
      } catch (error) {
        if (!isSlateDBError(error) || error.kind !== 'Data') throw error
      }
    }
  })

  test('noise', async () => {
    const decompress = await loadDecompress(name)
    const random = new Random(`noise ${name}`)
    for (let i = 0; i < 3000; i++) {
      const noise = random.bytes(random.int(0, 60))
      if (name === 'zstd' && noise.length > 8) noise.set([0x28, 0xb5, 0x2f, 0xfd, random.pick([0x20, 0, 0x60])])
      try {
        decompress(noise, 1 << 20)
      } catch (error) {
        if (!isSlateDBError(error) || error.kind !== 'Data') throw error
      }
    }
  })
})

test('zlib reads and is read by others', async () => {
  const codec = await loadCodec('zlib')
  const raw = sample(new Random('zlib'), 5000)
  same(codec.decompress(new Uint8Array(deflateSync(raw, { level: 1 })), 5000), raw)
  same(new Uint8Array(inflateSync(codec.compress(raw))), raw)
})

test('other decoders agree', async () => {
  const random = new Random('oracles')
  const [snappy, lz4, zstd] = await Promise.all([loadCodec('snappy'), loadCodec('lz4'), loadCodec('zstd')])
  for (let i = 0; i < 200; i++) {
    const raw = sample(random, random.pick([1, 12, 13, 14, 100, 4096, 4096, 66_000]))
    same(snappyjs.uncompress(snappy.compress(raw)), raw)
    const stored = lz4.compress(raw)
    const out = new Uint8Array(raw.length)
    expect(lz4js.decompressBlock(stored, out, 4, stored.length - 4, 0)).toBe(raw.length)
    same(out, raw)
    const frame = zstd.compress(raw)
    same(fzstd(frame), raw)
    same(decodeZstd(frame, raw.length), raw)
  }
})

test('LZ4 blocks of another encoder', async () => {
  const random = new Random('lz4js')
  const { decompress } = await loadCodec('lz4')
  for (let i = 0; i < 100; i++) {
    const raw = sample(random, random.pick([100, 4096, 66_000]))
    const block = new Uint8Array(raw.length * 2 + 100)
    const length = lz4js.compressBlock(raw, block, 0, raw.length, new Uint32Array(1 << 16))
    if (length === 0) continue
    const stored = new Uint8Array(4 + length)
    new DataView(stored.buffer).setUint32(0, raw.length, true)
    stored.set(block.subarray(0, length), 4)
    same(decompress(stored, raw.length), raw)
  }
})

describe('lies and bombs cost nothing', () => {
  const varint = (value: number): number[] =>
    value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))]
  test.each<[string, CodecName, number[]]>([
    ['4 GiB declared', 'snappy', [...varint(0xffffffff), 0, 0]],
    ['more than the input can hold', 'snappy', [...varint(500_000_000), 0, 0]],
    ['a literal of almost 4 GiB', 'snappy', [5, 0xfc, 0xfa, 0xff, 0xff, 0xff, 1, 2, 3]],
    ['4 GiB declared', 'lz4', [0xff, 0xff, 0xff, 0xff, 0x10, 1]],
    ['more than the input can hold', 'lz4', [0, 0, 0, 0x10, 0x10, 1]],
    ['a match of itself', 'lz4', [20, 0, 0, 0, 0x1f, 1, 0, 0, 0]],
    ['4 GiB declared', 'zstd', [0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0xff, 0xff, 0xff, 0xff, 1, 0, 0]],
    ['2^60 declared', 'zstd', [0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x10, 1, 0, 0]],
    ['more than the blocks can hold', 'zstd', [0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0x10, 1, 0, 0]],
  ])('%s: %s', async (_, name, bytes) => {
    const decompress = await loadDecompress(name)
    expect(() => decompress(new Uint8Array(bytes), 513 * 1024 * 1024)).toThrow(
      expect.objectContaining({ kind: 'Data' }),
    )
  })

  test('a zlib bomb stops at the limit', async () => {
    const bomb = new Uint8Array(deflateSync(new Uint8Array(200 << 20)))
    const decompress = await loadDecompress('zlib')
    expect(() => decompress(bomb, 1 << 20)).toThrow(expect.objectContaining({ kind: 'Data' }))
  })

  test('a zstd bomb of runs stops at the limit', () => {
    const block = [((131072 << 3) & 0xff) | 2, ((131072 << 3) >> 8) & 0xff, (131072 << 3) >> 16, 7]
    const bomb = new Uint8Array([
      0x28,
      0xb5,
      0x2f,
      0xfd,
      0,
      0x58,
      ...Array.from({ length: 1000 }, () => block).flat(),
      1,
      0,
      0,
    ])
    expect(() => decodeZstd(bomb, 1 << 20)).toThrow(expect.objectContaining({ kind: 'Data' }))
    expect(decodeZstd(bomb, 200 << 20).length).toBe(1000 * 131072)
  })

  test('a Huffman tree whose code takes no bits does not go on for ever', () => {
    // One weight has all probability: log 5, count 32 of symbol 0 -> value 33 in 6 bits, then an empty stream.
    const tree = [3, 0x10, 0x02, 0x80]
    const literals = [0x06 | (4 << 4), ((tree.length + 2) << 6) & 0xc0, (tree.length + 2) >> 2, ...tree, 0x80, 0x80]
    const size = literals.length + 1
    const frame = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 100, ((size << 3) & 0xff) | 5, size >> 5, 0, ...literals, 0]
    expect(() => decodeZstd(new Uint8Array(frame), 1000)).toThrow(expect.objectContaining({ kind: 'Data' }))
  })
})

test('zstd: frames in a row, skippable ones, without content size, with checksum', () => {
  const raw = (last: number, ...bytes: number[]) => [(bytes.length << 3) | last, 0, 0, ...bytes]
  const magic = [0x28, 0xb5, 0x2f, 0xfd]
  const skip = [0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9]
  const bytes = [
    ...skip,
    ...magic,
    0x04,
    0x00,
    ...raw(0, 1, 2),
    ...raw(1, 3),
    1,
    2,
    3,
    4,
    ...skip,
    ...magic,
    0x20,
    2,
    ...raw(1, 4, 5),
  ]
  expect([...decodeZstd(new Uint8Array(bytes), 5)]).toEqual([1, 2, 3, 4, 5])
  expect(() => decodeZstd(new Uint8Array(bytes), 4)).toThrow()
})

test('the same without anything native', async () => {
  vi.resetModules()
  vi.doMock('#native', () => ({ native: {} }))
  const fresh = await import('./codec.ts')
  const random = new Random('no native')
  for (const name of CODECS) {
    const usual = await loadCodec(name)
    // The WebAssembly of zstd is loaded once per process, and this is a second copy of our modules.
    const codec = name === 'zstd' ? { ...usual, decompress: decodeZstd } : await fresh.loadCodec(name)
    for (let i = 0; i < 20; i++) {
      const raw = sample(random, random.pick([0, 10, 4096, 200_000]))
      same(codec.decompress(usual.compress(raw), raw.length), raw)
      same(usual.decompress(codec.compress(raw), raw.length), raw)
    }
  }
  const zlib = await fresh.loadDecompress('zlib')
  const stored = new Uint8Array(deflateSync(new Uint8Array(50 << 20)))
  expect(() => zlib(stored, 1 << 20)).toThrow(expect.objectContaining({ kind: 'Data' }))
  expect(() => zlib(stored.slice(0, 9), 1 << 20)).toThrow(expect.objectContaining({ kind: 'Data' }))
  vi.doUnmock('#native')
  vi.resetModules()
})
