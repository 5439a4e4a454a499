// RFC 1950 streams: native where there is one, fflate elsewhere.

import { native } from '#native'
import { isSlateDBError } from '../errors.ts'
import { type Codec, type Decompress, damagedInput, tooLarge } from './codec.ts'

/** Deflate makes at most 1032 bytes of one, so the output is checked against its limit often enough. */
const STEP = 1024

export async function loadZlib(): Promise<Codec> {
  const { inflate, deflate } = native
  if (inflate !== undefined && deflate !== undefined) {
    return { name: 'zlib', compress: deflate, decompress: guarded(inflate) }
  }
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
      if (!ended) throw damagedInput('zlib', 'cut off')
      const out = new Uint8Array(size)
      let to = 0
      for (const chunk of chunks) {
        out.set(chunk, to)
        to += chunk.length
      }
      return out
    }),
  }
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
