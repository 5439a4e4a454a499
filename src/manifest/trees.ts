// The manifest room: the two durable records and what may be done to them. Edits are pure functions from a manifest to
// the next one; the records own reading, writing and fencing. Nothing here knows databases, writers or compactors.
//
// This file: walking the trees of a manifest. Tree "" is the unsegmented one, the others belong to segments.

import { compareBytes, EMPTY } from '../bytes/compare.ts'
import type { Manifest, Segment, TableView, Tree } from '../format/manifest.ts'

/** All trees, the unsegmented one first, then ascending by prefix. */
export function treesOf(manifest: Manifest): Segment[] {
  return [{ prefix: EMPTY, tree: manifest.tree }, ...manifest.segments]
}

/** The tree of a segment; prefix '' is the unsegmented one. */
export function treeOf(manifest: Manifest, prefix: Uint8Array): Tree | undefined {
  if (prefix.length === 0) return manifest.tree
  return manifest.segments.find((segment) => compareBytes(segment.prefix, prefix) === 0)?.tree
}

/** The manifest with one tree replaced, or added as a new segment at its place. */
export function withTree(manifest: Manifest, prefix: Uint8Array, tree: Tree): Manifest {
  if (prefix.length === 0) return { ...manifest, tree }
  const { segments } = manifest
  let at = 0
  while (at < segments.length && compareBytes(segments[at]!.prefix, prefix) < 0) at++
  const replaces = at < segments.length && compareBytes(segments[at]!.prefix, prefix) === 0
  const next = [...segments.slice(0, at), { prefix, tree }, ...segments.slice(replaces ? at + 1 : at)]
  return { ...manifest, segments: next }
}

/** Every view of a tree: L0 newest first, then the runs, highest id first. */
export function viewsOf(tree: Tree): TableView[] {
  return [...tree.l0, ...tree.runs.flatMap((run) => run.views)]
}

/** Ids of all tables that the manifest refers to. */
export function tableIdsOf(manifest: Manifest): Set<string> {
  const ids = new Set<string>()
  for (const { tree } of treesOf(manifest)) {
    for (const view of tree.l0) ids.add(view.table.id)
    for (const run of tree.runs) for (const view of run.views) ids.add(view.table.id)
  }
  return ids
}

/** Nothing to read in it: what is left of a drained segment (SG-7). */
export const isEmptyTree = (tree: Tree): boolean => tree.l0.length === 0 && tree.runs.length === 0
