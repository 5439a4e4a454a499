// What Zstandard says without saying it (RFC 8878 section 3.1.1.3): the codes of literal and match lengths, as bits that
// follow a code and the least length it stands for, and the three FSE codes that need no description.

import { fseTable } from './zstd-tables.ts'

const zeros = (count: number): number[] => new Array<number>(count).fill(0)
const ones = (count: number): number[] => new Array<number>(count).fill(1)
const less = (count: number): number[] => new Array<number>(count).fill(-1)

export const LENGTH_BITS = [...zeros(16), 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
export const LENGTH_BASE = bases(LENGTH_BITS, 0)
export const MATCH_BITS = [...zeros(32), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
export const MATCH_BASE = bases(MATCH_BITS, 3)

export const DEFAULT_LENGTHS = fseTable(
  [4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, ...ones(5), ...less(4)],
  6,
)
export const DEFAULT_MATCHES = fseTable([1, 4, 3, 2, 2, 2, 2, 2, 2, ...ones(37), ...less(7)], 6)
export const DEFAULT_OFFSETS = fseTable([1, 1, 1, 1, 1, 1, 2, 2, 2, ...ones(15), ...less(5)], 5)

/** Each code begins where the one before ends. */
function bases(bits: readonly number[], first: number): number[] {
  let base = first
  return bits.map((width) => {
    const own = base
    base += 2 ** width
    return own
  })
}
