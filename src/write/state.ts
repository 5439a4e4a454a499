// What one open database holds in memory: the view that readers capture, the watermarks, and how it ended. Everything
// here changes in synchronous steps; a reader that captured a view is never disturbed.

import { compareU64, hiOf, loOf, toBigInt } from '../bytes/u64.ts'
import { observe } from '../env/callback.ts'
import type { Logger } from '../env/logger.ts'
import { Watch } from '../env/watch.ts'
import { type CloseReason, closedError, isSlateDBError, repeated, type SlateDBError } from '../errors.ts'
import type { Manifest } from '../format/manifest.ts'
import type { SequenceTracker } from '../format/sequence-tracker.ts'
import { Memtable } from '../memtable/memtable.ts'
import { levelsOf, type View } from '../read/view.ts'
import type { Tables } from '../table/tables.ts'
import { FlushTicket } from '../wal/ticket.ts'

/** A memtable that takes no more rows, on its way to L0. */
export interface Frozen {
  readonly memtable: Memtable
  /** Every row of every WAL file up to this id is in this memtable or an older one (W-16). */
  readonly replayAfterWalId: number
  /** Of its newest row. */
  readonly seqHi: number
  readonly seqLo: number
  /** Greatest create_ts of its rows. */
  readonly lastTick: number
  readonly tracker: SequenceTracker
  /** Settles when it is published: how writes become durable without a WAL. */
  readonly ticket: FlushTicket
}

export interface VersionedManifest {
  readonly id: number
  readonly value: Manifest
}

export class State {
  readonly tables: Tables
  /** Told about every change of the watermarks, the frozen list, the manifest and the end. */
  readonly changed = new Watch()
  /** Everything a read needs, swapped whole. */
  view: View
  /** Newest first, as in the view. */
  frozen: readonly Frozen[] = []
  /** Last sequence number given out; equal to the last committed one, since a commit is one synchronous step. */
  lastSeqHi = 0
  lastSeqLo = 0
  durableSeqHi = 0
  durableSeqLo = 0
  /** Of the active memtable: settles its writes when there is no WAL. */
  activeTicket: FlushTicket
  /** Set once: every later call fails with it. */
  ended: SlateDBError | undefined
  /** The store does not answer; work goes on. */
  degraded: unknown
  readonly #listeners = new Set<() => void>()
  readonly #logger: Logger
  readonly #onWait: (() => void) | undefined

  /** `onWait`: somebody waits for rows of the active memtable to become durable with it. */
  constructor(tables: Tables, manifest: VersionedManifest, logger: Logger, onWait?: () => void) {
    this.#logger = logger
    this.#onWait = onWait
    this.activeTicket = new FlushTicket(onWait)
    this.tables = tables
    this.view = { memtable: new Memtable(), frozen: [], manifest, levels: levelsOf(manifest.value, tables) }
  }

  get lastSeq(): bigint {
    return toBigInt(this.lastSeqHi, this.lastSeqLo)
  }

  get durableSeq(): bigint {
    return toBigInt(this.durableSeqHi, this.durableSeqLo)
  }

  /** Estimated encoded bytes of rows that are not yet in L0. */
  get memtableBytes(): number {
    let bytes = this.view.memtable.encodedSize
    for (const one of this.view.frozen) bytes += one.encodedSize
    return bytes
  }

  check(): void {
    if (this.ended !== undefined) throw repeated(this.ended)
  }

  /** Moves the active memtable to the frozen list. The caller fills in what it knows of it. */
  freeze(frozen: Omit<Frozen, 'memtable' | 'ticket'>): void {
    const { view } = this
    this.frozen = [{ ...frozen, memtable: view.memtable, ticket: this.activeTicket }, ...this.frozen]
    this.activeTicket = new FlushTicket(this.#onWait)
    this.view = { ...view, memtable: new Memtable(), frozen: this.frozen.map((one) => one.memtable) }
    this.#tell()
  }

  /**
   * Adopts a manifest, and drops the memtables whose rows it lists by now. It decides by the manifest alone: a look at the
   * store may see our own publication before the answer to it arrives, and a merge operand in both places counts twice.
   */
  install(manifest: VersionedManifest): void {
    const { view } = this
    let { frozen } = view
    const { lastL0Seq } = manifest.value
    const hi = hiOf(lastL0Seq)
    const lo = loOf(lastL0Seq)
    const unpublished = this.frozen.filter((one) => compareU64(one.seqHi, one.seqLo, hi, lo) > 0)
    if (unpublished.length < this.frozen.length) {
      // What a manifest lists is durable, whoever wrote it.
      for (const one of this.frozen) if (!unpublished.includes(one)) one.ticket.succeed()
      if (compareU64(hi, lo, this.durableSeqHi, this.durableSeqLo) > 0) {
        this.durableSeqHi = hi
        this.durableSeqLo = lo
      }
      this.frozen = unpublished
      frozen = unpublished.map((one) => one.memtable)
    }
    const levels = manifest.id === view.manifest.id ? view.levels : levelsOf(manifest.value, this.tables)
    this.view = { ...view, frozen, manifest, levels }
    this.#tell()
  }

  raiseSeq(hi: number, lo: number): void {
    if (compareU64(hi, lo, this.lastSeqHi, this.lastSeqLo) > 0) {
      this.lastSeqHi = hi
      this.lastSeqLo = lo
    }
  }

  raiseDurable(hi: number, lo: number): void {
    if (compareU64(hi, lo, this.durableSeqHi, this.durableSeqLo) <= 0) return
    this.durableSeqHi = hi
    this.durableSeqLo = lo
    this.#tell()
  }

  isDurable(hi: number, lo: number): boolean {
    return compareU64(hi, lo, this.durableSeqHi, this.durableSeqLo) <= 0
  }

  setDegraded(error: unknown): void {
    if (error === this.degraded) return
    this.degraded = error
    this.#tell()
  }

  /** The first end wins (ER-3). A cause that says itself why the handle is closed is the end, as it is. */
  end(reason: CloseReason, cause?: unknown): SlateDBError {
    if (this.ended === undefined) {
      this.ended = isSlateDBError(cause) && cause.closeReason === reason ? cause : closedError(reason, undefined, cause)
      this.#tell()
    }
    return this.ended
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #tell(): void {
    this.changed.notify()
    for (const listener of this.#listeners) {
      // A listener of the user's must not end a commit or a flush half-way.
      observe(listener, (error) => this.#logger.error('a status listener failed', { error }))
    }
  }
}
