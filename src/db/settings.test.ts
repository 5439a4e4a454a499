import { expect, test } from 'vitest'
import { formatDuration, parseDuration, parseSize } from './duration.ts'
import {
  checkSettings,
  defaultSettings,
  inactive,
  parseSettings,
  setSetting,
  settingsFromEnv,
  settingsToJson,
} from './settings.ts'

test.each([
  ['100ms', 100],
  ['1s', 1000],
  ['1s+500ms', 1500],
  ['1m 30s', 90_000],
  ['1h30m', 5_400_000],
  ['2 days', 172_800_000],
  ['0.3s', 300],
  ['1500us', 1],
  ['0s', 0],
  ['', undefined],
  ['100', undefined],
  ['ms', undefined],
  ['5 parsecs', undefined],
  ['-1s', undefined],
])('the duration %j is %j ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

test.each([0, 1, 100, 999, 1000, 1500, 90_000, 300_000, 86_400_000])('%d ms survives being written', (ms) => {
  expect(parseDuration(formatDuration(ms))).toBe(ms)
})

test.each([
  ['64MiB', 67_108_864],
  ['64 MiB', 67_108_864],
  ['64MB', 64_000_000],
  ['64k', 65_536],
  ['1.5KiB', 1536],
  ['100', 100],
  ['100B', 100],
  ['0.3B', undefined],
  ['64XB', undefined],
  ['-1', undefined],
])('the size %j is %j bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes)
})

test('the defaults are those of the original', () => {
  expect(settingsToJson(defaultSettings)).toMatchObject({
    flush_interval: '100ms',
    wal_enabled: true,
    manifest_poll_interval: '1s',
    manifest_update_timeout: '300s',
    min_filter_keys: 1000,
    l0_sst_size_bytes: 67108864,
    max_wal_flushes_before_l0_flush: 4096,
    l0_max_ssts: 8,
    l0_max_ssts_per_key: 8,
    l0_flush_parallelism: 4,
    max_unflushed_bytes: 1073741824,
    compression_codec: null,
    metric_level: 'Info',
    default_ttl_millis: null,
    object_store_max_retries: null,
    format_generation: null,
    compactor_options: {
      poll_interval: '5s',
      commit_compacted_interval: '1s',
      worker_heartbeat_timeout: '30s',
      scheduler_options: {},
      worker: { max_sst_size: 268435456, bytes_to_fetch: 2097152, max_subcompactions: 4 },
    },
    object_store_cache_options: { root_folder: null, part_size_bytes: 4194304, scan_interval: '3600s' },
    garbage_collector_options: {
      manifest_options: { interval: '600s', min_age: '300s', dry_run: false },
      wal_fence_options: { dry_run: true },
      detach_options: { interval: '600s' },
      boundary_files_enabled: true,
    },
  })
})

test('both spellings, texts and numbers mean the same', () => {
  const camel = parseSettings({
    flushInterval: 250,
    l0SstSizeBytes: '32MiB',
    compressionCodec: 'zstd',
    compactorOptions: { pollInterval: '1m 30s', worker: null },
  })
  const snake = parseSettings({
    flush_interval: '250ms',
    l0_sst_size_bytes: 33554432,
    compression_codec: 'Zstd',
    compactor_options: { poll_interval: '90s', worker: null },
  })
  expect(snake).toEqual(camel)
  expect(camel).toMatchObject({ flushInterval: 250, l0SstSizeBytes: 33554432, compressionCodec: 'zstd' })
  expect(camel.compactorOptions).toMatchObject({ pollInterval: 90_000, worker: undefined })
  expect(parseSettings(settingsToJson(camel))).toEqual(camel)
  expect(parseSettings(settingsToJson(camel, '0.12'))).toEqual(camel)
})

test('null turns optional parts off, and an interval of the collector back to its default', () => {
  const settings = parseSettings({
    flushInterval: null,
    compactorOptions: null,
    garbageCollectorOptions: { walOptions: null, manifestOptions: { interval: null } },
  })
  expect(settings.flushInterval).toBeUndefined()
  expect(settings.compactorOptions).toBeUndefined()
  expect(settings.garbageCollectorOptions).toMatchObject({ manifestOptions: { interval: 600_000 } })
  expect(settings.garbageCollectorOptions!.walOptions).toBeUndefined()
  expect(parseSettings(settingsToJson(settings))).toEqual(settings)
})

test('settings that were read already are read as they are', () => {
  const off = parseSettings({ flushInterval: null, compactorOptions: { worker: null }, garbageCollectorOptions: null })
  expect(parseSettings(off)).toStrictEqual(off)
  const changed = parseSettings({ ...off, l0MaxSsts: 3, compressionCodec: undefined })
  expect(changed).toStrictEqual({ ...off, l0MaxSsts: 3 })
  expect(parseSettings({ flushInterval: undefined }).flushInterval).toBe(100)
  expect(() => parseSettings({ ...off, walEnabled: undefined })).toThrow(/cannot be null/)
})

test('what the 0.12 line wrote is understood', () => {
  const settings = parseSettings({
    default_ttl: 42,
    filter_bits_per_key: 12,
    compactor_options: { max_sst_size: 1000, max_fetch_tasks: 2 },
    object_store_cache_options: { cache_puts: true },
  })
  expect(settings).toMatchObject({
    defaultTtlMillis: 42,
    filterBitsPerKey: 12,
    compactorOptions: { worker: { maxSstSize: 1000, maxFetchTasks: 2, heartbeatInterval: 10_000 } },
    objectStoreCacheOptions: { cacheOnFlush: true },
  })
  expect(settingsToJson(settings, '0.12')).toMatchObject({
    default_ttl: 42,
    compactor_options: { max_sst_size: 1000, max_fetch_tasks: 2 },
    object_store_cache_options: { cache_puts: true },
  })
})

test.each([
  [{ flushIntervall: 1 }, /options: setting flushIntervall does not exist; did you mean flushInterval\?/],
  [{ l0_max_sst: 1 }, /did you mean l0_max_ssts\?/],
  [{ compactorOptions: { poll: 1 } }, /setting compactorOptions.poll does not exist; known are pollInterval/],
  [{ compactor_options: { poll_intervall: 1 } }, /did you mean poll_interval\?/],
  [{ flushInterval: '5 parsecs' }, /setting flushInterval must be a duration.*not "5 parsecs"/],
  [{ flushInterval: 1.5 }, /must be a duration/],
  [{ l0SstSizeBytes: '1 football field' }, /must be a size/],
  [{ walEnabled: 'yes' }, /must be true or false/],
  [{ walEnabled: null }, /cannot be null/],
  [{ l0FlushParallelism: 0 }, /must be at least 1, not 0/],
  [{ maxWalFlushesBeforeL0Flush: 4095 }, /must be at least 4096/],
  [{ manifestPollInterval: 0 }, /must be at least 1/],
  [{ compressionCodec: 'brotli' }, /must be one of "snappy", "zlib", "lz4", "zstd", not "brotli"/],
  [{ formatGeneration: '0.14' }, /must be one of "0.12", "0.13", "0.15", "0.17", "0.18", not "0.14"/],
  [{ maxUnflushedBytes: 67108864 }, /maxUnflushedBytes \(67108864\) must be greater than l0SstSizeBytes/],
  [{ objectStoreCacheOptions: { partSizeBytes: 1000 } }, /multiple of 1024/],
  [{ flushInterval: 1, flush_interval: 2 }, /one setting and were given different values/],
  [{ compactorOptions: { max_sst_size: 5, worker: { maxSstSize: 6 } } }, /one setting/],
  [{ compactorOptions: { schedulerOptions: { x: {} } } }, /must be a text/],
  [[], /must be an object/],
])('%j is refused', (input, message) => {
  expect(() => parseSettings(input as object, { source: 'options' })).toThrow(
    expect.objectContaining({
      kind: 'Invalid',
      code: 'SLATEDB_INVALID_SETTINGS',
      message: expect.stringMatching(message),
    }),
  )
})

test('strict reading: absent optional keys are null, absent others an error', () => {
  const json = settingsToJson(defaultSettings, '0.12')
  const strict = { absentKeys: 'required', unknownKeys: 'ignore' } as const
  expect(parseSettings({ ...json, surprise: 1 }, strict)).toEqual(defaultSettings)
  expect(() => parseSettings({}, strict)).toThrow(/missing field `flush_interval`/)
  const { compactor_options: _, default_ttl: __, ...rest } = json
  expect(parseSettings(rest, strict).compactorOptions).toBeUndefined()
})

test('one key at a time, as JSON literals', () => {
  let settings = setSetting(defaultSettings, 'flush_interval', '"250ms"')
  expect(settings.flushInterval).toBe(250)
  settings = setSetting(settings, 'compactor_options', 'null')
  expect(settings.compactorOptions).toBeUndefined()
  settings = setSetting(settings, 'compactor_options.max_sst_size', '33554432')
  expect(settings.compactorOptions).toMatchObject({ pollInterval: 5000, worker: { maxSstSize: 33554432 } })
  settings = setSetting(settings, 'compactor_options.scheduler_options.min_compaction_sources', '"3"')
  settings = setSetting(settings, 'compactor_options.scheduler_options.max_compaction_sources', '"9"')
  expect(settings.compactorOptions!.schedulerOptions).toEqual({
    min_compaction_sources: '3',
    max_compaction_sources: '9',
  })
  expect(settings).toMatchObject({ flushInterval: 250, compactorOptions: { worker: { maxSstSize: 33554432 } } })
  settings = setSetting(settings, 'l0_sst_size_bytes', '2147483648')
  expect(() => checkSettings(settings)).toThrow(/must be greater/)
  for (const [key, literal, message] of [
    ['', '1', /key cannot be empty/],
    ['a..b', '1', /empty path segment/],
    ['flush_interval.x', '1', /segment 'flush_interval' is not an object/],
    ['flush_interval', 'nonsense', /value_json is not valid JSON/],
    ['flush_intervall', '1', /did you mean flush_interval/],
  ] as const) {
    expect(() => setSetting(settings, key, literal)).toThrow(message)
  }
})

test('environment variables', () => {
  const settings = settingsFromEnv('SLATEDB_', {
    SLATEDB_FLUSH_INTERVAL: '250ms',
    SLATEDB_WAL_ENABLED: 'false',
    SLATEDB_L0_SST_SIZE_BYTES: '32MiB',
    SLATEDB_L0_MAX_SSTS: '12',
    SLATEDB_COMPRESSION_CODEC: 'lz4',
    SLATEDB_GARBAGE_COLLECTOR_OPTIONS: 'null',
    'SLATEDB_OBJECT_STORE_CACHE_OPTIONS.ROOT_FOLDER': '/cache',
    SLATEDB_COMPACTOR_OPTIONS__POLL_INTERVAL: '7s',
    'SLATEDB_COMPACTOR_OPTIONS.SCHEDULER_OPTIONS.MIN_COMPACTION_SOURCES': '3',
    SLATEDB_UNIFFI_RUNTIME_THREADS: '4',
    PATH: '/bin',
    SLATEDB_MIN_FILTER_KEYS: undefined,
  })
  expect(settings).toMatchObject({
    flushInterval: 250,
    walEnabled: false,
    l0SstSizeBytes: 33554432,
    l0MaxSsts: 12,
    compressionCodec: 'lz4',
    garbageCollectorOptions: undefined,
    objectStoreCacheOptions: { rootFolder: '/cache' },
    compactorOptions: { pollInterval: 7000, schedulerOptions: { min_compaction_sources: '3' } },
    minFilterKeys: 1000,
  })
  expect(() => settingsFromEnv('SLATEDB_', { SLATEDB_L0_MAX_SSTS: 'many' })).toThrow(
    /environment variable SLATEDB_L0_MAX_SSTS: setting l0MaxSsts must be a whole number/,
  )
})

test('what is configured and does not exist yet is listed', () => {
  expect(inactive(parseSettings({ compactorOptions: null, garbageCollectorOptions: null }))).toEqual([])
  expect(inactive(parseSettings({ objectStoreCacheOptions: { rootFolder: 'x' } }))).toContain('disk cache')
})

test('a choice that is given an object whose toString is no function is an Invalid error', () => {
  expect(() => parseSettings({ compressionCodec: { toString: 5 } as never })).toThrow(
    expect.objectContaining({ kind: 'Invalid', message: expect.stringMatching(/must be one of/) }),
  )
})
