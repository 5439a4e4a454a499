// A batch as one row per key (W-1, W-3): the last put or delete of a key stands; operands above it, or without one, fold.

import { equalRange } from '../bytes/compare.ts'
import { showKey } from '../bytes/text.ts'
import { type MergeOperator, mergeOperatorMissing } from '../cursor/merge-operator.ts'
import { MergeStack } from '../cursor/merge-stack.ts'
import { MERGE, NO_TS, Row, rowKey, TOMBSTONE } from '../cursor/row.ts'
import { invalid } from '../errors.ts'
import type { PreparedRows } from '../memtable/memtable.ts'
import { type BatchOps, checkRow } from './batch-ops.ts'

/**
 * `ids`: all operations by key, newest first within a key; overwritten with the result. Folded rows are appended behind
 * the operations, in arena and columns, without counting as such.
 */
export function foldBatch(ops: BatchOps, ids: Uint32Array, operator: MergeOperator | undefined): PreparedRows {
  const n = ops.count
  const length = ops.arena.length
  const fold = new Folding(ops, operator)
  let count = 0
  try {
    for (let i = 0; i < n; ) {
      // Versions of a key lie together, newest first.
      const first = i++
      while (i < n && sameKey(ops, ids[first]!, ids[i]!)) i++
      // Results are fewer than what was read, so they go to the front of the same array.
      ids[count++] = fold.key(ids, first, i)
    }
    return ops.prepared(ids, count)
  } finally {
    ops.arena.length = length
  }
}

class Folding {
  // Entries in use: operations and folded rows.
  #entries: number
  readonly #ops: BatchOps
  readonly #stack: MergeStack | undefined
  readonly #row = new Row()

  constructor(ops: BatchOps, operator: MergeOperator | undefined) {
    this.#ops = ops
    this.#entries = ops.count
    this.#stack = operator === undefined ? undefined : new MergeStack(operator)
  }

  /** The entry that stands for operations ids[from, to) of one key. */
  key(ids: Uint32Array, from: number, to: number): number {
    const ops = this.#ops
    const newest = ids[from]!
    if (ops.kind[newest] !== MERGE) return newest
    const row = this.#row
    ops.place(newest, row)
    const stack = this.#stack
    if (stack === undefined) throw mergeOperatorMissing(rowKey(row))
    // An operand alone stays as it is.
    if (to - from === 1) return newest
    const expireTs = ops.expireTs[newest]!
    stack.start(row)
    for (let i = from + 1; i < to; i++) {
      const id = ids[i]!
      ops.place(id, row)
      const own = row.kind === TOMBSTONE ? NO_TS : ops.expireTs[id]!
      if (own !== expireTs) {
        throw invalid(
          'INCOMPATIBLE_MERGE_TTLS',
          `operations on key ${showKey(rowKey(row))} in one batch expire at different times: only one merge TTL per key`,
        )
      }
      if (stack.push(row)) break
    }
    stack.resolve(row)
    checkRow(row.keyEnd - row.keyStart, row.valueEnd - row.valueStart)
    const at = ops.arena.length
    ops.arena.append(row.key, row.keyStart, row.keyEnd)
    ops.arena.append(row.value, row.valueStart, row.valueEnd)
    const entry = this.#entries++
    ops.push(at, row.keyEnd - row.keyStart, row.valueEnd - row.valueStart, row.kind, entry)
    ops.expireTs[entry] = expireTs
    return entry
  }
}

function sameKey(ops: BatchOps, a: number, b: number): boolean {
  const { bytes } = ops.arena
  const x = ops.at[a]!
  const y = ops.at[b]!
  return equalRange(bytes, x, x + ops.keyLength[a]!, bytes, y, y + ops.keyLength[b]!)
}
