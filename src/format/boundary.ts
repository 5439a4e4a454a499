// A boundary object: the greatest id that garbage collection may already have deleted, as ASCII decimal digits without
// padding (format.md 12.2, BD-1). White space around the digits is tolerated.

import { encodeUtf8, readableText } from '../bytes/text.ts'
import { dataError } from '../errors.ts'

export function encodeBoundary(id: number): Uint8Array {
  return encodeUtf8(String(id))
}

export function decodeBoundary(bytes: Uint8Array, what: string): number {
  // A u64 has 20 digits; anything much longer is not worth decoding.
  const text = bytes.length > 256 ? '' : readableText(bytes).trim()
  if (!/^[0-9]+$/.test(text)) throw dataError('INVALID_BOUNDARY', `${what}: expected decimal digits`)
  const id = Number(text)
  if (!Number.isSafeInteger(id)) throw dataError('NUMBER_TOO_LARGE', `${what}: ${text} is larger than 2^53 - 1`)
  return id
}
