// The format generation belongs to the database, not to a process (D5, VX-3): all who write it must keep to forms that
// all the others can read. What a generation consists of changed piece by piece in the releases of the original, so each
// piece is a mark of its own, and the generation is the one that every release behind these marks can live with.
//
//   releases            filters      fences           compactions   manifest   keys up to       tracker
//   0.12.x              legacy       rowless          1             1          65,535 bytes     1
//   0.13.x              composite    rowless          2             1          65,535 bytes     1
//   0.14.0 to 0.16.0    composite    zero bytes       2             2          65,535 bytes     1
//   0.17.0              composite    zero bytes       2             2          a whole row      1
//   0.18.0              composite    zero bytes       2             2          a whole row      2 where needed
//
// 0.14 and 0.15 write manifests of version 1 themselves, but version 2 is right among them, too (MF-7).

import type { Manifest } from '../format/manifest.ts'
import { MAX_ROW_LENGTH } from '../format/seal.ts'
import type { ManifestRecord } from './records.ts'
import { treesOf, viewsOf } from './trees.ts'

/** Named for releases that write it: '0.15' by 0.14.0 to 0.16.0, the others by the lines of their name. */
export type FormatGeneration = '0.12' | '0.13' | '0.15' | '0.17' | '0.18'

/** A table without rows, which every release reads, or an object without bytes, which 0.14.0 and newer read. */
export type FenceForm = 'rowless' | 'zero-byte'

export interface GenerationForms {
  readonly filters: 'legacy' | 'composite'
  readonly fence: FenceForm
  /** Format version of a compactions record that is new; one that is there keeps its own. */
  readonly compactions: 1 | 2
  /** Format version of a manifest, unless the stored one has a later one already. */
  readonly manifest: 1 | 2
  /** Longest key that may be written. Longer ones are read in every generation (W-1). */
  readonly maxKeyLength: number
  /** Newest version of the sequence tracker that every reader knows (SQ-5). */
  readonly tracker: 1 | 2
}

const SHORT_KEYS = 0xffff

const NEWEST = {
  filters: 'composite',
  fence: 'zero-byte',
  compactions: 2,
  manifest: 2,
  maxKeyLength: MAX_ROW_LENGTH,
  tracker: 2,
} as const

export const GENERATIONS: Readonly<Record<FormatGeneration, GenerationForms>> = {
  '0.12': {
    ...NEWEST,
    filters: 'legacy',
    fence: 'rowless',
    compactions: 1,
    manifest: 1,
    maxKeyLength: SHORT_KEYS,
    tracker: 1,
  },
  '0.13': { ...NEWEST, fence: 'rowless', manifest: 1, maxKeyLength: SHORT_KEYS, tracker: 1 },
  '0.15': { ...NEWEST, maxKeyLength: SHORT_KEYS, tracker: 1 },
  '0.17': { ...NEWEST, tracker: 1 },
  '0.18': NEWEST,
}

/**
 * Version 2 stays what it is (MF-7). Version 1 stays where it records a WAL store of its own, which version 2 has no field
 * for: a process that forgot the store must be refused, or it would hide rows that were acknowledged. It loses nothing,
 * because the view ids of a version 1 are those of its tables.
 */
function manifestVersion({ formatVersion, walStoreUri }: Manifest, forms: GenerationForms): 1 | 2 {
  return formatVersion === 1 && walStoreUri === undefined ? forms.manifest : formatVersion
}

/** What a new database is made as: every release from 0.14.0 on can share it. */
export const NEW_GENERATION: FormatGeneration = '0.15'

/** The manifest as a writer of this generation stores it. */
export function inGeneration(manifest: Manifest, forms: GenerationForms): Manifest {
  const { seqs, times } = manifest.sequenceTracker
  return {
    ...manifest,
    formatVersion: manifestVersion(manifest, forms),
    sequenceTracker: forms.tracker === 2 ? { seqs, times, wide: true } : { seqs, times },
  }
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
  const later = laterMark(manifest)
  if (segmented || newestFence === 'zero-byte') return later ?? '0.15'
  // A fence without rows is that of an owner who was asked to go back.
  if (later !== undefined && newestFence === undefined) return later
  const tables = treesOf(manifest).flatMap(({ tree }) => viewsOf(tree))
  // The format is recorded even where no filter is stored. One such table decides, because the builds of 0.12.x that
  // write legacy filters cannot come back behind it (VX-1).
  if (compactionsVersion === 2 || tables.some(({ table }) => table.info.filterFormat === 'composite')) {
    return newestFence === undefined && boundary === true ? '0.15' : '0.13'
  }
  return tables.length > 0 || newestFence === 'rowless' || compactionsVersion === 1 ? '0.12' : undefined
}

/**
 * What only the latest releases write. There is a mark only once use was made of what they allow, and where the manifest
 * shows it; a database without one is held to what every release from 0.14.0 on reads and writes.
 */
function laterMark(manifest: Manifest): FormatGeneration | undefined {
  if (manifest.sequenceTracker.wide) return '0.18'
  const isLong = (key: Uint8Array | undefined) => key !== undefined && key.length > SHORT_KEYS
  const hasLongKey = treesOf(manifest).some(({ tree }) =>
    viewsOf(tree).some(({ table: { info } }) => isLong(info.firstEntry) || isLong(info.lastEntry)),
  )
  return hasLongKey ? '0.17' : undefined
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
