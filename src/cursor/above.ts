// Getting past versions of a key that do not show, in moves over many of them.

import { ROW, type Step, type VersionCursor, WAIT } from './cursor.ts'
import { KeptKey } from './kept-key.ts'
import type { Row } from './row.ts'

/** Hidden versions of one key after which a move over the rest costs less than steps. */
export const FEW = 8

/** Moves a cursor; a pass that had to wait is gone on with by whatever is asked next. */
export class Moves {
  readonly #base: VersionCursor
  #passing: Uint8Array | undefined

  constructor(base: VersionCursor) {
    this.#base = base
  }

  next(): Step {
    return this.#passing === undefined ? this.#base.next() : this.pass(this.#passing)
  }

  pass(key: Uint8Array): Step {
    this.#passing = key
    const step = this.#base.pass(key)
    if (step !== WAIT) this.#passing = undefined
    return step
  }
}

/** Rows above a reader's bound, and how to get past them. */
export class Above {
  readonly #base: VersionCursor
  readonly #moves: Moves
  readonly #hi: number
  readonly #lo: number
  readonly #key = new KeptKey()
  /** Rows of `#key` that were stepped over, and after how many the next move over many is tried. */
  #count = 0
  #limit = FEW

  constructor(base: VersionCursor, moves: Moves, hi: number, lo: number) {
    this.#base = base
    this.#moves = moves
    this.#hi = hi
    this.#lo = lo
  }

  has(row: Row): boolean {
    return row.seqHi > this.#hi || (row.seqHi === this.#hi && row.seqLo > this.#lo)
  }

  /** From a row above the bound to a later row, which may be above it as well. */
  leave(descending: boolean): Step {
    const { row } = this.#base
    const key = this.#key
    if (!key.is(row)) {
      key.keep(row)
      this.#count = 0
      this.#limit = FEW
    }
    if (++this.#count < this.#limit) return this.#moves.next()
    // Descending, all that is left of the key is newer still.
    if (descending) return this.#moves.pass(key.copy())
    this.#limit *= 2
    const step = this.#moves.next()
    return step === ROW && key.is(row) ? this.#base.prune(key.copy(), this.#hi, this.#lo) : step
  }
}
