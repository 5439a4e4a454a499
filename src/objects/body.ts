// Bodies of writes: one buffer, or several back to back.

import { concatBytes, equalBytes } from '../bytes/compare.ts'
import { copyOf } from '../bytes/copy.ts'
import { type Body, bodySize } from './store.ts'

/** One buffer with the bytes of `body` that nobody else can change. */
export function copyBody(body: Body): Uint8Array {
  if (body instanceof Uint8Array) return copyOf(body)
  // One part would come back from concatBytes as it is, not as a copy.
  return body.length === 1 ? copyOf(body[0]!) : concatBytes(body)
}

export function equalBodies(bytes: Uint8Array, body: Body): boolean {
  if (bytes.length !== bodySize(body)) return false
  let at = 0
  for (const part of body instanceof Uint8Array ? [body] : body) {
    if (!equalBytes(bytes.subarray(at, at + part.length), part)) return false
    at += part.length
  }
  return true
}

/** A body that is kept in the parts it came in: joining them would cost more than writing them did. */
export class KeptBody {
  readonly size: number
  readonly #parts: readonly Uint8Array[]
  /** Where each part begins: a table has thousands, and reads go to one or two of them. */
  readonly #starts: Float64Array

  constructor(body: Body) {
    this.#parts = body instanceof Uint8Array ? [body] : body
    this.#starts = new Float64Array(this.#parts.length)
    let size = 0
    for (let i = 0; i < this.#parts.length; i++) {
      this.#starts[i] = size
      size += this.#parts[i]!.length
    }
    this.size = size
  }

  /** A copy of bytes [start, end), which lie inside. */
  read(start: number, end: number): Uint8Array {
    const out = new Uint8Array(end - start)
    for (let i = this.#partAt(start), at = start; at < end; i++) {
      const from = at - this.#starts[i]!
      const piece = this.#parts[i]!.subarray(from, from + end - at)
      out.set(piece, at - start)
      at += piece.length
    }
    return out
  }

  #partAt(position: number): number {
    let low = 0
    let high = this.#starts.length
    while (low + 1 < high) {
      const middle = (low + high) >>> 1
      if (this.#starts[middle]! <= position) low = middle
      else high = middle
    }
    return low
  }
}
