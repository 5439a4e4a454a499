// What a concurrent version means (protocols.md 2.6). Writer and coordinator both rewrite whole manifests; each owns
// some fields and takes the others as stored.
//
//                        writer's merge (MF-1)          coordinator's merge (MF-2)
//   l0                   own, cut at the stored marker  stored, cut at the own marker
//   runs, markers        stored                         own
//   WAL ids, seqs, tick  own                            stored
//   epochs, checkpoints  stored                         stored
//   empty segments       dropped                        kept: they are drain markers (SG-7)

import { compareBytes } from '../bytes/compare.ts'
import { showKey } from '../bytes/text.ts'
import { dataError } from '../errors.ts'
import { EMPTY_TREE, type Manifest, type Segment, type TableView, type Tree } from '../format/manifest.ts'
import { pruneExternal } from './external.ts'
import { isEmptyTree } from './trees.ts'

type Markers = Pick<Tree, 'lastCompactedViewId' | 'lastCompactedTableId'>

/** MF-1: the writer, whose unpublished state is `own`, adopts a stored version. */
export function mergeAsWriter(own: Manifest, stored: Manifest): Manifest {
  const segments = mergeSegments(own.segments, stored.segments, {
    onlyFirst: (tree) => tree,
    onlySecond: (tree) => writerTree(EMPTY_TREE, tree),
    both: writerTree,
  })
  return pruneExternal({
    ...stored,
    tree: writerTree(own.tree, stored.tree),
    // The writer is the only one who removes entries (MF-5).
    segments: segments.filter((segment) => !isEmptyTree(segment.tree)),
    initialized: own.initialized,
    segmentExtractorName: own.segmentExtractorName,
    nextWalId: own.nextWalId,
    replayAfterWalId: own.replayAfterWalId,
    lastL0ClockTick: own.lastL0ClockTick,
    lastL0Seq: own.lastL0Seq,
    recentSnapshotMinSeq: own.recentSnapshotMinSeq,
    sequenceTracker: own.sequenceTracker,
    walStoreUri: own.walStoreUri,
  })
}

/** MF-2: the coordinator, whose uncommitted state is `own`, adopts a stored version. */
export function mergeAsCoordinator(own: Manifest, stored: Manifest): Manifest {
  const segments = mergeSegments(own.segments, stored.segments, {
    onlyFirst: (tree, prefix) => {
      // Only the writer removes segments, and only empty ones.
      if (!isEmptyTree(tree)) {
        throw dataError('INVALID_DB_STATE', `segment ${showKey(prefix)} vanished from the manifest with data in it`)
      }
      return undefined
    },
    onlySecond: (tree) => tree,
    both: coordinatorTree,
  })
  return pruneExternal({
    ...stored,
    tree: coordinatorTree(own.tree, stored.tree),
    segments,
    walStoreUri: own.walStoreUri,
  })
}

/**
 * MF-3: what of an L0 list (newest first) compaction has not consumed: everything in front of the marked view, or, when
 * no view has that id, of the one view of the marked table. A marker that is not in the list cuts nothing, and neither does
 * the mark of a table that several views show (since 0.18, in unions): which of them was meant, nothing tells.
 */
export function cutL0(l0: readonly TableView[], markers: Markers): readonly TableView[] {
  const { lastCompactedViewId: viewId, lastCompactedTableId: tableId } = markers
  let at = viewId === undefined ? -1 : l0.findIndex((view) => view.viewId === viewId)
  if (at < 0 && tableId !== undefined) {
    at = l0.findIndex((view) => view.table.id === tableId)
    if (l0.findLastIndex((view) => view.table.id === tableId) !== at) return l0
  }
  return at < 0 ? l0 : l0.slice(0, at)
}

const writerTree = (own: Tree, stored: Tree): Tree => ({ ...stored, l0: cutL0(own.l0, stored) })
const coordinatorTree = (own: Tree, stored: Tree): Tree => ({ ...own, l0: cutL0(stored.l0, own) })

interface SegmentRules {
  onlyFirst(tree: Tree, prefix: Uint8Array): Tree | undefined
  onlySecond(tree: Tree): Tree
  both(first: Tree, second: Tree): Tree
}

/** MF-5: two lists ascending by prefix. `undefined` drops the entry. */
function mergeSegments(first: readonly Segment[], second: readonly Segment[], rules: SegmentRules): Segment[] {
  const merged: Segment[] = []
  let i = 0
  let j = 0
  while (i < first.length || j < second.length) {
    const a = first[i]
    const b = second[j]
    const order = a === undefined ? 1 : b === undefined ? -1 : compareBytes(a.prefix, b.prefix)
    if (order < 0) {
      const tree = rules.onlyFirst(a!.tree, a!.prefix)
      if (tree !== undefined) merged.push({ prefix: a!.prefix, tree })
    } else if (order > 0) {
      merged.push({ prefix: b!.prefix, tree: rules.onlySecond(b!.tree) })
    } else {
      merged.push({ prefix: a!.prefix, tree: rules.both(a!.tree, b!.tree) })
    }
    if (order <= 0) i++
    if (order >= 0) j++
  }
  return merged
}
