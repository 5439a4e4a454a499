// The format generation belongs to the database, not to a process (D5, VX-3).

import type { Manifest } from '../format/manifest.ts'
import { treesOf, viewsOf } from './trees.ts'

/** '0.12': releases 0.12.x read it. '0.15': what everybody since writes. */
export type FormatGeneration = '0.12' | '0.15'

export interface GenerationMarks {
  readonly manifest: Manifest
  /** Size in bytes of the newest WAL fence; `undefined` when none is known. */
  readonly newestFenceSize?: number | undefined
  /** Format version of the compactions record; `undefined` when there is none. */
  readonly compactionsVersion?: 1 | 2 | undefined
}

/**
 * What the stored objects show. One mark of the newer generation decides, because 0.12.x cannot come back behind it
 * (VX-1); `undefined` when there is no mark of either, as in a new database.
 */
export function detectGeneration(marks: GenerationMarks): FormatGeneration | undefined {
  const { manifest, newestFenceSize, compactionsVersion } = marks
  const segmented = manifest.segments.length > 0 || manifest.segmentExtractorName !== undefined
  if (segmented || newestFenceSize === 0 || compactionsVersion === 2) return '0.15'
  let legacyTable = false
  for (const { tree } of treesOf(manifest)) {
    for (const { table } of viewsOf(tree)) {
      // The format is recorded even where no filter is stored, and releases before the composite one never set it.
      if (table.info.filterFormat === 'composite') return '0.15'
      legacyTable = true
    }
  }
  const old = legacyTable || newestFenceSize !== undefined || compactionsVersion === 1
  return old ? '0.12' : undefined
}
