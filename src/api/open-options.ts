// What `SlateDB.open` and `SlateDB.openReader` take, and what the engine makes of it.

import { nearest } from '../checks.ts'
import type { MergeOperatorLike } from '../cursor/merge-operator.ts'
import type { CommonOptions, DbOptions } from '../db/options.ts'
import { defaultSettings, parseSettings, type SettingsInput } from '../db/settings.ts'
import type { TakeOver } from '../db/take-over.ts'
import type { Clock, Env } from '../env/env.ts'
import { consoleLogger, type Logger } from '../env/logger.ts'
import type { MetricsRecorder } from '../env/metrics.ts'
import { createEnv } from '../env/system.ts'
import { invalid } from '../errors.ts'
import { bloomPolicy } from '../filter/bloom.ts'
import type { FilterPolicy } from '../filter/policy.ts'
import type { PrefixExtractor } from '../filter/prefix-extractor.ts'
import type { BlockTransformer } from '../format/seal.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { BlockCache } from '../table/block-cache.ts'
import type { EncodingOption } from './encoding.ts'
import type { ResolveOptions, StoreLocation } from './location.ts'
import type { HandleOptions } from './read-handle.ts'
import type { Durability } from './write-options.ts'

/** A bloom filter in short: bits per key, and a prefix that goes in beside whole keys. */
export interface BloomFilter {
  readonly bloom: number
  readonly prefix?: PrefixExtractor | undefined
}

/** What writers and readers are opened with alike. */
export interface HandleOpenOptions<KE extends EncodingOption = 'binary', VE extends EncodingOption = 'binary'>
  extends ResolveOptions {
  /** How keys are written. Default `'binary'`: bytes, and text as UTF-8. */
  readonly keyEncoding?: KE | undefined
  /** How values are written. Default `'binary'`. */
  readonly valueEncoding?: VE | undefined
  /** Expired rows count as deleted. Default true; false shows them until compaction removes them. */
  readonly hideExpired?: boolean | undefined
  /** Needed wherever merge operands are written or read; the same for every handle of the database. */
  readonly mergeOperator?: MergeOperatorLike | undefined
  /** Default: one bloom filter of 10 bits per key. `[]` = none. The same for every handle of the database. */
  readonly filterPolicies?: readonly (FilterPolicy | BloomFilter)[] | undefined
  /** Changes blocks on their way to storage, for example encrypts them. The same for every handle. */
  readonly transformer?: BlockTransformer | undefined
  /** A store of its own for the WAL, for the whole life of the database. */
  readonly walStore?: ObjectStore | undefined
  /** A block cache, possibly shared between databases; `false` = none. */
  readonly cache?: BlockCache | false | undefined
  /** `'console'`, or where messages go. Default: nowhere. */
  readonly logger?: Logger | 'console' | undefined
  /** Is told about every counter and gauge. */
  readonly recorder?: MetricsRecorder | undefined
  /** Time, for tests. */
  readonly clock?: Clock | undefined
  /** Makes ids and jitter repeatable, for tests. */
  readonly seed?: number | string | undefined
  /** The whole world at once, instead of logger, recorder, clock and seed. */
  readonly env?: Env | undefined
  /** Ends the opening with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

export interface OpenOptions<KE extends EncodingOption = 'binary', VE extends EncodingOption = 'binary'>
  extends HandleOpenOptions<KE, VE> {
  readonly settings?: SettingsInput | undefined
  /** Bytes of a block before compression: 1024 to 65536, a power of two. Default 4096. */
  readonly blockSize?: number | undefined
  /**
   * What happens to a writer that may still have the database. Default `'always'`: it is fenced. `'idle'`: this fails with
   * `Unavailable` when that writer has written within the last minute and has not closed. `'never'`: it fails unless the
   * database is new, or was closed cleanly and has been silent for a minute. A writer that only reads cannot be seen.
   */
  readonly takeOver?: TakeOver | undefined
  /** What awaiting a write means. Default `'remote'`: it is in the object store. */
  readonly durability?: Durability | undefined
}

export interface ReaderOpenOptions<KE extends EncodingOption = 'binary', VE extends EncodingOption = 'binary'>
  extends HandleOpenOptions<KE, VE> {
  /** How often the reader looks for news, in milliseconds. Default 10,000. */
  readonly pollInterval?: number | undefined
  /** Read tables only, and no WAL: cheaper to open, sees writes after they are flushed. Default false. */
  readonly skipWalReplay?: boolean | undefined
}

type AnyOpenOptions = OpenOptions<EncodingOption, EncodingOption>

const HANDLE_KEYS = [
  'keyEncoding',
  'valueEncoding',
  'hideExpired',
  'mergeOperator',
  'filterPolicies',
  'transformer',
  'walStore',
  'cache',
  'logger',
  'recorder',
  'clock',
  'seed',
  'env',
  'environment',
  'storeOptions',
  'credentials',
  'signal',
] satisfies (keyof HandleOpenOptions)[]

const OPEN_KEYS = [...HANDLE_KEYS, 'settings', 'blockSize', 'durability', 'takeOver'] satisfies (keyof OpenOptions)[]
const READER_KEYS = [...HANDLE_KEYS, 'pollInterval', 'skipWalReplay'] satisfies (keyof ReaderOpenOptions)[]

/** A misspelt option would be silently ignored, and some of them decide about data. */
export function checkOpenOptions(options: object, kind: 'open' | 'openReader'): void {
  const known: readonly string[] = kind === 'open' ? OPEN_KEYS : READER_KEYS
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    const near = nearest(name, known)
    const hint = near === undefined ? `it takes ${known.join(', ')}` : `did you mean ${near}?`
    throw invalid('UNKNOWN_OPTION', `${kind} has no option ${JSON.stringify(name)}; ${hint}`)
  }
  const durability = (options as AnyOpenOptions).durability
  if (durability !== undefined && durability !== 'remote' && durability !== 'memory') {
    throw invalid('INVALID_OPTION', `durability must be 'remote' or 'memory', not ${JSON.stringify(durability)}`)
  }
}

export function toHandleOptions(options: HandleOpenOptions<EncodingOption, EncodingOption>): HandleOptions {
  return {
    keyEncoding: options.keyEncoding ?? 'binary',
    valueEncoding: options.valueEncoding ?? 'binary',
    hideExpired: options.hideExpired ?? true,
  }
}

export function toCommonOptions(
  { store, path }: StoreLocation,
  options: HandleOpenOptions<EncodingOption, EncodingOption>,
): CommonOptions {
  const { walStore, mergeOperator, transformer, cache, signal } = options
  return {
    store,
    path,
    walStore,
    mergeOperator,
    transformer,
    cache,
    signal,
    env: toEnv(options),
    filterPolicies: options.filterPolicies?.map(toPolicy),
  }
}

export function toDbOptions(location: StoreLocation, options: AnyOpenOptions): DbOptions {
  return {
    ...toCommonOptions(location, options),
    settings:
      options.settings === undefined
        ? defaultSettings
        : parseSettings(options.settings ?? {}, { source: 'option settings' }),
    blockSize: options.blockSize,
    takeOver: options.takeOver,
  }
}

function toEnv(options: HandleOpenOptions<EncodingOption, EncodingOption>): Env {
  if (options.env !== undefined) return options.env
  const { clock, seed, recorder } = options
  const logger = options.logger === 'console' ? consoleLogger : options.logger
  return createEnv({ clock, seed, recorder, logger })
}

function toPolicy(policy: FilterPolicy | BloomFilter): FilterPolicy {
  return 'bloom' in policy ? bloomPolicy({ bitsPerKey: policy.bloom, prefixExtractor: policy.prefix }) : policy
}
