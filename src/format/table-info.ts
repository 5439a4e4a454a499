// What the engine knows about one SST, as stored in the SST itself and in the manifest (format.md section 9).

/** SsTableInfo.compression_format: never renumber. */
export const CODECS = ['none', 'snappy', 'zlib', 'lz4', 'zstd'] as const
export type CodecName = (typeof CODECS)[number]

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
