// Byte ranges, the same rules for every store. HTTP cannot ask for nothing, so an empty range is the caller's mistake.

import { invalid, SlateDBError } from '../errors.ts'
import { type ByteRange, resolveRange } from './store.ts'

/** Stable code of a range that lies behind the object's end (HTTP 416); its `storeReason` is `Generic`. */
export const RANGE_BEHIND_END = 'SLATEDB_STORE_RANGE'

/** Stable code of a server that sends the whole object where a range of it was asked for; it does not serve ranges. */
export const RANGE_IGNORED = 'SLATEDB_STORE_RANGE_IGNORED'

/** Throws `Invalid` for a range that can never be served: empty, negative, or not a whole number. */
export function checkRange(path: string, range: ByteRange | undefined): void {
  if (range === undefined) return
  const fine =
    'suffix' in range
      ? Number.isSafeInteger(range.suffix) && range.suffix > 0
      : Number.isSafeInteger(range.start) &&
        range.start >= 0 &&
        (range.end === undefined || (Number.isSafeInteger(range.end) && range.end > range.start))
  if (!fine) throw invalid('EMPTY_RANGE', `object ${JSON.stringify(path)}: cannot read ${showRange(range)}`)
}

/** The absolute [start, end) to read, or the error every store gives for a range behind the end. */
export function servedRange(path: string, range: ByteRange | undefined, size: number): [start: number, end: number] {
  const [start, end] = resolveRange(range, size)
  if (range !== undefined && start >= size) throw rangeError(path, range, size)
  return [start, end]
}

/**
 * What a store throws for HTTP 416. It stays a `Generic` store error but of kind `Data`: asking again and again, as one
 * does with a broken connection, would never end.
 */
export function rangeError(
  path: string,
  range: ByteRange,
  size?: number,
  more: { cause?: unknown } = {},
): SlateDBError {
  const held = size === undefined ? 'the object is shorter' : `the object has ${size}`
  return new SlateDBError(
    'Data',
    RANGE_BEHIND_END,
    `object ${JSON.stringify(path)}: cannot read ${showRange(range)}, ${held}; it may be cut off`,
    { ...more, storeReason: 'Generic' },
  )
}

/** The error for an answer that is too long to be read whole for the sake of a range. */
export function rangeIgnoredError(path: string, detail: string, more: { cause?: unknown } = {}): SlateDBError {
  const message = `object ${JSON.stringify(path)}: ${detail}; use a server, or a cache before it, that serves byte ranges`
  return new SlateDBError('Invalid', RANGE_IGNORED, message, { ...more, storeReason: 'NotSupported' })
}

function showRange(range: ByteRange): string {
  if ('suffix' in range) return `the last ${range.suffix} bytes`
  return `bytes [${range.start}, ${range.end ?? 'end'})`
}
