import { deflateSync, inflateSync } from 'node:zlib'
import { decompress as fzstd } from 'fzstd'
import lz4js from 'lz4js'
import snappyjs from 'snappyjs'
import { describe, expect, test, vi } from 'vitest'
import { Random } from '../env/random.ts'
import { isSlateDBError } from '../errors.ts'
import { type CodecName, loadCodec, loadDecompress } from './codec.ts'
import { decodeZstd } from './zstd-decode.ts'
import { frameAt } from './zstd-frame.ts'

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

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd]
const SKIPPED = [0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9]
const rawBlock = (last: number, ...bytes: number[]) => [(bytes.length << 3) | last, 0, 0, ...bytes]
const rawFrame = (...bytes: number[]) => [...MAGIC, 0x20, bytes.length, ...rawBlock(1, ...bytes)]
/** `blocks` blocks of 128 KiB of one byte. */
const runFrame = (blocks: number) => [
  ...MAGIC,
  0,
  0x58,
  ...Array.from({ length: blocks }, (_, i) => [i === blocks - 1 ? 3 : 2, 0, 0x10, 7]).flat(),
]

test('zstd: frames in a row, skippable ones, without content size, with checksum', () => {
  const bytes = [
    ...SKIPPED,
    ...MAGIC,
    0x04,
    0x00,
    ...rawBlock(0, 1, 2),
    ...rawBlock(1, 3),
    1,
    2,
    3,
    4,
    ...SKIPPED,
    ...rawFrame(4, 5),
  ]
  expect([...decodeZstd(new Uint8Array(bytes), 5)]).toEqual([1, 2, 3, 4, 5])
  expect(() => decodeZstd(new Uint8Array(bytes), 4)).toThrow()
})

test('zstd: many frames copy each byte of their output no more than once', () => {
  const frames = new Uint8Array([...runFrame(8), ...Array.from({ length: 300 }, (_, i) => rawFrame(i & 0xff)).flat()])
  const copied = vi.spyOn(Uint8Array.prototype, 'set')
  const sliced = vi.spyOn(Uint8Array.prototype, 'slice')
  const out = decodeZstd(frames, 2 << 20)
  const bytes = copied.mock.calls.reduce((sum, [source]) => sum + (source as ArrayLike<number>).length, 0)
  const more = sliced.mock.results.reduce((sum, result) => sum + (result.value as Uint8Array).length, 0)
  vi.restoreAllMocks()
  expect(out.length).toBe((1 << 20) + 300)
  expect([...out.subarray(-2)]).toEqual([42, 43])
  expect(bytes + more).toBeLessThanOrEqual(out.length)
})

test('zstd: a match does not reach into the frame before', () => {
  // No literals and one sequence, its three codes constant: three bytes again from one byte back.
  const repeat = [(7 << 3) | 5, 0, 0, 0x00, 0x01, 0x54, 0x00, 0x02, 0x00, 0x04]
  const oneFrame = [...MAGIC, 0, 0x58, ...rawBlock(0, 1, 2, 3), ...repeat]
  expect([...decodeZstd(new Uint8Array(oneFrame), 100)]).toEqual([1, 2, 3, 3, 3, 3])
  const twoFrames = [...rawFrame(1, 2, 3), ...MAGIC, 0, 0x58, ...repeat]
  expect(() => decodeZstd(new Uint8Array(twoFrames), 100)).toThrow(/a match before the beginning/)
})

describe('zstd where the runtime has its own', () => {
  /** As that of Node 24: it stops behind the first frame, and skips none. */
  const zstdDecompress = vi.fn((stored: Uint8Array) => decodeZstd(stored.subarray(0, frameAt(stored, 0).end), 1 << 20))
  const withNative = async () => {
    vi.resetModules()
    vi.doMock('#native', () => ({ native: { zstdDecompress } }))
    const { zstdDecompress: decompress } = await import('./zstd.ts')
    vi.doUnmock('#native')
    vi.resetModules()
    zstdDecompress.mockClear()
    return decompress
  }

  test('several frames are all read, as everywhere', async () => {
    const decompress = await withNative()
    expect([...decompress(new Uint8Array([...rawFrame(1, 2), ...rawFrame(3)]), 9)]).toEqual([1, 2, 3])
    expect([...decompress(new Uint8Array([...SKIPPED, ...rawFrame(3)]), 9)]).toEqual([3])
    expect([...decompress(new Uint8Array([...rawFrame(3), ...SKIPPED]), 9)]).toEqual([3])
    expect(zstdDecompress).not.toHaveBeenCalled()
    expect([...decompress(new Uint8Array(rawFrame(3)), 9)]).toEqual([3])
    expect(zstdDecompress).toHaveBeenCalledTimes(1)
  })

  test.each([
    ['nothing', []],
    ['bytes behind the frame', [...rawFrame(3), 1, 2, 3]],
    ['a second frame that is cut off', [...rawFrame(3), ...rawFrame(4).slice(0, -1)]],
    ['more than there may be', rawFrame(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)],
  ])('%s: a Data error, as everywhere', async (_, bytes) => {
    const decompress = await withNative()
    expect(() => decompress(new Uint8Array(bytes), 9)).toThrow(expect.objectContaining({ kind: 'Data' }))
  })

  test('a window beyond 128 MiB, which it would refuse, is read by the other one', async () => {
    const decompress = await withNative()
    // One segment of 129 MiB in runs, as encoders of this package wrote it once.
    const blocks = runFrame(129 * 8).slice(6)
    const frame = new Uint8Array([...MAGIC, 0xa0, 0, 0, 0x10, 8, ...blocks])
    expect(decompress(frame, 200 << 20).length).toBe(129 << 20)
    expect(zstdDecompress).not.toHaveBeenCalled()
  })
})

test('zlib without anything native: a stream that ends early, and a wrong checksum', async () => {
  vi.resetModules()
  vi.doMock('#native', () => ({ native: {} }))
  const { loadZlib } = await import('./zlib.ts')
  const { decompress } = await loadZlib()
  vi.doUnmock('#native')
  vi.resetModules()
  const stored = new Uint8Array(deflateSync(new Uint8Array([1, 2, 3, 200])))
  expect([...decompress(stored, 9)]).toEqual([1, 2, 3, 200])
  const data = expect.objectContaining({ kind: 'Data' })
  for (let length = 0; length < stored.length; length++) {
    expect(() => decompress(stored.slice(0, length), 9), `${length} bytes`).toThrow(data)
  }
  const wrong = stored.slice()
  wrong[wrong.length - 1]! ^= 1
  expect(() => decompress(wrong, 9)).toThrow(data)
  const long = sample(new Random('adler'), 200_000).map((byte) => byte | 0xf0)
  same(decompress(new Uint8Array(deflateSync(long)), 200_000), long)
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
