// Codecs: what one encoder makes, every decoder of the format reads; what two decoders accept of damaged input is the same.

import * as zlib from 'node:zlib'
import { decompress as fzstd } from 'fzstd'
import lz4js from 'lz4js'
import snappyjs from 'snappyjs'
import { concatBytes } from '../../../src/bytes/compare.ts'
import { type CodecName, loadCodec } from '../../../src/compress/codec.ts'
import { loadPortableZlib } from '../../../src/compress/zlib.ts'
import { decodeZstd } from '../../../src/compress/zstd-decode.ts'
import { encodeZstd } from '../../../src/compress/zstd-encode.ts'
import type { Random } from '../../../src/env/random.ts'
import { mutate, someSize } from '../mutate.ts'
import { type Case, must, mustEqual, type Target } from '../target.ts'

const LIMIT = 1 << 20

const { zstdDecompressSync } = zlib as unknown as { zstdDecompressSync?: (stored: Uint8Array) => Uint8Array }

type Decode = (stored: Uint8Array) => Uint8Array

interface CodecFuzz {
  readonly name: CodecName
  /** Stored forms of `raw` by various encoders and settings. */
  readonly encoders: readonly ((raw: Uint8Array, random: Random) => Uint8Array)[]
  /** Other decoders, of ours and of other hands. They may be stricter; what they give is the same. */
  readonly others: readonly Decode[]
  /** Input that no encoder makes. */
  readonly wild: (random: Random) => Uint8Array
}

function codecTarget({ name, encoders, others, wild }: CodecFuzz): Target {
  return {
    name,
    async make(random): Promise<Case> {
      const { decompress } = await loadCodec(name)
      const raw = contentOf(random)
      const valid = random.chance(0.3)
      const stored = valid || random.chance(0.6) ? random.pick(encoders)(raw, random) : wild(random)
      const input = valid ? stored : mutate(random, stored)
      const maxSize = valid ? raw.length : random.chance(0.8) ? LIMIT : random.int(0, 2000)
      return {
        input,
        valid,
        allowance: maxSize,
        run() {
          const out = decompress(input, maxSize)
          must(out.length <= maxSize, `${out.length} bytes came out, the limit was ${maxSize}`)
          if (valid) mustEqual(out, raw, 'what was compressed')
          for (const decode of others) {
            const theirs = attempt(() => decode(input))
            if (theirs !== undefined) mustEqual(out, theirs, 'ours and another decoder')
            else must(!valid, 'another decoder refuses what an encoder made')
          }
        },
      }
    },
  }
}

function attempt(work: () => Uint8Array): Uint8Array | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}

/** Runs, words, noise, and what stood before, near and far. */
function contentOf(random: Random): Uint8Array {
  const out = new Uint8Array(someSize(random, random.pick([60, 5000]), 300_000))
  const words = Array.from({ length: 8 }, () => random.bytes(random.int(1, 12)))
  for (let at = 0; at < out.length; ) {
    const way = random.int(0, 3)
    const piece =
      way === 0
        ? random.bytes(random.int(1, 40))
        : way === 1
          ? new Uint8Array(random.int(1, 300)).fill(random.int(0, 3))
          : way === 2 && at > 4
            ? out.slice(random.int(0, at - 1), at).subarray(0, random.int(1, 600))
            : random.pick(words)
    out.set(piece.subarray(0, out.length - at), at)
    at += piece.length
  }
  return out
}

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))]

const snappy = codecTarget({
  name: 'snappy',
  encoders: [(raw) => snappyjs.compress(raw)],
  others: [(stored) => new Uint8Array(snappyjs.uncompress(stored))],
  wild(random) {
    const parts: number[] = []
    let size = 0
    for (let n = random.int(1, 30); n > 0; n--) {
      const length = random.int(1, 60)
      if (size === 0 || random.chance(0.3)) {
        parts.push((length - 1) << 2, ...random.bytes(length))
        size += length
      } else if (random.chance(0.5)) {
        const offset = random.int(1, Math.min(size, 2047))
        const short = random.int(4, 11)
        parts.push(1 | ((short - 4) << 2) | ((offset >> 8) << 5), offset & 255)
        size += short
      } else {
        const offset = random.int(1, Math.min(size, 0xffff))
        parts.push(2 | ((length - 1) << 2), offset & 255, offset >> 8)
        size += length
      }
    }
    return Uint8Array.from([...varint(size), ...parts])
  },
})

const lz4 = codecTarget({
  name: 'lz4',
  encoders: [(raw) => compressLz4(raw)],
  others: [
    (stored) => {
      const out = new Uint8Array(new DataView(stored.buffer, stored.byteOffset).getUint32(0, true))
      const length = lz4js.decompressBlock(stored, out, 4, stored.length - 4, 0)
      if (length !== out.length) throw new Error('short')
      return out
    },
  ],
  wild(random) {
    const parts: number[] = []
    let size = 0
    const long = (length: number): number[] => (length >= 255 ? [255, ...long(length - 255)] : [length])
    for (let n = random.int(0, 20); n >= 0; n--) {
      const literals = random.int(size === 0 ? 1 : 0, random.pick([3, 20, 400]))
      const match = random.int(4, random.pick([6, 30, 700]))
      parts.push((Math.min(15, literals) << 4) | (n === 0 ? 0 : Math.min(15, match - 4)))
      if (literals >= 15) parts.push(...long(literals - 15))
      parts.push(...random.bytes(literals))
      size += literals
      if (n === 0) break
      const offset = random.int(1, Math.min(size, 0xffff))
      parts.push(offset & 255, offset >> 8)
      if (match - 4 >= 15) parts.push(...long(match - 19))
      size += match
    }
    return Uint8Array.from([size & 255, (size >> 8) & 255, size >> 16, 0, ...parts])
  },
})

const { compress: compressLz4 } = await loadCodec('lz4')
const zlibCodec = await loadCodec('zlib')
const portableZlib = await loadPortableZlib()

const deflated = (raw: Uint8Array, random: Random): Uint8Array =>
  new Uint8Array(
    zlib.deflateSync(raw, {
      level: random.int(0, 9),
      strategy: random.pick([
        zlib.constants.Z_DEFAULT_STRATEGY,
        zlib.constants.Z_FIXED,
        zlib.constants.Z_HUFFMAN_ONLY,
        zlib.constants.Z_RLE,
      ]),
    }),
  )

const zlibTarget = codecTarget({
  name: 'zlib',
  encoders: [deflated, (raw) => zlibCodec.compress(raw), (raw) => portableZlib.compress(raw)],
  // Native decoders pass over bytes behind the stream, the portable one refuses them.
  others: [(stored) => portableZlib.decompress(stored, LIMIT), (stored) => new Uint8Array(zlib.inflateSync(stored))],
  wild: (random) => Uint8Array.from([0x78, 0x9c, ...random.bytes(random.int(0, 60))]),
})

/** A frame of raw blocks and runs, with the header fields that our encoder does not use. */
function frameOf(random: Random): Uint8Array {
  const blocks: number[] = []
  let size = 0
  for (let n = random.int(0, 6); n >= 0; n--) {
    const last = n === 0 ? 1 : 0
    const length = random.int(0, random.pick([5, 200]))
    if (random.chance(0.5)) blocks.push(((length << 3) | 2 | last) & 255, length >> 5, 0, random.int(0, 255))
    else blocks.push(((length << 3) | last) & 255, length >> 5, 0, ...random.bytes(length))
    size += length
  }
  const magic = [0x28, 0xb5, 0x2f, 0xfd]
  const header = random.pick([
    [0x00, 0x58],
    [0x80, 0x58, size & 255, (size >> 8) & 255, 0, 0],
    [0xa0, size & 255, (size >> 8) & 255, 0, 0],
    [0xc0, 0x58, size & 255, (size >> 8) & 255, 0, 0, 0, 0, 0, 0],
  ])
  return Uint8Array.from([...magic, ...header, ...blocks])
}

const skipped = (random: Random): Uint8Array => {
  const length = random.int(0, 9)
  return Uint8Array.from([0x50 + random.int(0, 15), 0x2a, 0x4d, 0x18, length, 0, 0, 0, ...random.bytes(length)])
}

const zstd = codecTarget({
  name: 'zstd',
  encoders: [
    (raw) => encodeZstd(raw),
    (raw) => zstdCodec.compress(raw),
    (raw, random) => {
      const middle = random.int(0, raw.length)
      return concatBytes([encodeZstd(raw.subarray(0, middle)), encodeZstd(raw.subarray(middle))])
    },
  ],
  // A checksum in the frame, which only native decoders look at, makes them stricter.
  others: [(stored) => decodeZstd(stored, LIMIT), ...(zstdDecompressSync === undefined ? [] : [oneFrameNative])],
  wild: (random) =>
    concatBytes(
      Array.from({ length: random.int(1, 4) }, () => (random.chance(0.2) ? skipped(random) : frameOf(random))),
    ),
})

const zstdCodec = await loadCodec('zstd')

/** It stops behind the first frame, so it is asked about frames that are alone. */
function oneFrameNative(stored: Uint8Array): Uint8Array {
  const out = zstdDecompressSync!(stored)
  const ours = decodeZstd(stored, LIMIT)
  if (out.length < ours.length) return ours
  return out
}

/** A decoder of another hand, for what ours and other encoders make. */
const zstdOthers: Target = {
  name: 'zstd-encoders',
  make(random) {
    const raw = contentOf(random)
    const input = random.pick([encodeZstd, zstdCodec.compress])(raw)
    return {
      input,
      valid: true,
      allowance: raw.length,
      run() {
        mustEqual(decodeZstd(input, raw.length), raw, 'decoded')
        // fzstd stops short of an empty last block.
        if (raw.length > 0) mustEqual(fzstd(input), raw, 'decoded by another hand')
      },
    }
  },
}

export const codecTargets: readonly Target[] = [snappy, lz4, zlibTarget, zstd, zstdOthers]
