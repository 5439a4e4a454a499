// What a read sees: memtables and one manifest, captured in one step and never changed (RD-1). Table handles are looked
// up once per manifest, so that a read walks arrays.

import { compareRange } from '../bytes/compare.ts'
import { type KeyRange, prefixRange, rangesOverlap } from '../bytes/range.ts'
import type { Manifest, SortedRun, TableView, Tree } from '../format/manifest.ts'
import type { Memtable } from '../memtable/memtable.ts'
import type { Table } from '../table/table.ts'
import type { Tables } from '../table/tables.ts'

export interface View {
  /** Takes rows; those above a reader's bound do not exist for it. */
  readonly memtable: Memtable
  /** Newest first; take no more rows. */
  readonly frozen: readonly Memtable[]
  readonly manifest: { readonly id: number; readonly value: Manifest }
  readonly levels: Levels
}

export interface L0Table {
  readonly view: TableView
  readonly table: Table
}

export interface TreeLevels {
  /** Newest first. */
  readonly l0: readonly L0Table[]
  /** Highest id, which is newest, first. */
  readonly runs: readonly SortedRun[]
}

export interface SegmentLevels extends TreeLevels {
  readonly prefix: Uint8Array
}

/** The trees of a manifest. With segments the unsegmented tree is empty, and the other way round (SG-1). */
export interface Levels extends TreeLevels {
  /** Ascending by prefix. */
  readonly segments: readonly SegmentLevels[]
}

export function levelsOf(manifest: Manifest, tables: Tables): Levels {
  const levels = (tree: Tree): TreeLevels => ({
    l0: tree.l0.map((view) => ({ view, table: tables.table(view.table) })),
    runs: tree.runs,
  })
  const segments = manifest.segments.map(({ prefix, tree }) => ({ prefix, ...levels(tree) }))
  return { ...levels(manifest.tree), segments }
}

/** The tree that a key lives in (SG-6); `undefined`: in none yet. */
export function treeOfKey(levels: Levels, key: Uint8Array): TreeLevels | undefined {
  if (levels.segments.length === 0) return levels
  return levels.segments.find(
    ({ prefix }) => key.length >= prefix.length && compareRange(key, 0, prefix.length, prefix, 0, prefix.length) === 0,
  )
}

/** The trees that a range touches, in key order. */
export function treesOfRange(levels: Levels, range: KeyRange): TreeLevels[] {
  if (levels.segments.length === 0) return [levels]
  return levels.segments.filter(({ prefix }) => rangesOverlap(prefixRange(prefix), range))
}
