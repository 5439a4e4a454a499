// What a transaction has written so far, for its own reads. Operations carry the greatest sequence number there is, since
// they lie over everything stored; those added after the cursor was made do not show.

import type { KeyRange } from '../bytes/range.ts'
import { U32_MAX } from '../bytes/u64.ts'
import { ROW, type Step, type VersionCursor } from '../cursor/cursor.ts'
import { pointAt, Row } from '../cursor/row.ts'
import { MemtableCursor } from '../memtable/memtable-cursor.ts'
import type { SortedLeaves } from '../memtable/sorted-leaves.ts'
import type { BatchOps } from './batch-ops.ts'

export class BatchCursor implements VersionCursor {
  readonly row = new Row()
  readonly #base: MemtableCursor
  readonly #bound: number

  constructor(ops: BatchOps, order: SortedLeaves, range: KeyRange, descending: boolean) {
    this.#base = new MemtableCursor(ops, order, range, descending)
    this.#bound = ops.count
  }

  next(): Step {
    return this.#take(this.#base.next())
  }

  seek(key: Uint8Array): Step {
    return this.#take(this.#base.seek(key))
  }

  pass(key: Uint8Array): Step {
    return this.#take(this.#base.pass(key))
  }

  /** A batch holds few versions of a key, and they are numbered in its own way. */
  prune(): Step {
    return ROW
  }

  ready(): Promise<void> {
    return Promise.resolve()
  }

  #take(step: Step): Step {
    const { row } = this.#base
    // The base numbers operations; it needs that number to find its place again, so the real one goes into a copy.
    while (step === ROW && row.seqLo >= this.#bound) step = this.#base.next()
    if (step !== ROW) return step
    pointAt(this.row, row)
    this.row.seqHi = U32_MAX
    this.row.seqLo = U32_MAX
    return ROW
  }
}
