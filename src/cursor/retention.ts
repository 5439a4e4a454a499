// Which versions a rewrite keeps (RT-1..RT-8), per key from newest to oldest, over folded rows, ascending:
//
//   expired value -> tombstone (an older version with a longer life may lie in another run: RT-6), expired operand -> gone;
//   keep the row; go on to older ones while it is newer than every reader that may be bound (seq > min), a merge operand,
//   or inside the time window; else drop the rest of the key;
//   at the bottom of the tree, tombstones at the end of what was kept hide nothing and go too.

import { EMPTY } from '../bytes/compare.ts'
import { compareU64 } from '../bytes/u64.ts'
import { type Cursor, type Pacer, ROW, type Step, WAIT } from './cursor.ts'
import { KeptKey } from './kept-key.ts'
import { MERGE, NO_TS, pointAt, Row, TOMBSTONE, VALUE } from './row.ts'
import { reaches } from './rows.ts'

export interface RetentionRules {
  /** The oldest sequence number some reader is bound to; without one only newest versions stay (RT-4). */
  readonly minSeq?: { readonly hi: number; readonly lo: number } | undefined
  /** Data time (RT-1): rows with expire_ts <= this are expired. NO_TS expires nothing. */
  readonly nowTs: number
  /** True when nothing older lies below the output (RT-5). */
  readonly dropTailTombstones: boolean
  /** Versions that are dropped count as work, too. */
  readonly pacer?: Pacer | undefined
  /** True for sequence numbers inside a time window that is kept whatever else holds (RT-8). */
  readonly inWindow?: ((seqHi: number, seqLo: number) => boolean) | undefined
}

export function retain(base: Cursor, rules: RetentionRules): Cursor {
  return new RetentionCursor(base, rules)
}

class RetentionCursor implements Cursor {
  readonly row = new Row()
  readonly #base: Cursor
  readonly #rules: RetentionRules
  // The key at hand, and whether older versions of it are all dropped.
  readonly #key = new KeptKey()
  #dropping = false
  // Tombstones that stay only if an older row of their key does; the array keeps its rows for reuse.
  readonly #held: Row[] = []
  #heldCount = 0
  #handed = 0
  // Held rows are being handed out; the row that decided it is in place in the base.
  #releasing = false
  #onRow = false
  #inNext = false
  #pausing = false

  constructor(base: Cursor, rules: RetentionRules) {
    this.#base = base
    this.#rules = rules
  }

  next(): Step {
    this.#onRow = false
    return this.#releasing ? this.#release() : this.#settle(this.#base.next())
  }

  seek(key: Uint8Array): Step {
    if (this.#inNext) return this.next()
    if (this.#onRow && reaches(this.row, key, false)) return ROW
    this.#onRow = false
    this.#heldCount = 0
    this.#releasing = false
    const step = this.#base.seek(key)
    return step === WAIT ? WAIT : this.#settle(step)
  }

  ready(): Promise<void> {
    if (!this.#pausing) return this.#base.ready()
    this.#pausing = false
    return this.#rules.pacer!.give()
  }

  #settle(step: Step): Step {
    const { row } = this.#base
    for (; step === ROW; step = this.#base.next()) {
      if (this.#key.is(row)) {
        if (this.#dropping) {
          if (this.#pauses()) return WAIT
          continue
        }
      } else {
        this.#key.keep(row)
        this.#dropping = false
        this.#heldCount = 0
      }
      const expired = row.expireTs !== NO_TS && row.expireTs <= this.#rules.nowTs
      if (expired && row.kind === MERGE) continue
      const buried = expired && row.kind === VALUE
      const tombstone = buried || row.kind === TOMBSTONE
      this.#dropping = row.kind !== MERGE && !this.#goesOn(row)
      if (tombstone && this.#rules.dropTailTombstones) {
        // Held until an older row of the key is kept; nothing older, nothing hidden.
        if (!this.#dropping) this.#hold(row)
        continue
      }
      this.#inNext = false
      if (this.#heldCount > 0) {
        this.#releasing = true
        this.#handed = 0
        return this.#release()
      }
      return this.#hand(row, buried)
    }
    this.#inNext = step === WAIT
    return step
  }

  /** Many versions are dropped: the event loop gets its turn in between. */
  #pauses(): boolean {
    if (this.#rules.pacer?.spend() !== true) return false
    this.#inNext = true
    this.#pausing = true
    return true
  }

  #goesOn(row: Row): boolean {
    const { minSeq, inWindow } = this.#rules
    if (minSeq !== undefined && compareU64(row.seqHi, row.seqLo, minSeq.hi, minSeq.lo) > 0) return true
    return inWindow?.(row.seqHi, row.seqLo) === true
  }

  #hold(row: Row): void {
    if (this.#heldCount === this.#held.length) this.#held.push(new Row())
    const held = this.#held[this.#heldCount++]!
    pointAt(held, row)
    held.key = this.#key.bytes
    held.keyStart = 0
    held.keyEnd = this.#key.length
    bury(held)
  }

  /** Held tombstones first, then the row that kept them, which is no tombstone. */
  #release(): Step {
    if (this.#handed < this.#heldCount) {
      pointAt(this.row, this.#held[this.#handed++]!)
      this.#onRow = true
      return ROW
    }
    this.#releasing = false
    this.#heldCount = 0
    return this.#hand(this.#base.row, false)
  }

  #hand(row: Row, buried: boolean): Step {
    pointAt(this.row, row)
    if (buried) bury(this.row)
    this.#onRow = true
    return ROW
  }
}

/** RT-2: same key, sequence number and create_ts; no value, no expiry. */
function bury(row: Row): void {
  row.kind = TOMBSTONE
  row.value = EMPTY
  row.valueStart = 0
  row.valueEnd = 0
  row.expireTs = NO_TS
}
