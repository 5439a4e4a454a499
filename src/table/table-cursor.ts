// The rows of one table view, clipped to a range, in place. Opening does no I/O: the first `next` or `seek` says WAIT
// when something must be fetched, and `ready` fetches it. Blocks in the cache are walked without waiting.

import { compareRange } from '../bytes/compare.ts'
import { afterRange, beforeRange, intersectRanges, isEmptyRange, type KeyRange } from '../bytes/range.ts'
import { END, ROW, type Step, type VersionCursor, WAIT } from '../cursor/cursor.ts'
import { Row } from '../cursor/row.ts'
import { isBehind, reaches } from '../cursor/rows.ts'
import type { FilterQuery } from '../filter/policy.ts'
import { BlockCursor } from '../format/block-cursor.ts'
import { ReverseBlockCursor } from '../format/block-reverse.ts'
import type { TableView } from '../format/manifest.ts'
import { BlockWindow } from './block-window.ts'
import type { ReadScope } from './load.ts'
import { Pace, type ReadAhead } from './read-ahead.ts'
import type { Table, TableMeta } from './table.ts'
import type { Tables } from './tables.ts'

export interface TableCursorOptions extends ReadAhead {
  readonly range: KeyRange
  readonly descending: boolean
  /** A prefix scan: the table is skipped when its filters know better (FT-1). */
  readonly filter?: FilterQuery | undefined
  /** Of a reader that was in other tables before. */
  readonly pace?: Pace | undefined
  /** The read that the cursor is for. Default: one that is never given up. */
  readonly scope?: ReadScope | undefined
  /** Called when the whole range is asked for and there is room for more. */
  readonly onRoom?: (() => void) | undefined
}

/** A cursor over `view`; rows outside its visible range do not exist (RD-31). It moves `row`. */
export function openTableCursor(
  tables: Tables,
  view: Pick<TableView, 'table' | 'visibleRange'>,
  options: TableCursorOptions,
  row: Row = new Row(),
): TableCursor {
  return options.descending
    ? new DescendingCursor(tables, view, options, row)
    : new AscendingCursor(tables, view, options, row)
}

/** What both directions share: metadata, the range in blocks, and the fetching. */
export abstract class TableCursor implements VersionCursor {
  readonly row: Row
  protected readonly range: KeyRange
  readonly #tables: Tables
  readonly #table: Table
  readonly #options: TableCursorOptions
  readonly #pace: Pace
  protected meta: TableMeta | undefined
  protected window: BlockWindow | undefined
  /** The block to read next or being read, and the last one in our direction. */
  protected at = 0
  protected last = -1
  protected ended = false
  /** The key that a seek waits for, or that a pass waits to leave behind. */
  #wanted: Uint8Array | undefined
  #wantedPast = false
  #error: { error: unknown } | undefined
  protected sawRow = false

  constructor(tables: Tables, view: Pick<TableView, 'table' | 'visibleRange'>, options: TableCursorOptions, row: Row) {
    this.row = row
    this.#tables = tables
    this.#table = tables.table(view.table)
    this.#options = options
    this.#pace = options.pace ?? new Pace(options)
    this.range = view.visibleRange === undefined ? options.range : intersectRanges(options.range, view.visibleRange)
    this.ended = isEmptyRange(this.range) || this.#outside()
  }

  /** Of all blocks of the table, those outside the range included. */
  get dataBytes(): number {
    return this.#table.ref.info.filterOffset
  }

  abstract next(): Step
  protected abstract move(key: Uint8Array, past: boolean): Step

  seek(key: Uint8Array): Step {
    return this.move(key, false)
  }

  pass(key: Uint8Array): Step {
    return this.move(key, true)
  }

  /** A block does not say which sequence numbers are in it. */
  prune(): Step {
    return ROW
  }

  async ready(): Promise<void> {
    if (this.#error !== undefined) throw this.#error.error
    if (this.ended) return
    try {
      await this.#needMeta()
      if (this.ended || this.window === undefined) return
      if (this.#wanted !== undefined) this.leapTo(this.#wanted, this.#wantedPast)
      await this.window.ready(this.at)
    } catch (error) {
      this.#error ??= { error }
      throw error
    }
  }

  /** Loads the metadata before its turn comes. What fails is told when somebody reads. */
  async prepare(): Promise<void> {
    try {
      await this.#needMeta()
    } catch (error) {
      this.#error ??= { error }
    }
  }

  /** Begins to fetch blocks before its turn comes, as far as there is room; true when all of the range is asked for. */
  prefetch(): boolean {
    return this.ended || (this.window?.prefetch() ?? false)
  }

  /** Nobody will read on. */
  release(): void {
    this.ended = true
    this.window?.release()
    this.window = undefined
  }

  async #needMeta(): Promise<void> {
    if (this.meta !== undefined || this.ended) return
    const meta = await this.#tables.meta(this.#table, this.#options.scope)
    // Whoever prefetches and whoever reads may wait side by side.
    if (this.meta === undefined && !this.ended) this.#start(meta)
  }

  /** True when `meta` and `window` are there; they are fetched in `ready` otherwise. */
  protected begin(): boolean {
    if (this.meta !== undefined) return true
    if (this.#table.meta === undefined || this.#error !== undefined) return false
    try {
      this.#start(this.#tables.meta(this.#table) as TableMeta)
      return true
    } catch (error) {
      // A filter of the user's that throws: told by ready(), as every error is.
      this.#error = { error }
      this.meta = undefined
      return false
    }
  }

  protected waitFor(key: Uint8Array | undefined, past = false): Step {
    this.#wanted = key
    this.#wantedPast = past
    return WAIT
  }

  protected end(): Step {
    if (!this.sawRow && !this.ended && this.meta !== undefined && this.#options.filter !== undefined) {
      if (this.meta.filters.length > 0) this.#tables.countFalsePositive(this.#options.filter.kind)
    }
    this.release()
    return END
  }

  /** The blocks of the range: [first, last] in our direction. */
  protected abstract bounds(meta: TableMeta): [first: number, last: number]

  /** Moves `at` forward, never back, to where `key` may be, or what lies behind it. */
  protected abstract leapTo(key: Uint8Array, past: boolean): void

  #start(meta: TableMeta): void {
    this.meta = meta
    if (meta.index.length === 0) {
      this.ended = true
      return
    }
    const { filter } = this.#options
    if (filter !== undefined && !this.#tables.mightMatch(meta, filter)) {
      this.ended = true
      return
    }
    const [first, last] = this.bounds(meta)
    this.at = first
    this.last = last
    const direction = this.#options.descending ? -1 : 1
    this.window = new BlockWindow(
      this.#tables,
      this.#table,
      meta,
      { first, last, direction },
      this.#pace,
      this.#options,
    )
  }

  /** No row of the table can be in the range. */
  #outside(): boolean {
    const { firstEntry, lastEntry } = this.#table.ref.info
    return (
      (firstEntry !== undefined && afterRange(this.range, firstEntry, 0, firstEntry.length)) ||
      (lastEntry !== undefined && beforeRange(this.range, lastEntry, 0, lastEntry.length))
    )
  }
}

class AscendingCursor extends TableCursor {
  readonly #block = new BlockCursor(this.row)
  #open = false
  /** The range's start still lies ahead: rows before it are skipped. */
  #skipping = this.range.start !== undefined
  /** A row is in place. */
  #placed = false

  next(): Step {
    if (this.ended) return END
    if (!this.begin()) return this.waitFor(undefined)
    if (this.ended) return END
    for (;;) {
      if (this.#open) {
        if (this.#skipping ? this.#skip() : this.#block.next()) return this.#yield()
        this.#close()
      }
      if (this.at > this.last) return this.#finish()
      if (!this.#openBlock()) return this.waitFor(undefined)
    }
  }

  protected move(key: Uint8Array, past: boolean): Step {
    if (this.ended) return END
    if (!this.begin()) return this.waitFor(key, past)
    if (this.ended) return END
    const { start } = this.range
    if (this.#skipping && !isBehindKey(key, start!.key, false, past)) return this.next()
    if (this.#placed && (past ? isBehind : reaches)(this.row, key, false)) return ROW
    this.#skipping = false
    this.leapTo(key, past)
    for (;;) {
      if (this.#open) {
        if (past ? this.#block.pass(key) : this.#block.seek(key)) return this.#yield()
        this.#close()
      }
      if (this.at > this.last) return this.#finish()
      if (!this.#openBlock()) return this.waitFor(key, past)
    }
  }

  protected bounds({ index }: TableMeta): [number, number] {
    const { start, end } = this.range
    // An excluded key needs none of its versions, so blocks that could only hold those are left out.
    const first = start === undefined ? 0 : start.inclusive ? index.firstFor(start.key) : index.lastFor(start.key)
    if (end === undefined) return [first, index.length - 1]
    return [first, Math.max(first, end.inclusive ? index.lastFor(end.key) : index.firstFor(end.key))]
  }

  protected leapTo(key: Uint8Array, past: boolean): void {
    const { index } = this.meta!
    const block = past ? index.lastFor(key) : index.firstFor(key)
    if (block <= this.at) return
    this.at = block
    this.#open = false
  }

  #openBlock(): boolean {
    const bytes = this.window!.get(this.at)
    if (bytes === undefined) return false
    this.#block.open(bytes)
    this.#open = true
    return true
  }

  #close(): void {
    this.#open = false
    this.#placed = false
    this.at++
  }

  /** To the first row within the range's start. */
  #skip(): boolean {
    const { key, inclusive } = this.range.start!
    const { row } = this
    if (!this.#block.seek(key)) return false
    while (!inclusive && compareRange(row.key, row.keyStart, row.keyEnd, key, 0, key.length) === 0) {
      if (!this.#block.next()) return false
    }
    this.#skipping = false
    return true
  }

  #yield(): Step {
    const { row } = this
    // Only the last block can go beyond the range.
    if (this.at >= this.last && afterRange(this.range, row.key, row.keyStart, row.keyEnd)) return this.#finish()
    this.#placed = true
    this.sawRow = true
    return ROW
  }

  #finish(): Step {
    this.#open = false
    this.#placed = false
    return this.end()
  }
}

class DescendingCursor extends TableCursor {
  readonly #block = new ReverseBlockCursor(this.row)
  #open = false
  /** The range's end still lies ahead: rows behind it are skipped. */
  #skipping = this.range.end !== undefined
  #placed = false

  next(): Step {
    if (this.ended) return END
    if (!this.begin()) return this.waitFor(undefined)
    if (this.ended) return END
    for (;;) {
      if (this.#open) {
        if (this.#skipping ? this.#skip() : this.#block.next()) return this.#yield()
        this.#close()
      }
      if (this.at < this.last) return this.#finish()
      if (!this.#openBlock()) return this.waitFor(undefined)
    }
  }

  protected move(key: Uint8Array, past: boolean): Step {
    if (this.ended) return END
    if (!this.begin()) return this.waitFor(key, past)
    if (this.ended) return END
    const { end } = this.range
    if (this.#skipping && !isBehindKey(key, end!.key, true, past)) return this.next()
    if (this.#placed && (past ? isBehind : reaches)(this.row, key, true)) return ROW
    this.#skipping = false
    this.leapTo(key, past)
    for (;;) {
      if (this.#open) {
        if (past ? this.#block.pass(key) : this.#block.seek(key)) return this.#yield()
        this.#close()
      }
      if (this.at < this.last) return this.#finish()
      if (!this.#openBlock()) return this.waitFor(key, past)
    }
  }

  protected bounds({ index }: TableMeta): [number, number] {
    const { start, end } = this.range
    const first =
      end === undefined ? index.length - 1 : end.inclusive ? index.lastFor(end.key) : index.firstFor(end.key)
    if (start === undefined) return [first, 0]
    return [first, Math.min(first, start.inclusive ? index.firstFor(start.key) : index.lastFor(start.key))]
  }

  protected leapTo(key: Uint8Array, past: boolean): void {
    const { index } = this.meta!
    const block = past ? index.firstFor(key) : index.lastFor(key)
    if (block >= this.at) return
    this.at = block
    this.#open = false
  }

  #openBlock(): boolean {
    const bytes = this.window!.get(this.at)
    if (bytes === undefined) return false
    this.#block.open(bytes)
    this.#open = true
    return true
  }

  #close(): void {
    this.#open = false
    this.#placed = false
    this.at--
  }

  /** To the first row, in our direction, within the range's end. */
  #skip(): boolean {
    const { key, inclusive } = this.range.end!
    const { row } = this
    if (!this.#block.seek(key)) return false
    while (!inclusive && compareRange(row.key, row.keyStart, row.keyEnd, key, 0, key.length) === 0) {
      if (!this.#block.next()) return false
    }
    this.#skipping = false
    return true
  }

  #yield(): Step {
    const { row } = this
    if (this.at <= this.last && beforeRange(this.range, row.key, row.keyStart, row.keyEnd)) return this.#finish()
    this.#placed = true
    this.sawRow = true
    return ROW
  }

  #finish(): Step {
    this.#open = false
    this.#placed = false
    return this.end()
  }
}

/** Whether a move to `key` lands behind the bound that the range begins with in scan order, so that the bound is met. */
function isBehindKey(key: Uint8Array, bound: Uint8Array, descending: boolean, past: boolean): boolean {
  const order = compareRange(key, 0, key.length, bound, 0, bound.length) * (descending ? -1 : 1)
  return past ? order >= 0 : order > 0
}
