// RFC 1950 streams: native where there is one, fflate elsewhere.

import { native } from '#native'
import { getU32 } from '../bytes/writer.ts'
import { isSlateDBError } from '../errors.ts'
import { type Codec, type Decompress, damagedInput, tooLarge } from './codec.ts'

/** Deflate makes at most 1032 bytes of one, so the output is checked against its limit often enough. */
const STEP = 1024

export async function loadZlib(): Promise<Codec> {
  const { inflate, deflate } = native
  if (inflate !== undefined && deflate !== undefined) {
    return { name: 'zlib', compress: deflate, decompress: guarded(inflate) }
  }
  return loadPortableZlib()
}

/** What runtimes without a native one use. */
export async function loadPortableZlib(): Promise<Codec> {
  const { zlibSync, Unzlib } = await import('fflate')
  return {
    name: 'zlib',
    compress: (raw) => zlibSync(raw, { level: 6 }),
    decompress: guarded((stored, maxSize) => {
      const chunks: Uint8Array[] = []
      let size = 0
      let ended = false
      const stream = new Unzlib((chunk, final) => {
        size += chunk.length
        if (size > maxSize) throw tooLarge('zlib', size, maxSize)
        chunks.push(chunk)
        ended = final
      })
      for (let at = 0; at < stored.length; at += STEP) {
        stream.push(stored.slice(at, at + STEP), at + STEP >= stored.length)
      }
      // Given an end of input where a block ends, fflate takes it for the end of the stream; it reads no checksum either.
      if (!ended || stored.length < 6) throw damagedInput('zlib', 'cut off')
      const out = new Uint8Array(size)
      let to = 0
      for (const chunk of chunks) {
        out.set(chunk, to)
        to += chunk.length
      }
      if (adler32(out) !== getU32(stored, stored.length - 4)) throw damagedInput('zlib', 'the checksum is wrong')
      return out
    }),
  }
}

/** The checksum at the end of a stream. */
function adler32(bytes: Uint8Array): number {
  let a = 1
  let b = 0
  for (let at = 0; at < bytes.length; ) {
    // As many as keep both sums below 2^31.
    const end = Math.min(bytes.length, at + 3800)
    for (; at < end; at++) b += a += bytes[at]!
    a %= 65_521
    b %= 65_521
  }
  return b * 0x10000 + a
}

function guarded(decompress: Decompress): Decompress {
  return (stored, maxSize) => {
    try {
      return decompress(stored, maxSize)
    } catch (error) {
      throw isSlateDBError(error) ? error : damagedInput('zlib', String((error as Error).message), error)
    }
  }
}
