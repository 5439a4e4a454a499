// The block cache (protocols.md 12.1): one budget for data blocks, one for metadata (index and filters). It has no keys:
// a table holds its blocks by number, so a hit is an array read and a bit; the cache only decides what must go.
// Several databases may share one cache without sharing entries (CA-1), since their tables are different objects.

import { Sieve } from './sieve.ts'

export interface BlockCacheOptions {
  /** Default 512 MiB. 0 = none. */
  readonly dataBytes?: number
  /** Default 128 MiB. 0 = none. */
  readonly metaBytes?: number
}

const MiB = 1024 * 1024

export class BlockCache {
  readonly data: Sieve
  readonly meta: Sieve

  constructor(options: BlockCacheOptions = {}) {
    this.data = new Sieve(options.dataBytes ?? 512 * MiB)
    this.meta = new Sieve(options.metaBytes ?? 128 * MiB)
  }

  /** Holds nothing. Metadata is then read anew for every lookup. */
  static none(): BlockCache {
    return new BlockCache({ dataBytes: 0, metaBytes: 0 })
  }

  /** Bytes held now. */
  get size(): number {
    return this.data.used + this.meta.used
  }
}
