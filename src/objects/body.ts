// Bodies of writes: one buffer, or several back to back.

import { concatBytes, copyOf, equalBytes } from '../bytes/compare.ts'
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
