// The manifest: the one record that says which objects make up the database (format.md section 13).

import type { KeyRange } from '../bytes/range.ts'
import type { SequenceTracker } from './sequence-tracker.ts'
import type { TableRef } from './table-info.ts'

/** An SST as one tree sees it. */
export interface TableView {
  /** ULID; equal to the table id in manifests of version 1. */
  readonly viewId: string
  readonly table: TableRef
  /** Rows outside do not exist for this view (RD-31). The start is included or unbounded. */
  readonly visibleRange: KeyRange | undefined
}

export interface SortedRun {
  readonly id: number
  /** Ascending by key. */
  readonly views: readonly TableView[]
}

export interface Tree {
  /** Newest first. */
  readonly l0: readonly TableView[]
  /** Highest id first: position is read precedence. */
  readonly runs: readonly SortedRun[]
  /** The newest L0 ever consumed by compaction: by view id, and by table id. */
  readonly lastCompactedViewId: string | undefined
  readonly lastCompactedTableId: string | undefined
}

export interface Segment {
  readonly prefix: Uint8Array
  readonly tree: Tree
}

export interface ExternalDb {
  readonly path: string
  readonly sourceCheckpointId: string
  readonly finalCheckpointId: string | undefined
  readonly tableIds: readonly string[]
}

export interface Checkpoint {
  /** UUID text. */
  readonly id: string
  readonly manifestId: number
  /** Unix seconds; `undefined` = never expires. */
  readonly expireTime: number | undefined
  readonly createTime: number
  readonly name: string | undefined
}

export interface Manifest {
  readonly externalDbs: readonly ExternalDb[]
  readonly initialized: boolean
  readonly writerEpoch: number
  readonly compactorEpoch: number
  readonly replayAfterWalId: number
  /** Stored as wal_id_last_seen + 1. */
  readonly nextWalId: number
  /** The unsegmented tree. */
  readonly tree: Tree
  /** Ascending by prefix. */
  readonly segments: readonly Segment[]
  readonly segmentExtractorName: string | undefined
  /** Greatest create_ts in L0 and below, ms; MIN_TICK when there is none. */
  readonly lastL0ClockTick: number
  readonly lastL0Seq: bigint
  readonly recentSnapshotMinSeq: bigint
  readonly checkpoints: readonly Checkpoint[]
  /** Only presence matters: '' when a separate WAL store is configured. */
  readonly walStoreUri: string | undefined
  readonly sequenceTracker: SequenceTracker
}

/** i64::MIN, the clock tick of a database without rows. Exact as a number. */
export const MIN_TICK = -(2 ** 63)
