// What a reader sees: rows above its sequence bound do not exist for it (RD-4: dropped before anything is decided), and
// of each key only the newest version counts. When that one is a merge operand, the versions below it follow down to and
// including the first value or tombstone (RD-14), for the fold above.
//
// Keys come in scan direction, but the versions of a key come newest first in both directions, because that is how a
// fold wants them. A descending source yields the oldest first, so there a key's versions are collected before the first
// one is handed out.

import { type Cursor, END, ROW, type Step, WAIT } from './cursor.ts'
import { KeptKey } from './kept-key.ts'
import { MERGE, pointAt, Row } from './row.ts'
import { reaches } from './rows.ts'

/** Over a cursor with all versions. The bound is inclusive; u64 max sees everything. */
export function visible(base: Cursor, maxSeqHi: number, maxSeqLo: number, descending: boolean): Cursor {
  return descending ? new DescendingVisible(base, maxSeqHi, maxSeqLo) : new AscendingVisible(base, maxSeqHi, maxSeqLo)
}

class AscendingVisible implements Cursor {
  readonly row: Row
  readonly #base: Cursor
  readonly #hi: number
  readonly #lo: number
  // The key handed out last, and whether older versions of it are still wanted.
  readonly #key = new KeptKey()
  #wantsOlder = false
  #onRow = false
  // The base waits inside next(): a repeated seek must go on with next().
  #inNext = false

  constructor(base: Cursor, hi: number, lo: number) {
    this.#base = base
    this.row = base.row
    this.#hi = hi
    this.#lo = lo
  }

  next(): Step {
    this.#onRow = false
    return this.#settle(this.#base.next())
  }

  seek(key: Uint8Array): Step {
    if (this.#inNext) return this.next()
    if (this.#onRow && reaches(this.row, key, false)) return ROW
    this.#onRow = false
    const step = this.#base.seek(key)
    return step === WAIT ? WAIT : this.#settle(step)
  }

  ready(): Promise<void> {
    return this.#base.ready()
  }

  #settle(step: Step): Step {
    const { row } = this
    for (; step === ROW; step = this.#base.next()) {
      if (row.seqHi > this.#hi || (row.seqHi === this.#hi && row.seqLo > this.#lo)) continue
      if (this.#key.is(row)) {
        if (!this.#wantsOlder) continue
      } else {
        this.#key.keep(row)
      }
      this.#wantsOlder = row.kind === MERGE
      this.#inNext = false
      this.#onRow = true
      return ROW
    }
    this.#inNext = step === WAIT
    return step
  }
}

class DescendingVisible implements Cursor {
  readonly row = new Row()
  readonly #base: Cursor
  readonly #hi: number
  readonly #lo: number
  readonly #key = new KeptKey()
  // Versions of the key, oldest first, from the newest value or tombstone on. The array keeps its rows for reuse.
  readonly #versions: Row[] = []
  #count = 0
  // The base stands on the first row behind the collected key.
  #ahead = false
  #collecting = false
  #onRow = false

  constructor(base: Cursor, hi: number, lo: number) {
    this.#base = base
    this.#hi = hi
    this.#lo = lo
  }

  next(): Step {
    this.#onRow = false
    if (this.#collecting) return this.#collect(this.#base.next())
    if (this.#count > 0) return this.#hand()
    const ahead = this.#ahead
    this.#ahead = false
    return this.#collect(ahead ? ROW : this.#base.next())
  }

  seek(key: Uint8Array): Step {
    if (this.#collecting) return this.#collect(this.#base.next())
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
    return this.#base.ready()
  }

  #collect(step: Step): Step {
    const { row } = this.#base
    for (; step === ROW; step = this.#base.next()) {
      this.#collecting = true
      if (row.seqHi > this.#hi || (row.seqHi === this.#hi && row.seqLo > this.#lo)) continue
      if (this.#count > 0 && !this.#key.is(row)) {
        this.#ahead = true
        break
      }
      // Whatever is older than a value or tombstone is hidden by it.
      if (this.#count === 0) this.#key.keep(row)
      if (row.kind !== MERGE) this.#count = 0
      this.#push(row)
    }
    if (step === WAIT) {
      this.#collecting = true
      return WAIT
    }
    this.#collecting = false
    return this.#count > 0 ? this.#hand() : END
  }

  #push(row: Row): void {
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
}
