// What a database is configured with. Settings are plain immutable objects with numbers in milliseconds and bytes;
// `parseSettings` makes them out of what people write. Reading files is the node room's work.

import { checkOptions, oneOf, optionTable, text } from '../checks.ts'
import { invalid, messageOf } from '../errors.ts'
import type { FormatGeneration } from '../manifest/generation.ts'
import { defaultSettings } from './settings-defaults.ts'
import { findField, readSettings, writeSettings } from './settings-parse.ts'

export type { FormatGeneration } from '../manifest/generation.ts'
export { defaultSettings }

export type CompressionCodec = 'snappy' | 'zlib' | 'lz4' | 'zstd'
export type MetricLevel = 'info' | 'debug'

/** Everything a writer is configured with. `undefined` = off, or no limit. Times are milliseconds, sizes bytes. */
export interface Settings {
  /** How often buffered writes become a WAL object; `undefined` = when a write is awaited, or on an explicit flush. */
  readonly flushInterval: number | undefined
  /** Off: writes live in memory until their memtable is flushed. */
  readonly walEnabled: boolean
  /** How often the manifest is looked at for a newer writer and for compacted state. */
  readonly manifestPollInterval: number
  /** A manifest update gives up after this long. */
  readonly manifestUpdateTimeout: number
  /** Tables with fewer keys get no filter. */
  readonly minFilterKeys: number
  /** Bits per key of the bloom filter that is used when no filter policies are given. */
  readonly filterBitsPerKey: number
  /** A memtable of this size is frozen and written as a table. */
  readonly l0SstSizeBytes: number
  /** A memtable is frozen after this many WAL objects, which bounds replay. */
  readonly maxWalFlushesBeforeL0Flush: number
  /** Flushes wait above this many L0 tables. */
  readonly l0MaxSsts: number
  /** Flushes wait above this many L0 tables over one key. */
  readonly l0MaxSstsPerKey: number
  /** Memtables uploaded at once. */
  readonly l0FlushParallelism: number
  /** Writers wait while more than this is in memory only. */
  readonly maxUnflushedBytes: number
  /** `undefined` = this process does not compact. */
  readonly compactorOptions: CompactorSettings | undefined
  readonly compressionCodec: CompressionCodec | undefined
  readonly objectStoreCacheOptions: DiskCacheSettings
  /** `undefined` = this process collects no garbage. */
  readonly garbageCollectorOptions: GarbageCollectorSettings | undefined
  readonly metricLevel: MetricLevel
  /** How long rows live whose write does not say. */
  readonly defaultTtlMillis: number | undefined
  /** `undefined` = the store is retried for ever. */
  readonly objectStoreMaxRetries: number | undefined
  /** Which releases of the original must be able to read what is written; `undefined` = as the database already is. */
  readonly formatGeneration: FormatGeneration | undefined
}

export interface CompactorSettings {
  readonly pollInterval: number
  readonly manifestUpdateTimeout: number
  readonly maxConcurrentCompactions: number
  /** Move inputs that overlap nothing without rewriting them. */
  readonly enableTrivialMove: boolean
  /** For the scheduler to read; it ignores what it does not know. */
  readonly schedulerOptions: Readonly<Record<string, string>>
  /** `undefined` = jobs are left to workers elsewhere. */
  readonly worker: CompactionWorkerSettings | undefined
  readonly metricLevel: MetricLevel | undefined
  readonly commitCompactedInterval: number
  /** A worker silent for this long loses its job. */
  readonly workerHeartbeatTimeout: number
  readonly objectStoreMaxRetries: number | undefined
}

export interface CompactionWorkerSettings {
  readonly maxConcurrentCompactions: number
  readonly compactionsPollInterval: number
  readonly heartbeatInterval: number
  /** Output tables end at this size. */
  readonly maxSstSize: number
  /** Fetches in flight per input table. */
  readonly maxFetchTasks: number
  readonly bytesToFetch: number
  /** Key ranges compacted side by side; 0 and 1 = one. */
  readonly maxSubcompactions: number
  readonly minFilterKeys: number
  readonly compressionCodec: CompressionCodec | undefined
  readonly metricLevel: MetricLevel | undefined
}

export interface DiskCacheSettings {
  /** `undefined` = no disk cache. */
  readonly rootFolder: string | undefined
  /** `undefined` = nothing is ever evicted. */
  readonly maxCacheSizeBytes: number | undefined
  /** A multiple of 1024. */
  readonly partSizeBytes: number
  readonly cacheOnFlush: boolean
  readonly cacheOnCompaction: boolean
  readonly preloadDiskCacheOnStartup: 'l0Sst' | 'allSst' | undefined
  /** `undefined` = the folder is scanned once, at the start. */
  readonly scanInterval: number | undefined
  readonly maxOpenFileHandles: number
}

export interface GarbageCollectorSettings {
  readonly manifestOptions: CollectionSettings | undefined
  readonly walOptions: CollectionSettings | undefined
  readonly walFenceOptions: CollectionSettings | undefined
  readonly compactedOptions: CollectionSettings | undefined
  readonly compactionsOptions: CollectionSettings | undefined
  readonly detachOptions: { readonly interval: number } | undefined
  readonly metricLevel: MetricLevel | undefined
  readonly boundaryFilesEnabled: boolean
  readonly objectStoreMaxRetries: number | undefined
}

export interface CollectionSettings {
  readonly interval: number
  readonly minAge: number
  /** Report what would be deleted, delete nothing. */
  readonly dryRun: boolean
}

/**
 * Settings as people write them: any subset of the keys, in camelCase or snake_case; durations as numbers (ms) or texts
 * such as `'100ms'` and `'1m 30s'`, sizes as numbers (bytes) or texts such as `'64MiB'`; `null` turns an optional part
 * off. What was read from a file goes through {@link parseSettings}, which takes anything and checks it.
 */
export type SettingsInput = SettingsLike<Settings>

type SettingsLike<T> = { readonly [K in keyof T & string as K | SnakeCase<K>]?: Loose<T[K]> | null | undefined }
type Loose<T> = T extends number ? number | string : T extends string | boolean | undefined ? T : SettingsLike<T>
/** `walEnabled` -> `wal_enabled` */
type SnakeCase<Name extends string> = Name extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `_${Lowercase<First>}`}${SnakeCase<Rest>}`
  : Name

export interface ParseOptions {
  /** Where the input comes from, for error messages: a file name, an option. */
  readonly source?: string | undefined
  /** What absent keys mean. Default: {@link defaultSettings}. */
  readonly base?: Settings | undefined
  /** What to do about keys that do not exist. Default `'error'`. */
  readonly unknownKeys?: 'error' | 'ignore' | undefined
  /**
   * `'required'`: as the original reads JSON: an absent optional key means `null`, any other absent key that its 0.12
   * line knows is an error. Default `'base'`.
   */
  readonly absentKeys?: 'base' | 'required' | undefined
}

const PARSE = /*#__PURE__*/ optionTable<ParseOptions>('parseSettings', {
  source: text,
  base: { expected: 'settings', test: (value) => typeof value === 'object' && value !== null },
  unknownKeys: oneOf('error', 'ignore'),
  absentKeys: oneOf('base', 'required'),
})

/** Reads and checks settings, such as {@link SettingsInput}. Fails with Invalid, naming the source, the key and what would be right. */
export function parseSettings(input: unknown, options: ParseOptions = {}): Settings {
  checkOptions(PARSE, options)
  return checkSettings(readPart(input, options), options.source)
}

/** The rules between settings (W-31, B.8). Returns what it was given; fails with Invalid. */
export function checkSettings(settings: Settings, source?: string): Settings {
  const fail = (message: string) =>
    invalid('INVALID_SETTINGS', `${source === undefined ? '' : `${source}: `}${message}`)
  if (settings.maxUnflushedBytes <= settings.l0SstSizeBytes) {
    const { maxUnflushedBytes, l0SstSizeBytes } = settings
    throw fail(`maxUnflushedBytes (${maxUnflushedBytes}) must be greater than l0SstSizeBytes (${l0SstSizeBytes})`)
  }
  if (settings.objectStoreCacheOptions.partSizeBytes % 1024 !== 0) {
    const { partSizeBytes } = settings.objectStoreCacheOptions
    throw fail(`objectStoreCacheOptions.partSizeBytes must be a multiple of 1024, not ${partSizeBytes}`)
  }
  return settings
}

/** A record for JSON: snake_case names, durations as texts, every key. `era: '0.12'` writes that line's names. */
export function settingsToJson(settings: Settings, era: '0.12' | '0.15' = '0.15'): Record<string, unknown> {
  return writeSettings(settings, era === '0.12')
}

/**
 * The settings with one key changed: `setSetting(s, 'compactor_options.poll_interval', '"1s"')`. The value is a JSON
 * literal; parts on the way that are `null` are created. Rules between settings are left to {@link checkSettings}, so
 * that several keys can be changed one after the other.
 */
export function setSetting(settings: Settings, key: string, literal: string, options: ParseOptions = {}): Settings {
  const path = key.split('.')
  if (key === '') throw invalid('INVALID_SETTINGS', 'key invalid: key cannot be empty')
  if (path.includes('')) throw invalid('INVALID_SETTINGS', 'key invalid: key has an empty path segment')
  const value = parseLiteral(literal)
  for (let length = 1; length < path.length; length++) {
    const field = findField(path.slice(0, length))?.field
    if (field !== undefined && field.kind !== 'group' && field.kind !== 'texts') {
      throw invalid('INVALID_SETTINGS', `key invalid: segment '${path[length - 1]}' is not an object`)
    }
  }
  return readPart(nest(path, value, settings), { ...options, base: settings })
}

/**
 * The settings that variables name: `prefix` plus the key in upper case, parts joined by `.` or `__`
 * (`SLATEDB_COMPACTOR_OPTIONS__POLL_INTERVAL`). Variables that name no setting are left alone: others may own them.
 */
export function settingsFromEnv(
  prefix: string,
  variables: Readonly<Record<string, string | undefined>>,
  base: Settings = defaultSettings,
): Settings {
  let settings = base
  for (const [name, text] of Object.entries(variables)) {
    if (text === undefined || !name.toUpperCase().startsWith(prefix.toUpperCase())) continue
    const path = name.slice(prefix.length).toLowerCase().split(/\.|__/)
    const found = path.includes('') ? undefined : findEnvField(path)
    if (found === undefined) continue
    const source = `environment variable ${name}`
    settings = readPart(nest(path, envValue(found, text), settings), { source, base: settings })
  }
  return checkSettings(settings, `environment variables ${prefix}*`)
}

/** What is configured and does not exist in this release yet: `status` and the log say so. */
export function inactive(settings: Settings): readonly string[] {
  const parts: string[] = []
  if (settings.compactorOptions !== undefined) parts.push('compactor')
  if (settings.garbageCollectorOptions !== undefined) parts.push('garbage collector')
  if (settings.objectStoreCacheOptions.rootFolder !== undefined) parts.push('disk cache')
  return parts
}

function readPart(input: unknown, options: ParseOptions): Settings {
  return readSettings(input, { ...options, base: options.base ?? defaultSettings }) as unknown as Settings
}

function parseLiteral(literal: string): unknown {
  try {
    return JSON.parse(literal)
  } catch (cause) {
    throw invalid('INVALID_SETTINGS', `value_json is not valid JSON: ${messageOf(cause)}`, { cause })
  }
}

/** `['a', 'b']` and 1 -> `{ a: { b: 1 } }`; a part that is off in `base` starts from its defaults. */
function nest(path: readonly string[], value: unknown, base: Settings): unknown {
  const texts = path.length > 1 ? findField(path.slice(0, -1)) : undefined
  if (texts?.field.kind === 'texts') {
    // A map of texts keeps its other entries.
    let old: unknown = base
    for (const key of texts.keys) old = (old as Record<string, unknown> | undefined)?.[key]
    return nest(path.slice(0, -1), { ...(old as object | undefined), [path.at(-1)!]: value }, base)
  }
  return path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value)
}

function findEnvField(path: readonly string[]): string | undefined {
  const field = findField(path)?.field
  if (field !== undefined) return field.kind
  return findField(path.slice(0, -1))?.field.kind === 'texts' ? 'text' : undefined
}

/** A variable is a text; its setting's kind says what it means. `null` turns an optional setting off. */
function envValue(kind: string, text: string): unknown {
  if (text === 'null') return null
  if (kind === 'flag' && /^(true|false)$/i.test(text)) return text.toLowerCase() === 'true'
  if (kind === 'group' || kind === 'texts') return parseLiteral(text)
  const isNumber = kind === 'count' || kind === 'duration' || kind === 'bytes'
  return isNumber && /^\d+$/.test(text) ? Number(text) : text
}
