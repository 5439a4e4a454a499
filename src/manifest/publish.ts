// Publishing L0: the edit by which flushed memtables become part of the database (protocols.md 3.7).

import { ulidTime } from '../bytes/ids.ts'
import { assert, invalid } from '../errors.ts'
import { EMPTY_TREE, type Manifest, type TableView } from '../format/manifest.ts'
import { type SequenceTracker, trackerMerge, trackerUpTo } from '../format/sequence-tracker.ts'
import { pruneExternal } from './external.ts'
import { treeOf, treesOf, withTree } from './trees.ts'

/** One flushed memtable. */
export interface L0Publication {
  /** Its tables, one per segment it touched; prefix '' in an unsegmented database. None when every row was dropped. */
  readonly views: readonly { readonly prefix: Uint8Array; readonly view: TableView }[]
  /** W-16: every row of WAL files up to this id is in this memtable or an older one. */
  readonly replayAfterWalId: number
  /** Greatest create_ts of the memtable. */
  readonly lastTick: number
  readonly lastSeq: bigint
  readonly tracker: SequenceTracker
}

/**
 * FL-12: adds memtables, oldest first, all in one version (FL-11). Every test comes before the first change, and nothing
 * is changed in place, so a failure leaves no half behind (BG-45). The errors are fatal for the writer: InvalidClockTick
 * or InvalidSequenceOrder. Memtables that an earlier attempt with a lost answer has published already are passed over.
 */
export function publishL0(manifest: Manifest, publications: readonly L0Publication[]): Manifest {
  const open = publications.filter((memtable) => !isPublished(manifest, memtable))
  if (open.length === 0) return manifest
  check(manifest, open)
  let next = manifest
  for (const memtable of open) {
    for (const { prefix, view } of memtable.views) {
      const tree = treeOf(next, prefix) ?? EMPTY_TREE
      next = withTree(next, prefix, { ...tree, l0: [view, ...tree.l0] })
    }
    next = {
      ...next,
      replayAfterWalId: memtable.replayAfterWalId,
      nextWalId: Math.max(next.nextWalId, memtable.replayAfterWalId + 1),
      lastL0ClockTick: memtable.lastTick,
      lastL0Seq: memtable.lastSeq,
      sequenceTracker: trackerMerge(trackerUpTo(next.sequenceTracker, next.lastL0Seq), memtable.tracker),
    }
  }
  return pruneExternal(next)
}

/**
 * GC-11: milliseconds in the ULID of the newest L0, counting those that compaction consumed last; 0 when there never was
 * one. GC deletes unreferenced tables older than this, so no L0 may be minted below it (FL-2).
 */
export function newestL0Time(manifest: Manifest): number {
  let newest = 0
  for (const { tree } of treesOf(manifest)) {
    if (tree.l0.length > 0) {
      for (const view of tree.l0) newest = Math.max(newest, ulidTime(view.table.id))
      continue
    }
    // Some releases minted view ids later than table ids: of two marks the earlier one is safe.
    const marks = [tree.lastCompactedViewId, tree.lastCompactedTableId].filter((id) => id !== undefined).map(ulidTime)
    if (marks.length > 0) newest = Math.max(newest, Math.min(...marks))
  }
  return newest
}

/**
 * FL-17, for every role that writes a manifest: an L0 table that its base does not list may not be older than the newest L0 there
 * ever was, since a collector may have deleted it as unreferenced. So a table that left L0 never comes back.
 * @throws Invalid INVALID_CLOCK_TICK
 */
export function checkNewL0(base: Manifest, next: Manifest): void {
  const newest = newestL0Time(base)
  if (newest === 0) return
  const listed = new Set(treesOf(base).flatMap(({ tree }) => tree.l0.map((view) => view.table.id)))
  for (const { tree } of treesOf(next)) {
    for (const { table } of tree.l0) {
      if (ulidTime(table.id) < newest && !listed.has(table.id)) throw tooOld(table.id, newest)
    }
  }
}

const tooOld = (id: string, newest: number) =>
  invalid(
    'INVALID_CLOCK_TICK',
    `table ${id} was minted at ${ulidTime(id)}, before the newest L0 in the manifest (${newest})`,
  )

/**
 * Whether the manifest lists a memtable's tables, or has compacted them since. Only the writer moves `lastL0Seq`, so to
 * the one who holds its epoch this says that an own write arrived whose answer did not.
 */
export function isPublished(manifest: Manifest, memtable: L0Publication): boolean {
  if (memtable.lastSeq > manifest.lastL0Seq) return false
  return memtable.views.every(({ prefix, view }) => {
    const tree = treeOf(manifest, prefix)
    if (tree === undefined) return false
    const { lastCompactedTableId: marker = tree.lastCompactedViewId } = tree
    if (marker !== undefined && ulidTime(view.table.id) <= ulidTime(marker)) return true
    return tree.l0.some((one) => one.table.id === view.table.id)
  })
}

function check(manifest: Manifest, publications: readonly L0Publication[]): void {
  let { replayAfterWalId, lastL0ClockTick: tick, lastL0Seq: seq } = manifest
  let newest = newestL0Time(manifest)
  for (const memtable of publications) {
    if (memtable.lastTick < tick) {
      throw invalid(
        'INVALID_CLOCK_TICK',
        `the clock went backwards: a flushed memtable ends at tick ${memtable.lastTick}, the manifest at ${tick}`,
      )
    }
    if (memtable.lastSeq <= seq) {
      throw invalid(
        'INVALID_SEQUENCE_ORDER',
        `a flushed memtable ends at sequence number ${memtable.lastSeq}, but the manifest is at ${seq} already`,
      )
    }
    assert(memtable.replayAfterWalId >= replayAfterWalId, 'the replay point never goes back')
    let youngest = newest
    for (const { view } of memtable.views) {
      const time = ulidTime(view.table.id)
      // FL-17: GC may have deleted an unpublished table that is older than the newest published one (BG-2, BG-46).
      if (time < newest) throw tooOld(view.table.id, newest)
      youngest = Math.max(youngest, time)
    }
    newest = youngest
    tick = memtable.lastTick
    seq = memtable.lastSeq
    replayAfterWalId = memtable.replayAfterWalId
  }
}
