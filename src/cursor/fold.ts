// Merge operands become values. Two forms over versions newest first:
//
//   for reads: what `visible` hands on. All operands of a key fold, whatever their expiry (MO-6); tombstones end here.
//   for rewriting (flush, compaction): every version of every key. Only neighbours with equal expire_ts fold, a value or
//   tombstone (no expiry) below them included, and nothing newer than `barrier` folds, because a snapshot may need it.
//
//   expire   5  5  -  -          rewriting           seq   9  8  7  6         reading
//   rows    m9 m8 m7 v6     ->   M(9,8) V(7,6)       rows m9 m8 d7 v6    ->   V(9,8 on nothing)

import { compareU64 } from '../bytes/u64.ts'
import { type Cursor, type Pacer, ROW, type Step, WAIT } from './cursor.ts'
import { type MergeOperator, mergeOperatorMissing } from './merge-operator.ts'
import { MergeStack } from './merge-stack.ts'
import { MERGE, NO_TS, pointAt, Row, rowKey, TOMBSTONE } from './row.ts'
import { reaches } from './rows.ts'

/**
 * Over `visible`: one row per key, no tombstones. Without an operator, a merge operand is an error (MO-7). A value whose
 * expire_ts lies at or before `hideExpiredAt` is dropped; a merge result never is, its expiry being its parts' earliest.
 */
export function foldForReading(
  base: Cursor,
  operator: MergeOperator | undefined,
  descending: boolean,
  hideExpiredAt = NO_TS,
  pacer?: Pacer,
): Cursor {
  const form = { descending, rewriting: false, barrierHi: 0, barrierLo: 0, hideExpiredAt, pacer }
  return new FoldCursor(base, operator, form)
}

/**
 * Over all versions, ascending: what L0 flush and compaction write, before retention. Operands above `barrier` pass
 * unfolded; without one all may fold.
 */
export function foldForRewriting(
  base: Cursor,
  operator: MergeOperator | undefined,
  barrier?: { readonly hi: number; readonly lo: number },
): Cursor {
  return new FoldCursor(base, operator, {
    descending: false,
    rewriting: true,
    barrierHi: barrier?.hi ?? Number.POSITIVE_INFINITY,
    barrierLo: barrier?.lo ?? 0,
    hideExpiredAt: NO_TS,
    pacer: undefined,
  })
}

interface Form {
  readonly descending: boolean
  readonly rewriting: boolean
  readonly barrierHi: number
  readonly barrierLo: number
  readonly hideExpiredAt: number
  readonly pacer: Pacer | undefined
}

class FoldCursor implements Cursor {
  readonly row = new Row()
  readonly #base: Cursor
  readonly #stack: MergeStack | undefined
  readonly #form: Form
  // expire_ts that a further version must have to join the group; only when rewriting.
  #groupExpireTs = NO_TS
  #collecting = false
  // The base stands on a row that has not been looked at.
  #ahead = false
  #onRow = false
  // The base waits inside next(): a repeated seek must go on with next().
  #inNext = false
  #pausing = false
  #failure: { readonly error: unknown } | undefined

  constructor(base: Cursor, operator: MergeOperator | undefined, form: Form) {
    this.#base = base
    this.#stack = operator === undefined ? undefined : new MergeStack(operator)
    this.#form = form
  }

  next(): Step {
    this.#check()
    this.#onRow = false
    if (this.#collecting) return this.#collect(this.#base.next())
    const ahead = this.#ahead
    this.#ahead = false
    return this.#settle(ahead ? ROW : this.#base.next())
  }

  seek(key: Uint8Array): Step {
    this.#check()
    if (this.#collecting || this.#inNext) return this.next()
    const { descending } = this.#form
    if (this.#onRow && reaches(this.row, key, descending)) return ROW
    this.#onRow = false
    if (this.#ahead && reaches(this.#base.row, key, descending)) return this.next()
    this.#ahead = false
    const step = this.#base.seek(key)
    return step === WAIT ? WAIT : this.#settle(step)
  }

  ready(): Promise<void> {
    if (!this.#pausing) return this.#base.ready()
    this.#pausing = false
    return this.#form.pacer!.give()
  }

  #settle(step: Step): Step {
    const { row } = this.#base
    const { hideExpiredAt } = this.#form
    for (; step === ROW; step = this.#base.next()) {
      if (row.kind === MERGE) {
        if (this.#stack === undefined) throw this.#failed(mergeOperatorMissing(rowKey(row)))
        if (!this.#aboveBarrier(row)) {
          this.#inNext = false
          this.#stack.start(row)
          this.#groupExpireTs = row.expireTs
          this.#collecting = true
          return this.#collect(this.#base.next())
        }
      }
      const isHidden =
        (row.kind === TOMBSTONE && !this.#form.rewriting) || (row.expireTs <= hideExpiredAt && row.expireTs !== NO_TS)
      if (isHidden) {
        if (this.#pauses()) return WAIT
        continue
      }
      pointAt(this.row, row)
      this.#inNext = false
      this.#onRow = true
      return ROW
    }
    this.#inNext = step === WAIT
    return step
  }

  #collect(step: Step): Step {
    const stack = this.#stack!
    const { row } = this.#base
    try {
      for (; step === ROW; step = this.#base.next()) {
        if (!stack.isSameKey(row) || !this.#joins(row)) {
          this.#ahead = true
          break
        }
        if (stack.push(row)) break
        if (this.#pauses()) return WAIT
      }
      if (step === WAIT) return WAIT
      stack.resolve(this.row)
    } catch (error) {
      throw this.#failed(error)
    }
    this.#collecting = false
    this.#inNext = false
    this.#onRow = true
    return ROW
  }

  /** Many rows make none or one: the event loop gets its turn in between. */
  #pauses(): boolean {
    if (this.#form.pacer?.spend() !== true) return false
    this.#inNext = true
    this.#pausing = true
    return true
  }

  #joins(row: Row): boolean {
    if (!this.#form.rewriting) return true
    return (row.kind === TOMBSTONE ? NO_TS : row.expireTs) === this.#groupExpireTs
  }

  #aboveBarrier(row: Row): boolean {
    const { rewriting, barrierHi, barrierLo } = this.#form
    return rewriting && compareU64(row.seqHi, row.seqLo, barrierHi, barrierLo) > 0
  }

  /** The first error stays the answer (RD-16). */
  #failed(error: unknown): unknown {
    this.#failure = { error }
    return error
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}
