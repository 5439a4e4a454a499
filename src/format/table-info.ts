// What the engine knows about one SST, as stored in the SST itself and in the manifest (format.md section 9).
//
//   SsTableInfo := 0 firstEntry:[u8] 1 indexOffset:u64 2 indexLength:u64 3 filterOffset:u64 4 filterLength:u64
//                  5 codec:i8 6 type:i8 7 lastEntry:[u8] 8 statsOffset:u64 9 statsLength:u64 10 filterFormat:i8

import { copyOf } from '../bytes/copy.ts'
import type { CodecName } from '../compress/codec.ts'
import { dataError } from '../errors.ts'
import { Builder, FlatBuffer, type FlatTable } from './flat.ts'

/** SsTableInfo.compression_format: never renumber. */
export const CODECS: readonly CodecName[] = ['none', 'snappy', 'zlib', 'lz4', 'zstd']
export type { CodecName } from '../compress/codec.ts'

export interface TableInfo {
  /** First key (WAL: first sequence number, 8 bytes big-endian). Absent in a table without rows. */
  readonly firstEntry: Uint8Array | undefined
  /** Last key; absent in old files and in the WAL: the upper bound is unknown then. */
  readonly lastEntry: Uint8Array | undefined
  readonly indexOffset: number
  readonly indexLength: number
  /** End of the data blocks, also when there is no filter (format.md section 3). */
  readonly filterOffset: number
  readonly filterLength: number
  readonly codec: CodecName
  readonly type: 'compacted' | 'wal'
  readonly statsOffset: number
  readonly statsLength: number
  readonly filterFormat: 'legacy' | 'composite'
}

/** Identity of one compacted SST and all that is needed to read it without touching its footer. */
export interface TableRef {
  /** ULID, 26 characters. */
  readonly id: string
  readonly info: TableInfo
  /** Block and row codec: 1 or 2; writers always write 2. */
  readonly formatVersion: 1 | 2
}

const FIELDS = 11

/** Reads one SsTableInfo table. The byte fields are copies: an info outlives the record it was read from. */
export function readTableInfo(table: FlatTable): TableInfo {
  const what = table.knows(FIELDS, 'SsTableInfo').buffer.what
  const codec = CODECS[table.u8(5)]
  if (codec === undefined) throw unknown(what, 'compression_format', table.u8(5))
  const type = table.u8(6)
  if (type > 1) throw unknown(what, 'sst_type', type)
  const filterFormat = table.u8(10)
  if (filterFormat > 1) throw unknown(what, 'filter_format', filterFormat)
  const firstEntry = table.bytes(0)
  const lastEntry = table.bytes(7)
  return {
    firstEntry: firstEntry && copyOf(firstEntry),
    lastEntry: lastEntry && copyOf(lastEntry),
    indexOffset: table.safe(1, 'index_offset'),
    indexLength: table.safe(2, 'index_len'),
    filterOffset: table.safe(3, 'filter_offset'),
    filterLength: table.safe(4, 'filter_len'),
    codec,
    type: type === 1 ? 'wal' : 'compacted',
    statsOffset: table.safe(8, 'stats_offset'),
    statsLength: table.safe(9, 'stats_len'),
    filterFormat: filterFormat === 1 ? 'composite' : 'legacy',
  }
}

/** Writes one SsTableInfo table; returns its offset in the builder. Call it outside any other table. */
export function writeTableInfo(builder: Builder, info: TableInfo): number {
  const firstEntry = info.firstEntry === undefined ? 0 : builder.createByteVector(info.firstEntry)
  const lastEntry = info.lastEntry === undefined ? 0 : builder.createByteVector(info.lastEntry)
  builder.startObject(FIELDS)
  builder.addFieldInt64(9, BigInt(info.statsLength), 0n)
  builder.addFieldInt64(8, BigInt(info.statsOffset), 0n)
  builder.addFieldInt64(4, BigInt(info.filterLength), 0n)
  builder.addFieldInt64(3, BigInt(info.filterOffset), 0n)
  builder.addFieldInt64(2, BigInt(info.indexLength), 0n)
  builder.addFieldInt64(1, BigInt(info.indexOffset), 0n)
  builder.addFieldOffset(7, lastEntry, 0)
  builder.addFieldOffset(0, firstEntry, 0)
  builder.addFieldInt8(10, info.filterFormat === 'composite' ? 1 : 0, 0)
  builder.addFieldInt8(6, info.type === 'wal' ? 1 : 0, 0)
  builder.addFieldInt8(5, CODECS.indexOf(info.codec), 0)
  return builder.endObject()
}

/** The info as a record of its own, as it stands in front of an SST's footer. */
export function encodeTableInfo(info: TableInfo): Uint8Array {
  const builder = new Builder(256)
  builder.finish(writeTableInfo(builder, info))
  return builder.asUint8Array()
}

export function decodeTableInfo(bytes: Uint8Array, what: string): TableInfo {
  return readTableInfo(new FlatBuffer(bytes, what).root())
}

function unknown(what: string, field: string, value: number) {
  return dataError('INVALID_SST_INFO', `${what}: SsTableInfo.${field} = ${value} is not known to this version`)
}
