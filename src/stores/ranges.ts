// Byte ranges over HTTP: the header that asks, and the checks that the answer is what was asked for.

import { storeError } from '../errors.ts'
import { type ByteRange, resolveRange } from '../objects/store.ts'
import { rangeError, servedRange } from '../objects/store-range.ts'
import type { HttpReply } from './http-client.ts'

/** A server that ignores ranges may send a whole object this large; a larger one is refused, not buffered. */
export const WHOLE_OBJECT_LIMIT = 16 * 1024 * 1024

export function rangeHeader(range: ByteRange): string {
  if ('suffix' in range) return `bytes=-${range.suffix}`
  return range.end === undefined ? `bytes=${range.start}-` : `bytes=${range.start}-${range.end - 1}`
}

/** Bytes and whole size of an answer to a (ranged) GET. A wrong range is an error that is worth a retry (OS-17). */
export function rangedReply(
  path: string,
  range: ByteRange | undefined,
  reply: HttpReply,
): { bytes: Uint8Array; size: number } {
  const { bytes } = reply
  if (range === undefined) return { bytes, size: bytes.length }
  if (reply.status === 200) {
    const [start, end] = servedRange(path, range, bytes.length)
    return { bytes: bytes.slice(start, end), size: bytes.length }
  }
  const header = reply.headers.get('content-range') ?? ''
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(header.trim())
  if (match === null) throw storeError('Generic', path, 'the answer to a range has no usable Content-Range header')
  const [start, last, size] = [Number(match[1]), Number(match[2]), Number(match[3])]
  const [wantStart, wantEnd] = resolveRange(range, size)
  // Where 416 would be right, some servers send nothing and call it a part.
  if (wantStart >= size) throw rangeError(path, range, size)
  if (start !== wantStart || last + 1 !== wantEnd || bytes.length !== wantEnd - wantStart) {
    const got = `bytes ${start}-${last} of ${size} with ${bytes.length} bytes`
    throw storeError('Generic', path, `asked for bytes ${wantStart}-${wantEnd - 1}, the server sent ${got}`)
  }
  return { bytes, size }
}
