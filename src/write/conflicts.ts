// Which transactions may commit (TX-3..TX-10). While any transaction is open, the keys of every commit are remembered;
// a transaction conflicts when a commit after its start wrote a key it writes or read, or a key inside a range it read.
// The requested range counts, not the rows that came back: a write into a scanned but empty range is a phantom.
//
// A clear asks the same record, for another reason: what was written since it began is not for it to delete.

import { compareBytes } from '../bytes/compare.ts'
import { afterRange, beforeRange, type KeyRange } from '../bytes/range.ts'
import { compareU64 } from '../bytes/u64.ts'
import type { SeqBound } from '../read/reads.ts'

/** Keys of one commit, ascending, without duplicates. */
interface Commit {
  readonly seqHi: number
  readonly seqLo: number
  readonly keys: readonly Uint8Array[]
  /** Written as well, but in conflict with no transaction. */
  readonly unmarked: readonly Uint8Array[]
}

/** What one transaction has read and will write, as far as conflicts are concerned. */
export interface Footprint {
  readonly start: SeqBound
  /** Ascending, without duplicates, without unmarked keys. */
  readonly writes: readonly Uint8Array[]
  /** The unmarked keys that it writes, ascending. */
  readonly unmarked: readonly Uint8Array[]
  readonly reads: readonly Uint8Array[]
  readonly ranges: readonly KeyRange[]
}

export class Conflicts {
  readonly #active = new Set<SeqBound>()
  #commits: Commit[] = []

  /**
   * True while commits must be recorded: with no transaction open, recording is free of cost. `own` is open and does not
   * ask for this commit, its own.
   */
  isRecording(own?: SeqBound): boolean {
    return this.#active.size > (own !== undefined && this.#active.has(own) ? 1 : 0)
  }

  begin(pin: SeqBound): void {
    this.#active.add(pin)
  }

  /** Ends a transaction, committed or not, and forgets commits that no open transaction can conflict with (TX-8). */
  end(pin: SeqBound): void {
    if (!this.#active.delete(pin)) return
    if (this.#active.size === 0) {
      this.#commits = []
      return
    }
    let min: SeqBound | undefined
    for (const one of this.#active) {
      if (min === undefined || compareU64(one.seqHi, one.seqLo, min.seqHi, min.seqLo) < 0) min = one
    }
    let keepFrom = 0
    while (keepFrom < this.#commits.length && !isAfter(this.#commits[keepFrom]!, min!)) keepFrom++
    if (keepFrom > 0) this.#commits.splice(0, keepFrom)
  }

  /**
   * True when this is the only open transaction and nothing was committed since it began: it conflicts with nobody, and
   * nobody will ever ask what it wrote.
   */
  isAlone(pin: SeqBound): boolean {
    const last = this.#commits[this.#commits.length - 1]
    return this.#active.size === 1 && this.#active.has(pin) && (last === undefined || !isAfter(last, pin))
  }

  record(seqHi: number, seqLo: number, keys: readonly Uint8Array[], unmarked: readonly Uint8Array[] = []): void {
    if (keys.length + unmarked.length > 0) this.#commits.push({ seqHi, seqLo, keys, unmarked })
  }

  /** How many keys commits after `start` wrote, as far as they are recorded. */
  countSince(start: SeqBound): number {
    let count = 0
    for (const { keys, unmarked } of this.#since(start)) count += keys.length + unmarked.length
    return count
  }

  /** Those of `keys`, ascending, that commits after `start` wrote. */
  writtenSince(start: SeqBound, keys: readonly Uint8Array[]): ReadonlySet<Uint8Array> {
    const written = new Set<Uint8Array>()
    for (const commit of this.#since(start)) {
      for (const key of common(keys, commit.keys)) written.add(key)
      for (const key of common(keys, commit.unmarked)) written.add(key)
    }
    return written
  }

  /** The first key over which `footprint` conflicts with a commit after its start; `undefined` = none. */
  find(footprint: Footprint): Uint8Array | undefined {
    for (const commit of this.#since(footprint.start)) {
      const key =
        common(footprint.writes, commit.keys).next().value ??
        common(footprint.reads, commit.keys).next().value ??
        firstInside(footprint.ranges, commit.keys)
      if (key !== undefined) return key
    }
    return undefined
  }

  /** Newest first. */
  *#since(start: SeqBound): Generator<Commit, void> {
    for (let i = this.#commits.length - 1; i >= 0 && isAfter(this.#commits[i]!, start); i--) yield this.#commits[i]!
  }
}

function isAfter(commit: Commit, start: SeqBound): boolean {
  return compareU64(commit.seqHi, commit.seqLo, start.seqHi, start.seqLo) > 0
}

/** First position whose key is not below `key`. */
function lowerBound(keys: readonly Uint8Array[], key: Uint8Array): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareBytes(keys[middle]!, key) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** The keys of `wanted` that are in both lists. */
function* common(wanted: readonly Uint8Array[], keys: readonly Uint8Array[]): Generator<Uint8Array, undefined> {
  // Probe with the shorter list: a single put against a commit of a million keys costs 20 comparisons.
  const [few, many] = wanted.length <= keys.length ? [wanted, keys] : [keys, wanted]
  for (const key of few) {
    const at = lowerBound(many, key)
    if (at < many.length && compareBytes(many[at]!, key) === 0) yield few === wanted ? key : many[at]!
  }
}

function firstInside(ranges: readonly KeyRange[], keys: readonly Uint8Array[]): Uint8Array | undefined {
  for (const range of ranges) {
    let at = range.start === undefined ? 0 : lowerBound(keys, range.start.key)
    while (at < keys.length && beforeRange(range, keys[at]!, 0, keys[at]!.length)) at++
    if (at < keys.length && !afterRange(range, keys[at]!, 0, keys[at]!.length)) return keys[at]
  }
  return undefined
}

/** Sorts and removes duplicates, in place of a sorted set. */
export function sortedKeys(keys: Iterable<Uint8Array>): Uint8Array[] {
  const sorted = [...keys].sort(compareBytes)
  return sorted.filter((key, i) => i === 0 || compareBytes(sorted[i - 1]!, key) !== 0)
}
