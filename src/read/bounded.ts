// Rows above a sequence bound do not exist; all versions below it do, in the order they come.

import { type Cursor, ROW, type Step, WAIT } from '../cursor/cursor.ts'
import type { Row } from '../cursor/row.ts'
import { reaches } from '../cursor/rows.ts'
import type { SeqBound } from './reads.ts'

export class BoundedCursor implements Cursor {
  readonly row: Row
  readonly #base: Cursor
  readonly #bound: SeqBound
  readonly #descending: boolean
  // The base waits inside next(): a repeated seek must go on with next().
  #inNext = false
  #onRow = false

  constructor(base: Cursor, bound: SeqBound, descending: boolean) {
    this.row = base.row
    this.#base = base
    this.#bound = bound
    this.#descending = descending
  }

  next(): Step {
    return this.#settle(this.#base.next())
  }

  seek(key: Uint8Array): Step {
    if (this.#inNext) return this.next()
    if (this.#onRow && reaches(this.row, key, this.#descending)) return ROW
    this.#onRow = false
    const step = this.#base.seek(key)
    return step === WAIT ? WAIT : this.#settle(step)
  }

  ready(): Promise<void> {
    return this.#base.ready()
  }

  #settle(step: Step): Step {
    const { row } = this
    const { seqHi, seqLo } = this.#bound
    while (step === ROW && (row.seqHi > seqHi || (row.seqHi === seqHi && row.seqLo > seqLo))) step = this.#base.next()
    this.#inNext = step === WAIT
    this.#onRow = step === ROW
    return step
  }
}
