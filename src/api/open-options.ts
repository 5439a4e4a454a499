// What `SlateDB.open` and `SlateDB.openReader` take, and what the engine makes of it.

import {
  abortSignal,
  checkArgument,
  checkOptions,
  either,
  fits,
  flag,
  func,
  isArray,
  oneOf,
  optionTable,
  type Rule,
  type Rules,
  readElsewhere,
  whole,
  withMethods,
} from '../checks.ts'
import type { MergeOperatorLike } from '../cursor/merge-operator.ts'
import { parseDuration } from '../db/duration.ts'
import { type CommonOptions, checkedBlockSize, type DbOptions } from '../db/options.ts'
import {
  blockCache,
  clock,
  environment,
  filterPolicies,
  isFilterPolicy,
  logger,
  mergeOperator,
  objectStore,
  recorder,
  seed,
  timeout,
  transformer,
} from '../db/plug-in-rules.ts'
import type { ReaderOptions } from '../db/reader.ts'
import { defaultSettings, parseSettings, type SettingsInput } from '../db/settings.ts'
import type { TakeOver } from '../db/take-over.ts'
import type { Clock, Env } from '../env/env.ts'
import { consoleLogger, type Logger } from '../env/logger.ts'
import type { MetricsRecorder } from '../env/metrics.ts'
import { createEnv } from '../env/system.ts'
import { invalid, show } from '../errors.ts'
import { bloomPolicy } from '../filter/bloom.ts'
import type { FilterPolicy } from '../filter/policy.ts'
import type { PrefixExtractor } from '../filter/prefix-extractor.ts'
import type { BlockTransformer } from '../format/seal.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { BlockCache } from '../table/block-cache.ts'
import { durability, encoding } from './call-options.ts'
import type { EncodingOption } from './encoding.ts'
import { type Location, type ResolveOptions, type StoreLocation, showLocation } from './location.ts'
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
  /**
   * Opening fails when the object store has not let it through for this long. Default 60,000 ms, and 5,000 when the store
   * refuses the credentials.
   */
  readonly openTimeoutMs?: number | undefined
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
  /** How often the reader looks for news: milliseconds, 1 or more, or a text such as `'1s'`. Default 10,000. */
  readonly pollInterval?: number | string | undefined
  /** Read tables only, and no WAL: cheaper to open, sees writes after they are flushed. Default false. */
  readonly skipWalReplay?: boolean | undefined
}

type AnyOpenOptions = OpenOptions<EncodingOption, EncodingOption>
type AnyReaderOptions = ReaderOpenOptions<EncodingOption, EncodingOption>

const record: Rule = { expected: 'an object', test: (value) => typeof value === 'object' && value !== null }

const prefixExtractor: Rule = withMethods('a prefix extractor', 'prefixLen')

const bloomFilter: Rule = {
  expected: '{ bloom: bitsPerKey }',
  test: (value) => typeof value === 'object' && value !== null && 'bloom' in value,
}
const BLOOM = optionTable<BloomFilter>('filterPolicies', { bloom: whole(1, 65535), prefix: prefixExtractor })

const HANDLE: Rules<HandleOpenOptions<EncodingOption, EncodingOption>> = {
  keyEncoding: encoding,
  valueEncoding: encoding,
  hideExpired: flag,
  mergeOperator,
  // Each of them is looked at when it is made into a policy.
  filterPolicies: { expected: 'an array', test: isArray },
  transformer,
  walStore: objectStore,
  cache: blockCache,
  logger: either(logger, oneOf('console')),
  recorder,
  clock,
  seed,
  env: environment,
  environment: record,
  storeOptions: record,
  credentials: { ...either(record, func), expected: 'credentials, or a function that gives them', isSecret: true },
  openTimeoutMs: timeout,
  signal: abortSignal,
}

/** Of `SlateDB.open` and `SlateDB.openReader`. */
export const OPEN = {
  open: optionTable<AnyOpenOptions>('open', {
    ...HANDLE,
    // Reading them is the check.
    settings: readElsewhere,
    blockSize: readElsewhere,
    takeOver: oneOf('always', 'idle', 'never'),
    durability,
  }),
  openReader: optionTable<AnyReaderOptions>('openReader', {
    ...HANDLE,
    pollInterval: readElsewhere,
    skipWalReplay: flag,
  }),
}

export function toHandleOptions(
  location: Location,
  options: HandleOpenOptions<EncodingOption, EncodingOption>,
): HandleOptions {
  return {
    location: showLocation(location),
    keyEncoding: options.keyEncoding ?? 'binary',
    valueEncoding: options.valueEncoding ?? 'binary',
    hideExpired: options.hideExpired ?? true,
  }
}

/** Everything but where the database is. */
type Placeless<T extends CommonOptions> = Omit<T, keyof StoreLocation>

function toCommonOptions(options: HandleOpenOptions<EncodingOption, EncodingOption>): Placeless<CommonOptions> {
  const { walStore, mergeOperator, transformer, cache, signal, openTimeoutMs } = options
  const policies = options.filterPolicies?.map(toPolicy)
  if (policies !== undefined) checkArgument('open', 'filterPolicies', filterPolicies, policies)
  return {
    walStore,
    mergeOperator,
    transformer,
    cache,
    signal,
    openTimeoutMs,
    env: toEnv(options),
    filterPolicies: policies,
  }
}

/** Checks all of it: what comes after this touches the store. */
export function toDbOptions(options: AnyOpenOptions): Placeless<DbOptions> {
  checkOptions(OPEN.open, options)
  const { settings, takeOver } = options
  return {
    ...toCommonOptions(options),
    settings: settings === undefined ? defaultSettings : parseSettings(settings, { source: 'option settings' }),
    blockSize: checkedBlockSize(options.blockSize),
    takeOver,
  }
}

/** As `toDbOptions`, for a reader. */
export function toReaderOptions(options: AnyReaderOptions): Placeless<ReaderOptions> {
  checkOptions(OPEN.openReader, options)
  return {
    ...toCommonOptions(options),
    pollIntervalMs: options.pollInterval === undefined ? undefined : toPollMs(options.pollInterval),
    skipWalReplay: options.skipWalReplay,
  }
}

function toPollMs(interval: number | string): number {
  const ms = typeof interval === 'string' ? parseDuration(interval) : interval
  if (Number.isSafeInteger(ms) && ms! >= 1) return ms!
  throw invalid(
    'INVALID_OPTION',
    `openReader: pollInterval must be 1 ms or more, as whole milliseconds or a text such as '10s', not ${show(interval)}`,
  )
}

function toEnv(options: HandleOpenOptions<EncodingOption, EncodingOption>): Env {
  if (options.env !== undefined) return options.env
  const { clock, seed, recorder } = options
  const logger = options.logger === 'console' ? consoleLogger : options.logger
  return createEnv({ clock, seed, recorder, logger })
}

function toPolicy(policy: FilterPolicy | BloomFilter): FilterPolicy {
  if (isFilterPolicy(policy)) return policy
  if (!fits(bloomFilter, policy)) {
    throw invalid(
      'INVALID_OPTION',
      `filterPolicies: each is { bloom: bitsPerKey, prefix }, or an object with name, builder and decode; one is ${show(policy)}`,
    )
  }
  checkOptions(BLOOM, policy)
  const { bloom, prefix } = policy as BloomFilter
  return bloomPolicy({ bitsPerKey: bloom, prefixExtractor: prefix })
}
