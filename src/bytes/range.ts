// Ranges of keys. A range may be empty; nothing here throws for one, callers that must refuse it ask `isEmptyRange`.

import { invalid, show } from '../errors.ts'
import { compareBytes, compareRange, EMPTY } from './compare.ts'
import { copyOf } from './copy.ts'

export interface Bound {
  readonly key: Uint8Array
  readonly inclusive: boolean
}

/** `undefined` = unbounded on that side. */
export interface KeyRange {
  readonly start: Bound | undefined
  readonly end: Bound | undefined
}

export const EVERYTHING: KeyRange = { start: undefined, end: undefined }

/** The first key after every key that starts with `prefix`: last byte below 0xFF plus one (RD-21); `undefined` = none. */
export function prefixEnd(prefix: Uint8Array): Uint8Array | undefined {
  let n = prefix.length
  while (n > 0 && prefix[n - 1] === 0xff) n--
  if (n === 0) return undefined
  const end = copyOf(prefix, 0, n)
  end[n - 1]! += 1
  return end
}

/**
 * The same range with keys that nobody else can change.
 * @throws Invalid when it is no range of bytes.
 */
export function copyRange(range: KeyRange): KeyRange {
  if (typeof range !== 'object' || range === null) {
    throw invalid('INVALID_RANGE', `a range is an object with start and end, not ${show(range)}`)
  }
  return { start: copyBound(range.start, 'start'), end: copyBound(range.end, 'end') }
}

function copyBound(bound: Bound | undefined, side: string): Bound | undefined {
  if (bound === undefined) return undefined
  const { key, inclusive } = Object(bound) as Bound
  if (!(key instanceof Uint8Array) || typeof inclusive !== 'boolean') {
    const what = typeof bound === 'object' ? `{ key: ${show(key)}, inclusive: ${show(inclusive)} }` : show(bound)
    throw invalid('INVALID_RANGE', `the ${side} of a range is { key: Uint8Array, inclusive: boolean }, not ${what}`)
  }
  return { key: copyOf(key), inclusive }
}

export function prefixRange(prefix: Uint8Array): KeyRange {
  const end = prefixEnd(prefix)
  return {
    start: prefix.length === 0 ? undefined : { key: copyOf(prefix), inclusive: true },
    end: end === undefined ? undefined : { key: end, inclusive: false },
  }
}

export function isEmptyRange(range: KeyRange): boolean {
  if (range.start === undefined || range.end === undefined) {
    return range.end !== undefined && range.end.key.length === 0 && !range.end.inclusive
  }
  const order = compareBytes(range.start.key, range.end.key)
  return order > 0 || (order === 0 && !(range.start.inclusive && range.end.inclusive))
}

/** True when bytes[start, end) lies before the range's start. */
export function beforeRange(range: KeyRange, bytes: Uint8Array, start: number, end: number): boolean {
  const bound = range.start
  if (bound === undefined) return false
  const order = compareRange(bytes, start, end, bound.key, 0, bound.key.length)
  return order < 0 || (order === 0 && !bound.inclusive)
}

/** True when bytes[start, end) lies after the range's end. */
export function afterRange(range: KeyRange, bytes: Uint8Array, start: number, end: number): boolean {
  const bound = range.end
  if (bound === undefined) return false
  const order = compareRange(bytes, start, end, bound.key, 0, bound.key.length)
  return order > 0 || (order === 0 && !bound.inclusive)
}

export function inRange(range: KeyRange, key: Uint8Array): boolean {
  return !beforeRange(range, key, 0, key.length) && !afterRange(range, key, 0, key.length)
}

export function intersectRanges(a: KeyRange, b: KeyRange): KeyRange {
  return { start: laterStart(a.start, b.start), end: earlierEnd(a.end, b.end) }
}

export function rangesOverlap(a: KeyRange, b: KeyRange): boolean {
  return !isEmptyRange(intersectRanges(a, b))
}

function laterStart(a: Bound | undefined, b: Bound | undefined): Bound | undefined {
  if (a === undefined) return b
  if (b === undefined) return a
  const order = compareBytes(a.key, b.key)
  if (order !== 0) return order > 0 ? a : b
  return a.inclusive ? b : a
}

function earlierEnd(a: Bound | undefined, b: Bound | undefined): Bound | undefined {
  if (a === undefined) return b
  if (b === undefined) return a
  const order = compareBytes(a.key, b.key)
  if (order !== 0) return order < 0 ? a : b
  return a.inclusive ? b : a
}

/** A point: exactly one key. */
export function pointRange(key: Uint8Array): KeyRange {
  const bound = { key: key.length === 0 ? EMPTY : key, inclusive: true }
  return { start: bound, end: bound }
}
