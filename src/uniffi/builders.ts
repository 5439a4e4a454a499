// Builders as the official binding has them: setters return nothing, and `build()` consumes.

import { isUuid } from '../bytes/ids.ts'
import type { MergeOperatorLike } from '../cursor/merge-operator.ts'
import { openDb } from '../db/open.ts'
import { openReader } from '../db/reader.ts'
import { createEnv } from '../env/system.ts'
import { checkCallbacks } from './callbacks.ts'
import { Db, DbReader } from './db.ts'
import { checkEnum, type Integer, SstBlockSize } from './enums.ts'
import { ErrorInvalid, run } from './errors.ts'
import { currentLogger } from './logging.ts'
import { type MetricsRecorder, RECORDER_METHODS, toEngineRecorder } from './metrics.ts'
import { checkObject, UniffiObjectBase } from './object.ts'
import type { ObjectStore } from './object-store.ts'
import { type ReaderChoices, type ReaderOptions, toReaderOptions, toText, toU64 } from './records.ts'
import type { Settings } from './settings.ts'
import { toEngine } from './settings-engine.ts'
import { type Document, defaultDocument } from './settings-shape.ts'

/** Combines an existing value and one operand. Must be associative. */
export interface MergeOperator {
  merge(key: Uint8Array, existing_value: Uint8Array | undefined, operand: Uint8Array): Uint8Array
}

/** What both builders know. */
abstract class Builder extends UniffiObjectBase {
  protected readonly path: string
  protected readonly store: ObjectStore
  protected walStore: ObjectStore | undefined
  protected operator: MergeOperatorLike | undefined
  protected recorder: MetricsRecorder | undefined
  #consumed = false

  /** For the database `path` in `object_store`. */
  constructor(typeName: string, path: string, object_store: ObjectStore) {
    super(typeName)
    checkObject('ObjectStore', object_store)
    this.path = toText(path)
    this.store = object_store
  }

  /** Uses a store of its own for the WAL. */
  with_wal_object_store(wal_object_store: ObjectStore): void {
    this.open()
    checkObject('ObjectStore', wal_object_store)
    this.walStore = wal_object_store
  }

  with_merge_operator(merge_operator: MergeOperator): void {
    this.open()
    checkCallbacks('MergeOperator', merge_operator, ['merge'])
    this.operator = (key, existing, operand) => merge_operator.merge(key, existing, operand)
  }

  with_metrics_recorder(metrics_recorder: MetricsRecorder): void {
    this.open()
    checkCallbacks('MetricsRecorder', metrics_recorder, RECORDER_METHODS)
    this.recorder = metrics_recorder
  }

  protected open(): void {
    this.alive()
    if (this.#consumed) throw new ErrorInvalid('builder has already been consumed')
  }

  protected consume(): void {
    this.open()
    this.#consumed = true
  }

  protected env(seed: string | undefined) {
    const recorder = this.recorder === undefined ? undefined : toEngineRecorder(this.recorder)
    return createEnv({ seed, recorder, logger: currentLogger() })
  }

  /** The engine looks up WAL objects under the same path in their own store. */
  protected async stores() {
    const { store, path } = await this.store.at(this.path)
    const wal = await this.walStore?.at(this.path)
    if (wal !== undefined && wal.path !== path) {
      throw new ErrorInvalid('the WAL store and the main store must have the same path in their URLs')
    }
    return { store, path, walStore: wal?.store }
  }
}

/** Opens a database for writing. */
export class DbBuilder extends Builder {
  /** For the database `path` in `object_store`. */
  constructor(path: string, object_store: ObjectStore) {
    super('DbBuilder', path, object_store)
  }

  #settings: Document = defaultDocument
  #seed: bigint | undefined
  #blockSize: SstBlockSize = 'Block4Kib'
  #cacheDisabled = false

  with_settings(settings: Settings): void {
    this.open()
    checkObject('Settings', settings)
    this.#settings = settings.document
  }

  /** Makes ids and jitter repeatable. */
  with_seed(seed: Integer): void {
    this.open()
    this.#seed = toU64(seed)
  }

  with_sst_block_size(sst_block_size: SstBlockSize): void {
    this.open()
    this.#blockSize = checkEnum('SstBlockSize', SstBlockSize, sst_block_size)
  }

  /** No block and metadata cache. */
  with_db_cache_disabled(): void {
    this.open()
    this.#cacheDisabled = true
  }

  /** Opens the database, and consumes the builder. */
  async build(): Promise<Db> {
    this.consume()
    const settings = toEngine(this.#settings)
    const env = this.env(this.#seed?.toString())
    const fields = { target: 'slatedb::db::builder', path: this.path, settings: JSON.stringify(this.#settings) }
    env.logger.info('opening SlateDB database', fields)
    return run(async () => {
      const engine = await openDb({
        ...(await this.stores()),
        settings,
        // Other processes on this bucket may still run the binding.
        newGeneration: '0.12',
        env,
        mergeOperator: this.operator,
        blockSize: Number(/\d+/.exec(this.#blockSize)![0]) * 1024,
        cache: this.#cacheDisabled ? false : undefined,
      })
      return new Db(engine)
    })
  }
}

const MIN_LIFETIME_MS = 1000

/** Opens a database for reading. */
export class DbReaderBuilder extends Builder {
  #options: ReaderChoices | undefined
  #checkpointId: string | undefined

  /** For the database `path` in `object_store`. */
  constructor(path: string, object_store: ObjectStore) {
    super('DbReaderBuilder', path, object_store)
  }

  /** Pins the reader to a checkpoint, by its UUID: it shows what the checkpoint holds, and always the same. */
  with_checkpoint_id(checkpoint_id: string): void {
    this.open()
    this.#checkpointId = toUuid(toText(checkpoint_id))
  }

  with_options(options: ReaderOptions): void {
    this.open()
    this.#options = toReaderOptions(options)
  }

  /** Opens the reader, and consumes the builder. It follows the newest state and writes nothing. */
  async build(): Promise<DbReader> {
    this.consume()
    const options = this.#options
    if (options !== undefined) checkLifetime(options.lifetimeMs, options.pollIntervalMs)
    return run(async () => {
      const engine = await openReader({
        ...(await this.stores()),
        env: this.env(undefined),
        mergeOperator: this.operator,
        checkpointId: this.#checkpointId,
        // To the original none at all means as often as it can, and as little as it can.
        pollIntervalMs: options && Math.max(options.pollIntervalMs, 1),
        maxMemtableBytes: options && Math.max(options.maxMemtableBytes, 1),
        skipWalReplay: options?.skipWalReplay,
      })
      return new DbReader(engine)
    })
  }
}

/** A UUID in any of the forms that the original reads: with hyphens or without, in braces, as a URN. */
function toUuid(text: string): string {
  const digits = text
    .toLowerCase()
    .replace(/^\{(.*)\}$/, '$1')
    .replace(/^urn:uuid:/, '')
  const plain = isUuid(digits) ? digits.replaceAll('-', '') : digits
  const parts = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/.exec(plain)
  if (parts === null) throw new ErrorInvalid(`invalid checkpoint_id UUID: ${JSON.stringify(text)} is none`)
  return parts.slice(1).join('-')
}

/** The original's rules for the checkpoint that its readers keep (features.md B.4): a caller's mistake stays one here. */
function checkLifetime(lifetimeMs: number, pollIntervalMs: number): void {
  if (lifetimeMs < MIN_LIFETIME_MS) {
    throw new ErrorInvalid(`Invalid error: invalid checkpoint lifetime. lifetime=\`${seconds(lifetimeMs)}\``)
  }
  if (lifetimeMs < 2 * pollIntervalMs) {
    throw new ErrorInvalid(
      `Invalid error: checkpoint lifetime must be at least double the manifest poll interval. lifetime=\`${seconds(lifetimeMs)}\`, interval=\`${seconds(pollIntervalMs)}\``,
    )
  }
}

const seconds = (ms: number): string => (ms < 1000 ? `${ms}ms` : `${ms / 1000}s`)
