// Ranges as callers write them, in Level's shape, to ranges of bytes.

import { concatBytes, EMPTY } from '../bytes/compare.ts'
import { type Bound, type KeyRange, prefixRange } from '../bytes/range.ts'
import { invalid } from '../errors.ts'
import type { Codec, Input } from './encoding.ts'

/** Which keys, in which order, how many. */
export interface ScanRange<K = Uint8Array> {
  readonly gt?: Input<K> | undefined
  readonly gte?: Input<K> | undefined
  readonly lt?: Input<K> | undefined
  readonly lte?: Input<K> | undefined
  /** Only keys that start so; the bounds are then what follows it. */
  readonly prefix?: Input<K> | undefined
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

const KNOWN: ReadonlySet<string> = new Set(['gt', 'gte', 'lt', 'lte', 'prefix', 'reverse', 'limit'])

/**
 * The range in bytes; all keys begin with `base`, the part of the database that the handle sees. A range that is empty
 * by its bounds is fine and yields nothing (RD-20).
 */
export function toByteScan(range: ScanRange<unknown> = {}, keys: Codec, base: Uint8Array = EMPTY): ByteScan {
  // A misspelt bound would silently mean "everything", and `clear` takes ranges too.
  for (const name of Object.keys(range)) {
    if (!KNOWN.has(name)) {
      throw invalid('INVALID_RANGE', `a range has no ${JSON.stringify(name)}; it has ${[...KNOWN].join(', ')}`)
    }
  }
  if (range.gt !== undefined && range.gte !== undefined) throw twice('gt', 'gte')
  if (range.lt !== undefined && range.lte !== undefined) throw twice('lt', 'lte')
  const limit = range.limit ?? Number.POSITIVE_INFINITY
  if (!(limit >= 0)) throw invalid('INVALID_RANGE', `limit must be a number, 0 or more, not ${String(range.limit)}`)
  const prefix = range.prefix === undefined ? base : concatBytes([base, keys.encode(range.prefix)])
  const usable = prefix.length === 0 ? undefined : prefix
  const bound = (key: unknown, inclusive: boolean): Bound | undefined => {
    if (key === undefined) return undefined
    const bytes = keys.encode(key)
    return { key: usable === undefined ? bytes : concatBytes([usable, bytes]), inclusive }
  }
  const whole = prefixRange(prefix)
  return {
    range: {
      start: bound(range.gte, true) ?? bound(range.gt, false) ?? whole.start,
      end: bound(range.lte, true) ?? bound(range.lt, false) ?? whole.end,
    },
    prefix: usable,
    descending: range.reverse === true,
    limit,
  }
}

const twice = (a: string, b: string) => invalid('INVALID_RANGE', `a range takes ${a} or ${b}, not both`)
