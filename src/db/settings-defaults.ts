// What every setting is when nobody says otherwise. Apart from the table that reads settings (settings-names.ts), because
// a program that takes them as they are needs no reader.

import type { CollectionSettings, Settings } from './settings.ts'

const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB

const collected: CollectionSettings = /*#__PURE__*/ Object.freeze({ interval: 600_000, minAge: 300_000, dryRun: false })

/** Every setting at its default. */
export const defaultSettings: Settings = /*#__PURE__*/ Object.freeze({
  flushInterval: 100,
  walEnabled: true,
  manifestPollInterval: 1_000,
  manifestUpdateTimeout: 300_000,
  minFilterKeys: 1000,
  filterBitsPerKey: 10,
  l0SstSizeBytes: 64 * MiB,
  maxWalFlushesBeforeL0Flush: 4096,
  l0MaxSsts: 8,
  l0MaxSstsPerKey: 8,
  l0FlushParallelism: 4,
  maxUnflushedBytes: GiB,
  compactorOptions: Object.freeze({
    pollInterval: 5_000,
    manifestUpdateTimeout: 300_000,
    maxConcurrentCompactions: 4,
    enableTrivialMove: false,
    schedulerOptions: Object.freeze({}),
    worker: Object.freeze({
      maxConcurrentCompactions: 4,
      compactionsPollInterval: 5_000,
      heartbeatInterval: 10_000,
      maxSstSize: 256 * MiB,
      maxFetchTasks: 4,
      bytesToFetch: 2 * MiB,
      maxSubcompactions: 4,
      minFilterKeys: 1000,
      compressionCodec: undefined,
      metricLevel: undefined,
    }),
    metricLevel: undefined,
    commitCompactedInterval: 1_000,
    workerHeartbeatTimeout: 30_000,
    objectStoreMaxRetries: undefined,
  }),
  compressionCodec: undefined,
  objectStoreCacheOptions: Object.freeze({
    rootFolder: undefined,
    maxCacheSizeBytes: 16 * GiB,
    partSizeBytes: 4 * MiB,
    cacheOnFlush: false,
    cacheOnCompaction: false,
    preloadDiskCacheOnStartup: undefined,
    scanInterval: 3_600_000,
    maxOpenFileHandles: 1000,
  }),
  garbageCollectorOptions: Object.freeze({
    manifestOptions: collected,
    walOptions: collected,
    walFenceOptions: Object.freeze({ ...collected, dryRun: true }),
    compactedOptions: collected,
    compactionsOptions: collected,
    detachOptions: Object.freeze({ interval: 600_000 }),
    metricLevel: undefined,
    boundaryFilesEnabled: true,
    objectStoreMaxRetries: undefined,
  }),
  metricLevel: 'info',
  defaultTtlMillis: undefined,
  objectStoreMaxRetries: undefined,
  formatGeneration: undefined,
})
