// What a caller may say about one read.

export interface ReadOptions {
  /** `'remote'`: the latest version that is already in the object store. Default `'memory'`: the latest committed one. */
  readonly durability?: 'memory' | 'remote' | undefined
  /** Also rows newer than the last committed sequence number. Default false. */
  readonly dirty?: boolean | undefined
  /** Keep fetched data blocks in the block cache. Default true for point reads, false for scans. */
  readonly cacheBlocks?: boolean | undefined
  /**
   * A value whose expiry lies at or before this instant (ms since 1970) counts as deleted (D4). Results of a merge are
   * shown whatever their expiry says: it is the earliest of their parts. Default: expired rows are shown until a flush
   * or a compaction removes them, as the original does.
   */
  readonly hideExpiredAt?: number | undefined
  /** Ends the read with the signal's reason, and the requests that no other read needs. */
  readonly signal?: AbortSignal | undefined
}

export interface ScanOptions extends ReadOptions {
  /** Keys from the greatest to the smallest. Default false. */
  readonly descending?: boolean | undefined
  /**
   * A fetch covers at least this many bytes; with this or `maxFetchTasks` set, 1 by default, which is one block. With
   * neither, read-ahead grows with what was read in a row: from one block to eight requests of 2 MiB at once.
   */
  readonly readAheadBytes?: number | undefined
  /** Fetches in flight at once; with `readAheadBytes` set, 1 by default. */
  readonly maxFetchTasks?: number | undefined
  /** Every key of the range starts with it: lets prefix filters rule tables out. The range must lie inside it. */
  readonly prefix?: Uint8Array | undefined
}

/** What the public face makes of options that it has checked. */
export class CheckedReads implements ReadOptions {
  readonly hideExpiredAt: number | undefined
  readonly durability: ReadOptions['durability']
  readonly dirty: boolean | undefined
  readonly cacheBlocks: boolean | undefined
  readonly signal: AbortSignal | undefined

  constructor(hideExpiredAt: number | undefined, options: Omit<ReadOptions, 'hideExpiredAt'> | undefined) {
    this.hideExpiredAt = hideExpiredAt
    this.durability = options?.durability
    this.dirty = options?.dirty
    this.cacheBlocks = options?.cacheBlocks
    this.signal = options?.signal
  }
}
