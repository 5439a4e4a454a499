// The compactions record: what compaction is doing, shared by coordinator, workers and admin (format.md section 18).
//
//   object := version:u16be flatbuffer(CompactionsV1)
//
// Version 1 is what 0.12.x reads and writes, version 2 what everybody else writes. The tables are the same; in version
// 2 the stored destination counts, in version 1 it follows from the sources.

import { concatBytes, EMPTY } from '../bytes/compare.ts'
import type { KeyRange } from '../bytes/range.ts'
import { dataError } from '../errors.ts'
import { Builder, FlatBuffer, type FlatTable } from './flat.ts'
import {
  readRange,
  readTableRef,
  readUlid,
  readUlids,
  refuseUnknown,
  writeOffsets,
  writeRange,
  writeTableRef,
  writeU32s,
  writeUlid,
  writeUlids,
} from './parts.ts'
import type { TableRef } from './table-info.ts'

/** By their number on storage: never renumber. Version 1 knows the first four. */
export const COMPACTION_STATUSES = ['submitted', 'running', 'completed', 'failed', 'compacted', 'scheduled'] as const
export type CompactionStatus = (typeof COMPACTION_STATUSES)[number]

/** Completed and Failed are never left again; everything else is still to be done (CS-5, CS-7). */
export const isTerminal = (status: CompactionStatus): boolean => status === 'completed' || status === 'failed'

/** What goes into a compaction (CS-2). */
interface Sources {
  /** Prefix of the segment; empty for the unsegmented tree. */
  readonly segment: Uint8Array
  /** View ids, newest first. */
  readonly l0: readonly string[]
  /** Sorted-run ids, highest first. */
  readonly runs: readonly number[]
}

/** Rewrites its sources into the sorted run `destination`. */
export interface TieredSpec extends Sources {
  readonly kind: 'tiered'
  readonly destination: number
}

/** Drops its sources: a whole segment. */
export interface DrainSpec extends Sources {
  readonly kind: 'drain'
}

export type CompactionSpec = TieredSpec | DrainSpec

/** By their number on storage: never renumber. Known since 0.18; older releases drop it. */
const RANGE_STATUSES = ['in-progress', 'completed'] as const

export interface Subcompaction {
  readonly range: KeyRange
  readonly outputs: readonly TableRef[]
  /** 'completed': all output of the range is stored, an empty result included; it is never taken back (CS-14). */
  readonly status: (typeof RANGE_STATUSES)[number]
}

/** The plan of a job in work, and what of it is done (CS-3). */
export interface CompactionContext {
  readonly subcompactions: readonly Subcompaction[]
  readonly retentionMinSeq: bigint
}

export interface CompactionClaim {
  readonly workerId: string
  readonly lastHeartbeatMs: number
}

export interface Compaction {
  /** ULID. */
  readonly id: string
  readonly spec: CompactionSpec
  readonly status: CompactionStatus
  /**
   * The result, once Compacted. 0.12.x also lists finished outputs of running work here; releases from 0.14 on pay them
   * no attention, but whoever rewrites the record carries them through (CS-6).
   */
  readonly outputs: readonly TableRef[]
  readonly claim: CompactionClaim | undefined
  readonly context: CompactionContext | undefined
}

export interface Compactions {
  /** Carried through by every rewrite: the format generation belongs to the database (D5). */
  readonly formatVersion: 1 | 2
  readonly compactorEpoch: number
  /** As stored; peers order them by id, ascending. */
  readonly entries: readonly Compaction[]
  /** As in a manifest: fields of a later release; a record that has them is never written (OB-6). */
  readonly unknownFields?: readonly string[]
}

export const initialCompactions = (formatVersion: 1 | 2): Compactions => ({
  formatVersion,
  compactorEpoch: 0,
  entries: [],
})

/** `what` names the object in errors. Whatever is wrong with the bytes is a Data error. */
export function decodeCompactions(bytes: Uint8Array, what: string): Compactions {
  if (bytes.length < 2) throw dataError('EMPTY_COMPACTIONS', `${what}: ${bytes.length} bytes are no compactions record`)
  const formatVersion = bytes[0]! * 256 + bytes[1]!
  if (formatVersion !== 1 && formatVersion !== 2) {
    throw dataError('INVALID_VERSION', `${what}: compactions format version ${formatVersion}; supported are 1 and 2`)
  }
  const buffer = new FlatBuffer(bytes.subarray(2), what)
  const root = buffer.root().knows(2, 'CompactionsV1')
  const compactions: Compactions = {
    formatVersion,
    compactorEpoch: root.safe(0, 'compactor_epoch'),
    entries: root.requiredTables(1, 'recent_compactions').map((entry) => readCompaction(entry, formatVersion)),
  }
  return buffer.unknown.size === 0 ? compactions : { ...compactions, unknownFields: [...buffer.unknown].sort() }
}

/** @throws Data when fields would be lost. */
export function encodeCompactions(compactions: Compactions): Uint8Array {
  refuseUnknown('compactions record', compactions.unknownFields)
  const builder = new Builder(1024)
  const entries = writeOffsets(
    builder,
    compactions.entries.map((entry) => writeCompaction(builder, entry)),
  )
  builder.startObject(2)
  builder.addFieldOffset(1, entries, 0)
  builder.addFieldInt64(0, BigInt(compactions.compactorEpoch), 0n)
  builder.finish(builder.endObject())
  return concatBytes([Uint8Array.of(0, compactions.formatVersion), builder.asUint8Array()])
}

function readCompaction(entry: FlatTable, formatVersion: 1 | 2): Compaction {
  const worker = entry.knows(8, 'Compaction').table(5)?.knows(2, 'WorkerSpec')
  // A plan of a kind that a later release added: like a field that is not known, it cannot be carried through.
  if (entry.u8(6) > 1) entry.buffer.unknown.add(`Compaction.6 = ${entry.u8(6)}`)
  return {
    id: readUlid(entry.requiredTable(0, 'id of a compaction')),
    spec: readSpec(entry, formatVersion),
    // A status of a later release reads as Submitted, as in the original: whoever owns the entry says more in time.
    status: COMPACTION_STATUSES[entry.u8(3)] ?? 'submitted',
    outputs: (entry.tables(4) ?? []).map((output) => readTableRef(output, 3)),
    claim: worker && { workerId: worker.string(0) ?? '', lastHeartbeatMs: worker.safe(1, 'last_heartbeat_ms') },
    context: entry.u8(6) === 1 ? readContext(entry.requiredTable(7, 'ctx')) : undefined,
  }
}

function readSpec(entry: FlatTable, formatVersion: 1 | 2): CompactionSpec {
  const type = entry.u8(1)
  const spec = entry.requiredTable(2, 'spec of a compaction')
  if (type === 1) {
    spec.knows(5, 'TieredCompactionSpec')
    const runs = spec.u32s(1) ?? []
    return {
      kind: 'tiered',
      segment: spec.bytes(3) ?? EMPTY,
      l0: readUlids(spec, 2) ?? readUlids(spec, 0) ?? [],
      runs,
      destination: formatVersion === 2 ? spec.u32(4) : runs.reduce((least, id) => Math.min(least, id), runs[0] ?? 0),
    }
  }
  if (type === 2) {
    const segment = spec.knows(3, 'DrainSegmentSpec').bytes(0)
    if (segment === undefined) throw spec.buffer.missing('segment of a drain')
    return { kind: 'drain', segment, l0: readUlids(spec, 1) ?? [], runs: spec.u32s(2) ?? [] }
  }
  throw dataError('INVALID_COMPACTION', `${entry.buffer.what}: compaction spec type ${type} is not known`)
}

function readContext(context: FlatTable): CompactionContext {
  context.knows(2, 'TieredCompactionContext')
  return {
    subcompactions: (context.tables(0) ?? []).map(readSubcompaction),
    retentionMinSeq: context.u64(1),
  }
}

function readSubcompaction(part: FlatTable): Subcompaction {
  const number = part.knows(3, 'Subcompaction').u8(2)
  const status = RANGE_STATUSES[number]
  if (status === undefined) {
    throw dataError('INVALID_COMPACTION', `${part.buffer.what}: subcompaction status ${number} is not known`)
  }
  return {
    range: readRange(part.requiredTable(0, 'range of a subcompaction')),
    outputs: (part.tables(1) ?? []).map((output) => readTableRef(output, 3)),
    status,
  }
}

function writeCompaction(builder: Builder, entry: Compaction): number {
  const context = entry.context === undefined ? 0 : writeContext(builder, entry.context)
  const claim = entry.claim === undefined ? 0 : writeClaim(builder, entry.claim)
  const outputs = writeTableRefs(builder, entry.outputs)
  const spec = writeSpec(builder, entry.spec)
  const id = writeUlid(builder, entry.id)
  builder.startObject(8)
  builder.addFieldOffset(7, context, 0)
  builder.addFieldInt8(6, context === 0 ? 0 : 1, 0)
  builder.addFieldOffset(5, claim, 0)
  builder.addFieldOffset(4, outputs, 0)
  builder.addFieldInt8(3, COMPACTION_STATUSES.indexOf(entry.status), 0)
  builder.addFieldOffset(2, spec, 0)
  builder.addFieldInt8(1, entry.spec.kind === 'tiered' ? 1 : 2, 0)
  builder.addFieldOffset(0, id, 0)
  return builder.endObject()
}

/** Vectors that would be empty are absent, as the original writes them; the segment of a tiered spec is always there. */
function writeSpec(builder: Builder, spec: CompactionSpec): number {
  const runs = spec.runs.length === 0 ? 0 : writeU32s(builder, spec.runs)
  const l0 = spec.l0.length === 0 ? 0 : writeUlids(builder, spec.l0)
  const segment = builder.createByteVector(spec.segment)
  if (spec.kind === 'tiered') {
    builder.startObject(5)
    builder.addFieldInt32(4, spec.destination, 0)
    builder.addFieldOffset(3, segment, 0)
    builder.addFieldOffset(2, l0, 0)
    builder.addFieldOffset(1, runs, 0)
  } else {
    builder.startObject(3)
    builder.addFieldOffset(2, runs, 0)
    builder.addFieldOffset(1, l0, 0)
    builder.addFieldOffset(0, segment, 0)
  }
  return builder.endObject()
}

function writeContext(builder: Builder, context: CompactionContext): number {
  const parts = context.subcompactions.map(({ range, outputs, status }) => {
    const tables = writeTableRefs(builder, outputs)
    const bounds = writeRange(builder, range)
    builder.startObject(3)
    builder.addFieldInt8(2, RANGE_STATUSES.indexOf(status), 0)
    builder.addFieldOffset(1, tables, 0)
    builder.addFieldOffset(0, bounds, 0)
    return builder.endObject()
  })
  const subcompactions = writeOffsets(builder, parts)
  builder.startObject(2)
  builder.addFieldInt64(1, context.retentionMinSeq, 0n)
  builder.addFieldOffset(0, subcompactions, 0)
  return builder.endObject()
}

function writeClaim(builder: Builder, claim: CompactionClaim): number {
  const workerId = builder.createString(claim.workerId)
  builder.startObject(2)
  builder.addFieldInt64(1, BigInt(claim.lastHeartbeatMs), 0n)
  builder.addFieldOffset(0, workerId, 0)
  return builder.endObject()
}

function writeTableRefs(builder: Builder, tables: readonly TableRef[]): number {
  if (tables.length === 0) return 0
  return writeOffsets(
    builder,
    tables.map((table) => writeTableRef(builder, table, 3)),
  )
}
