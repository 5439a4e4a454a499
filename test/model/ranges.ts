import type { KeyRange } from '../../src/bytes/range.ts'
import { toBytes } from './bytes.ts'
import type { Bounds } from './model.ts'

/** The model's bounds as the engine takes them. */
export function rangeOf({ from, to, fromInclusive = true, toInclusive = false }: Bounds): KeyRange {
  return {
    start: from === undefined ? undefined : { key: toBytes(from), inclusive: fromInclusive },
    end: to === undefined ? undefined : { key: toBytes(to), inclusive: toInclusive },
  }
}
