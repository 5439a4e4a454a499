// FlatBuffers tables that manifests and compactions have in common (format.md section 19; numbers are vtable slots).
//
//   Ulid, Uuid        0 high u64 · 1 low u64
//   BytesBound        0 key [ubyte] · 1 bound_type byte {1 Unbounded, 2 Included, 3 Excluded}
//   BytesRange        0 start_bound · 1 end_bound
//   CompactedSsTable  0 id Ulid · 1 info SsTableInfo · 2 visible_range BytesRange · 3 format_version u16, absent = 1
//
// Readers check what they read; writers return the offset of a finished table and run outside any other table.

import { ulidFromHalves, ulidToHalves, uuidFromHalves, uuidToHalves } from '../bytes/ids.ts'
import { type Bound, isEmptyRange, type KeyRange } from '../bytes/range.ts'
import { dataError } from '../errors.ts'
import type { Builder, FlatTable } from './flat.ts'
import { readTableInfo, type TableRef, writeTableInfo } from './table-info.ts'

const UNBOUNDED = 1
const INCLUDED = 2
const EXCLUDED = 3

export const readUlid = (table: FlatTable): string => ulidFromHalves(table.knows(2, 'Ulid').u64(0), table.u64(1))
export const readUuid = (table: FlatTable): string => uuidFromHalves(table.knows(2, 'Uuid').u64(0), table.u64(1))

export function writeUlid(builder: Builder, id: string): number {
  const { high, low } = ulidToHalves(id)
  return writeHalves(builder, high, low)
}

export function writeUuid(builder: Builder, id: string): number {
  const { high, low } = uuidToHalves(id)
  return writeHalves(builder, high, low)
}

export const readUlids = (table: FlatTable, slot: number): string[] | undefined => table.tables(slot)?.map(readUlid)

export function writeUlids(builder: Builder, ids: readonly string[]): number {
  return writeOffsets(
    builder,
    ids.map((id) => writeUlid(builder, id)),
  )
}

/** OB-6: what a later release added cannot be carried through, because nothing tells the types of its fields. */
export function refuseUnknown(record: string, fields: readonly string[] | undefined): void {
  if (fields === undefined) return
  throw dataError(
    'UNKNOWN_FIELDS',
    `the ${record} has fields that this version does not know (${fields.join(', ')}): a later release wrote them, and ` +
      `writing the ${record} would lose them; update slatedb-ts, or open the database read-only`,
  )
}

/** A vector of tables. */
export function writeOffsets(builder: Builder, offsets: readonly number[]): number {
  builder.startVector(4, offsets.length, 4)
  for (let i = offsets.length - 1; i >= 0; i--) builder.addOffset(offsets[i]!)
  return builder.endVector()
}

export function writeU32s(builder: Builder, values: readonly number[]): number {
  builder.startVector(4, values.length, 4)
  for (let i = values.length - 1; i >= 0; i--) builder.addInt32(values[i]!)
  return builder.endVector()
}

export function readRange(table: FlatTable): KeyRange {
  table.knows(2, 'BytesRange')
  const range = {
    start: readBound(table.requiredTable(0, 'start_bound')),
    end: readBound(table.requiredTable(1, 'end_bound')),
  }
  if (isEmptyRange(range)) throw badRange(table, 'it is empty')
  return range
}

/** A view's range: the start is included or unbounded (RD-31). */
export function readVisibleRange(table: FlatTable, slot: number): KeyRange | undefined {
  const stored = table.table(slot)
  if (stored === undefined) return undefined
  const range = readRange(stored)
  if (range.start !== undefined && !range.start.inclusive) throw badRange(table, 'its start is excluded')
  return range
}

export function writeRange(builder: Builder, range: KeyRange): number {
  const end = writeBound(builder, range.end)
  const start = writeBound(builder, range.start)
  builder.startObject(2)
  builder.addFieldOffset(1, end, 0)
  builder.addFieldOffset(0, start, 0)
  return builder.endObject()
}

/** The id, info and format version of a CompactedSsTable, or of a CompactedSsTableV2 whose version has another slot. */
export function readTableRef(table: FlatTable, versionSlot: 2 | 3): TableRef {
  table.knows(versionSlot + 1, versionSlot === 3 ? 'CompactedSsTable' : 'CompactedSsTableV2')
  const id = readUlid(table.requiredTable(0, 'id'))
  const info = readTableInfo(table.requiredTable(1, 'info'))
  const formatVersion = table.u16(versionSlot, 1)
  if (formatVersion !== 1 && formatVersion !== 2) {
    throw dataError(
      'INVALID_VERSION',
      `${table.buffer.what}: table ${id} has format version ${formatVersion}; supported are 1 and 2`,
    )
  }
  // Every compacted table has rows; only fences of the WAL have none.
  if (info.firstEntry === undefined) throw table.buffer.missing(`first_entry of table ${id}`)
  return { id, info, formatVersion }
}

export function writeTableRef(
  builder: Builder,
  table: TableRef,
  versionSlot: 2 | 3,
  visibleRange?: KeyRange | undefined,
): number {
  const range = visibleRange === undefined ? 0 : writeRange(builder, visibleRange)
  const info = writeTableInfo(builder, table.info)
  const id = writeUlid(builder, table.id)
  builder.startObject(versionSlot + 1)
  if (versionSlot === 3) builder.addFieldOffset(2, range, 0)
  builder.addFieldOffset(1, info, 0)
  builder.addFieldOffset(0, id, 0)
  // An optional scalar: written even when it is 1, because absence means something.
  builder.addFieldInt16(versionSlot, table.formatVersion, null)
  return builder.endObject()
}

function writeHalves(builder: Builder, high: bigint, low: bigint): number {
  builder.startObject(2)
  builder.addFieldInt64(1, BigInt.asIntN(64, low), 0n)
  builder.addFieldInt64(0, BigInt.asIntN(64, high), 0n)
  return builder.endObject()
}

function readBound(table: FlatTable): Bound | undefined {
  const key = table.knows(2, 'BytesBound').bytes(0)
  const type = table.u8(1)
  if (type === UNBOUNDED && key === undefined) return undefined
  if ((type === INCLUDED || type === EXCLUDED) && key !== undefined) return { key, inclusive: type === INCLUDED }
  throw badRange(table, `bound type ${type} ${key === undefined ? 'without' : 'with'} a key`)
}

function writeBound(builder: Builder, bound: Bound | undefined): number {
  const key = bound === undefined ? 0 : builder.createByteVector(bound.key)
  builder.startObject(2)
  builder.addFieldOffset(0, key, 0)
  builder.addFieldInt8(1, bound === undefined ? UNBOUNDED : bound.inclusive ? INCLUDED : EXCLUDED, 0)
  return builder.endObject()
}

const badRange = (table: FlatTable, why: string) =>
  dataError('INVALID_RANGE', `${table.buffer.what}: a key range is not valid: ${why}`)
