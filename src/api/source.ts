// What the handles of this room read from: the engine's Db, its readers, snapshots and transactions all look like this.

import type { KeyRange } from '../bytes/range.ts'
import type { Scan } from '../db/scan.ts'
import type { KeyValue } from '../read/key-value.ts'
import type * as engine from '../read/options.ts'
import { PlainRecord } from '../shown.ts'
import type { As, Codec, EncodingOption } from './encoding.ts'

export type MaybePromise<T> = T | Promise<T>

/** Bytes in, bytes out; synchronous when the bytes are in memory. */
export interface Source {
  get(key: Uint8Array, options?: engine.ReadOptions): MaybePromise<Uint8Array | undefined>
  getRow(key: Uint8Array, options?: engine.ReadOptions): MaybePromise<KeyValue | undefined>
  getMany(keys: readonly Uint8Array[], options?: engine.ReadOptions): Promise<(Uint8Array | undefined)[]>
  scan(range: KeyRange, options?: engine.ScanOptions): Scan
}

/** `undefined`: this call uses the handle's own encodings. */
export type MaybeEncoding = EncodingOption | undefined

export interface EncodingOptions<KE extends MaybeEncoding = undefined, VE extends MaybeEncoding = undefined> {
  /** How keys are written. Default: as the handle was opened. */
  readonly keyEncoding?: KE | undefined
  /** How values are written. Default: as the handle was opened. */
  readonly valueEncoding?: VE | undefined
}

export interface GetOptions<KE extends MaybeEncoding = undefined, VE extends MaybeEncoding = undefined>
  extends EncodingOptions<KE, VE> {
  /** `'remote'`: only what is already in the object store. Default `'memory'`: everything committed. */
  readonly durability?: 'memory' | 'remote' | undefined
  /** Also rows newer than the last committed sequence number. Default false. */
  readonly dirty?: boolean | undefined
  /** Keep fetched data blocks in the block cache. Default true for point reads, false for scans. */
  readonly cacheBlocks?: boolean | undefined
  /** Expired rows count as deleted. Default: as the handle was opened, which is true unless said otherwise. */
  readonly hideExpired?: boolean | undefined
  /** Ends the read with the signal's reason, and the requests that no other read needs. */
  readonly signal?: AbortSignal | undefined
}

export interface ScanOptions<KE extends MaybeEncoding = undefined, VE extends MaybeEncoding = undefined>
  extends GetOptions<KE, VE> {
  /**
   * A fetch covers at least this many bytes; one block by default when `maxFetchTasks` is set. With neither, read-ahead
   * grows with what was read in a row: from one block to eight requests of 2 MiB at once.
   */
  readonly readAheadBytes?: number | undefined
  /** Fetches in flight at once; 1 by default when `readAheadBytes` is set. */
  readonly maxFetchTasks?: number | undefined
}

/** One row with what is known about its write. */
export interface Row<K = Uint8Array, V = Uint8Array> {
  readonly key: K
  readonly value: V
  /** Sequence number of the write; 2^64 - 1 for a transaction's own, uncommitted rows. */
  readonly seq: bigint
  /** Milliseconds since 1970. */
  readonly createTs: number
  /** Milliseconds since 1970; `undefined` = never. */
  readonly expireTs: number | undefined
}

export type KeyOf<KE extends MaybeEncoding, K> = As<KE, K>
export type ValueOf<VE extends MaybeEncoding, V> = As<VE, V>

class DecodedRow extends PlainRecord implements Row<unknown, unknown> {
  readonly key: unknown
  readonly value: unknown
  readonly seq: bigint
  readonly createTs: number
  readonly expireTs: number | undefined

  constructor(row: KeyValue, keys: Codec, values: Codec) {
    super()
    this.key = keys.decode(row.key)
    this.value = values.decode(row.value)
    this.seq = row.seq
    this.createTs = row.createTs
    this.expireTs = row.expireTs
  }
}

export function decodeRow(row: KeyValue, keys: Codec, values: Codec): Row<unknown, unknown> {
  return new DecodedRow(row, keys, values)
}
