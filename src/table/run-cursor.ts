// A sorted run: tables one behind the other, opened when their turn comes (RD-12, RD-13). Versions of one key may go on
// in the next table; walking the tables in order, or in reverse, keeps them in order by itself.

import { afterRange, beforeRange, type KeyRange } from '../bytes/range.ts'
import { type Cursor, END, type Step } from '../cursor/cursor.ts'
import { Row } from '../cursor/row.ts'
import type { FilterQuery } from '../filter/policy.ts'
import type { TableView } from '../format/manifest.ts'
import { openTableCursor, type TableCursorOptions } from './table-cursor.ts'
import type { Tables } from './tables.ts'
import { firstHolding, lastStarting, rangeInRun, viewStart } from './view-range.ts'

/** A cursor over the views of one run, ascending by key as the manifest lists them. */
export function openRunCursor(tables: Tables, views: readonly TableView[], options: TableCursorOptions): Cursor {
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

class RunCursor implements Cursor {
  readonly row = new Row()
  readonly #tables: Tables
  readonly #views: readonly TableView[]
  readonly #options: TableCursorOptions
  readonly #from: number
  readonly #to: number
  /** Index of the view that `#current` is over. */
  #at: number
  #current: Cursor | undefined

  constructor(tables: Tables, views: readonly TableView[], from: number, to: number, options: TableCursorOptions) {
    this.#tables = tables
    this.#views = views
    this.#options = options
    this.#from = from
    this.#to = to
    this.#at = options.descending ? to - 1 : from
  }

  next(): Step {
    for (;;) {
      const current = this.#open()
      if (current === undefined) return END
      const step = current.next()
      if (step !== END) return step
      this.#close()
    }
  }

  seek(key: Uint8Array): Step {
    this.#leapTo(key)
    for (;;) {
      const current = this.#open()
      if (current === undefined) return END
      const step = current.seek(key)
      if (step !== END) return step
      this.#close()
    }
  }

  async ready(): Promise<void> {
    await this.#current?.ready()
  }

  /** Skips tables that lie wholly before the key, in our direction. */
  #leapTo(key: Uint8Array): void {
    const last = lastStarting(this.#views, key)
    if (this.#options.descending) {
      if (last < this.#at) this.#moveTo(Math.max(last, this.#from - 1))
    } else if (last > this.#at) {
      const first = firstHolding(this.#views, last, key)
      if (first > this.#at) this.#moveTo(Math.min(first, this.#to))
    }
  }

  #moveTo(at: number): void {
    this.#at = at
    this.#current = undefined
  }

  #close(): void {
    this.#moveTo(this.#options.descending ? this.#at - 1 : this.#at + 1)
  }

  #open(): Cursor | undefined {
    if (this.#at < this.#from || this.#at >= this.#to) return undefined
    if (this.#current === undefined) {
      const range = rangeInRun(this.#views, this.#at, this.#options.range)
      this.#current = openTableCursor(this.#tables, this.#views[this.#at]!, { ...this.#options, range }, this.row)
    }
    return this.#current
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
): boolean | Promise<boolean> {
  const { key } = query
  const last = lastStarting(views, key)
  if (last < 0) return false
  return searchViews(tables, views, firstHolding(views, last, key), last, query, maxSeqHi, maxSeqLo, row)
}

/** Begins to load the metadata of the newest table that may hold the key. */
export function askMetaOfRun(tables: Tables, views: readonly TableView[], key: Uint8Array): void {
  const last = lastStarting(views, key)
  if (last >= 0) tables.askMeta(tables.table(views[firstHolding(views, last, key)]!.table), key)
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
): boolean | Promise<boolean> {
  for (let i = from; i <= last; i++) {
    const { table, visibleRange } = views[i]!
    const found = tables.get(tables.table(table), visibleRange, query, maxSeqHi, maxSeqLo, row)
    if (found === true) return true
    if (found !== false) {
      return found.then((hit) => hit || searchViews(tables, views, i + 1, last, query, maxSeqHi, maxSeqLo, row))
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
