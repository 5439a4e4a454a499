// The format generation belongs to the database, not to a process (D5, VX-3): all who write it must keep to forms that
// all the others can read. What a generation consists of changed piece by piece in the releases of the original, so each
// piece is a mark of its own, and the generation is the one that every release behind these marks can live with.
//
//   releases            filters      fences           compactions
//   0.12.x              legacy       rowless          1
//   0.13.x              composite    rowless          2
//   0.14.0 and newer    composite    zero bytes       2

import type { Manifest } from '../format/manifest.ts'
import type { ManifestRecord } from './records.ts'
import { treesOf, viewsOf } from './trees.ts'

/** Named for releases that write it: '0.12' and '0.13' by those lines, '0.15' by 0.14.0 and everybody since. */
export type FormatGeneration = '0.12' | '0.13' | '0.15'

/** A table without rows, which every release reads, or an object without bytes, which 0.14.0 and newer read. */
export type FenceForm = 'rowless' | 'zero-byte'

export interface GenerationForms {
  readonly filters: 'legacy' | 'composite'
  readonly fence: FenceForm
  /** Format version of a compactions record that is new; one that is there keeps its own. */
  readonly compactions: 1 | 2
}

export const GENERATIONS: Readonly<Record<FormatGeneration, GenerationForms>> = {
  '0.12': { filters: 'legacy', fence: 'rowless', compactions: 1 },
  '0.13': { filters: 'composite', fence: 'rowless', compactions: 2 },
  '0.15': { filters: 'composite', fence: 'zero-byte', compactions: 2 },
}

export interface GenerationMarks {
  readonly manifest: Manifest
  /** Form of the newest WAL fence; `undefined` when none is in sight. */
  readonly newestFence?: FenceForm | undefined
  /** Whether garbage collection keeps a boundary object, which releases before 0.14.0 do not know. */
  readonly boundary?: boolean | undefined
  /** Format version of the compactions record; `undefined` when there is none. */
  readonly compactionsVersion?: 1 | 2 | undefined
}

/**
 * What the stored objects show; `undefined` when there is no mark, as in a new database. The newest fence says which
 * fences the last owner could read, and it outlives its flush; without one in sight the boundary object tells. Where
 * neither is there the fence that everybody reads is the right one: it is less safe than an empty one only where a
 * collector of 0.14.0 or newer removes it under a writer that sleeps (GC-16), and that one keeps a boundary.
 */
export function detectGeneration(marks: GenerationMarks): FormatGeneration | undefined {
  const { manifest, newestFence, boundary, compactionsVersion } = marks
  const segmented = manifest.segments.length > 0 || manifest.segmentExtractorName !== undefined
  if (segmented || newestFence === 'zero-byte') return '0.15'
  const tables = treesOf(manifest).flatMap(({ tree }) => viewsOf(tree))
  // The format is recorded even where no filter is stored. One such table decides, because the builds of 0.12.x that
  // write legacy filters cannot come back behind it (VX-1).
  if (compactionsVersion === 2 || tables.some(({ table }) => table.info.filterFormat === 'composite')) {
    return newestFence === undefined && boundary === true ? '0.15' : '0.13'
  }
  return tables.length > 0 || newestFence === 'rowless' || compactionsVersion === 1 ? '0.12' : undefined
}

/**
 * The generation of the database behind `record`, which holds the newest manifest. Asks for the boundary object only
 * when the answer hangs on it.
 */
export async function storedGeneration(
  record: ManifestRecord,
  newestFence: FenceForm | undefined,
): Promise<FormatGeneration | undefined> {
  const marks = { manifest: record.current.value, newestFence }
  const found = detectGeneration(marks)
  if (found !== '0.13' || newestFence !== undefined) return found
  const { boundary } = record.versions
  await boundary.read()
  return detectGeneration({ ...marks, boundary: boundary.present })
}
