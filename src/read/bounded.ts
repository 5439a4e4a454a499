// Rows above a sequence bound do not exist; all versions below it do, in the order they come.

import { Above, Moves } from '../cursor/above.ts'
import { type Pacer, ROW, type Step, type VersionCursor, WAIT } from '../cursor/cursor.ts'
import type { Row } from '../cursor/row.ts'
import { isBehind, reaches } from '../cursor/rows.ts'
import type { SeqBound } from './reads.ts'

export class BoundedCursor implements VersionCursor {
  readonly row: Row
  readonly #base: VersionCursor
  readonly #moves: Moves
  readonly #above: Above
  readonly #bound: SeqBound
  readonly #descending: boolean
  readonly #pacer: Pacer | undefined
  // The base waits inside next(): a repeated seek must go on with next().
  #inNext = false
  #onRow = false
  #pausing = false

  constructor(base: VersionCursor, bound: SeqBound, descending: boolean, pacer?: Pacer) {
    this.row = base.row
    this.#base = base
    this.#moves = new Moves(base)
    this.#above = new Above(base, this.#moves, bound.seqHi, bound.seqLo)
    this.#bound = bound
    this.#descending = descending
    this.#pacer = pacer
  }

  next(): Step {
    return this.#settle(this.#moves.next())
  }

  seek(key: Uint8Array): Step {
    if (this.#inNext) return this.next()
    if (this.#onRow && reaches(this.row, key, this.#descending)) return ROW
    return this.#settle(this.#base.seek(key), true)
  }

  pass(key: Uint8Array): Step {
    if (this.#inNext) return this.next()
    if (this.#onRow && isBehind(this.row, key, this.#descending)) return ROW
    return this.#settle(this.#base.pass(key), true)
  }

  /** What is pruned to lies below the bound, as what it is pruned from. */
  prune(key: Uint8Array): Step {
    return this.#base.prune(key, this.#bound.seqHi, this.#bound.seqLo)
  }

  ready(): Promise<void> {
    if (!this.#pausing) return this.#base.ready()
    this.#pausing = false
    return this.#pacer!.give()
  }

  /** `isMove`: a WAIT is the move's own, which is then repeated. */
  #settle(step: Step, isMove = false): Step {
    this.#onRow = false
    this.#inNext = false
    if (isMove && step === WAIT) return WAIT
    while (step === ROW && this.#above.has(this.row)) {
      if (this.#pacer?.spend() === true) {
        this.#pausing = true
        step = WAIT
      } else step = this.#above.leave(this.#descending)
    }
    this.#inNext = step === WAIT
    this.#onRow = step === ROW
    return step
  }
}
