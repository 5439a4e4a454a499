// Many sorted sources as one. A loser tree finds the next row with one compare per level, and nearly every compare ends
// in two numbers: six key bytes taken behind the prefix that all current keys share.
//
// Order: keys in scan direction; within a key newest first (descending: oldest first); for equal (key, seq), which only
// a damaged history has, the earlier source counts as newer, so that scans agree with gets.

import { compareRange, equalRange, numericPrefix, sharedLength } from '../bytes/compare.ts'
import { END, ROW, type Step, type VersionCursor, WAIT } from './cursor.ts'
import { pointAt, Row } from './row.ts'
import { emptyCursor, isBehind, reaches } from './rows.ts'

/** Sources newest first. One source is passed through as it is. */
export function mergeCursors(sources: readonly VersionCursor[], descending: boolean): VersionCursor {
  if (sources.length === 0) return emptyCursor()
  return sources.length === 1 ? sources[0]! : new MergeCursor(sources, descending)
}

// What is known of a source: it must be moved first, its row is in place, or it has no more.
const STALE = 0
const THERE = 1
const GONE = 2

/** How many rows pass before the shared prefix is measured anew; it only ever shrinks in between. */
const REMEASURE_ROWS = 1024

class MergeCursor implements VersionCursor {
  readonly row = new Row()
  readonly #sources: readonly VersionCursor[]
  readonly #heads: readonly Row[]
  readonly #descending: boolean
  readonly #state: Uint8Array
  // Behind the first #skip bytes, the same in all heads: six bytes as a number, negated when descending.
  readonly #numbers: Float64Array
  #skip = 0
  #untilMeasure = 0
  // tree[0] is the winner, tree[1..] the losers of the matches above the sources.
  readonly #tree: Int32Array
  #waiting: VersionCursor[] = []
  #onRow = false
  #built = false

  constructor(sources: readonly VersionCursor[], descending: boolean) {
    this.#sources = sources
    this.#heads = sources.map((source) => source.row)
    this.#descending = descending
    this.#state = new Uint8Array(sources.length)
    this.#numbers = new Float64Array(sources.length)
    this.#tree = new Int32Array(sources.length)
  }

  next(): Step {
    if (!this.#built) return this.#moveAll(undefined, false)
    this.#onRow = false
    const winner = this.#tree[0]!
    if (this.#state[winner] === GONE) return END
    // Stale before the call: should the source throw, the next call asks it again.
    this.#state[winner] = STALE
    const step = this.#sources[winner]!.next()
    if (step === WAIT) {
      this.#waiting = [this.#sources[winner]!]
      return WAIT
    }
    if (step === ROW) {
      this.#state[winner] = THERE
      this.#number(winner)
    } else {
      this.#state[winner] = GONE
    }
    if (--this.#untilMeasure <= 0) this.#measure()
    this.#replay(winner)
    return this.#emit()
  }

  seek(key: Uint8Array): Step {
    if (this.#onRow && reaches(this.row, key, this.#descending)) return ROW
    return this.#moveAll(key, false)
  }

  pass(key: Uint8Array): Step {
    if (this.#onRow && isBehind(this.row, key, this.#descending)) return ROW
    return this.#moveAll(key, true)
  }

  prune(key: Uint8Array, seqHi: number, seqLo: number): Step {
    for (let i = 0; i < this.#sources.length; i++) {
      const head = this.#heads[i]!
      if (this.#state[i] !== THERE || !equalRange(head.key, head.keyStart, head.keyEnd, key, 0, key.length)) continue
      if (this.#sources[i]!.prune(key, seqHi, seqLo) === END) this.#state[i] = GONE
    }
    this.#measure()
    this.#build()
    return this.#emit()
  }

  ready(): Promise<void> {
    if (this.#waiting.length === 1) return this.#waiting[0]!.ready()
    return Promise.all(this.#waiting.map((source) => source.ready())).then(() => {})
  }

  /** Moves every source that is not where it should be; those that must wait are waited for together. */
  #moveAll(key: Uint8Array | undefined, past: boolean): Step {
    const stops = past ? isBehind : reaches
    this.#built = false
    // The row points into a source's buffer, which may be another row's by the time this is called again.
    this.#onRow = false
    const waiting: VersionCursor[] = []
    for (let i = 0; i < this.#sources.length; i++) {
      if (this.#state[i] === GONE) continue
      if (this.#state[i] === THERE && (key === undefined || stops(this.#heads[i]!, key, this.#descending))) continue
      this.#state[i] = STALE
      const source = this.#sources[i]!
      const step = key === undefined ? source.next() : past ? source.pass(key) : source.seek(key)
      if (step === WAIT) waiting.push(source)
      else this.#state[i] = step === ROW ? THERE : GONE
    }
    if (waiting.length > 0) {
      this.#waiting = waiting
      return WAIT
    }
    this.#measure()
    this.#build()
    this.#built = true
    return this.#emit()
  }

  #emit(): Step {
    const winner = this.#tree[0]!
    if (this.#state[winner] === GONE) return END
    pointAt(this.row, this.#heads[winner]!)
    this.#onRow = true
    return ROW
  }

  /** Takes the longest prefix that all heads share, and numbers behind it. */
  #measure(): void {
    let first = -1
    let skip = 0
    for (let i = 0; i < this.#heads.length; i++) {
      if (this.#state[i] !== THERE) continue
      const head = this.#heads[i]!
      if (first < 0) {
        first = i
        skip = head.keyEnd - head.keyStart
      } else {
        const other = this.#heads[first]!
        skip = sharedLength(head.key, head.keyStart, head.keyEnd, other.key, other.keyStart, other.keyStart + skip)
      }
    }
    this.#skip = skip
    this.#untilMeasure = REMEASURE_ROWS
    for (let i = 0; i < this.#heads.length; i++) if (this.#state[i] === THERE) this.#setNumber(i)
  }

  /** After a source moved: its number, and a shorter prefix for all when its key leaves the shared one. */
  #number(i: number): void {
    const skip = this.#skip
    if (skip > 0) {
      const head = this.#heads[i]!
      // The row that was handed out last is under the shared prefix, but its bytes may be gone: ask another head.
      const other = this.#otherHead(i)
      if (
        other !== undefined &&
        sharedLength(head.key, head.keyStart, head.keyEnd, other.key, other.keyStart, other.keyStart + skip) < skip
      ) {
        this.#measure()
        return
      }
    }
    this.#setNumber(i)
  }

  #otherHead(i: number): Row | undefined {
    for (let k = 1; k < this.#heads.length; k++) {
      const j = this.#tree[k]!
      if (j !== i && this.#state[j] === THERE) return this.#heads[j]!
    }
    return undefined
  }

  #setNumber(i: number): void {
    const head = this.#heads[i]!
    const number = numericPrefix(head.key, head.keyStart + this.#skip, head.keyEnd)
    this.#numbers[i] = this.#descending ? -number : number
  }

  /** Plays all matches. */
  #build(): void {
    const k = this.#sources.length
    const winners = new Int32Array(2 * k)
    for (let i = 0; i < k; i++) winners[k + i] = i
    for (let node = k - 1; node >= 1; node--) {
      const a = winners[2 * node]!
      const b = winners[2 * node + 1]!
      const aWins = this.#before(a, b)
      winners[node] = aWins ? a : b
      this.#tree[node] = aWins ? b : a
    }
    this.#tree[0] = winners[1]!
  }

  /** The matches above a source whose row has changed. */
  #replay(source: number): void {
    const tree = this.#tree
    let winner = source
    for (let node = (source + tree.length) >>> 1; node >= 1; node >>>= 1) {
      const loser = tree[node]!
      if (this.#before(loser, winner)) {
        tree[node] = winner
        winner = loser
      }
    }
    tree[0] = winner
  }

  #before(a: number, b: number): boolean {
    if (this.#state[a] === GONE) return false
    if (this.#state[b] === GONE) return true
    const x = this.#numbers[a]!
    const y = this.#numbers[b]!
    return x !== y ? x < y : this.#tie(a, b)
  }

  #tie(a: number, b: number): boolean {
    const skip = this.#skip
    const x = this.#heads[a]!
    const y = this.#heads[b]!
    let order = compareRange(x.key, x.keyStart + skip, x.keyEnd, y.key, y.keyStart + skip, y.keyEnd)
    if (order === 0) order = x.seqHi !== y.seqHi ? y.seqHi - x.seqHi : y.seqLo - x.seqLo
    if (order === 0) order = a - b
    return this.#descending ? order > 0 : order < 0
  }
}
