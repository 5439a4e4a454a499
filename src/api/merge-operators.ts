// Ready-made merge operators. Each is associative: operands may be combined with each other before a base is known,
// so a result is again a valid operand (features.md A.12).

import { compareBytes, concatBytes } from '../bytes/compare.ts'
import { decodeUtf8, encodeUtf8, parseJson } from '../bytes/text.ts'
import type { MergeFunction } from '../cursor/merge-operator.ts'
import { show } from '../errors.ts'

const MASK = 0xffffffffffffffffn

const writeJson = (value: unknown): Uint8Array => encodeUtf8(JSON.stringify(value))

/** The sum of two JSON numbers, as JSON. Integers are exact however large they grow, where floating point would stop. */
function jsonSum(a: Uint8Array, b: Uint8Array): Uint8Array {
  const texts = [decodeUtf8(a), decodeUtf8(b)] as const
  const numbers = [jsonNumber(a), jsonNumber(b)] as const
  const sum = numbers[0] + numbers[1]
  if (numbers.every(Number.isSafeInteger) && Number.isSafeInteger(sum)) return writeJson(sum)
  if (texts.every(isInteger)) return encodeUtf8(String(BigInt(texts[0].trim()) + BigInt(texts[1].trim())))
  if (!Number.isFinite(sum)) throw new RangeError(`${numbers[0]} + ${numbers[1]} is more than a JSON number can hold`)
  return writeJson(sum)
}

const isInteger = (text: string): boolean => /^\s*-?\d+\s*$/.test(text)

function jsonNumber(bytes: Uint8Array): number {
  const value = parseJson(bytes)
  if (typeof value !== 'number') throw new TypeError(`a counter holds a number, not ${show(value)}`)
  return value
}

function jsonArray(bytes: Uint8Array): unknown[] {
  const value = parseJson(bytes)
  return Array.isArray(value) ? value : [value]
}

function u64(bytes: Uint8Array): bigint {
  if (bytes.length !== 8) throw new TypeError(`a u64 has 8 bytes, not ${bytes.length}`)
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true)
}

type Json = Record<string, unknown>

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Fields of `patch` over those of `base`. Only the top level: a deep merge is not associative once a field changes
 * between object and something else. For the same reason a value that is no object takes no patches.
 */
function patched(base: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  if (!isObject(base)) return base
  // Object.fromEntries defines keys, so "__proto__" is a key like any other.
  return Object.fromEntries([...Object.entries(base), ...Object.entries(patch)])
}

/** Union in order of first appearance; elements are the same when their JSON is. */
function union(existing: unknown[], added: unknown[]): unknown[] {
  const seen = new Map<string, unknown>()
  for (const element of [...existing, ...added]) {
    const text = JSON.stringify(element)
    if (!seen.has(text)) seen.set(text, element)
  }
  return [...seen.values()]
}

const over =
  (combine: (existing: Uint8Array, operand: Uint8Array) => Uint8Array): MergeFunction =>
  (_key, existing, operand) =>
    existing === undefined ? operand : combine(existing, operand)

/** Merge operators for common jobs; use one as `mergeOperator` on open. */
export const mergeOperators = {
  /**
   * Adds JSON numbers: fits `valueEncoding: 'json'`. Integers are exact at any size; what `JSON.parse` makes of one beyond
   * 2^53 is rounded, the stored one is not.
   */
  counter: over(jsonSum),
  /** Adds unsigned 64-bit integers, little-endian; wraps around. */
  sumU64LE: over((a, b) => {
    const out = new Uint8Array(8)
    new DataView(out.buffer).setBigUint64(0, (u64(a) + u64(b)) & MASK, true)
    return out
  }),
  /** Keeps the greater one, compared as bytes. */
  max: over((a, b) => (compareBytes(a, b) >= 0 ? a : b)),
  /** Keeps the smaller one, compared as bytes. */
  min: over((a, b) => (compareBytes(a, b) <= 0 ? a : b)),
  /** Writes the operand behind what is there. */
  append: over((a, b) => concatBytes([a, b])),
  /**
   * Sets fields of a JSON object, at its top level; `null` is a value, not a deletion. An operand that is no object
   * replaces everything, and what is no object takes no patches.
   */
  jsonPatch: over((a, b) => writeJson(patched(parseJson(a), parseJson(b)))),
  /** Unites JSON arrays; an operand that is no array counts as one element. */
  setUnion: (_key: Uint8Array, existing: Uint8Array | undefined, operand: Uint8Array): Uint8Array =>
    writeJson(union(existing === undefined ? [] : jsonArray(existing), jsonArray(operand))),
} satisfies Readonly<Record<string, MergeFunction>>
