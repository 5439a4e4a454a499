// What a simulated database is configured with: every seed draws its own, since one history must give one answer under
// every setting (trust.md oracle 6).

import { type FormatGeneration, parseSettings, type Settings } from '../../src/db/settings.ts'
import type { Random } from '../../src/env/random.ts'
import type { SimStoreOptions } from '../../src/sim/store.ts'
import { BlockCache } from '../../src/table/block-cache.ts'

/** The same for the whole life of a database. */
export interface DatabaseVector {
  readonly hasWalStore: boolean
  /** Without it nobody can tell an object of its own by its metadata: folders are such stores. */
  readonly hasMetadata: boolean
  /** L0 fills up, and a compactor makes room now and then. */
  readonly hasFullL0: boolean
  readonly formatGeneration: FormatGeneration
}

/** Drawn anew for every open. */
export interface HandleVector {
  readonly settings: Settings
  readonly blockSize: number
  readonly cache: BlockCache | false | undefined
}

export function databaseVector(random: Random): DatabaseVector {
  return {
    hasWalStore: random.chance(0.15),
    hasMetadata: random.chance(0.7),
    hasFullL0: random.chance(0.25),
    formatGeneration: random.pick(['0.12', '0.13', '0.15']),
  }
}

/** `patient`: never gives a request up. */
export function handleVector(random: Random, database: DatabaseVector, patient: boolean): HandleVector {
  const l0SstSizeBytes = random.pick([600, 3000, 20_000, 1 << 20])
  const blockSize = random.pick([1024, 4096, 65_536])
  const cache = random.pick([undefined, false as const, new BlockCache({ dataBytes: 8192, metaBytes: 8192 })])
  const settings = parseSettings({
    l0SstSizeBytes,
    maxUnflushedBytes: l0SstSizeBytes * random.pick([2, 3, 20]),
    minFilterKeys: random.pick([0, 1, 5, 1000]),
    filterBitsPerKey: random.pick([1, 10]),
    flushInterval: random.pick([null, 1, 10, 100, 1000]),
    walEnabled: random.chance(0.85),
    manifestPollInterval: random.pick([200, 1000]),
    // Where nothing makes room in L0, a flush that finds it full would wait until the end.
    l0MaxSsts: database.hasFullL0 ? random.pick([1, 2, 8]) : 100_000,
    l0MaxSstsPerKey: database.hasFullL0 ? random.pick([1, 3, 8]) : 100_000,
    l0FlushParallelism: random.pick([1, 2, 4]),
    compressionCodec: random.pick([null, null, null, 'snappy', 'zlib', 'lz4', 'zstd']),
    defaultTtlMillis: random.chance(0.15) ? random.pick([100, 5000, 86_400_000]) : null,
    compactorOptions: null,
    garbageCollectorOptions: null,
    formatGeneration: database.formatGeneration,
    objectStoreMaxRetries: random.chance(0.25) && !patient ? random.int(1, 4) : null,
  })
  return { settings, blockSize, cache }
}

/** How the object store behaves for one process. */
export function weather(random: Random, stormy: boolean): Omit<SimStoreOptions, 'bucket' | 'capabilities'> {
  const latencyMs = random.pick([
    [1, 1],
    [1, 10],
    [5, 200],
  ] as const)
  const faults = stormy ? random.pick([0, 0.02, 0.1, 0.25]) : 0
  return { latencyMs, faults, timeoutMs: random.pick([50, 5000]) }
}
