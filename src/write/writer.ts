// A write is one synchronous breath: clock, sequence number, conflict check, memtable, WAL, visible. The event loop is
// the lock: no queue, no writer task. Only backpressure waits, and it waits before the breath.

import { showKey } from '../bytes/text.ts'
import { compareU64, hiOf, loOf, U32_MAX, U64_MAX } from '../bytes/u64.ts'
import type { MergeOperator } from '../cursor/merge-operator.ts'
import { MERGE, VALUE } from '../cursor/row.ts'
import { abortable, onAbort } from '../env/abort.ts'
import type { Env } from '../env/env.ts'
import type { Meter } from '../env/metrics.ts'
import { assert, conflict, internal, invalid } from '../errors.ts'
import { EMPTY_TRACKER, type SequenceTracker, trackerInsert } from '../format/sequence-tracker.ts'
import type { SeqBound } from '../read/reads.ts'
import type { WalWriter } from '../wal/contract.ts'
import { WriteBatch } from './batch.ts'
import type { WriteClock } from './clock.ts'
import { Conflicts, type Footprint } from './conflicts.ts'
import { WriteHandle } from './handle.ts'
import type { PutOptions, WriteOptions } from './options.ts'
import { Snapshots } from './snapshots.ts'
import type { State } from './state.ts'

export interface WriterOptions {
  readonly state: State
  readonly env: Env
  readonly clock: WriteClock
  /** `undefined`: no WAL, writes become durable with their memtable. */
  readonly wal: WalWriter | undefined
  /**
   * Greatest WAL id whose rows are all in memtables by now (W-16): the last flushed one; without a WAL the fence (W-19);
   * during replay the last file applied.
   */
  readonly freezeStamp: () => number
  readonly mergeOperator: MergeOperator | undefined
  /** As the database's format generation has it. */
  readonly maxKeyLength: number
  readonly defaultTtlMs: number | undefined
  readonly l0SstSizeBytes: number
  readonly maxWalFlushesBeforeL0Flush: number
  readonly maxUnflushedBytes: number
  /** A write begins to wait for room, or its wait is over. */
  readonly onWait: () => void
  /** A memtable was frozen. */
  readonly onFreeze: () => void
  readonly onFatal: (error: unknown) => void
}

type MaybePromise<T> = T | Promise<T>

/** Points of the sequence tracker lie at least this far apart (SQ-1). */
const TRACKER_SPACING_MS = 60_000
/** How long a stalled write waits at most before it looks again (W-30). */
const BACKPRESSURE_RECHECK_MS = 30_000

export class Writer {
  readonly snapshots: Snapshots
  readonly conflicts = new Conflicts()
  readonly #options: WriterOptions
  readonly #scratch = new WriteBatch()
  readonly #batches: Meter
  readonly #ops: Meter
  readonly #bytes: Meter
  readonly #stalls: Meter
  readonly #freezes: Meter
  /** Writes that wait for room. */
  #stalled = 0
  /** Calls inside `backpressure`: of the writes above the first, and those that wait on their own. */
  #waiting = 0
  /** They commit one after the other, in the order they came. */
  #turns: Promise<unknown> = Promise.resolve()
  #tracker: SequenceTracker = EMPTY_TRACKER
  /** A commit is under way, in this very call. */
  #committing = false
  #lastTracked = Number.NEGATIVE_INFINITY

  constructor(options: WriterOptions) {
    this.#options = options
    this.snapshots = new Snapshots(options.env, (pin) => this.conflicts.end(pin))
    const { metrics } = options.env
    this.#batches = metrics.counter('slatedb.db.write_batch_count')
    this.#ops = metrics.counter('slatedb.db.write_ops')
    this.#bytes = metrics.counter('slatedb.db.memtable_write_bytes')
    this.#stalls = metrics.counter('slatedb.db.backpressure_count')
    this.#freezes = metrics.counter('slatedb.memtable_flush.memtable_freeze_count')
  }

  get mergeOperator(): MergeOperator | undefined {
    return this.#options.mergeOperator
  }

  get unflushedBytes(): number {
    return this.#options.state.memtableBytes + (this.#options.wal?.bufferedBytes ?? 0)
  }

  put(key: Uint8Array, value: Uint8Array, options: PutOptions = {}): MaybePromise<WriteHandle> {
    const batch = this.#oneOp()
    batch.add(key, value, VALUE, options.ttl)
    return this.write(batch, options)
  }

  delete(key: Uint8Array, options: WriteOptions = {}): MaybePromise<WriteHandle> {
    const batch = this.#oneOp()
    batch.delete(key)
    return this.write(batch, options)
  }

  merge(key: Uint8Array, operand: Uint8Array, options: PutOptions = {}): MaybePromise<WriteHandle> {
    const batch = this.#oneOp()
    batch.add(key, operand, MERGE, options.ttl)
    return this.write(batch, options)
  }

  /** Commits at once, or after the stall when too much is unflushed. */
  write(batch: WriteBatch, options: WriteOptions = {}): MaybePromise<WriteHandle> {
    this.#options.state.check()
    if (batch.isEmpty) throw invalid('EMPTY_BATCH', 'empty write batch: put at least one operation into it')
    this.checkKeyLength(batch.longestKey)
    if (this.isStalled) return this.#writeAfterStall(batch, options)
    return this.commit(batch, options.seq)
  }

  /**
   * The breath. Errors before the memtable insert leave no trace (W-5).
   * `own`: a start of record-keeping that need not learn of this commit.
   * @throws Transaction when `footprint` conflicts; Invalid for a bad sequence number, batch or merge.
   */
  commit(batch: WriteBatch, seq?: bigint, footprint?: Footprint, own?: SeqBound): WriteHandle {
    this.#refuseNested()
    this.#committing = true
    let handle: WriteHandle
    try {
      handle = this.#commit(batch, seq, footprint, own)
    } finally {
      this.#committing = false
    }
    // Behind the commit: status listeners hear of it, and may write.
    if (this.#shouldFreeze()) this.freeze()
    return handle
  }

  #commit(
    batch: WriteBatch,
    seq: bigint | undefined,
    footprint: Footprint | undefined,
    own: SeqBound | undefined,
  ): WriteHandle {
    const { state, clock, wal, mergeOperator, defaultTtlMs } = this.#options
    state.check()
    if (footprint !== undefined) this.checkConflicts(footprint)
    const now = clock.tick()
    const rows = batch.prepare(mergeOperator, now, defaultTtlMs)
    this.#takeSeq(seq)
    const { lastSeqHi: seqHi, lastSeqLo: seqLo } = state

    const { memtable } = state.view
    const from = memtable.rowCount
    try {
      memtable.insertBatch(rows, seqHi, seqLo, now)
    } catch (error) {
      // Out of memory half-way through: a batch is whole or not at all, so this handle is over (ER-7).
      this.#options.onFatal(error)
      throw state.ended ?? error
    }
    const ticket = wal?.append(memtable, from, memtable.rowCount, seqHi, seqLo, rows.usedBytes) ?? state.activeTicket
    if (this.conflicts.isRecording(own)) {
      if (footprint === undefined) this.conflicts.record(seqHi, seqLo, batch.sortedKeys())
      else this.conflicts.record(seqHi, seqLo, footprint.writes, footprint.unmarked)
    }
    this.#track(now, state.lastSeqHi, state.lastSeqLo)
    this.#batches.value++
    this.#ops.value += rows.count
    this.#bytes.value += rows.usedBytes
    return new WriteHandle(seqHi, seqLo, now, ticket)
  }

  /**
   * A merge operator, a recorder or a clock that writes from inside a commit would come between its clock tick, its
   * sequence number and its conflict check, which are one step.
   */
  #refuseNested(): void {
    if (!this.#committing) return
    throw invalid(
      'NESTED_WRITE',
      'a write from inside another one: merge operators, recorders and clocks are called in the middle of a commit and ' +
        'must not write to the database; write later, for example in a microtask',
    )
  }

  /** @throws Invalid for keys that not every release this database is shared with can write. */
  checkKeyLength(length: number): void {
    const { maxKeyLength } = this.#options
    if (length <= maxKeyLength) return
    throw invalid(
      'KEY_TOO_LARGE',
      `keys have at most ${maxKeyLength} bytes in this database; this one has ${length}. Longer keys are for databases ` +
        "that only releases from 0.17 on share: open it with formatGeneration '0.17' or later",
    )
  }

  checkConflicts(footprint: Footprint): void {
    const key = this.conflicts.find(footprint)
    if (key !== undefined) {
      throw conflict(`transaction conflict on key ${showKey(key)}: another write committed first; run it again`)
    }
  }

  /** Freezes the active memtable if it holds anything. Runs between commits only, so its stamp is safe (W-16, W-17). */
  freeze(): void {
    const { state, clock, freezeStamp } = this.#options
    const { memtable } = state.view
    if (memtable.rowCount === 0) return
    assert(memtable.lastTick <= clock.last, 'the write clock is never behind a row')
    const tracker = this.#tracker
    // What a listener writes when it hears of the freeze is tracked with the next memtable.
    this.#tracker = EMPTY_TRACKER
    state.freeze({
      replayAfterWalId: freezeStamp(),
      seqHi: memtable.lastSeqHi,
      seqLo: memtable.lastSeqLo,
      lastTick: memtable.lastTick,
      tracker,
    })
    this.#freezes.value++
    this.#options.onFreeze()
  }

  /** Waits until there is room again (W-30). */
  async backpressure(signal?: AbortSignal): Promise<void> {
    const { state, env, wal, maxUnflushedBytes, onWait } = this.#options
    if (this.unflushedBytes < maxUnflushedBytes) return
    this.#waiting++
    onWait()
    try {
      while (this.unflushedBytes >= maxUnflushedBytes) {
        this.#stalls.value++
        if (state.frozen.length === 0) this.freeze()
        void wal?.flush().catch(() => {})
        const before = this.unflushedBytes
        await this.#untilRoom(() => this.unflushedBytes < before, env, signal)
        state.check()
      }
    } finally {
      this.#waiting--
      onWait()
    }
  }

  async #untilRoom(test: () => boolean, env: Env, signal: AbortSignal | undefined): Promise<void> {
    const { state } = this.#options
    let timedOut = false
    const cancel = env.clock.schedule(
      BACKPRESSURE_RECHECK_MS,
      () => {
        timedOut = true
        state.changed.notify()
      },
      { label: 'backpressure' },
    )
    const forget = signal && onAbort(signal, () => state.changed.notify())
    try {
      await state.changed.until(() => timedOut || signal?.aborted === true || state.ended !== undefined || test())
      signal?.throwIfAborted()
    } finally {
      cancel()
      forget?.()
    }
  }

  #writeAfterStall(batch: WriteBatch, options: WriteOptions): Promise<WriteHandle> {
    // Written as it is now, whatever its owner does with it while this waits.
    const own = batch.copy()
    const { signal } = options
    this.#stalled++
    const turn = this.#turns.then(async () => {
      try {
        signal?.throwIfAborted()
        await this.backpressure(signal)
        return this.commit(own, options.seq)
      } finally {
        this.#stalled--
      }
    })
    this.#turns = turn.catch(() => {})
    return abortable(turn, signal)
  }

  /** Writes that wait for room. */
  get waitingWrites(): number {
    return Math.max(this.#stalled, this.#waiting)
  }

  /** Too much is unflushed: writes wait (W-30). */
  get isStalled(): boolean {
    // Nobody overtakes those who wait already.
    return this.#stalled > 0 || this.unflushedBytes >= this.#options.maxUnflushedBytes
  }

  #oneOp(): WriteBatch {
    this.#options.state.check()
    // Before the batch is cleared that a commit is reading.
    this.#refuseNested()
    this.#scratch.clear()
    return this.#scratch
  }

  #takeSeq(seq: bigint | undefined): void {
    const { state } = this.#options
    if (seq !== undefined && seq !== 0n) {
      if (seq < 0n || seq > U64_MAX || compareU64(hiOf(seq), loOf(seq), state.lastSeqHi, state.lastSeqLo) <= 0) {
        throw invalid(
          'INVALID_SEQUENCE_NUMBER',
          `sequence number ${seq} must be greater than the last one, ${state.lastSeq}`,
        )
      }
      state.lastSeqHi = hiOf(seq)
      state.lastSeqLo = loOf(seq)
      return
    }
    if (state.lastSeqLo < U32_MAX) state.lastSeqLo++
    else {
      if (state.lastSeqHi === U32_MAX) throw internal('SEQUENCE_EXHAUSTED', 'all sequence numbers are used up')
      state.lastSeqHi++
      state.lastSeqLo = 0
    }
  }

  #track(now: number, seqHi: number, seqLo: number): void {
    if (now - this.#lastTracked < TRACKER_SPACING_MS) return
    this.#lastTracked = now
    this.#tracker = trackerInsert(this.#tracker, (BigInt(seqHi) << 32n) | BigInt(seqLo), Math.floor(now / 1000))
  }

  #shouldFreeze(): boolean {
    const { state, wal, l0SstSizeBytes, maxWalFlushesBeforeL0Flush } = this.#options
    if (state.view.memtable.encodedSize >= l0SstSizeBytes) return true
    if (wal === undefined) return false
    const point = state.frozen[0]?.replayAfterWalId ?? state.view.manifest.value.replayAfterWalId
    return wal.lastFlushedId - point >= maxWalFlushesBeforeL0Flush
  }
}
