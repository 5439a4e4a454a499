// What a reader sees: rows above its sequence bound do not exist for it (RD-4: dropped before anything is decided), and
// of each key only the newest version counts. When that one is a merge operand, the versions below it follow down to and
// including the first value or tombstone (RD-14), for the fold above.
//
// Keys come in scan direction, but the versions of a key come newest first in both directions, because that is how a
// fold wants them. A descending source yields the oldest first, so there a key's versions are collected before the first
// one is handed out.
//
// Hidden versions are stepped over one by one at first; after a few of one key the rest is left out in one move, so that
// a key costs the same however often it was overwritten.

import { Above, FEW, Moves } from './above.ts'
import { type Cursor, END, type Pacer, ROW, type Step, type VersionCursor, WAIT } from './cursor.ts'
import { KeptKey } from './kept-key.ts'
import { MERGE, pointAt, Row } from './row.ts'
import { reaches } from './rows.ts'

/** Over a cursor with all versions. The bound is inclusive; u64 max sees everything. */
export function visible(
  base: VersionCursor,
  maxSeqHi: number,
  maxSeqLo: number,
  descending: boolean,
  pacer?: Pacer,
): Cursor {
  return descending
    ? new DescendingVisible(base, maxSeqHi, maxSeqLo, pacer)
    : new AscendingVisible(base, maxSeqHi, maxSeqLo, pacer)
}

class AscendingVisible implements Cursor {
  readonly row: Row
  readonly #base: VersionCursor
  readonly #moves: Moves
  readonly #above: Above
  readonly #pacer: Pacer | undefined
  // The key handed out last, whether older versions of it are still wanted, and how many were stepped over.
  readonly #key = new KeptKey()
  #wantsOlder = false
  #hidden = 0
  #onRow = false
  // The base waits inside next(): a repeated seek must go on with next().
  #inNext = false
  #pausing = false

  constructor(base: VersionCursor, hi: number, lo: number, pacer: Pacer | undefined) {
    this.#base = base
    this.row = base.row
    this.#moves = new Moves(base)
    this.#above = new Above(base, this.#moves, hi, lo)
    this.#pacer = pacer
  }

  next(): Step {
    this.#onRow = false
    return this.#settle(this.#moves.next())
  }

  seek(key: Uint8Array): Step {
    if (this.#inNext) return this.next()
    if (this.#onRow && reaches(this.row, key, false)) return ROW
    this.#onRow = false
    const step = this.#base.seek(key)
    return step === WAIT ? WAIT : this.#settle(step)
  }

  ready(): Promise<void> {
    if (!this.#pausing) return this.#base.ready()
    this.#pausing = false
    return this.#pacer!.give()
  }

  #settle(step: Step): Step {
    const { row } = this
    while (step === ROW) {
      if (this.#above.has(row)) {
        if (this.#pauses()) return WAIT
        step = this.#above.leave(false)
      } else if (this.#key.is(row) && !this.#wantsOlder) {
        if (this.#pauses()) return WAIT
        step = ++this.#hidden < FEW ? this.#moves.next() : this.#moves.pass(this.#key.copy())
      } else {
        this.#key.keep(row)
        this.#hidden = 0
        this.#wantsOlder = row.kind === MERGE
        this.#inNext = false
        this.#onRow = true
        return ROW
      }
    }
    this.#inNext = step === WAIT
    return step
  }

  /** Many rows are passed over: the event loop gets its turn in between. */
  #pauses(): boolean {
    if (this.#pacer?.spend() !== true) return false
    this.#inNext = true
    this.#pausing = true
    return true
  }
}

class DescendingVisible implements Cursor {
  readonly row = new Row()
  readonly #base: VersionCursor
  readonly #hi: number
  readonly #lo: number
  readonly #moves: Moves
  readonly #above: Above
  readonly #pacer: Pacer | undefined
  readonly #key = new KeptKey()
  // Versions of the key, oldest first, from the newest value or tombstone on. The array keeps its rows for reuse.
  readonly #versions: Row[] = []
  #count = 0
  /** Versions of the key that came so far, and after how many the next move over many is tried. */
  #seen = 0
  #limit = FEW
  // The base stands on the first row behind the collected key.
  #ahead = false
  #collecting = false
  #onRow = false
  #pausing = false

  constructor(base: VersionCursor, hi: number, lo: number, pacer: Pacer | undefined) {
    this.#base = base
    this.#hi = hi
    this.#lo = lo
    this.#moves = new Moves(base)
    this.#above = new Above(base, this.#moves, hi, lo)
    this.#pacer = pacer
  }

  next(): Step {
    this.#onRow = false
    if (this.#collecting) return this.#collect(this.#moves.next())
    if (this.#count > 0) return this.#hand()
    const ahead = this.#ahead
    this.#ahead = false
    return this.#collect(ahead ? ROW : this.#moves.next())
  }

  seek(key: Uint8Array): Step {
    if (this.#collecting) return this.#collect(this.#moves.next())
    if (this.#onRow && reaches(this.row, key, true)) return ROW
    this.#onRow = false
    this.#count = 0
    this.#key.forget()
    if (this.#ahead && reaches(this.#base.row, key, true)) {
      this.#ahead = false
      return this.#collect(ROW)
    }
    this.#ahead = false
    const step = this.#base.seek(key)
    return step === WAIT ? WAIT : this.#collect(step)
  }

  ready(): Promise<void> {
    if (!this.#pausing) return this.#base.ready()
    this.#pausing = false
    return this.#pacer!.give()
  }

  #collect(step: Step): Step {
    const { row } = this.#base
    while (step === ROW) {
      // Should the base throw, the next call asks it again.
      this.#collecting = true
      if (this.#above.has(row)) {
        if (this.#pauses()) return WAIT
        step = this.#above.leave(true)
        continue
      }
      if (this.#count > 0 && !this.#key.is(row)) {
        this.#ahead = true
        break
      }
      this.#add(row)
      if (this.#seen > 1 && this.#pauses()) return WAIT
      step = this.#moves.next()
      if (step === ROW && this.#seen >= this.#limit && this.#key.is(row) && !this.#above.has(row)) {
        this.#limit *= 2
        step = this.#base.prune(this.#key.copy(), this.#hi, this.#lo)
      }
    }
    this.#collecting = step === WAIT
    if (step === WAIT) return WAIT
    return this.#count > 0 ? this.#hand() : END
  }

  #add(row: Row): void {
    if (this.#count === 0) {
      this.#key.keep(row)
      this.#seen = 0
      this.#limit = FEW
    }
    this.#seen++
    // Whatever is older than a value or tombstone is hidden by it.
    if (row.kind !== MERGE) this.#count = 0
    if (this.#count === this.#versions.length) this.#versions.push(new Row())
    const version = this.#versions[this.#count++]!
    pointAt(version, row)
    version.key = this.#key.bytes
    version.keyStart = 0
    version.keyEnd = this.#key.length
  }

  /** Newest first. */
  #hand(): Step {
    pointAt(this.row, this.#versions[--this.#count]!)
    this.#onRow = true
    return ROW
  }

  /** Many rows are passed over: the event loop gets its turn in between. */
  #pauses(): boolean {
    if (this.#pacer?.spend() !== true) return false
    this.#pausing = true
    return true
  }
}
