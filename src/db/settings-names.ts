// The table of settings: every key once, with its kind and range (features.md B.2, B.5-B.9). Reading, writing and checking
// settings walk this table; the defaults are in settings-defaults.ts, the types beside their documentation in settings.ts.

/** One setting. Durations are milliseconds and sizes are bytes once they are read. */
export interface Leaf {
  readonly kind: 'duration' | 'bytes' | 'count' | 'number' | 'flag' | 'text' | 'choice' | 'texts'
  /** `null` turns it off; inside it is `undefined`. */
  readonly nullable?: boolean
  /** Smallest value, included. */
  readonly min?: number
  readonly choices?: readonly string[]
  /** What releases of the 0.12 line call it. */
  readonly oldName?: string
  /** The 0.12 line does not know it. */
  readonly isNew?: boolean
}

export interface Group {
  readonly kind: 'group'
  readonly fields: Readonly<Record<string, Field>>
  /** `null` turns the whole part off. */
  readonly nullable?: boolean
  readonly isNew?: boolean
  /** Keys that the 0.12 line has here and later ones one group down: old snake_case name -> [group, key]. */
  readonly moved?: Readonly<Record<string, readonly [group: string, key: string]>>
}

export type Field = Leaf | Group

type More = Omit<Leaf, 'kind'>

const leaf =
  (kind: Leaf['kind']) =>
  (more: More = {}): Leaf => ({ kind, ...more })

const duration = leaf('duration')
const bytes = leaf('bytes')
const count = leaf('count')
const flag = leaf('flag')
const choice = leaf('choice')
const group = (fields: Group['fields'], more: Omit<Group, 'kind' | 'fields'> = {}): Group => ({
  kind: 'group',
  fields,
  ...more,
})

const OPTIONAL = { nullable: true }
const NEW = { isNew: true }
const LEVELS = ['info', 'debug']
const CODECS = ['snappy', 'zlib', 'lz4', 'zstd']

const levelOfPart = () => choice({ ...OPTIONAL, ...NEW, choices: LEVELS })
const retries = () => count({ ...OPTIONAL, ...NEW })

const WORKER = group(
  {
    maxConcurrentCompactions: count({ min: 1 }),
    compactionsPollInterval: duration({ min: 1 }),
    heartbeatInterval: duration({ min: 1 }),
    maxSstSize: bytes({ min: 1 }),
    maxFetchTasks: count({ min: 1 }),
    bytesToFetch: bytes({ min: 1 }),
    maxSubcompactions: count(),
    minFilterKeys: count(),
    compressionCodec: choice({ ...OPTIONAL, choices: CODECS }),
    metricLevel: levelOfPart(),
  },
  { ...OPTIONAL, ...NEW },
)

const COMPACTOR = group(
  {
    pollInterval: duration({ min: 1 }),
    manifestUpdateTimeout: duration({ min: 1 }),
    maxConcurrentCompactions: count({ min: 1 }),
    enableTrivialMove: flag(NEW),
    schedulerOptions: leaf('texts')(),
    worker: WORKER,
    metricLevel: levelOfPart(),
    commitCompactedInterval: duration({ min: 1, ...NEW }),
    workerHeartbeatTimeout: duration({ min: 1, ...NEW }),
    objectStoreMaxRetries: retries(),
  },
  {
    ...OPTIONAL,
    moved: { max_sst_size: ['worker', 'maxSstSize'], max_fetch_tasks: ['worker', 'maxFetchTasks'] },
  },
)

const CACHE = group({
  rootFolder: leaf('text')(OPTIONAL),
  maxCacheSizeBytes: bytes(OPTIONAL),
  partSizeBytes: bytes({ min: 1 }),
  cacheOnFlush: flag({ oldName: 'cache_puts' }),
  cacheOnCompaction: flag(NEW),
  preloadDiskCacheOnStartup: choice({ ...OPTIONAL, choices: ['l0Sst', 'allSst'] }),
  scanInterval: duration(OPTIONAL),
  maxOpenFileHandles: count({ min: 1, ...NEW }),
})

/** `interval: null` means the default here, not off (B.9). */
const collected = (more: Omit<Group, 'kind' | 'fields'> = {}) =>
  group(
    {
      interval: duration({ min: 1, ...OPTIONAL }),
      minAge: duration(),
      dryRun: flag(NEW),
    },
    { ...OPTIONAL, ...more },
  )

const GARBAGE_COLLECTOR = group(
  {
    manifestOptions: collected(),
    walOptions: collected(),
    walFenceOptions: collected(NEW),
    compactedOptions: collected(),
    compactionsOptions: collected(),
    detachOptions: group({ interval: duration({ min: 1, ...OPTIONAL }) }, { ...OPTIONAL, ...NEW }),
    metricLevel: levelOfPart(),
    boundaryFilesEnabled: flag(NEW),
    objectStoreMaxRetries: retries(),
  },
  OPTIONAL,
)

export const SETTINGS = group({
  flushInterval: duration(OPTIONAL),
  walEnabled: flag(),
  manifestPollInterval: duration({ min: 1 }),
  manifestUpdateTimeout: duration({ min: 1 }),
  minFilterKeys: count(),
  filterBitsPerKey: count({ min: 1 }),
  l0SstSizeBytes: bytes({ min: 1 }),
  maxWalFlushesBeforeL0Flush: count({ min: 4096, ...NEW }),
  l0MaxSsts: count({ min: 1 }),
  l0MaxSstsPerKey: count({ min: 1, ...NEW }),
  l0FlushParallelism: count({ min: 1 }),
  maxUnflushedBytes: bytes({ min: 1 }),
  compactorOptions: COMPACTOR,
  compressionCodec: choice({ ...OPTIONAL, choices: CODECS }),
  objectStoreCacheOptions: CACHE,
  garbageCollectorOptions: GARBAGE_COLLECTOR,
  metricLevel: choice({ ...NEW, choices: LEVELS }),
  defaultTtlMillis: count({ ...OPTIONAL, oldName: 'default_ttl' }),
  objectStoreMaxRetries: retries(),
  formatGeneration: choice({ ...OPTIONAL, ...NEW, choices: ['0.12', '0.13', '0.15', '0.17', '0.18'] }),
})

/** `l0SstSizeBytes` -> `l0_sst_size_bytes`. */
export function snakeName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
