// The shape of the 0.12 line's settings, and what they are without a word. Unlike the engine's own table
// (db/settings-names.ts) it knows no ranges: that line checks next to none.

export type Document = Readonly<Record<string, unknown>>

export interface Leaf {
  readonly kind: 'duration' | 'u32' | 'u64' | 'flag' | 'text' | 'texts' | 'choice'
  /** `null` turns it off. */
  readonly nullable?: boolean
  /** It may be absent, which means `null`, or no entries. */
  readonly optional?: boolean
  /** Not written while it is `null`. */
  readonly hidden?: boolean
  readonly choices?: readonly string[]
}

export interface Group {
  readonly kind: 'group'
  readonly fields: Readonly<Record<string, Leaf | Group>>
  readonly nullable?: boolean
  readonly optional?: boolean
}

const DURATION: Leaf = { kind: 'duration' }
const MAYBE_DURATION: Leaf = { kind: 'duration', nullable: true }
const U32: Leaf = { kind: 'u32' }
const U64: Leaf = { kind: 'u64' }
const FLAG: Leaf = { kind: 'flag' }
const OPTIONAL = { nullable: true, optional: true }

const COLLECTED: Group = { kind: 'group', fields: { interval: MAYBE_DURATION, min_age: DURATION }, ...OPTIONAL }

export const SHAPE: Group = {
  kind: 'group',
  fields: {
    flush_interval: MAYBE_DURATION,
    wal_enabled: FLAG,
    manifest_poll_interval: DURATION,
    manifest_update_timeout: DURATION,
    min_filter_keys: U32,
    filter_bits_per_key: U32,
    l0_sst_size_bytes: U64,
    l0_max_ssts: U64,
    l0_flush_parallelism: U64,
    max_unflushed_bytes: U64,
    compactor_options: {
      kind: 'group',
      fields: {
        poll_interval: DURATION,
        manifest_update_timeout: DURATION,
        max_sst_size: U64,
        max_concurrent_compactions: U64,
        max_fetch_tasks: U64,
        scheduler_options: { kind: 'texts', optional: true },
      },
      ...OPTIONAL,
    },
    compression_codec: { kind: 'choice', choices: ['Snappy', 'Zlib', 'Lz4', 'Zstd'], ...OPTIONAL },
    object_store_cache_options: {
      kind: 'group',
      fields: {
        root_folder: { kind: 'text', ...OPTIONAL },
        max_cache_size_bytes: { ...U64, ...OPTIONAL },
        part_size_bytes: U64,
        cache_puts: FLAG,
        preload_disk_cache_on_startup: { kind: 'choice', choices: ['L0Sst', 'AllSst'], ...OPTIONAL },
        scan_interval: { ...MAYBE_DURATION, hidden: true },
      },
    },
    garbage_collector_options: {
      kind: 'group',
      fields: {
        manifest_options: COLLECTED,
        wal_options: COLLECTED,
        compacted_options: COLLECTED,
        compactions_options: COLLECTED,
      },
      ...OPTIONAL,
    },
    default_ttl: { ...U64, ...OPTIONAL },
  },
}

const collected = { interval: '60s', min_age: '300s' }

/** What the 0.12 line means without a word. */
export const defaultDocument: Document = {
  flush_interval: '100ms',
  wal_enabled: true,
  manifest_poll_interval: '1s',
  manifest_update_timeout: '300s',
  min_filter_keys: 1000,
  filter_bits_per_key: 10,
  l0_sst_size_bytes: 64 * 1024 ** 2,
  l0_max_ssts: 8,
  l0_flush_parallelism: 4,
  max_unflushed_bytes: 1024 ** 3,
  compactor_options: {
    poll_interval: '5s',
    manifest_update_timeout: '300s',
    max_sst_size: 256 * 1024 ** 2,
    max_concurrent_compactions: 4,
    max_fetch_tasks: 4,
    scheduler_options: {},
  },
  compression_codec: null,
  object_store_cache_options: {
    root_folder: null,
    max_cache_size_bytes: 16 * 1024 ** 3,
    part_size_bytes: 4 * 1024 ** 2,
    cache_puts: false,
    preload_disk_cache_on_startup: null,
    scan_interval: '3600s',
  },
  garbage_collector_options: {
    manifest_options: collected,
    wal_options: collected,
    compacted_options: collected,
    compactions_options: collected,
  },
  default_ttl: null,
}

/** What stands at a path, if that line knows it. */
export function shapeAt(path: readonly string[]): Leaf | Group | undefined {
  return path.reduce<Leaf | Group | undefined>(
    (field, key) => (field?.kind === 'group' ? field.fields[key] : undefined),
    SHAPE,
  )
}

export function isRecord(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
