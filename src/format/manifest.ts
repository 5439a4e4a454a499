// The manifest: the one record that says which objects make up the database (format.md section 13).
//
//   object := version:u16be flatbuffer(ManifestV1 | ManifestV2)
//
// Version 1 is what 0.12 and 0.13 write: it stores no view ids (a view's id reads back as its table's id) and every entry
// carries its table. Version 2 lists each table once and trees hold views of them; every release reads it. A stored
// version 2 is never turned into version 1, because view ids, and the marker that is one, would be lost (MF-7).

import { compareBytes, concatBytes, equalRange } from '../bytes/compare.ts'
import { intersectRanges, isEmptyRange, type KeyRange } from '../bytes/range.ts'
import { dataError } from '../errors.ts'
import { Builder, FlatBuffer, type FlatTable } from './flat.ts'
import {
  readTableRef,
  readUlid,
  readUlids,
  readUuid,
  readVisibleRange,
  refuseUnknown,
  writeOffsets,
  writeRange,
  writeTableRef,
  writeUlid,
  writeUlids,
  writeUuid,
} from './parts.ts'
import { decodeTracker, EMPTY_TRACKER, encodeTracker, type SequenceTracker } from './sequence-tracker.ts'
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
  /** As stored, and carried through by every rewrite; segments make it 2 (MF-7). */
  readonly formatVersion: 1 | 2
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
  /**
   * Fields of a later release that were met anywhere in the record; absent when there are none. They cannot be carried
   * through, so a manifest that has them is read, and never written (OB-6).
   */
  readonly unknownFields?: readonly string[]
}

/** i64::MIN, the clock tick of a database without rows. Exact as a number. */
export const MIN_TICK = -(2 ** 63)

/** Vtable slots. Those up to 7, 14 and 15 mean the same in both versions; the others moved. Never renumber. */
const V1 = { l0: 8, runs: 9, clockTick: 10, checkpoints: 11, lastL0Seq: 12 } as const
const V2 = { l0: 9, runs: 10, clockTick: 11, checkpoints: 12, lastL0Seq: 13 } as const
const V1_WAL_STORE_URI = 13
const V2_TABLES = 8
const V2_SEGMENTS = 16
const V2_EXTRACTOR_NAME = 17

interface InitialOptions {
  readonly formatVersion?: 1 | 2
  readonly segmentExtractorName?: string | undefined
  readonly walStoreUri?: string | undefined
}

/** A database without rows. `walStoreUri` is '' when the WAL has a store of its own; only version 1 stores it. */
export function initialManifest(options: InitialOptions = {}): Manifest {
  return {
    formatVersion: options.formatVersion ?? 2,
    externalDbs: [],
    initialized: true,
    writerEpoch: 0,
    compactorEpoch: 0,
    replayAfterWalId: 0,
    nextWalId: 1,
    tree: EMPTY_TREE,
    segments: [],
    segmentExtractorName: options.segmentExtractorName,
    lastL0ClockTick: MIN_TICK,
    lastL0Seq: 0n,
    recentSnapshotMinSeq: 0n,
    checkpoints: [],
    walStoreUri: options.walStoreUri,
    sequenceTracker: EMPTY_TRACKER,
  }
}

export const EMPTY_TREE: Tree = { l0: [], runs: [], lastCompactedViewId: undefined, lastCompactedTableId: undefined }

/** The keys a view can hold: its table's range cut to what is visible. The last key may be unknown. */
export function effectiveRange(view: TableView): KeyRange {
  const { firstEntry, lastEntry } = view.table.info
  const stored = {
    start: firstEntry === undefined ? undefined : { key: firstEntry, inclusive: true },
    end: lastEntry === undefined ? undefined : { key: lastEntry, inclusive: true },
  }
  return view.visibleRange === undefined ? stored : intersectRanges(stored, view.visibleRange)
}

/** `what` names the object in errors. Whatever is wrong with the bytes is a Data error. */
export function decodeManifest(bytes: Uint8Array, what: string): Manifest {
  if (bytes.length < 2) throw dataError('EMPTY_MANIFEST', `${what}: ${bytes.length} bytes are no manifest`)
  const version = bytes[0]! * 256 + bytes[1]!
  if (version !== 1 && version !== 2) {
    throw dataError('INVALID_VERSION', `${what}: manifest format version ${version}; supported are 1 and 2`)
  }
  const buffer = new FlatBuffer(bytes.subarray(2), what)
  const manifest = version === 1 ? readV1(buffer.root()) : readV2(buffer.root())
  return buffer.unknown.size === 0 ? manifest : { ...manifest, unknownFields: [...buffer.unknown].sort() }
}

/** @throws Data when fields would be lost. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  refuseUnknown('manifest', manifest.unknownFields)
  const isSegmented = manifest.segments.length > 0 || manifest.segmentExtractorName !== undefined
  const version = isSegmented ? 2 : manifest.formatVersion
  const builder = new Builder(1024)
  builder.finish(version === 1 ? writeV1(builder, manifest) : writeV2(builder, manifest))
  return concatBytes([Uint8Array.of(0, version), builder.asUint8Array()])
}

function readV1(root: FlatTable): Manifest {
  root.knows(16, 'ManifestV1')
  const readView = (entry: FlatTable): TableView => {
    const table = readTableRef(entry, 3)
    return checkedView(entry, { viewId: table.id, table, visibleRange: readVisibleRange(entry, 2) })
  }
  const lastCompacted = optionalUlid(root, 7)
  const tree = {
    l0: root.requiredTables(V1.l0, 'l0').map(readView),
    runs: readRuns(root, V1.runs, readView),
    lastCompactedViewId: lastCompacted,
    lastCompactedTableId: lastCompacted,
  }
  return {
    formatVersion: 1,
    ...readShared(root, V1),
    tree,
    segments: [],
    segmentExtractorName: undefined,
    walStoreUri: root.string(V1_WAL_STORE_URI),
  }
}

function readV2(root: FlatTable): Manifest {
  root.knows(18, 'ManifestV2')
  const tables = new Map<string, TableRef>()
  for (const entry of root.requiredTables(V2_TABLES, 'ssts')) {
    const table = readTableRef(entry, 2)
    tables.set(table.id, table)
  }
  const readView = (entry: FlatTable): TableView => {
    entry.knows(3, 'CompactedSsTableView')
    const id = readUlid(entry.requiredTable(1, 'sst_id'))
    const table = tables.get(id)
    if (table === undefined) throw badState(entry, `a view names table ${id}, which the manifest does not list`)
    const viewId = readUlid(entry.requiredTable(0, 'id'))
    return checkedView(entry, { viewId, table, visibleRange: readVisibleRange(entry, 2) })
  }
  const readTree = (from: FlatTable, slots: { l0: number; runs: number; marker: number }): Tree => ({
    l0: from.requiredTables(slots.l0, 'l0').map(readView),
    runs: readRuns(from, slots.runs, readView),
    lastCompactedViewId: optionalUlid(from, slots.marker),
    lastCompactedTableId: undefined,
  })
  const segments = (root.tables(V2_SEGMENTS) ?? []).map((entry) => {
    const prefix = entry.knows(4, 'Segment').bytes(0)
    if (prefix === undefined || prefix.length === 0) throw root.buffer.missing('prefix of a segment')
    return { prefix, tree: readTree(entry, { l0: 2, runs: 3, marker: 1 }) }
  })
  return {
    formatVersion: 2,
    ...readShared(root, V2),
    tree: readTree(root, { ...V2, marker: 7 }),
    segments: sortedSegments(root, segments),
    segmentExtractorName: root.string(V2_EXTRACTOR_NAME),
    walStoreUri: undefined,
  }
}

function readShared(root: FlatTable, slots: typeof V1 | typeof V2) {
  const tracker = root.bytes(15)
  const lastWalId = root.safe(6, 'wal_id_last_seen')
  if (!Number.isSafeInteger(lastWalId + 1)) throw badState(root, `wal_id_last_seen = ${lastWalId} is too large`)
  return {
    externalDbs: (root.tables(1) ?? []).map(readExternalDb),
    initialized: root.bool(2),
    writerEpoch: root.safe(3, 'writer_epoch'),
    compactorEpoch: root.safe(4, 'compactor_epoch'),
    replayAfterWalId: root.safe(5, 'replay_after_wal_id'),
    nextWalId: lastWalId + 1,
    lastL0ClockTick: clockTick(root, root.i64(slots.clockTick)),
    lastL0Seq: root.u64(slots.lastL0Seq),
    recentSnapshotMinSeq: root.u64(14),
    checkpoints: root.requiredTables(slots.checkpoints, 'checkpoints').map(readCheckpoint),
    sequenceTracker: tracker === undefined ? EMPTY_TRACKER : decodeTracker(tracker, root.buffer.what),
  }
}

function readRuns(from: FlatTable, slot: number, readView: (entry: FlatTable) => TableView): SortedRun[] {
  return from.requiredTables(slot, 'compacted').map((run) => ({
    id: run.knows(2, 'SortedRun').u32(0),
    views: run.requiredTables(1, 'ssts of a sorted run').map(readView),
  }))
}

function readExternalDb(entry: FlatTable): ExternalDb {
  const path = entry.knows(4, 'ExternalDb').string(0)
  const tableIds = readUlids(entry, 3)
  const final = entry.table(2)
  if (path === undefined) throw entry.buffer.missing('path of an external database')
  if (tableIds === undefined) throw entry.buffer.missing('sst_ids of an external database')
  return {
    path,
    sourceCheckpointId: readUuid(entry.requiredTable(1, 'source_checkpoint_id')),
    finalCheckpointId: final === undefined ? undefined : readUuid(final),
    tableIds,
  }
}

function readCheckpoint(entry: FlatTable): Checkpoint {
  // The metadata (4 and 5) is in the schema, but no release writes it, and we keep none.
  entry.knows(7, 'Checkpoint')
  if (entry.has(5)) entry.buffer.unknown.add('Checkpoint.5')
  const expireTime = entry.u32(2)
  return {
    id: readUuid(entry.requiredTable(0, 'id of a checkpoint')),
    manifestId: entry.safe(1, 'manifest_id of a checkpoint'),
    expireTime: expireTime === 0 ? undefined : expireTime,
    createTime: entry.u32(3),
    name: entry.string(6),
  }
}

/** An i64 as a number: exact, and i64::MIN stands for "no rows". */
function clockTick(root: FlatTable, tick: bigint): number {
  const value = Number(tick)
  if (value !== MIN_TICK && !Number.isSafeInteger(value)) {
    throw dataError('NUMBER_TOO_LARGE', `${root.buffer.what}: last_l0_clock_tick = ${tick} is outside 2^53`)
  }
  return value
}

function checkedView(entry: FlatTable, view: TableView): TableView {
  if (view.visibleRange !== undefined && isEmptyRange(effectiveRange(view))) {
    throw badState(entry, `the visible range of a view of table ${view.table.id} holds none of its keys`)
  }
  return view
}

/** Peers write them sorted, and sort again when reading. No prefix may be a prefix of another (SG-5). */
function sortedSegments(root: FlatTable, segments: Segment[]): Segment[] {
  segments.sort((a, b) => compareBytes(a.prefix, b.prefix))
  for (let i = 1; i < segments.length; i++) {
    const short = segments[i - 1]!.prefix
    const long = segments[i]!.prefix
    if (long.length >= short.length && equalRange(short, 0, short.length, long, 0, short.length)) {
      throw badState(root, 'a segment prefix is a prefix of another')
    }
  }
  return segments
}

function writeV1(builder: Builder, manifest: Manifest): number {
  const writeView = (view: TableView) => writeTableRef(builder, view.table, 3, view.visibleRange)
  const { tree } = manifest
  const uri = manifest.walStoreUri === undefined ? 0 : builder.createString(manifest.walStoreUri)
  const runs = writeRuns(builder, tree.runs, writeView)
  const l0 = writeOffsets(builder, tree.l0.map(writeView))
  // A marker known only by its view id (from a manifest of version 2) still cuts lists that hold that view (MF-3).
  const marker = writeMarker(builder, tree.lastCompactedTableId ?? tree.lastCompactedViewId)
  const shared = writeShared(builder, manifest)
  builder.startObject(16)
  addShared(builder, manifest, V1, shared)
  builder.addFieldOffset(7, marker, 0)
  builder.addFieldOffset(V1.l0, l0, 0)
  builder.addFieldOffset(V1.runs, runs, 0)
  builder.addFieldOffset(V1_WAL_STORE_URI, uri, 0)
  return builder.endObject()
}

function writeV2(builder: Builder, manifest: Manifest): number {
  const tables = new Map<string, TableRef>()
  const writeView = (view: TableView) => {
    tables.set(view.table.id, view.table)
    const range = view.visibleRange === undefined ? 0 : writeRange(builder, view.visibleRange)
    const tableId = writeUlid(builder, view.table.id)
    const viewId = writeUlid(builder, view.viewId)
    builder.startObject(3)
    builder.addFieldOffset(2, range, 0)
    builder.addFieldOffset(1, tableId, 0)
    builder.addFieldOffset(0, viewId, 0)
    return builder.endObject()
  }
  const writeSegment = ({ prefix, tree }: Segment) => {
    const runs = writeRuns(builder, tree.runs, writeView)
    const l0 = writeOffsets(builder, tree.l0.map(writeView))
    const marker = writeMarker(builder, tree.lastCompactedViewId)
    const name = builder.createByteVector(prefix)
    builder.startObject(4)
    builder.addFieldOffset(3, runs, 0)
    builder.addFieldOffset(2, l0, 0)
    builder.addFieldOffset(1, marker, 0)
    builder.addFieldOffset(0, name, 0)
    return builder.endObject()
  }
  const { tree, segmentExtractorName: name } = manifest
  const extractor = name === undefined ? 0 : builder.createString(name)
  const segments = writeOffsets(builder, manifest.segments.map(writeSegment))
  const runs = writeRuns(builder, tree.runs, writeView)
  const l0 = writeOffsets(builder, tree.l0.map(writeView))
  const marker = writeMarker(builder, tree.lastCompactedViewId)
  const distinct = [...tables.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  const refs = writeOffsets(
    builder,
    distinct.map((table) => writeTableRef(builder, table, 2)),
  )
  const shared = writeShared(builder, manifest)
  builder.startObject(18)
  addShared(builder, manifest, V2, shared)
  builder.addFieldOffset(7, marker, 0)
  builder.addFieldOffset(V2_TABLES, refs, 0)
  builder.addFieldOffset(V2.l0, l0, 0)
  builder.addFieldOffset(V2.runs, runs, 0)
  builder.addFieldOffset(V2_SEGMENTS, segments, 0)
  builder.addFieldOffset(V2_EXTRACTOR_NAME, extractor, 0)
  return builder.endObject()
}

interface SharedOffsets {
  readonly externalDbs: number
  readonly checkpoints: number
  readonly tracker: number
}

function writeShared(builder: Builder, manifest: Manifest): SharedOffsets {
  const tracker = builder.createByteVector(encodeTracker(manifest.sequenceTracker))
  const checkpoints = writeOffsets(
    builder,
    manifest.checkpoints.map((checkpoint) => writeCheckpoint(builder, checkpoint)),
  )
  const externalDbs =
    manifest.externalDbs.length === 0
      ? 0
      : writeOffsets(
          builder,
          manifest.externalDbs.map((external) => writeExternalDb(builder, external)),
        )
  return { externalDbs, checkpoints, tracker }
}

function addShared(builder: Builder, manifest: Manifest, slots: typeof V1 | typeof V2, offsets: SharedOffsets): void {
  builder.addFieldOffset(1, offsets.externalDbs, 0)
  builder.addFieldInt8(2, manifest.initialized ? 1 : 0, 0)
  builder.addFieldInt64(3, BigInt(manifest.writerEpoch), 0n)
  builder.addFieldInt64(4, BigInt(manifest.compactorEpoch), 0n)
  builder.addFieldInt64(5, BigInt(manifest.replayAfterWalId), 0n)
  builder.addFieldInt64(6, BigInt(manifest.nextWalId - 1), 0n)
  builder.addFieldInt64(slots.clockTick, BigInt(manifest.lastL0ClockTick), 0n)
  builder.addFieldOffset(slots.checkpoints, offsets.checkpoints, 0)
  builder.addFieldInt64(slots.lastL0Seq, manifest.lastL0Seq, 0n)
  builder.addFieldInt64(14, manifest.recentSnapshotMinSeq, 0n)
  builder.addFieldOffset(15, offsets.tracker, 0)
}

function writeRuns(builder: Builder, runs: readonly SortedRun[], writeView: (view: TableView) => number): number {
  const offsets = runs.map((run) => {
    const views = writeOffsets(builder, run.views.map(writeView))
    builder.startObject(2)
    builder.addFieldOffset(1, views, 0)
    builder.addFieldInt32(0, run.id, 0)
    return builder.endObject()
  })
  return writeOffsets(builder, offsets)
}

function writeExternalDb(builder: Builder, external: ExternalDb): number {
  const tableIds = writeUlids(builder, external.tableIds)
  const final = external.finalCheckpointId === undefined ? 0 : writeUuid(builder, external.finalCheckpointId)
  const source = writeUuid(builder, external.sourceCheckpointId)
  const path = builder.createString(external.path)
  builder.startObject(4)
  builder.addFieldOffset(3, tableIds, 0)
  builder.addFieldOffset(2, final, 0)
  builder.addFieldOffset(1, source, 0)
  builder.addFieldOffset(0, path, 0)
  return builder.endObject()
}

function writeCheckpoint(builder: Builder, checkpoint: Checkpoint): number {
  const name = checkpoint.name === undefined ? 0 : builder.createString(checkpoint.name)
  const id = writeUuid(builder, checkpoint.id)
  builder.startObject(7)
  builder.addFieldOffset(6, name, 0)
  builder.addFieldInt32(3, checkpoint.createTime, 0)
  builder.addFieldInt32(2, checkpoint.expireTime ?? 0, 0)
  builder.addFieldInt64(1, BigInt(checkpoint.manifestId), 0n)
  builder.addFieldOffset(0, id, 0)
  return builder.endObject()
}

const writeMarker = (builder: Builder, id: string | undefined): number =>
  id === undefined ? 0 : writeUlid(builder, id)

function optionalUlid(from: FlatTable, slot: number): string | undefined {
  const table = from.table(slot)
  return table === undefined ? undefined : readUlid(table)
}

const badState = (table: FlatTable, why: string) => dataError('INVALID_DB_STATE', `${table.buffer.what}: ${why}`)
