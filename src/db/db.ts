// The engine's handle: bytes in, bytes out. Reads and writes are synchronous when the bytes are in memory and promises
// otherwise, and now and then when the event loop is due a turn (env/turns.ts); durability is something one waits for on
// the handle a write returns.

import type { KeyRange } from '../bytes/range.ts'
import { checkOptions } from '../checks.ts'
import { onAbort } from '../env/abort.ts'
import type { Env } from '../env/env.ts'
import { unitsOf } from '../env/turns.ts'
import { type CloseReason, invalid } from '../errors.ts'
import type { KeyValue } from '../read/key-value.ts'
import type { ReadOptions, ScanOptions } from '../read/options.ts'
import { PlainRecord, Shown, stateOf } from '../shown.ts'
import { FlushTicket } from '../wal/ticket.ts'
import type { WriteBatch } from '../write/batch.ts'
import { WriteHandle } from '../write/handle.ts'
import type { PutOptions, WriteOptions } from '../write/options.ts'
import type { VersionedManifest } from '../write/state.ts'
import { checkBatch, checkFlushType, checkIsolation, checkListener, checkPut, ENGINE_CALLS } from './call-options.ts'
import { type Cleared, type ClearOptions, clearRange } from './clear.ts'
import type { Engine } from './engine.ts'
import type { Scan } from './scan.ts'
import { inactive, type Settings } from './settings.ts'
import { Snapshot } from './snapshot.ts'
import { type Isolation, Transaction } from './transaction.ts'
import type { Waiting } from './wait-monitor.ts'

type MaybePromise<T> = T | Promise<T>

export type FlushType = 'wal' | 'memtable'

export interface CloseOptions {
  /** What to flush last. `false`: writes that are not durable yet may be lost. Default `'memtable'`. */
  readonly flush?: FlushType | false | undefined
  /** Gives up on flushing, for a store that does not answer: what is not durable by then is lost. */
  readonly signal?: AbortSignal | undefined
}

export interface DbStatus {
  /** Every write up to this sequence number is in the object store. */
  readonly durableSeq: bigint
  /** Last sequence number given out. */
  readonly lastSeq: bigint
  readonly closeReason: CloseReason | undefined
  /** Set while the object store does not answer background work. */
  readonly degraded: unknown
  /** Milliseconds by which the wall clock is behind the newest row; 0 normally (writes then keep the last timestamp). */
  readonly clockHeldMs: number
  readonly manifestId: number
  /** Estimated bytes of rows that are not yet in an L0 table. */
  readonly unflushedBytes: number
  /** A flush waits because L0 is full: it goes on once a compactor has made room. */
  readonly l0Full: boolean
  /** Age of the oldest open snapshot or transaction in milliseconds; it holds back what flushes and compactions drop. */
  readonly oldestSnapshotAgeMs: number | undefined
  /** What the handle waits for now, since when, and what to do about it; `undefined` while nothing stands still. */
  readonly waiting: Waiting | undefined
  /** Parts that the settings configure and that this build does not have; they are not active. */
  readonly inactive: readonly string[]
}

export class Db extends Shown {
  readonly #engine: Engine
  #closing: Promise<void> | undefined

  constructor(engine: Engine) {
    super()
    this.#engine = engine
  }

  override shown(): object {
    const { lastSeq, durableSeq, closeReason, waiting } = this.status
    const { writerEpoch } = this.manifest.value
    return {
      ...stateOf(closeReason),
      epoch: writerEpoch,
      lastSeq,
      durableSeq,
      ...(waiting && { waiting: waiting.for }),
    }
  }

  get env(): Env {
    return this.#engine.env
  }

  get settings(): Settings {
    return this.#engine.settings
  }

  /** The manifest in use; a newer one may already be in the store. */
  get manifest(): VersionedManifest {
    return this.#engine.state.view.manifest
  }

  get status(): DbStatus {
    const { state, clock, writer, settings } = this.#engine
    return Object.assign(new PlainRecord(), {
      durableSeq: state.durableSeq,
      lastSeq: state.lastSeq,
      closeReason: state.ended?.closeReason,
      degraded: state.degraded,
      clockHeldMs: clock.heldMs,
      manifestId: state.view.manifest.id,
      unflushedBytes: writer.unflushedBytes,
      l0Full: this.#engine.flusher.isStuck,
      waiting: this.#engine.waits.waiting,
      oldestSnapshotAgeMs: writer.snapshots.oldestAgeMs(),
      inactive: inactive(settings),
    })
  }

  /** Calls `listener` after every change of the status; the returned function ends that. */
  onStatus(listener: () => void): () => void {
    checkListener('onStatus', listener)
    return this.#engine.state.onChange(listener)
  }

  /** The instant at which expiry is judged: the wall clock, or the last row's timestamp when that is later. */
  wallNow(): number {
    return this.#engine.clock.now()
  }

  /** The newest committed value; `undefined` when the key is absent or deleted. */
  get(key: Uint8Array, options?: ReadOptions): MaybePromise<Uint8Array | undefined> {
    return this.#engine.get(key, undefined, options)
  }

  /** Like `get`, with sequence number and timestamps. */
  getRow(key: Uint8Array, options?: ReadOptions): MaybePromise<KeyValue | undefined> {
    return this.#engine.getRow(key, undefined, options)
  }

  /** All keys at one moment, in the order given. */
  getMany(keys: readonly Uint8Array[], options?: ReadOptions): Promise<(Uint8Array | undefined)[]> {
    return this.#engine.getMany(keys, undefined, options)
  }

  /** Rows of `range` as they are at this moment. An empty or inverted range yields nothing. */
  scan(range: KeyRange, options?: ScanOptions): Scan {
    return this.#engine.scan(range, undefined, options)
  }

  /** Commits one put. The handle comes at once, or as a promise while too much is unflushed. */
  put(key: Uint8Array, value: Uint8Array, options?: PutOptions): MaybePromise<WriteHandle> {
    checkPut(ENGINE_CALLS.put, options)
    this.#engine.poller.touch()
    return this.env.turns.after(this.#engine.writer.put(key, value, options), unitsOf(value.length))
  }

  delete(key: Uint8Array, options?: WriteOptions): MaybePromise<WriteHandle> {
    if (options !== undefined) checkOptions(ENGINE_CALLS.delete, options)
    this.#engine.poller.touch()
    return this.env.turns.after(this.#engine.writer.delete(key, options))
  }

  /** Adds a merge operand; needs a merge operator. */
  merge(key: Uint8Array, operand: Uint8Array, options?: PutOptions): MaybePromise<WriteHandle> {
    checkPut(ENGINE_CALLS.merge, options)
    this.#engine.poller.touch()
    return this.env.turns.after(this.#engine.writer.merge(key, operand, options), unitsOf(operand.length))
  }

  /** Commits a batch: all of it under one sequence number, or nothing. The batch may be used again. */
  write(batch: WriteBatch, options?: WriteOptions): MaybePromise<WriteHandle> {
    checkBatch(batch)
    if (options !== undefined) checkOptions(ENGINE_CALLS.write, options)
    this.#engine.poller.touch()
    return this.env.turns.after(this.#engine.writer.write(batch, options), batch.units)
  }

  /**
   * The handle of a batch without operations: its sequence number is the last one given out, and it is durable, since it
   * holds nothing.
   */
  nothingWritten(): WriteHandle {
    const { state, clock } = this.#engine
    state.check()
    const ticket = new FlushTicket()
    ticket.succeed()
    return new WriteHandle(state.lastSeqHi, state.lastSeqLo, clock.now(), ticket)
  }

  /**
   * Deletes the rows of `range` that are there at this moment and are not written again meanwhile, in slices. Durable
   * when its last deletion is.
   */
  async clear(range: KeyRange, options: ClearOptions = {}): Promise<Cleared> {
    checkOptions(ENGINE_CALLS.clear, options)
    return clearRange(this.#engine, range, options)
  }

  snapshot(): Snapshot {
    this.#engine.state.check()
    return new Snapshot(this.#engine)
  }

  begin(isolation: Isolation = 'snapshot'): Transaction {
    checkIsolation(isolation)
    this.#engine.state.check()
    return new Transaction(this.#engine, isolation)
  }

  /** Default: the WAL, or the memtable when there is no WAL (CL-1). */
  async flush(type?: FlushType): Promise<void> {
    checkFlushType(type)
    const { state, wal, env } = this.#engine
    state.check()
    env.metrics.counter('slatedb.db.request_count', { op: 'flush' }).value++
    if (type === 'wal' && wal === undefined) {
      throw invalid('WAL_DISABLED', "the WAL is off (wal_enabled = false): flush('memtable') instead")
    }
    if (type === 'memtable' || wal === undefined) await this.#engine.flushMemtable()
    else await this.#engine.flushWal()
  }

  /** Reads the manifest now. True when it changed. */
  refresh(): Promise<boolean> {
    this.#engine.state.check()
    return this.#engine.refresh()
  }

  /**
   * Ends the handle: new calls fail at once, then everything is flushed, then background work stops. A second call waits
   * for the first and has its outcome. A handle that has failed is torn down; that succeeds when nothing is lost.
   * @throws what the last flush failed with; what ended the handle, when rows that it took are not in the store.
   */
  close(options: CloseOptions = {}): Promise<void> {
    try {
      // Before anything else: a flush that is misspelt must not end the handle without one.
      checkOptions(ENGINE_CALLS.close, options)
    } catch (error) {
      return Promise.reject(error)
    }
    this.#closing ??= this.#engine.state.ended === undefined ? this.#close(options) : this.#tearDown(options)
    return this.#closing
  }

  /** CL-5: nothing is flushed any more. */
  async #tearDown({ flush }: CloseOptions): Promise<void> {
    const { state } = this.#engine
    await this.#engine.stop(state.ended)
    if (flush !== false && state.durableSeq < state.lastSeq) state.check()
  }

  async #close({ flush = 'memtable', signal }: CloseOptions): Promise<void> {
    const engine = this.#engine
    const ended = engine.state.end('Clean')
    engine.guard.closing(engine.settings.manifestUpdateTimeout)
    const giveUp = () => engine.abortWith(signal?.reason)
    const forget = signal && onAbort(signal, giveUp)
    try {
      if (signal?.aborted) giveUp()
      if (flush === false) return
      await engine.flushForClose(flush)
      await engine.stop(ended)
      // A failed or fenced writer writes no last manifest (EP-6, CL-9).
      if (engine.failure === undefined) await engine.writeLastManifest()
      if (engine.failure !== undefined) throw engine.failure
    } catch (error) {
      // What waits is told by the end itself; what caused it is what the caller has to know.
      throw engine.failure ?? error
    } finally {
      forget?.()
      engine.guard.closed()
      // Requests that never end must not keep the handle: whatever still matters has been waited for.
      engine.abortWith(ended)
      await engine.stop(ended)
    }
  }
}
