// What a handle is opened with, and the parts that writer and reader set up alike.

import {
  abortSignal,
  checkOptions,
  flag,
  type OptionTable,
  oneOf,
  optionTable,
  type Rules,
  readElsewhere,
  text,
  whole,
} from '../checks.ts'
import type { MergeOperatorLike } from '../cursor/merge-operator.ts'
import type { Env } from '../env/env.ts'
import { invalid, show } from '../errors.ts'
import { bloomPolicy } from '../filter/bloom.ts'
import type { FilterPolicy } from '../filter/policy.ts'
import type { BlockTransformer } from '../format/seal.ts'
import { GENERATIONS } from '../manifest/generation.ts'
import { type AnsweringOptions, answering } from '../objects/answering.ts'
import { type InstrumentedStore, instrumented } from '../objects/instrumented.ts'
import { type RetryOptions, retrying } from '../objects/retrying.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { BlockCache } from '../table/block-cache.ts'
import {
  blockCache,
  environment,
  filterPolicies,
  mergeOperator,
  objectStore,
  timeout,
  transformer,
} from './plug-in-rules.ts'
import type { ReaderOptions } from './reader.ts'
import type { FormatGeneration, Settings } from './settings.ts'
import type { TakeOver } from './take-over.ts'

export interface CommonOptions {
  /** Where everything is; wrapped here with retries and counting. */
  readonly store: ObjectStore
  /** The database's root inside the store. */
  readonly path: string
  /** A store of its own for the WAL; the same for the whole life of the database. */
  readonly walStore?: ObjectStore | undefined
  readonly env?: Env | undefined
  readonly mergeOperator?: MergeOperatorLike | undefined
  /** Default: one bloom filter of 10 bits per key. `[]` = none. All handles of a database use the same. */
  readonly filterPolicies?: readonly FilterPolicy[] | undefined
  /** For example encryption; all handles of a database use the same. */
  readonly transformer?: BlockTransformer | undefined
  /** Block cache to use, possibly shared; `false` = none. Default: 512 MiB of data and 128 MiB of metadata. */
  readonly cache?: BlockCache | false | undefined
  /** Ends the opening. */
  readonly signal?: AbortSignal | undefined
  /**
   * Opening fails when the object store has answered nothing but errors for this long; default 60 s, and 5 s when it
   * refuses the credentials. Once open, a handle waits for its store and shows the trouble in `status`.
   */
  readonly openTimeoutMs?: number | undefined
}

export interface DbOptions extends CommonOptions {
  /** Whether an older writer may be fenced. Default `'always'`. */
  readonly takeOver?: TakeOver | undefined
  readonly settings?: Settings | undefined
  /** Bytes of a block before compression: 1024 to 65536, a power of two. Default 4096. */
  readonly blockSize?: number | undefined
  /** The format generation of a database that this opening creates, where the settings name none. Default '0.15'. */
  readonly newGeneration?: FormatGeneration | undefined
}

const COMMON: Rules<CommonOptions> = {
  store: objectStore,
  path: text,
  walStore: objectStore,
  env: environment,
  mergeOperator,
  filterPolicies,
  transformer,
  cache: blockCache,
  signal: abortSignal,
  openTimeoutMs: timeout,
}

export const OPEN_DB = optionTable<DbOptions>('openDb', {
  ...COMMON,
  takeOver: oneOf('always', 'idle', 'never'),
  settings: readElsewhere,
  blockSize: readElsewhere,
  newGeneration: oneOf(...Object.keys(GENERATIONS)),
})

export const OPEN_READER = optionTable<ReaderOptions>('openReader', {
  ...COMMON,
  pollIntervalMs: whole(1, undefined, 'milliseconds'),
  maxMemtableBytes: whole(1, undefined, 'bytes'),
  skipWalReplay: flag,
  checkpointId: text,
  maxRetries: whole(0),
})

/** Before anything else: nothing has been created, fenced or begun when an opening is refused for its options. */
export function checkCommon(table: OptionTable, options: CommonOptions): void {
  checkOptions(table, options)
  for (const name of ['store', 'path'] as const) {
    if (options[name] === undefined) throw invalid('INVALID_OPTION', `${table.call}: ${name} is missing`)
  }
}

/** OS-1: without an atomic create a second writer could not be kept out, and acknowledged rows would be overwritten. */
export function checkFencing(options: CommonOptions): void {
  for (const store of [options.store, options.walStore]) {
    if (store === undefined || store.capabilities.createIfAbsent) continue
    throw invalid(
      'STORE_CANNOT_FENCE',
      `object store ${show(store.describe())} cannot create an object only when its name is free (capabilities.createIfAbsent), which keeps two writers apart: open a reader on it, and write through another store`,
    )
  }
}

export function filterPoliciesOf(options: CommonOptions, bitsPerKey: number): readonly FilterPolicy[] {
  return options.filterPolicies ?? [bloomPolicy({ bitsPerKey })]
}

export function checkedBlockSize(blockSize = 4096): number {
  if (typeof blockSize !== 'number' || ![1, 2, 4, 8, 16, 32, 64].includes(blockSize / 1024)) {
    throw invalid('BLOCK_SIZE', `block size ${show(blockSize)}: 1024, 2048, 4096, 8192, 16384, 32768 or 65536 bytes`)
  }
  return blockSize
}

export interface WrappedStores {
  readonly main: ObjectStore
  readonly wal: ObjectStore
  readonly instrumented: InstrumentedStore
}

/** The limit of each request inside, counting around it, retries outside: every attempt counts. */
export function wrapStores(
  options: CommonOptions,
  env: Env,
  role: string,
  retries: RetryOptions & AnsweringOptions,
): WrappedStores {
  const counted = instrumented(answering(options.store, env.clock, retries), env, { role })
  const main = retrying(counted, env, retries)
  const { walStore } = options
  if (walStore === undefined) return { main, wal: main, instrumented: counted }
  const wal = retrying(
    instrumented(answering(walStore, env.clock, retries), env, { role, counts: counted.counts, storeType: 'wal' }),
    env,
    retries,
  )
  return { main, wal, instrumented: counted }
}
