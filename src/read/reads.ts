// Point reads and scans over one view (protocols.md section 5). Everything is synchronous while bytes are in memory: a
// point read walks the sources newest first and stops at the first visible version; a scan is a stack of cursors.

import { copyOf } from '../bytes/copy.ts'
import { isEmptyRange, type KeyRange, pointRange } from '../bytes/range.ts'
import { U32_MAX } from '../bytes/u64.ts'
import { ChainCursor, type ChainPart } from '../cursor/chain.ts'
import { type Cursor, type Pacer, ROW, type VersionCursor, WAIT } from '../cursor/cursor.ts'
import { foldForReading } from '../cursor/fold.ts'
import { mergeCursors } from '../cursor/merge.ts'
import type { MergeOperator } from '../cursor/merge-operator.ts'
import { MERGE, NO_TS, Row, TOMBSTONE } from '../cursor/row.ts'
import { emptyCursor } from '../cursor/rows.ts'
import { visible } from '../cursor/visible.ts'
import { type FilterQuery, KeyHash } from '../filter/policy.ts'
import type { ReadScope } from '../table/load.ts'
import { AheadBudget } from '../table/read-ahead.ts'
import { askMetaOfRun, getFromRun, openRunCursor, runOverlaps } from '../table/run-cursor.ts'
import { openTableCursor, type TableCursorOptions } from '../table/table-cursor.ts'
import type { Tables } from '../table/tables.ts'
import { BoundedCursor } from './bounded.ts'
import type { ReadOptions, ScanOptions } from './options.ts'
import { type TreeLevels, treeOfKey, treesOfRange, type View } from './view.ts'

/** The newest sequence number a read may see; a u64 in two halves. */
export interface SeqBound {
  readonly seqHi: number
  readonly seqLo: number
}

type Found = boolean | Promise<boolean>

/** What one point read needs; reused by the next one unless it had to wait. */
class Lookup {
  readonly row = new Row()
  readonly query: { kind: 'point'; key: Uint8Array; hash: KeyHash } & FilterQuery

  constructor() {
    const hash = new KeyHash()
    this.query = { kind: 'point', key: new Uint8Array(0), hash }
  }
}

export class Reads {
  readonly #tables: Tables
  readonly #operator: MergeOperator | undefined
  readonly #pacer: Pacer | undefined
  #spare: Lookup | undefined = new Lookup()

  constructor(tables: Tables, operator: MergeOperator | undefined, pacer?: Pacer) {
    this.#pacer = pacer
    this.#tables = tables
    this.#operator = operator
  }

  /**
   * The newest visible row of the key, merge operands folded; `undefined` when absent, deleted or hidden as expired.
   * The row is valid until the next call; its value bytes stay valid.
   */
  get(
    view: View,
    key: Uint8Array,
    bound: SeqBound,
    options: ReadOptions,
    scope: ReadScope = options,
  ): Row | undefined | Promise<Row | undefined> {
    // Taken while it is used: a filter of the user's that reads from the database gets another one.
    const lookup = this.#spare ?? new Lookup()
    this.#spare = undefined
    const { row } = lookup
    let found: Found = this.#inMemory(view, key, bound, row)
    if (found === false) {
      const tree = treeOfKey(view.levels, key)
      if (tree === undefined) {
        this.#spare = lookup
        return undefined
      }
      lookup.query.key = key
      lookup.query.hash.reset(key)
      found = this.#inTree(tree, 0, lookup, bound, scope)
      if (found !== true && found !== false) {
        // It stays with the read that waits, and so does the key: the caller may reuse its buffer at once.
        const own = copyOf(key)
        lookup.query.key = own
        lookup.query.hash.reset(own)
        return found.then((hit) => (hit ? this.#settle(view, own, bound, options, scope, row) : undefined))
      }
    }
    this.#spare = lookup
    return found ? this.#settle(view, key, bound, options, scope, row) : undefined
  }

  /** Visible rows of the range, one per key, no tombstones. `own` are rows that lie over everything else. */
  cursor(
    view: View,
    range: KeyRange,
    bound: SeqBound,
    options: ScanOptions,
    own?: VersionCursor,
    scope: ReadScope = options,
  ): Cursor {
    if (isEmptyRange(range)) return emptyCursor()
    const descending = options.descending === true
    const sources: VersionCursor[] = [view.memtable.cursor(range, descending)]
    for (const memtable of view.frozen) sources.push(memtable.cursor(range, descending))
    sources.push(...this.#treeCursors(view, range, options, descending, scope))
    const stored = mergeCursors(sources, descending)
    return foldForReading(
      this.#visible(stored, bound, descending, own),
      this.#operator,
      descending,
      options.hideExpiredAt,
      this.#pacer,
    )
  }

  #visible(stored: VersionCursor, bound: SeqBound, descending: boolean, own: VersionCursor | undefined): Cursor {
    if (own === undefined) return visible(stored, bound.seqHi, bound.seqLo, descending, this.#pacer)
    // A transaction's own rows carry the greatest sequence number there is: first the bound, then they come on top.
    const bounded = new BoundedCursor(stored, bound, descending, this.#pacer)
    return visible(mergeCursors([own, bounded], descending), U32_MAX, U32_MAX, descending, this.#pacer)
  }

  #inMemory(view: View, key: Uint8Array, { seqHi, seqLo }: SeqBound, row: Row): boolean {
    if (view.memtable.find(key, seqHi, seqLo, row)) return true
    const { frozen } = view
    for (let i = 0; i < frozen.length; i++) if (frozen[i]!.find(key, seqHi, seqLo, row)) return true
    return false
  }

  /** From source `from` on: L0 newest first, then the runs. */
  #inTree(tree: TreeLevels, from: number, lookup: Lookup, bound: SeqBound, scope: ReadScope): Found {
    const { l0, runs } = tree
    const { query, row } = lookup
    const { seqHi, seqLo } = bound
    for (let i = from; i < l0.length + runs.length; i++) {
      let found: Found
      if (i < l0.length) {
        const { table, view } = l0[i]!
        found = this.#tables.get(table, view.visibleRange, query, seqHi, seqLo, row, scope)
      } else found = getFromRun(this.#tables, runs[i - l0.length]!.views, query, seqHi, seqLo, row, scope)
      if (found === true) return true
      if (found !== false) {
        this.#askOthers(tree, i + 1, query, scope)
        return found.then((hit) => hit || this.#inTree(tree, i + 1, lookup, bound, scope))
      }
    }
    return false
  }

  /**
   * A read that has to wait anyway asks for the metadata of the tables behind at once: a cold database of many levels
   * then costs the waiting of one. Metadata is small, kept, and wanted by every later read of these tables.
   */
  #askOthers({ l0, runs }: TreeLevels, from: number, { key }: FilterQuery, scope: ReadScope): void {
    for (let i = from; i < l0.length; i++) this.#tables.askMeta(l0[i]!.table, key, scope)
    for (let i = Math.max(0, from - l0.length); i < runs.length; i++)
      askMetaOfRun(this.#tables, runs[i]!.views, key, scope)
  }

  /** A version was found: it may be a tombstone, an operand with more below it, or expired. */
  #settle(
    view: View,
    key: Uint8Array,
    bound: SeqBound,
    options: ReadOptions,
    scope: ReadScope,
    row: Row,
  ): Row | undefined | Promise<Row | undefined> {
    if (row.kind === TOMBSTONE) return undefined
    if (row.kind === MERGE) return this.#merged(this.cursor(view, pointRange(key), bound, options, undefined, scope))
    const { hideExpiredAt } = options
    if (hideExpiredAt !== undefined && row.expireTs !== NO_TS && row.expireTs <= hideExpiredAt) return undefined
    return row
  }

  #merged(cursor: Cursor): Row | undefined | Promise<Row | undefined> {
    const step = cursor.next()
    if (step !== WAIT) return step === ROW ? cursor.row : undefined
    return cursor.ready().then(() => this.#merged(cursor))
  }

  #treeCursors(
    view: View,
    range: KeyRange,
    options: ScanOptions,
    descending: boolean,
    scope: ReadScope,
  ): VersionCursor[] {
    const trees = treesOfRange(view.levels, range)
    const table = this.#tableOptions(range, options, descending, scope)
    if (trees.length === 1) return this.#sources(trees[0]!, table)
    if (trees.length === 0) return []
    // Segments follow each other in key order, so they are chained and opened when the scan reaches them (SG-6).
    const parts: ChainPart[] = trees.map((tree) => ({
      open: () => mergeCursors(this.#sources(tree, table), descending),
    }))
    return [new ChainCursor(descending ? parts.reverse() : parts, descending)]
  }

  #sources(tree: TreeLevels, options: TableCursorOptions): VersionCursor[] {
    const cursors: VersionCursor[] = []
    for (const { view } of tree.l0) {
      if (runOverlaps([view], options.range)) cursors.push(openTableCursor(this.#tables, view, options))
    }
    for (const { views } of tree.runs) {
      if (runOverlaps(views, options.range)) cursors.push(openRunCursor(this.#tables, views, options))
    }
    return cursors
  }

  #tableOptions(range: KeyRange, options: ScanOptions, descending: boolean, scope: ReadScope): TableCursorOptions {
    const { prefix } = options
    return {
      range,
      descending,
      scope,
      readAheadBytes: options.readAheadBytes,
      maxFetchTasks: options.maxFetchTasks,
      budget: new AheadBudget(),
      cacheBlocks: options.cacheBlocks,
      // Only prefix scans ask filters (FT-1).
      filter: prefix === undefined ? undefined : { kind: 'prefix', key: prefix, hash: new KeyHash(prefix) },
    }
  }
}
