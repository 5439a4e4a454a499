// Tables borrowed from other databases (clones). A list only shrinks (protocols.md section 0).

import type { Manifest } from '../format/manifest.ts'
import { tableIdsOf } from './trees.ts'

/**
 * MF-6: forgets borrowed tables that no tree refers to any more. Entries whose list became empty stay, until detach
 * removes them. Apply it after every merge and every change of a tree, or the parent stays pinned (BG-31).
 */
export function pruneExternal(manifest: Manifest): Manifest {
  if (manifest.externalDbs.every((external) => external.tableIds.length === 0)) return manifest
  const used = tableIdsOf(manifest)
  let pruned = false
  const externalDbs = manifest.externalDbs.map((external) => {
    const tableIds = external.tableIds.filter((id) => used.has(id))
    if (tableIds.length === external.tableIds.length) return external
    pruned = true
    return { ...external, tableIds }
  })
  return pruned ? { ...manifest, externalDbs } : manifest
}
