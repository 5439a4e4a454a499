// Builders as the official binding has them: setters return nothing, and `build()` consumes.

import { isUuid } from '../bytes/ids.ts'
import type { MergeOperatorLike } from '../cursor/merge-operator.ts'
import { openDb } from '../db/open.ts'
import { openReader } from '../db/reader.ts'
import { checkSettings, defaultSettings } from '../db/settings.ts'
import { createEnv } from '../env/system.ts'
import { Db, DbReader } from './db.ts'
import { checkEnum, type Integer, SstBlockSize } from './enums.ts'
import { ErrorInvalid, run } from './errors.ts'
import { currentLogger } from './logging.ts'
import { type MetricsRecorder, toEngineRecorder } from './metrics.ts'
import { UniffiObjectBase } from './object.ts'
import type { ObjectStore } from './object-store.ts'
import { type ReaderOptions, toNumber, toU64 } from './records.ts'
import type { Settings } from './settings.ts'

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
  constructor(path: string, object_store: ObjectStore) {
    super()
    if (typeof path !== 'string') throw new TypeError('string values must be strings.')
    this.path = path
    this.store = object_store
  }

  /** Uses a store of its own for the WAL. */
  with_wal_object_store(wal_object_store: ObjectStore): void {
    this.open()
    this.walStore = wal_object_store
  }

  with_merge_operator(merge_operator: MergeOperator): void {
    this.open()
    this.operator = (key, existing, operand) => merge_operator.merge(key, existing, operand)
  }

  with_metrics_recorder(metrics_recorder: MetricsRecorder): void {
    this.open()
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
  #settings: Settings | undefined
  #seed: bigint | undefined
  #blockSize: SstBlockSize = 'Block4Kib'
  #cacheDisabled = false

  with_settings(settings: Settings): void {
    this.open()
    this.#settings = settings
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
    // The binding takes its settings when it builds, whatever becomes of the object later.
    const settings = this.#settings?.current ?? defaultSettings
    return run(async () => {
      const engine = await openDb({
        ...(await this.stores()),
        settings: checkSettings(settings),
        env: this.env(this.#seed?.toString()),
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
  #options: ReaderOptions | undefined
  #checkpointId: string | undefined

  /** Pins the reader to a checkpoint, by its UUID. */
  with_checkpoint_id(checkpoint_id: string): void {
    this.open()
    if (!isUuid(checkpoint_id)) {
      throw new ErrorInvalid(`invalid checkpoint_id UUID: ${JSON.stringify(checkpoint_id)} is none`)
    }
    this.#checkpointId = checkpoint_id
  }

  with_options(options: ReaderOptions): void {
    this.open()
    this.#options = options
  }

  /** Opens the reader, and consumes the builder. It follows the newest state and writes nothing. */
  async build(): Promise<DbReader> {
    this.consume()
    const options = this.#options
    if (this.#checkpointId !== undefined) {
      throw new ErrorInvalid(
        'a reader pinned to a checkpoint is not part of this release; build one without a checkpoint',
      )
    }
    const pollIntervalMs = options && toNumber(options.manifest_poll_interval_ms, 'manifest_poll_interval_ms')
    if (options !== undefined)
      checkLifetime(toNumber(options.checkpoint_lifetime_ms, 'checkpoint_lifetime_ms'), pollIntervalMs!)
    return run(async () => {
      const engine = await openReader({
        ...(await this.stores()),
        env: this.env(undefined),
        mergeOperator: this.operator,
        pollIntervalMs,
        maxMemtableBytes: options && toNumber(options.max_memtable_bytes, 'max_memtable_bytes'),
        skipWalReplay: options?.skip_wal_replay,
      })
      return new DbReader(engine)
    })
  }
}

/** The original's rules for the checkpoint that its readers keep (features.md B.4): a caller's mistake stays one here. */
function checkLifetime(lifetimeMs: number, pollIntervalMs: number): void {
  if (lifetimeMs < MIN_LIFETIME_MS) {
    throw new ErrorInvalid(`Invalid error: invalid checkpoint lifetime. lifetime=\`${lifetimeMs}ms\``)
  }
  if (lifetimeMs < 2 * pollIntervalMs) {
    throw new ErrorInvalid(
      `Invalid error: checkpoint lifetime must be at least twice the manifest poll interval. lifetime=\`${lifetimeMs}ms\`, interval=\`${pollIntervalMs}ms\``,
    )
  }
}
