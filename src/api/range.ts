// Ranges as callers write them, in Level's shape, to ranges of bytes.

import { concatBytes, EMPTY, equalRange } from '../bytes/compare.ts'
import { type Bound, intersectRanges, type KeyRange, prefixRange } from '../bytes/range.ts'
import { showKey } from '../bytes/text.ts'
import { checkOptions } from '../checks.ts'
import { invalid, show } from '../errors.ts'
import { RANGE } from './call-options.ts'
import type { Codec, Input } from './encoding.ts'

/** Which keys, in which order, how many. */
export interface ScanRange<K = Uint8Array> {
  readonly gt?: Input<K> | undefined
  readonly gte?: Input<K> | undefined
  readonly lt?: Input<K> | undefined
  readonly lte?: Input<K> | undefined
  /** Only keys that start so; the bounds are then what follows it, and `after` is a whole key. */
  readonly prefix?: Input<K> | undefined
  /** Only what comes behind this key, in the order of the scan: the last key of a page gives the next one. */
  readonly after?: Input<K> | undefined
  /** From the greatest key to the smallest. */
  readonly reverse?: boolean | undefined
  /** At most this many rows. */
  readonly limit?: number | undefined
}

export interface ByteScan {
  readonly range: KeyRange
  readonly prefix: Uint8Array | undefined
  readonly descending: boolean
  readonly limit: number
}

/**
 * The range in bytes of its own; all keys begin with `base`, the part of the database that the handle sees. A range that is empty
 * by its bounds is fine and yields nothing (RD-20).
 */
export function toByteScan(range: ScanRange<unknown> = {}, keys: Codec, base: Uint8Array = EMPTY): ByteScan {
  if (typeof range !== 'object' || range === null) {
    throw invalid('INVALID_RANGE', `a range is an object such as { prefix: 'a' } or { gte: 'a' }, not ${show(range)}`)
  }
  checkOptions(RANGE, range)
  if (range.gt !== undefined && range.gte !== undefined) throw twice('gt', 'gte')
  if (range.lt !== undefined && range.lte !== undefined) throw twice('lt', 'lte')
  const own = range.prefix === undefined ? EMPTY : keys.encode(range.prefix)
  const prefix = own.length === 0 ? base : concatBytes([base, own])
  const bound = (side: 'gt' | 'gte' | 'lt' | 'lte'): Bound | undefined => {
    if (range[side] === undefined) return undefined
    const bytes = keys.encode(range[side])
    if (own.length > 0 && bytes.length > own.length && equalRange(bytes, 0, own.length, own, 0, own.length)) {
      throw wholeKey(side, bytes)
    }
    return { key: concatBytes([prefix, bytes]), inclusive: side === 'gte' || side === 'lte' }
  }
  const whole = prefixRange(prefix)
  const descending = range.reverse === true
  const asked = { start: bound('gte') ?? bound('gt') ?? whole.start, end: bound('lte') ?? bound('lt') ?? whole.end }
  return {
    range: range.after === undefined ? asked : behind(asked, concatBytes([base, keys.encode(range.after)]), descending),
    prefix: prefix.length === 0 ? undefined : prefix,
    descending,
    limit: range.limit ?? Number.POSITIVE_INFINITY,
  }
}

/**
 * For a call that destroys: a bound that is there and `undefined`, as a value that was not set makes it, would mean
 * "everything".
 */
export function refuseUndefinedBounds(call: string, range: ScanRange<unknown> | undefined): void {
  for (const [name, value] of Object.entries(range ?? {})) {
    if (value !== undefined || name === 'reverse') continue
    throw invalid('INVALID_RANGE', `${call}: ${name} is undefined, which would take in more; leave it out to mean that`)
  }
}

/** What comes behind `key` in the order of the scan. */
function behind(range: KeyRange, key: Uint8Array, descending: boolean): KeyRange {
  const bound = { key, inclusive: false }
  return intersectRanges(range, descending ? { start: undefined, end: bound } : { start: bound, end: undefined })
}

const twice = (a: string, b: string) => invalid('INVALID_RANGE', `a range takes ${a} or ${b}, not both`)

const wholeKey = (side: string, key: Uint8Array) =>
  invalid(
    'INVALID_RANGE',
    `${side} ${showKey(key)} begins with the prefix itself, and the bounds beside a prefix are what follows it: use after for a whole key, or bounds without prefix`,
  )
