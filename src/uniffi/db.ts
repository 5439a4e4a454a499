// The writer's handle and the reader's, as the official binding has them.

import type { Db as EngineDb } from '../db/db.ts'
import type { DbReader as EngineReader } from '../db/reader.ts'
import { closedError } from '../errors.ts'
import type { WriteHandle as EngineHandle } from '../write/handle.ts'
import { type CloseReason, checkEnum, type Integer, IsolationLevel } from './enums.ts'
import { run } from './errors.ts'
import { checkObject } from './object.ts'
import { ReadSurface } from './read-surface.ts'
import {
  type FlushOptions,
  fromHandle,
  type MergeOptions,
  type PutOptions,
  toAwaitDurable,
  toFlushType,
  toKey,
  toPutOptions,
  toValue,
  type WriteHandle,
  type WriteOptions,
} from './records.ts'
import { DbSnapshot } from './snapshot.ts'
import { DbTransaction } from './transaction.ts'
import type { WriteBatch } from './write-batch.ts'

type MaybePromise<T> = T | Promise<T>

export interface DbStatus {
  durable_seq: Integer
  close_reason: CloseReason | undefined
}

/** A database, open for reading and writing. Writes resolve once they are durable, unless their options say otherwise. */
export class Db extends ReadSurface {
  readonly #db: EngineDb

  /** @internal Use `DbBuilder.build()`. */
  constructor(db: EngineDb) {
    super('Db', db)
    this.#db = db
  }

  async put(key: Uint8Array, value: Uint8Array): Promise<WriteHandle> {
    this.alive()
    const [k, v] = [toKey(key), toValue(value)]
    return write(() => this.#db.put(k, v), true)
  }

  async put_with_options(
    key: Uint8Array,
    value: Uint8Array,
    put_options: PutOptions,
    write_options: WriteOptions,
  ): Promise<WriteHandle> {
    this.alive()
    const [k, v, options] = [toKey(key), toValue(value), toPutOptions(put_options, 'PutOptions')]
    return write(() => this.#db.put(k, v, options), toAwaitDurable(write_options))
  }

  async delete(key: Uint8Array): Promise<WriteHandle> {
    this.alive()
    const k = toKey(key)
    return write(() => this.#db.delete(k), true)
  }

  async delete_with_options(key: Uint8Array, options: WriteOptions): Promise<WriteHandle> {
    this.alive()
    const k = toKey(key)
    return write(() => this.#db.delete(k), toAwaitDurable(options))
  }

  /** Appends a merge operand. */
  async merge(key: Uint8Array, operand: Uint8Array): Promise<WriteHandle> {
    this.alive()
    const [k, v] = [toKey(key), toValue(operand)]
    return write(() => this.#db.merge(k, v), true)
  }

  async merge_with_options(
    key: Uint8Array,
    operand: Uint8Array,
    merge_options: MergeOptions,
    write_options: WriteOptions,
  ): Promise<WriteHandle> {
    this.alive()
    const [k, v, options] = [toKey(key), toValue(operand), toPutOptions(merge_options, 'MergeOptions')]
    return write(() => this.#db.merge(k, v, options), toAwaitDurable(write_options))
  }

  /** Applies the batch atomically, and consumes it. */
  async write(batch: WriteBatch): Promise<WriteHandle> {
    this.alive()
    checkObject('WriteBatch', batch)
    const operations = batch.consume()
    return write(() => this.#db.write(operations), true)
  }

  async write_with_options(batch: WriteBatch, options: WriteOptions): Promise<WriteHandle> {
    this.alive()
    const awaitDurable = toAwaitDurable(options)
    checkObject('WriteBatch', batch)
    const operations = batch.consume()
    return write(() => this.#db.write(operations), awaitDurable)
  }

  async begin(isolation_level: IsolationLevel): Promise<DbTransaction> {
    this.alive()
    const level = checkEnum('IsolationLevel', IsolationLevel, isolation_level)
    return run(() => new DbTransaction(this.#db.begin(level === 'Snapshot' ? 'snapshot' : 'serializable')))
  }

  async snapshot(): Promise<DbSnapshot> {
    this.alive()
    return run(() => new DbSnapshot(this.#db.snapshot()))
  }

  /** Flushes the WAL, or the memtable when there is no WAL. */
  async flush(): Promise<void> {
    this.alive()
    return run(() => this.#db.flush())
  }

  async flush_with_options(options: FlushOptions): Promise<void> {
    this.alive()
    const type = toFlushType(options)
    return run(() => this.#db.flush(type))
  }

  status(): DbStatus {
    this.alive()
    const { durableSeq, closeReason } = this.#db.status
    return { durable_seq: durableSeq, close_reason: closeReason }
  }

  /** Flushes everything and closes. */
  async shutdown(): Promise<void> {
    this.alive()
    await run(() => {
      const { closeReason } = this.#db.status
      if (closeReason === 'Clean') throw closedError('Clean')
      // A handle that has failed says so in its other calls; the original shuts it down without a word.
      return closeReason === undefined ? this.#db.close() : this.#db.close({ flush: false })
    })
    this.#db.env.logger.info('db closed', { target: 'slatedb::db' })
  }
}

/** A read-only handle that follows the newest state. */
export class DbReader extends ReadSurface {
  readonly #reader: EngineReader

  /** @internal Use `DbReaderBuilder.build()`. */
  constructor(reader: EngineReader) {
    super('DbReader', reader)
    this.#reader = reader
  }

  status(): DbStatus {
    this.alive()
    const { durableSeq, closeReason } = this.#reader.status
    return { durable_seq: durableSeq, close_reason: closeReason }
  }

  /** Closes the reader. Closing twice is fine. */
  async shutdown(): Promise<void> {
    this.alive()
    if (this.#reader.status.closeReason === 'Clean') return
    return run(() => this.#reader.close())
  }
}

/** The engine returns after the commit; durability is what the 0.12 line awaits by default. */
function write(commit: () => MaybePromise<EngineHandle>, awaitDurable: boolean): Promise<WriteHandle> {
  return run(async () => {
    const handle = await commit()
    if (awaitDurable) await handle.durable
    return fromHandle(handle)
  })
}
