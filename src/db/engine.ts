// The parts of an open writer, wired together by open.ts. Snapshots, transactions and the Db handle all speak to this.

import type { KeyRange } from '../bytes/range.ts'
import type { Env } from '../env/env.ts'
import { closedError, isSlateDBError, type SlateDBError } from '../errors.ts'
import type { Manifest } from '../format/manifest.ts'
import type { ManifestRecord } from '../manifest/records.ts'
import { tableIdsOf } from '../manifest/trees.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { KeyValue } from '../read/key-value.ts'
import type { ReadOptions, ScanOptions } from '../read/options.ts'
import type { SeqBound } from '../read/reads.ts'
import type { Tables } from '../table/tables.ts'
import type { WalWriter } from '../wal/contract.ts'
import { WriteBatch } from '../write/batch.ts'
import type { WriteClock } from '../write/clock.ts'
import type { Footprint } from '../write/conflicts.ts'
import type { Flusher } from '../write/flusher.ts'
import type { WriteHandle } from '../write/handle.ts'
import type { State } from '../write/state.ts'
import type { Writer } from '../write/writer.ts'
import type { Poller } from './poller.ts'
import type { OwnRows, ReadSide } from './read-side.ts'
import type { Scan } from './scan.ts'
import type { Settings } from './settings.ts'
import type { StoreGuard } from './store-guard.ts'
import { noteOpen } from './take-over.ts'
import { WaitMonitor } from './wait-monitor.ts'

type MaybePromise<T> = T | Promise<T>

const SPARE_BATCHES = 16
const SPARE_SIZE = 1024

export interface EngineParts {
  /** Where the database is, for the log. */
  readonly store: ObjectStore
  readonly path: string
  readonly env: Env
  readonly settings: Settings
  readonly state: State
  readonly clock: WriteClock
  readonly writer: Writer
  readonly wal: WalWriter | undefined
  readonly flusher: Flusher
  readonly manifest: ManifestRecord
  readonly tables: Tables
  readonly poller: Poller
  readonly reads: ReadSide
  /** Next WAL id to be allocated. */
  readonly nextWalId: () => number
  /** What every manifest version of this writer carries afresh. */
  readonly stamp: (manifest: Manifest) => Manifest
  /** Ends the requests of this handle. */
  readonly abort: AbortController
  readonly guard: StoreGuard
}

export class Engine {
  readonly env: Env
  readonly settings: Settings
  readonly state: State
  readonly clock: WriteClock
  readonly writer: Writer
  readonly wal: WalWriter | undefined
  readonly flusher: Flusher
  readonly manifest: ManifestRecord
  readonly tables: Tables
  readonly poller: Poller
  readonly #reads: ReadSide
  readonly #nextWalId: () => number
  readonly #stamp: (manifest: Manifest) => Manifest
  readonly guard: StoreGuard
  readonly waits: WaitMonitor
  readonly #abort: AbortController
  readonly #store: ObjectStore
  readonly #path: string
  readonly #forget: () => void
  readonly #spareBatches: WriteBatch[] = []
  #cancelFlush: (() => void) | undefined

  constructor(parts: EngineParts) {
    this.env = parts.env
    this.settings = parts.settings
    this.state = parts.state
    this.clock = parts.clock
    this.writer = parts.writer
    this.wal = parts.wal
    this.flusher = parts.flusher
    this.manifest = parts.manifest
    this.tables = parts.tables
    this.poller = parts.poller
    this.#reads = parts.reads
    this.#nextWalId = parts.nextWalId
    this.#stamp = parts.stamp
    this.#abort = parts.abort
    this.guard = parts.guard
    this.#store = parts.store
    this.#path = parts.path
    this.#forget = noteOpen(parts)
    this.waits = new WaitMonitor({ ...parts, place: () => this.#place() })
    // However the requests of this handle are ended, whoever waits for one of them settles.
    parts.abort.signal.addEventListener('abort', () => void this.stop(parts.abort.signal.reason), { once: true })
  }

  get(key: Uint8Array, pin: SeqBound | undefined, options?: ReadOptions): MaybePromise<Uint8Array | undefined> {
    return this.#reads.get(key, pin, options)
  }

  getRow(key: Uint8Array, pin: SeqBound | undefined, options?: ReadOptions): MaybePromise<KeyValue | undefined> {
    return this.#reads.getRow(key, pin, options)
  }

  getMany(
    keys: readonly Uint8Array[],
    pin: SeqBound | undefined,
    options?: ReadOptions,
  ): Promise<(Uint8Array | undefined)[]> {
    return this.#reads.getMany(keys, pin, options)
  }

  scan(range: KeyRange, pin: SeqBound | undefined, options?: ScanOptions, own?: OwnRows): Scan {
    return this.#reads.scan(range, pin, options, own)
  }

  commit(batch: WriteBatch, seq?: bigint, footprint?: Footprint, own?: SeqBound): WriteHandle {
    this.poller.touch()
    return this.writer.commit(batch, seq, footprint, own)
  }

  /** A batch for one transaction. */
  takeBatch(): WriteBatch {
    return this.#spareBatches.pop() ?? new WriteBatch()
  }

  /** Takes back a batch that nobody reads any more: most transactions are small, and making one costs more than they do. */
  giveBatch(batch: WriteBatch): void {
    if (this.#spareBatches.length >= SPARE_BATCHES || batch.size > SPARE_SIZE) return
    batch.clear()
    this.#spareBatches.push(batch)
  }

  /** Everything written so far is in the WAL. */
  async flushWal(): Promise<void> {
    this.state.check()
    await this.wal?.flush()
  }

  /** Everything written so far is in L0 and in the manifest (CL-3). */
  async flushMemtable(): Promise<void> {
    const durable = this.wal?.flush()
    this.writer.freeze()
    const newest = this.state.frozen[0]
    await durable
    if (newest === undefined) return
    const published = this.flusher.published(newest)
    // Room in L0 may have to come from a compactor elsewhere: look for it at full pace, and stay alive for it.
    this.poller.attend()
    await published
  }

  /** Without a WAL a write becomes durable with its memtable: who waits for one gets it flushed, at the WAL's pace. */
  flushSoon(): void {
    const { flushInterval } = this.settings
    if (this.#cancelFlush !== undefined) return
    this.#cancelFlush = this.env.clock.schedule(
      // Without an interval the write that is awaited asks for its flush itself.
      flushInterval ?? 0,
      () => {
        this.#cancelFlush = undefined
        // Who waits learns the outcome from the write's own ticket.
        if (this.state.ended === undefined) this.flushMemtable().catch(() => {})
      },
      { label: 'flush without a WAL' },
    )
  }

  /** The last flush of a handle: what the WAL holds already need not wait for room in L0 (FL-3). */
  async flushForClose(type: 'wal' | 'memtable'): Promise<void> {
    // Nothing is written any more, so the WAL may come first: the memtable's stamp then covers all of it.
    await this.wal?.flush()
    if (type === 'memtable' || this.wal === undefined) this.writer.freeze()
    const newest = this.state.frozen[0]
    if (newest === undefined || (type === 'wal' && this.wal !== undefined)) return
    // Rows that are nowhere else are published however full L0 is: nobody may come to compact it.
    if (this.wal === undefined) this.flusher.ignoreLimits()
    const published = this.flusher.published(newest, this.wal !== undefined)
    this.poller.attend()
    await published
  }

  /** Reads the manifest and adopts it; true when it changed. Fatal when a newer writer is in it. */
  async refresh(): Promise<boolean> {
    try {
      await this.manifest.refresh()
    } catch (error) {
      if (!isSlateDBError(error) || error.kind !== 'Unavailable') this.fail(error)
      throw error
    }
    const current = this.manifest.owned
    // Whatever call read it: a flush that lost a race, another refresh.
    if (current.id === this.state.view.manifest.id) return false
    this.state.install(current)
    // A table of a flush under way is not in any manifest yet; its cached blocks must not be dropped for that.
    if (!this.flusher.isPending) this.tables.keepOnly(tableIdsOf(current.value))
    this.flusher.poke()
    return true
  }

  /** What ended the handle, or made its close fail, when it was not a clean close. */
  failure: SlateDBError | undefined

  /** A background part failed for good: the handle ends, everything that waits settles (ER-6). */
  fail(error: unknown): void {
    // What is cut off by the end itself is no failure.
    if (this.#abort.signal.aborted) return
    const reason = isSlateDBError(error) && error.closeReason === 'Fenced' ? 'Fenced' : 'Panic'
    const { logger } = this.env
    if (reason === 'Fenced') {
      logger.warn('a newer writer took the database over; this handle is closed', {
        ...this.#place(),
        ...this.manifest.successor,
      })
    } else logger.error('a background task failed; the database handle is closed', { ...this.#place(), error })
    const ended = this.state.end(reason, error)
    // A handle that is closing has ended already; what fails then is what its close rejects with.
    this.failure =
      ended.closeReason !== 'Clean' ? ended : isSlateDBError(error) ? error : closedError(reason, undefined, error)
    // A fenced writer makes no further request (EP-6); what waits learns why.
    this.#abort.abort(this.failure)
  }

  /** Which database, for the log. */
  #place(): { readonly store: string; readonly path: string } {
    return { store: this.#store.describe(), path: this.#path }
  }

  /** Ends all background work. Never rejects. */
  async stop(reason: unknown): Promise<void> {
    this.waits.stop()
    this.#forget()
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    await Promise.all([this.poller.stop(), this.flusher.stop(reason), this.wal?.close(reason)])
    for (const frozen of this.state.frozen) frozen.ticket.fail(reason)
    this.state.activeTicket.fail(reason)
    this.state.changed.close(reason)
  }

  /** Ends every request still under way. */
  abortWith(reason: unknown): void {
    this.#abort.abort(reason)
  }

  /**
   * CL-9: what the manifest does not know yet of the WAL ids that were used, and of snapshots that were closed. When every row is in L0 the replay point
   * moves along, past the fence of this session, so that the next open has nothing to read.
   */
  async writeLastManifest(): Promise<void> {
    const { state } = this
    const nextWalId = this.#nextWalId()
    const isEmpty = state.frozen.length === 0 && state.view.memtable.rowCount === 0
    await this.manifest.update(
      (current) => {
        const replayAfterWalId = isEmpty ? Math.max(current.replayAfterWalId, nextWalId - 1) : current.replayAfterWalId
        const last = this.#stamp({ ...current, replayAfterWalId })
        const isKnown =
          current.nextWalId === last.nextWalId &&
          current.replayAfterWalId === replayAfterWalId &&
          current.recentSnapshotMinSeq === last.recentSnapshotMinSeq
        return isKnown ? undefined : last
      },
      { timeoutMs: this.settings.manifestUpdateTimeout },
    )
  }
}
