// The public face: the engine's handle with encodings, options and JavaScript's own idioms around it. No rule of the
// engine lives here; what reads and writes mean is decided below.

import { checkOptions } from '../checks.ts'
import { checkBatch, checkListener } from '../db/call-options.ts'
import type { CloseOptions, Db, DbStatus, FlushType } from '../db/db.ts'
import { openDb } from '../db/open.ts'
import { openReader } from '../db/reader.ts'
import { abortable } from '../env/abort.ts'
import { invalid, isSlateDBError, show } from '../errors.ts'
import { WriteBatch } from '../write/batch.ts'
import type { WriteHandle } from '../write/handle.ts'
import { type BatchOperation, type BatchOwner, ChainedBatch, toWriteBatch } from './batch.ts'
import { CALLS } from './call-options.ts'
import { asyncDispose } from './dispose.ts'
import type { Decoded, EncodingOption, Input } from './encoding.ts'
import { type Location, nothingAt, resolveLocation } from './location.ts'
import {
  type OpenOptions,
  type ReaderOpenOptions,
  toDbOptions,
  toHandleOptions,
  toReaderOptions,
} from './open-options.ts'
import { refuseUndefinedBounds, type ScanRange } from './range.ts'
import { type HandleOptions, ReadHandle } from './read-handle.ts'
import { Reader } from './reader.ts'
import { Snapshot } from './snapshot.ts'
import type { EncodingOptions, KeyOf, MaybeEncoding, MaybePromise, ValueOf } from './source.ts'
import { statusChanges } from './status.ts'
import { type BeginOptions, runTransaction, Transaction, type TransactionOptions } from './transaction.ts'
import {
  type CommitOptions,
  type DeleteOptions,
  type Durability,
  ofThisCall,
  type PutOptions,
  settled,
  toEnginePut,
  toEngineWrite,
} from './write-options.ts'

export interface ClearOptions<KE extends MaybeEncoding = undefined> extends EncodingOptions<KE> {
  readonly durability?: Durability | undefined
  /** Stops between two batches; what was cleared stays cleared. */
  readonly signal?: AbortSignal | undefined
}

export interface FlushOptions {
  /** Ends the waiting with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

export interface SlateDBOptions extends HandleOptions {
  readonly durability: Durability
}

/** A larger batch of operations is not kept for the next one. */
const SPARE_SIZE = 4096
const NO_OPTIONS = {}

/**
 * A database, open for reading and writing.
 *
 * ```ts
 * const db = await SlateDB.open('file:./data/app', { keyEncoding: 'utf8', valueEncoding: 'json' })
 * await db.put('user:1', { name: 'Ada' })
 * for await (const [key, user] of db.scan({ prefix: 'user:' })) console.log(key, user)
 * await db.close()
 * ```
 *
 * There is one writer per database: opening a second one, in any process, thread or machine, fences the first, whose
 * calls then fail with `Closed` and the reason `Fenced`. Open readers with `SlateDB.openReader`.
 */
export class SlateDB<K = Uint8Array, V = Uint8Array> extends ReadHandle<K, V> {
  /** The engine's handle underneath: bytes in, bytes out, and writes that return right after the commit. */
  readonly engine: Db
  readonly #durability: Durability
  readonly #owner: BatchOwner
  #spareBatch: WriteBatch | undefined

  constructor(engine: Db, options: SlateDBOptions) {
    super(engine, options)
    this.engine = engine
    this.#durability = options.durability
    this.#owner = {
      encodeKey: (key, encoding) => this.encodeKey(key, encoding),
      encodeValue: (value, encoding) => this.encodeValue(value, encoding),
      write: (batch, commit) => this.#commit(batch, commit),
      takeBatch: () => {
        const spare = this.#spareBatch
        this.#spareBatch = undefined
        return spare ?? new WriteBatch()
      },
      giveBatch: (batch) => {
        if (batch.size > SPARE_SIZE) return
        batch.clear()
        this.#spareBatch = batch
      },
    }
  }

  /**
   * Opens the database at `location` for writing, and creates it when there is none. Every older writer is fenced.
   * @throws Invalid for a bad location, option or setting; Unavailable when the store does not answer; Data for damaged
   * records; Closed when a newer writer took over meanwhile.
   */
  static async open<KE extends EncodingOption = 'binary', VE extends EncodingOption = 'binary'>(
    location: Location,
    options: OpenOptions<KE, VE> = {},
  ): Promise<SlateDB<Decoded<KE>, Decoded<VE>>> {
    // All checks before any effect: nothing has been created or fenced when one of them fails.
    const asked = toDbOptions(options)
    const handle = { ...toHandleOptions(location, options), durability: options.durability ?? 'remote' }
    options.signal?.throwIfAborted()
    const { store, path } = await resolveLocation(location, options)
    const engine = await openDb({ ...asked, store, path })
    return wrapped(engine, () => new SlateDB(engine, handle))
  }

  /**
   * Opens the database at `location` for reading only. It follows what the writer does, writes nothing, and disturbs
   * nobody.
   */
  static async openReader<KE extends EncodingOption = 'binary', VE extends EncodingOption = 'binary'>(
    location: Location,
    options: ReaderOpenOptions<KE, VE> = {},
  ): Promise<Reader<Decoded<KE>, Decoded<VE>>> {
    const asked = toReaderOptions(options)
    const handle = toHandleOptions(location, options)
    options.signal?.throwIfAborted()
    const { store, path } = await resolveLocation(location, options)
    const engine = await openReader({ ...asked, store, path }).catch((error) => {
      throw isSlateDBError(error) && error.code === 'SLATEDB_MANIFEST_MISSING' ? nothingAt(location, error) : error
    })
    return wrapped(engine, () => new Reader(engine, handle))
  }

  /** What is known about the handle now: how far writes are durable, why it closed, what runs degraded. */
  get status(): DbStatus {
    return this.engine.status
  }

  /** The status now and after every change, until the handle ends. */
  statusChanges(): AsyncIterableIterator<DbStatus> {
    return statusChanges(this.engine)
  }

  /** Calls `listener` with the status after every change; the returned function ends that. */
  on(event: 'status', listener: (status: DbStatus) => void): () => void {
    if (event !== 'status') throw invalid('UNKNOWN_EVENT', `there is no event ${show(event)}, only 'status'`)
    checkListener('on', listener)
    return this.engine.onStatus(() => {
      try {
        listener(this.status)
      } catch (error) {
        // A listener must not end the write that moved the status.
        this.engine.env.logger.error('a status listener threw', { error })
      }
    })
  }

  /** Current values of all counters and gauges. */
  metrics(): Record<string, number> {
    return this.engine.env.metrics.snapshot()
  }

  /**
   * Writes `value` under `key`. Resolves once it is durable, unless `durability` says otherwise. The bytes are copied
   * before this returns.
   * @throws Invalid for a key or value that cannot be written; Closed; the signal's reason.
   */
  async put<KE extends MaybeEncoding = undefined, VE extends MaybeEncoding = undefined>(
    key: Input<KeyOf<KE, K>>,
    value: Input<ValueOf<VE, V>>,
    options: PutOptions<KE, VE> = NO_OPTIONS,
  ): Promise<WriteHandle> {
    if (options !== NO_OPTIONS) checkOptions(CALLS.put, options)
    options.signal?.throwIfAborted()
    const bytes = this.encodeKey(key, options.keyEncoding)
    const write = this.engine.put(
      bytes,
      this.encodeValue(value, options.valueEncoding),
      options === NO_OPTIONS ? undefined : toEnginePut(options),
    )
    try {
      const handle = write instanceof Promise ? await write : write
      if ((options.durability ?? this.#durability) !== 'memory') await handle.awaitDurable(options.signal)
      return handle
    } catch (error) {
      throw ofThisCall(error)
    }
  }

  /** Deletes `key`; fine when there is nothing. Resolves as `put` does. */
  async delete<KE extends MaybeEncoding = undefined>(
    key: Input<KeyOf<KE, K>>,
    options: DeleteOptions<KE> = NO_OPTIONS,
  ): Promise<WriteHandle> {
    checkOptions(CALLS.delete, options)
    options.signal?.throwIfAborted()
    const bytes = this.encodeKey(key, options.keyEncoding)
    return this.#settle(this.engine.delete(bytes, toEngineWrite(options)), options)
  }

  /** Adds a merge operand to `key`: the merge operator combines it with what is there, when it is read. */
  async merge<KE extends MaybeEncoding = undefined, VE extends MaybeEncoding = undefined>(
    key: Input<KeyOf<KE, K>>,
    operand: Input<ValueOf<VE, V>>,
    options: PutOptions<KE, VE> = NO_OPTIONS,
  ): Promise<WriteHandle> {
    checkOptions(CALLS.merge, options)
    options.signal?.throwIfAborted()
    const bytes = this.encodeKey(key, options.keyEncoding)
    const write = this.engine.merge(bytes, this.encodeValue(operand, options.valueEncoding), toEnginePut(options))
    return this.#settle(write, options)
  }

  /** A chain of operations that `write()` applies at once. */
  batch(): ChainedBatch<K, V>
  /** Applies all operations at once, under one sequence number, or none. */
  batch<KE extends MaybeEncoding = undefined, VE extends MaybeEncoding = undefined>(
    operations: readonly BatchOperation<KeyOf<KE, K>, ValueOf<VE, V>>[],
    options?: CommitOptions & EncodingOptions<KE, VE>,
  ): Promise<WriteHandle>
  batch(
    operations?: readonly BatchOperation<unknown, unknown>[],
    options: CommitOptions & EncodingOptions<MaybeEncoding, MaybeEncoding> = NO_OPTIONS,
  ): ChainedBatch<K, V> | Promise<WriteHandle> {
    if (operations === undefined) return new ChainedBatch(this.#owner)
    // An async function around all of it: a bad operation rejects, it does not throw.
    return (async () => {
      checkOptions(CALLS.batch, options)
      const batch = toWriteBatch(operations, options, this.#owner)
      const writing = this.#commit(batch, options)
      this.#owner.giveBatch(batch)
      return writing
    })()
  }

  /** Applies an engine batch, which holds bytes. It may be used again. */
  async write(batch: WriteBatch, options: CommitOptions = NO_OPTIONS): Promise<WriteHandle> {
    checkBatch(batch)
    checkOptions(CALLS.write, options)
    return this.#commit(batch, options)
  }

  /**
   * Deletes every row of `range` that is there now, in batches; a reader may see a part of it done. What is written
   * after this call stays, rows that it overwrites included: of a row that was there, a merge operand that comes meanwhile
   * keeps everything. Returns how many rows were deleted.
   */
  async clear<KE extends MaybeEncoding = undefined>(
    range?: ScanRange<KeyOf<KE, K>>,
    options: ClearOptions<KE> = NO_OPTIONS,
  ): Promise<number> {
    checkOptions(CALLS.clear, options)
    const { keyEncoding, durability, signal } = options
    const { range: asked, ...how } = this.byteScan(range as ScanRange<unknown> | undefined, keyEncoding)
    refuseUndefinedBounds('clear', range as ScanRange<unknown> | undefined)
    const { count, last } = await this.engine.clear(asked, { ...how, signal })
    // Durability is a watermark: the last batch covers those before it.
    if (last !== undefined) await this.#settle(last, { durability, signal })
    return count
  }

  /**
   * A part of the database with keys of its own, such as a table or an index: the same handle, with every key behind
   * `!name!`, and its own encodings if it wants. Parts may have parts. The database is closed, not its parts.
   */
  sub<KE extends MaybeEncoding = undefined, VE extends MaybeEncoding = undefined>(
    name: string,
    options: EncodingOptions<KE, VE> = NO_OPTIONS,
  ): SlateDB<KeyOf<KE, K>, ValueOf<VE, V>> {
    return new SlateDB(this.engine, { ...this.partOptions(name, options), durability: this.#durability })
  }

  /** Reads from this moment on, whatever is written later. Close it: it keeps old data alive. */
  snapshot(): Snapshot<K, V> {
    return new Snapshot<K, V>(this.engine.snapshot(), this.handle)
  }

  /** Begins a transaction, to be ended with `commit` or `rollback`. See also {@link SlateDB.transaction}. */
  begin(options: BeginOptions = {}): Transaction<K, V> {
    checkOptions(CALLS.begin, options)
    return this.#begin(options)
  }

  #begin({ isolation }: BeginOptions): Transaction<K, V> {
    return new Transaction<K, V>(this.engine.begin(isolation), this.handle, this.#durability)
  }

  /**
   * Runs `body` in a transaction: commits when it returns, rolls back when it throws, and runs it again when another
   * write conflicted. The body must not act on anything but the transaction, since it may run several times.
   * @throws what the body throws; Transaction when it still conflicts after all retries.
   */
  transaction<T>(body: (tx: Transaction<K, V>) => T | Promise<T>, options: TransactionOptions = {}): Promise<T> {
    return runTransaction(this.engine.env, () => this.#begin(options), body, options)
  }

  /** Makes everything written so far durable: in the WAL (default when there is one) or in tables. */
  async flush(type?: FlushType, options: FlushOptions = NO_OPTIONS): Promise<void> {
    checkOptions(CALLS.flush, options)
    return abortable(this.engine.flush(type), options.signal)
  }

  /**
   * Ends the handle: new calls fail at once, everything written is flushed (`flush: false` drops what is not durable),
   * background work stops. A second call waits for the first and has its outcome.
   * @throws what the last flush failed with; what ended the handle, when rows that it took are not in the store.
   */
  async close(options?: CloseOptions): Promise<void> {
    if (this.#isPart) throw invalid('CLOSE_PART', 'a part of a database is not closed; close the database')
    return this.engine.close(options)
  }

  /** Like `close`. For a part it does nothing. */
  async [asyncDispose](): Promise<void> {
    if (!this.#isPart) await this.close()
  }

  override shown(): object {
    return { ...this.where(), ...this.engine.shown() }
  }

  protected override now(): number {
    return this.engine.wallNow()
  }

  get #isPart(): boolean {
    return this.handle.prefix !== undefined
  }

  async #commit(batch: WriteBatch, options: CommitOptions): Promise<WriteHandle> {
    options.signal?.throwIfAborted()
    // Nothing to write is no mistake here: programs collect operations, and sometimes there are none.
    if (batch.isEmpty) return this.engine.nothingWritten()
    return this.#settle(this.engine.write(batch, toEngineWrite(options)), options)
  }

  #settle(write: MaybePromise<WriteHandle>, options: CommitOptions): Promise<WriteHandle> {
    return settled(write, options, this.#durability)
  }
}

/** A handle around an engine that is open: were it to fail, the engine would be left open, and its database fenced. */
async function wrapped<T>(engine: { close(): Promise<void> }, wrap: () => T): Promise<T> {
  try {
    return wrap()
  } catch (error) {
    await engine.close().catch(() => {})
    throw error
  }
}
