// Raw Snappy blocks: varint length, then literals and copies. Compressing is snappyjs; decompressing is ours, because
// that package can be made to loop forever by a negative literal length.
//
//   element := tag:u8 ...   tag & 3 = 0: literal, length (tag >> 2) + 1, from 60 on in the next 1..4 bytes
//                                     1: copy, length 4..11, offset 11 bits     2: copy, length 1..64, offset u16le
//                                     3: copy, length 1..64, offset u32le

import snappyjs from 'snappyjs'
import { type Codec, damagedInput, tooLarge } from './codec.ts'

/** Three bytes make at most 64: a length beyond that is a lie, known before memory is taken for it. */
const MAX_RATIO = 32

export const snappy: Codec = { name: 'snappy', compress: (raw) => snappyjs.compress(raw), decompress }

function decompress(stored: Uint8Array, maxSize: number): Uint8Array {
  let size = 0
  let at = 0
  for (let shift = 0; ; shift += 7) {
    const byte = stored[at++]
    if (byte === undefined || shift > 28) throw damagedInput('snappy', 'length')
    size += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) break
  }
  if (size > maxSize) throw tooLarge('snappy', size, maxSize)
  if (size > stored.length * MAX_RATIO) throw damagedInput('snappy', `${stored.length} bytes cannot hold ${size}`)
  const out = new Uint8Array(size)
  let to = 0
  while (at < stored.length) {
    const tag = stored[at++]!
    const kind = tag & 3
    let length = (tag >> 2) + 1
    if (kind === 0) {
      if (length > 60) {
        const extra = length - 60
        if (at + extra > stored.length) throw damagedInput('snappy', `cut off at ${at}`)
        length = 1
        for (let i = 0; i < extra; i++) length += stored[at++]! * 2 ** (8 * i)
      }
      if (at + length > stored.length || to + length > size) throw damagedInput('snappy', `literal at ${at}`)
      if (length > 32) out.set(stored.subarray(at, at + length), to)
      else for (let i = 0; i < length; i++) out[to + i] = stored[at + i]!
      at += length
      to += length
      continue
    }
    let offset: number
    if (at + (kind === 3 ? 4 : kind) > stored.length) throw damagedInput('snappy', `cut off at ${at}`)
    if (kind === 1) {
      length = ((tag >> 2) & 7) + 4
      offset = ((tag >> 5) << 8) | stored[at++]!
    } else {
      offset = stored[at]! | (stored[at + 1]! << 8)
      at += 2
      if (kind === 3) {
        offset += stored[at]! * 0x10000 + stored[at + 1]! * 0x1000000
        at += 2
      }
    }
    if (offset === 0 || offset > to || to + length > size) throw damagedInput('snappy', `copy at ${at}`)
    for (let i = 0; i < length; i++) out[to + i] = out[to - offset + i]!
    to += length
  }
  if (to !== size) throw damagedInput('snappy', `${to} bytes came out, ${size} were declared`)
  return out
}
