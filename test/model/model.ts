// The judge: a map from key to every version ever committed, in sequence order. It says what a database may answer at a
// sequence number, and nothing about how it does that.
//
// Time to live is the one place with two right answers: an expired row is there, or gone, never an older version
// instead (protocols.md RT-2, RD-6). So an answer is described by its parts, and parts that have expired may be missing.

import type { Ttl } from '../../src/write/options.ts'
import { show, toText } from './bytes.ts'

export interface Op {
  readonly kind: 'put' | 'delete' | 'merge'
  readonly key: string
  readonly value: string
  readonly ttl: Ttl
}

/** One key as a write left it. */
interface Version {
  readonly seq: number
  readonly createTs: number
  readonly kind: 'put' | 'delete' | 'merge'
  readonly value: string
  readonly expireTs: number | undefined
}

export interface Entry {
  readonly seq: number
  readonly createTs: number
  readonly keys: readonly string[]
}

/** A row as the database shows it. */
export interface SeenRow {
  readonly key: string
  readonly value: string
  readonly seq: bigint
  readonly createTs: number
  readonly expireTs: number | undefined
}

export interface Bounds {
  readonly from?: string | undefined
  readonly fromInclusive?: boolean
  readonly to?: string | undefined
  readonly toInclusive?: boolean
}

/** What a transaction touched. */
export interface Footprint {
  readonly start: number
  readonly before: number
  readonly writes: Iterable<string>
  readonly reads: Iterable<string>
  readonly ranges: readonly Bounds[]
}

export interface View {
  /** Greatest sequence number that is visible. */
  readonly seq: number
  /** Operations of a transaction that lie over it. */
  readonly own?: readonly Op[] | undefined
  /** Of a snapshot or transaction (D4): rows that expire after this instant must be there. */
  readonly expiresAtMs?: number | undefined
}

/** The engine shows rows of an open transaction with this sequence number. */
export const OWN_SEQ = 2n ** 64n - 1n

export class Model {
  readonly defaultTtl: number | undefined
  readonly #versions = new Map<string, Version[]>()
  #keys: string[] = []
  #keysSorted = true
  readonly entries: Entry[] = []
  /** Rows that expire at or before this instant may have been removed. */
  tick = Number.NEGATIVE_INFINITY

  constructor(defaultTtl?: number) {
    this.defaultTtl = defaultTtl
  }

  get lastSeq(): number {
    return this.entries.at(-1)?.seq ?? 0
  }

  /**
   * Records a committed batch. Batches may be told in another order than they were committed (a stalled write learns of
   * its commit a little later). Throws when sequence number or time contradict what is known (W-6, INV-7).
   */
  commit(ops: readonly Op[], seq: bigint, createTs: number): void {
    const at = Number(seq)
    let place = this.entries.length
    while (place > 0 && this.entries[place - 1]!.seq >= at) place--
    const [before, after] = [this.entries[place - 1], this.entries[place]]
    if (after?.seq === at) throw new Error(`seq ${seq} was given out twice`)
    if ((before !== undefined && createTs < before.createTs) || (after !== undefined && createTs > after.createTs)) {
      throw new Error(`create_ts ${createTs} of seq ${seq} is out of order: ${JSON.stringify([before, after])}`)
    }
    const rows = foldBatch(ops, (ttl) => this.#expireTs(ttl, createTs))
    for (const [key, row] of rows) insertVersion(this.#versionsOf(key), { ...row, seq: at, createTs })
    this.entries.splice(place, 0, { seq: at, createTs, keys: [...rows.keys()] })
    this.tick = Math.max(this.tick, createTs)
  }

  /** Forgets everything after `seq`: it was lost in a crash, or never reached the store before another writer took over. */
  truncate(seq: number): void {
    while ((this.entries.at(-1)?.seq ?? -1) > seq) {
      for (const key of this.entries.pop()!.keys) {
        const versions = this.#versions.get(key)!
        while ((versions.at(-1)?.seq ?? -1) > seq) versions.pop()
      }
    }
  }

  /** What is wrong with this answer for one key; `undefined` = nothing. */
  complaint(key: string, seen: SeenRow | undefined, view: View): string | undefined {
    const parts = this.#parts(key, view)
    if (seen === undefined) {
      const needed = parts.find((part) => !this.#mayBeGone(part, view))
      return needed && `key ${show(key)} at seq ${view.seq}: expected ${show(joined(parts))}, got nothing`
    }
    const wrong = (what: string) =>
      `key ${show(key)} at seq ${view.seq}: ${what}; expected ${show(parts.length === 0 ? undefined : joined(parts))}, ` +
      `got ${show(seen.value)} (seq ${seen.seq})`
    if (parts.length === 0) return wrong('a row that must not exist')
    if (!this.#isMadeOf(seen.value, parts, view)) return wrong('wrong value')
    if (parts.some((part) => part.seq === Number.POSITIVE_INFINITY)) {
      return seen.seq === OWN_SEQ ? undefined : wrong(`a transaction's own row must have seq ${OWN_SEQ}`)
    }
    if (parts.some((part) => this.#mayBeGone(part, view))) {
      return parts.some((part) => BigInt(part.seq) === seen.seq) ? undefined : wrong('seq of no version of this row')
    }
    if (seen.seq !== BigInt(parts.at(-1)!.seq)) return wrong(`wrong seq, expected ${parts.at(-1)!.seq}`)
    const createTs = Math.max(...parts.map((part) => part.createTs))
    if (seen.createTs !== createTs) return wrong(`create_ts ${seen.createTs}, expected ${createTs}`)
    const expiries = parts.flatMap((part) => part.expireTs ?? [])
    const expireTs = expiries.length === 0 ? undefined : Math.min(...expiries)
    if (seen.expireTs !== expireTs) return wrong(`expire_ts ${seen.expireTs}, expected ${expireTs}`)
    return undefined
  }

  /** What is wrong with the result of a scan. */
  scanComplaint(seen: readonly SeenRow[], view: View, bounds: Bounds = {}, descending = false): string | undefined {
    const expected = this.#allKeys(view.own).filter((key) => within(key, bounds))
    if (descending) expected.reverse()
    const isBefore = (a: string, b: string) => (descending ? a > b : a < b)
    for (let i = 1; i < seen.length; i++) {
      const [before, row] = [seen[i - 1]!, seen[i]!]
      if (!isBefore(before.key, row.key)) return `scan order: ${show(row.key)} after ${show(before.key)}`
    }
    let at = 0
    for (const row of seen) {
      if (!within(row.key, bounds)) return `scan returned ${show(row.key)}, which is outside its range`
      for (; at < expected.length && isBefore(expected[at]!, row.key); at++) {
        const missing = this.complaint(expected[at]!, undefined, view)
        if (missing !== undefined) return `scan: ${missing}`
      }
      if (expected[at] !== row.key) return `scan: key ${show(row.key)} was never written; got ${show(row.value)}`
      at++
      const complaint = this.complaint(row.key, row, view)
      if (complaint !== undefined) return `scan: ${complaint}`
    }
    for (; at < expected.length; at++) {
      const missing = this.complaint(expected[at]!, undefined, view)
      if (missing !== undefined) return `scan: ${missing}`
    }
    return undefined
  }

  /** True when `row` is the result of one put and its expiry hides it at `instant` (design.md D4). */
  isHiddenAt(key: string, view: View, instant: number): boolean | undefined {
    const parts = this.#parts(key, view)
    if (parts.length !== 1 || parts[0]!.kind !== 'put') return undefined
    const { expireTs } = parts[0]!
    return expireTs !== undefined && expireTs <= instant
  }

  /** TX-6: does a commit between `start` and `before` (both excluded) touch what the transaction wrote or read? */
  conflicts(footprint: Footprint, unmarkedOf: (seq: number) => ReadonlySet<string> | undefined): boolean {
    const { start, before, writes, reads, ranges } = footprint
    const mine = new Set([...writes, ...reads])
    return this.entries.some(({ seq, keys }) => {
      if (seq <= start || seq >= before) return false
      const unmarked = unmarkedOf(seq)
      return keys.some((key) => !unmarked?.has(key) && (mine.has(key) || ranges.some((range) => within(key, range))))
    })
  }

  /** True when some batch was committed with this sequence number. */
  has(seq: number): boolean {
    return this.entries.some((entry) => entry.seq === seq)
  }

  /** As `complaint`, for a read that gives the value only. */
  valueComplaint(key: string, value: string | undefined, view: View): string | undefined {
    const parts = this.#parts(key, view)
    if (value === undefined) return this.complaint(key, undefined, view)
    if (parts.length > 0 && this.#isMadeOf(value, parts, view)) return undefined
    const expected = parts.length === 0 ? undefined : joined(parts)
    return `key ${show(key)} at seq ${view.seq}: expected ${show(expected)}, got ${show(value)}`
  }

  #parts(key: string, view: View): Version[] {
    const parts: Version[] = []
    if (view.own !== undefined) {
      const mine = view.own.filter((op) => op.key === key)
      if (mine.length > 0) {
        const row = foldBatch(mine, () => undefined).get(key)!
        if (row.kind === 'delete') return []
        parts.push({ ...row, seq: Number.POSITIVE_INFINITY, createTs: 0, expireTs: undefined })
        if (row.kind === 'put') return parts
      }
    }
    const versions = this.#versions.get(key) ?? []
    for (let i = versions.length - 1; i >= 0; i--) {
      const version = versions[i]!
      if (version.seq > view.seq) continue
      if (version.kind === 'delete') break
      parts.push(version)
      if (version.kind === 'put') break
    }
    return parts.reverse()
  }

  #mayBeGone({ expireTs }: Version, { expiresAtMs = Number.POSITIVE_INFINITY }: View): boolean {
    return expireTs !== undefined && expireTs <= Math.min(this.tick, expiresAtMs)
  }

  /** True when `value` is the parts one after the other, of which expired ones may be missing, but not all. */
  #isMadeOf(value: string, parts: readonly Version[], view: View, index = 0, hasAny = false): boolean {
    if (index === parts.length) return value === '' && hasAny
    const part = parts[index]!
    const rest = value.startsWith(part.value) ? value.slice(part.value.length) : undefined
    if (rest !== undefined && this.#isMadeOf(rest, parts, view, index + 1, true)) return true
    return this.#mayBeGone(part, view) && this.#isMadeOf(value, parts, view, index + 1, hasAny)
  }

  #expireTs(ttl: Ttl, createTs: number): number | undefined {
    if (ttl === 'none') return undefined
    if (ttl === 'default') return this.defaultTtl === undefined ? undefined : createTs + this.defaultTtl
    return 'at' in ttl ? ttl.at : createTs + ttl.after
  }

  #versionsOf(key: string): Version[] {
    let versions = this.#versions.get(key)
    if (versions === undefined) {
      versions = []
      this.#versions.set(key, versions)
      this.#keys.push(key)
      this.#keysSorted = false
    }
    return versions
  }

  #allKeys(own: readonly Op[] | undefined): string[] {
    if (!this.#keysSorted) this.#keys.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
    this.#keysSorted = true
    if (own === undefined || own.length === 0) return this.#keys.slice()
    return [...new Set([...this.#keys, ...own.map((op) => op.key)])].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  }
}

/** One row per key: puts and deletes replace, merges append to what the batch holds for the key (W-1, W-3). */
export function foldBatch(
  ops: readonly Op[],
  expireTs: (ttl: Ttl) => number | undefined,
): Map<string, Pick<Version, 'kind' | 'value' | 'expireTs'>> {
  const rows = new Map<string, Pick<Version, 'kind' | 'value' | 'expireTs'>>()
  for (const op of ops) {
    const before = rows.get(op.key)
    if (op.kind === 'delete') rows.set(op.key, { kind: 'delete', value: '', expireTs: undefined })
    else if (op.kind === 'put' || before === undefined) {
      rows.set(op.key, { kind: op.kind, value: op.value, expireTs: expireTs(op.ttl) })
    } else {
      const kind = before.kind === 'merge' ? 'merge' : 'put'
      rows.set(op.key, { kind, value: before.value + op.value, expireTs: expireTs(op.ttl) })
    }
  }
  return rows
}

function insertVersion(versions: Version[], version: Version): void {
  let place = versions.length
  while (place > 0 && versions[place - 1]!.seq > version.seq) place--
  versions.splice(place, 0, version)
}

export function within(key: string, bounds: Bounds): boolean {
  const { from, to, fromInclusive = true, toInclusive = false } = bounds
  if (from !== undefined && (fromInclusive ? key < from : key <= from)) return false
  return to === undefined || (toInclusive ? key <= to : key < to)
}

export function seenRow(row: {
  key: Uint8Array
  value: Uint8Array
  seq: bigint
  createTs: number
  expireTs: number | undefined
}): SeenRow {
  return {
    key: toText(row.key),
    value: toText(row.value),
    seq: row.seq,
    createTs: row.createTs,
    expireTs: row.expireTs,
  }
}

function joined(parts: readonly Version[]): string {
  return parts.map((part) => part.value).join('')
}
