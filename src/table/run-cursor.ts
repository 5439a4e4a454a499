// A sorted run: tables one behind the other, opened when their turn comes (RD-12, RD-13). Versions of one key may go on
// in the next table; walking the tables in order, or in reverse, keeps them in order by itself.

import { afterRange, beforeRange, type KeyRange } from '../bytes/range.ts'
import { END, ROW, type Step, type VersionCursor } from '../cursor/cursor.ts'
import { Row } from '../cursor/row.ts'
import type { FilterQuery } from '../filter/policy.ts'
import type { TableView } from '../format/manifest.ts'
import type { ReadScope } from './load.ts'
import { Pace } from './read-ahead.ts'
import { openTableCursor, type TableCursor, type TableCursorOptions } from './table-cursor.ts'
import type { Tables } from './tables.ts'
import { firstHolding, lastStarting, rangeInRun, viewStart } from './view-range.ts'

/** A cursor over the views of one run, ascending by key as the manifest lists them. */
export function openRunCursor(tables: Tables, views: readonly TableView[], options: TableCursorOptions): VersionCursor {
  const [from, to] = viewsOf(views, options.range)
  if (to - from === 1) {
    return openTableCursor(tables, views[from]!, { ...options, range: rangeInRun(views, from, options.range) })
  }
  return new RunCursor(tables, views, from, to, options)
}

/** The views [from, to) that may have rows in the range. */
function viewsOf(views: readonly TableView[], range: KeyRange): [number, number] {
  let from = 0
  if (range.start !== undefined) {
    const last = lastStarting(views, range.start.key)
    from = last < 0 ? 0 : firstHolding(views, last, range.start.key)
  }
  let to = views.length
  if (range.end !== undefined) to = Math.max(from, lastStarting(views, range.end.key) + 1)
  return [from, to]
}

/** Tables of a run that are opened before their turn. */
const MAX_PREPARED = 16

class RunCursor implements VersionCursor {
  readonly row = new Row()
  readonly #tables: Tables
  readonly #views: readonly TableView[]
  readonly #options: TableCursorOptions
  readonly #from: number
  readonly #to: number
  readonly #direction: 1 | -1
  readonly #pace: Pace
  /** Index of the view whose turn it is. */
  #at: number
  /** Cursors over the view at `#at` and the ones behind it, the first of them the one that is read. */
  readonly #opened: TableCursor[] = []

  constructor(tables: Tables, views: readonly TableView[], from: number, to: number, options: TableCursorOptions) {
    this.#tables = tables
    this.#views = views
    this.#from = from
    this.#to = to
    this.#direction = options.descending ? -1 : 1
    this.#at = options.descending ? to - 1 : from
    this.#pace = new Pace(options)
    this.#options = { ...options, pace: this.#pace }
  }

  next(): Step {
    for (;;) {
      const current = this.#current()
      if (current === undefined) return END
      const step = current.next()
      if (step !== END) return step
      this.#moveTo(this.#at + this.#direction)
    }
  }

  seek(key: Uint8Array): Step {
    this.#leapTo(key)
    for (;;) {
      const current = this.#current()
      if (current === undefined) return END
      const step = current.seek(key)
      if (step !== END) return step
      this.#moveTo(this.#at + this.#direction)
    }
  }

  /** Tables that hold nothing but the key are few: each is asked. */
  pass(key: Uint8Array): Step {
    this.#leapTo(key)
    for (;;) {
      const current = this.#current()
      if (current === undefined) return END
      const step = current.pass(key)
      if (step !== END) return step
      this.#moveTo(this.#at + this.#direction)
    }
  }

  prune(): Step {
    return ROW
  }

  async ready(): Promise<void> {
    await this.#opened[0]?.ready()
  }

  /** Skips tables that lie wholly before the key, in our direction. */
  #leapTo(key: Uint8Array): void {
    const last = lastStarting(this.#views, key)
    let to = this.#at
    if (this.#options.descending) {
      if (last < this.#at) to = Math.max(last, this.#from - 1)
    } else if (last > this.#at) {
      to = Math.max(this.#at, Math.min(firstHolding(this.#views, last, key), this.#to))
    }
    if (Math.abs(to - this.#at) > 1) this.#pace.jumps()
    this.#moveTo(to)
  }

  #moveTo(at: number): void {
    for (; this.#at !== at; this.#at += this.#direction) this.#opened.shift()?.release()
  }

  #current(): TableCursor | undefined {
    return this.#opened[0] ?? this.#openNext()
  }

  /** Opens the first view that is not open yet; `undefined` behind the last. */
  #openNext(): TableCursor | undefined {
    const at = this.#at + this.#opened.length * this.#direction
    if (at < this.#from || at >= this.#to) return undefined
    const range = rangeInRun(this.#views, at, this.#options.range)
    const onRoom = this.#pace.grows ? () => this.#fetchAhead() : undefined
    const options = { ...this.#options, range, onRoom }
    const cursor = openTableCursor(this.#tables, this.#views[at]!, options, this.row)
    this.#opened.push(cursor)
    return cursor
  }

  /** There is room behind the table that is read: blocks of the next ones in their order, then more tables. */
  #fetchAhead(): void {
    for (const cursor of this.#opened) if (!cursor.prefetch()) return
    let bytes = 0
    while (this.#opened.length <= MAX_PREPARED && bytes < this.#pace.target && this.#pace.budget.left > 0) {
      const next = this.#openNext()
      if (next === undefined) return
      bytes += next.dataBytes
      void next.prepare().then(() => this.#fetchAhead())
    }
  }
}

/**
 * The newest version of a key in a run; see `Tables.get`. All tables that may hold versions of the key are asked, newest
 * first, and the first hit is the answer.
 */
export function getFromRun(
  tables: Tables,
  views: readonly TableView[],
  query: FilterQuery,
  maxSeqHi: number,
  maxSeqLo: number,
  row: Row,
  scope: ReadScope,
): boolean | Promise<boolean> {
  const { key } = query
  const last = lastStarting(views, key)
  if (last < 0) return false
  return searchViews(tables, views, firstHolding(views, last, key), last, query, maxSeqHi, maxSeqLo, row, scope)
}

/** Begins to load the metadata of the newest table that may hold the key. */
export function askMetaOfRun(tables: Tables, views: readonly TableView[], key: Uint8Array, scope: ReadScope): void {
  const last = lastStarting(views, key)
  if (last >= 0) tables.askMeta(tables.table(views[firstHolding(views, last, key)]!.table), key, scope)
}

function searchViews(
  tables: Tables,
  views: readonly TableView[],
  from: number,
  last: number,
  query: FilterQuery,
  maxSeqHi: number,
  maxSeqLo: number,
  row: Row,
  scope: ReadScope,
): boolean | Promise<boolean> {
  for (let i = from; i <= last; i++) {
    const { table, visibleRange } = views[i]!
    const found = tables.get(tables.table(table), visibleRange, query, maxSeqHi, maxSeqLo, row, scope)
    if (found === true) return true
    if (found !== false) {
      return found.then((hit) => hit || searchViews(tables, views, i + 1, last, query, maxSeqHi, maxSeqLo, row, scope))
    }
  }
  return false
}

/** Whether any row of the run may be in the range (RD-15). */
export function runOverlaps(views: readonly TableView[], range: KeyRange): boolean {
  const first = views[0]
  const last = views.at(-1)
  if (first === undefined || last === undefined) return false
  const start = viewStart(first)
  const end = last.table.info.lastEntry
  return !afterRange(range, start, 0, start.length) && (end === undefined || !beforeRange(range, end, 0, end.length))
}
