// Frozen memtables become L0 tables: built and uploaded a few at a time in sequence order (FL-1..FL-6), published in
// order, as many as are ready in one manifest version (FL-10..FL-14). A store that does not answer delays this and shows
// in the status; only fencing and damage end the handle.

import { EMPTY } from '../bytes/compare.ts'
import { mintUlid, ulidTime } from '../bytes/ids.ts'
import { EVERYTHING } from '../bytes/range.ts'
import { compareU64, toBigInt } from '../bytes/u64.ts'
import { END, type Step, WAIT } from '../cursor/cursor.ts'
import { foldForRewriting } from '../cursor/fold.ts'
import type { MergeOperator } from '../cursor/merge-operator.ts'
import { retain } from '../cursor/retention.ts'
import { type Env, sleep } from '../env/env.ts'
import type { Meter } from '../env/metrics.ts'
import { isSlateDBError, isStoreError } from '../errors.ts'
import type { Manifest } from '../format/manifest.ts'
import type { TableRef } from '../format/table-info.ts'
import { peakOverlap } from '../manifest/overlap.ts'
import { type L0Publication, newestL0Time, publishL0 } from '../manifest/publish.ts'
import type { ManifestRecord } from '../manifest/records.ts'
import { treesOf } from '../manifest/trees.ts'
import { type BuiltTable, TableBuilder, type TableOptions } from '../table/builder.ts'
import type { Tables } from '../table/tables.ts'
import type { WalWriter } from '../wal/contract.ts'
import type { Snapshots } from './snapshots.ts'
import type { Frozen, State } from './state.ts'
import { TableStream } from './table-stream.ts'

export interface FlusherOptions {
  readonly state: State
  readonly env: Env
  readonly tables: Tables
  readonly manifest: ManifestRecord
  readonly wal: WalWriter | undefined
  readonly snapshots: Snapshots
  readonly table: TableOptions
  readonly mergeOperator: MergeOperator | undefined
  readonly l0MaxSsts: number
  readonly l0MaxSstsPerKey: number
  readonly parallelism: number
  /** A manifest update gives up after this long, and is tried again. */
  readonly updateTimeoutMs: number
  /** What every manifest version of this writer carries afresh. */
  readonly stamp: (manifest: Manifest) => Manifest
  readonly onFatal: (error: unknown) => void
}

/** Building a table gives the event loop a turn after this many bytes: about 2 ms. */
const SLICE_BYTES = 1 << 20
const RETRY_MS = 1000
/**
 * Tables that grow beyond this leave in parts while they are built. Below it one PUT is cheaper, and sends again only what
 * is in memory anyway; tables of the default size stay below.
 */
const STREAM_BYTES = 96 * 1024 * 1024

interface Waiter {
  readonly frozen: Frozen
  /** Also content when nothing moves because L0 is full. */
  readonly orStalled: boolean
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

interface Job {
  readonly frozen: Frozen
  id: string
  /** `undefined` while it is built and uploaded; `null` when every row of the memtable was dropped. */
  table: TableRef | null | undefined
}

/** A table, and whether the store has it already. */
interface Encoded {
  readonly built: BuiltTable
  readonly sent: boolean
}

export class Flusher {
  readonly #options: FlusherOptions
  readonly #flushes: Meter
  readonly #uploads: Meter
  readonly #commits: Meter
  readonly #flushBytes: Meter
  readonly #numStalls: Meter
  readonly #keyStalls: Meter
  /** Oldest first. */
  #jobs: Job[] = []
  #publishing: Promise<void> | undefined
  #publishAgain = false
  #lastIdTime = 0
  #stopped = false
  #ignoresLimits = false
  readonly #builds = new Set<Promise<void>>()
  #waiters: Waiter[] = []

  constructor(options: FlusherOptions) {
    this.#options = options
    const { metrics } = options.env
    this.#flushes = metrics.counter('slatedb.db.immutable_memtable_flushes')
    this.#uploads = metrics.counter('slatedb.memtable_flush.l0_upload_count')
    this.#commits = metrics.counter('slatedb.memtable_flush.l0_flush_count')
    this.#flushBytes = metrics.counter('slatedb.db.l0_flush_bytes')
    this.#numStalls = metrics.counter('slatedb.db.l0_stall_count', { type: 'num_ssts' })
    this.#keyStalls = metrics.counter('slatedb.db.l0_stall_count', { type: 'num_ssts_per_key' })
  }

  /** True while a memtable waits for room in L0, or for its upload or publication. */
  get isPending(): boolean {
    return this.#options.state.frozen.length > 0
  }

  /** Looks for work: after a freeze, a completion, a manifest refresh. */
  poke(): void {
    if (this.#stopped) return
    const { state, parallelism } = this.#options
    // Strictly oldest first; never skip one that must wait, or newer ones fill its place for good (BG-9).
    for (let i = state.frozen.length - 1; i >= 0; i--) {
      const frozen = state.frozen[i]!
      if (this.#jobs.some((job) => job.frozen === frozen)) continue
      const busy = this.#jobs.filter((job) => job.table === undefined).length
      if (busy >= parallelism) break
      const full = this.#fullness()
      if (full !== undefined) {
        const stalls = full === 'count' ? this.#numStalls : this.#keyStalls
        stalls.value++
        break
      }
      const job: Job = { frozen, id: this.#mint(), table: undefined }
      this.#jobs.push(job)
      const build = this.#build(job).finally(() => this.#builds.delete(build))
      this.#builds.add(build)
    }
    this.#publish()
    this.#settle()
  }

  /** True while somebody waits for a memtable to be published. */
  get isAwaited(): boolean {
    return this.#waiters.length > 0
  }

  /** Calls that wait for a memtable to be published. */
  get waitingFlushes(): number {
    return this.#waiters.length
  }

  /**
   * Resolves when `frozen` is published, or, `orStalled`, when nothing moves because L0 is full; rejects when an attempt
   * to get there failed meanwhile, or the handle ended.
   */
  published(frozen: Frozen, orStalled = false): Promise<void> {
    const { state } = this.#options
    if (!state.frozen.includes(frozen)) return Promise.resolve()
    if (this.#stopped) return Promise.reject(state.ended)
    return new Promise((resolve, reject) => {
      this.#waiters.push({ frozen, orStalled, resolve, reject })
      this.poke()
    })
  }

  /** No new work; resolves when what runs has ended. Those who wait get `reason`. */
  async stop(reason: unknown): Promise<void> {
    this.#stopped = true
    for (const waiter of this.#waiters.splice(0)) waiter.reject(reason)
    await this.#publishing
    await Promise.all(this.#builds)
  }

  /** The handle closes and its rows are nowhere else: from now on a full L0 takes more. */
  ignoreLimits(): void {
    this.#ignoresLimits = true
    this.poke()
  }

  /** FL-4: the limit that L0 has reached. */
  #fullness(): 'count' | 'overlap' | undefined {
    if (this.#ignoresLimits) return undefined
    const { state, l0MaxSsts, l0MaxSstsPerKey } = this.#options
    let count = 0
    let overlap = 0
    for (const { tree } of treesOf(state.view.manifest.value)) {
      count = Math.max(count, tree.l0.length)
      overlap = Math.max(overlap, peakOverlap(tree.l0))
    }
    const reserved = this.#jobs.length
    if (count + reserved >= l0MaxSsts) return 'count'
    return overlap + reserved >= l0MaxSstsPerKey ? 'overlap' : undefined
  }

  /** FL-2: one clock for all ids, never behind the newest L0, so that a collector never takes an unpublished table. */
  #mint(): string {
    const { env, state } = this.#options
    const wall = env.clock.now()
    // A clock that makes no sense stamps no rows, and no table either (`WriteClock`).
    const now = Number.isFinite(wall) ? wall : 0
    const time = Math.max(now, this.#lastIdTime, newestL0Time(state.view.manifest.value))
    this.#lastIdTime = time
    return mintUlid(time, env.random.bytes(10))
  }

  async #build(job: Job): Promise<void> {
    const { env, tables, wal, onFatal } = this.#options
    try {
      // Its WAL rows must be durable before the manifest claims them (FL-10).
      void wal?.flush().catch(() => {})
      let built: BuiltTable | undefined
      for (;;) {
        try {
          // Built once; only what failed is done again (FL-3). A table that was sent in parts is gone when that fails.
          const encoded = built === undefined ? await this.#encodeFolded(job) : { built, sent: false }
          built = encoded?.built
          if (encoded?.sent) job.table = tables.adopt(job.id, encoded.built)
          else job.table = built === undefined ? null : await tables.write(job.id, built)
          break
        } catch (error) {
          if (!this.#mayRetry(error)) throw error
          this.#report(error)
          if (this.#stopped) return
          await sleep(env.clock, RETRY_MS, { label: 'l0 upload retry' })
          if (this.#stopped) return
        }
      }
      if (built !== undefined) {
        this.#uploads.value++
        this.#flushBytes.value += built.size
      }
      this.poke()
    } catch (error) {
      onFatal(error)
    }
  }

  /** An operator that throws must not end the database: operands are then kept as they are, and reads report it (MO-7). */
  async #encodeFolded(job: Job): Promise<Encoded | undefined> {
    const { mergeOperator, env } = this.#options
    if (mergeOperator !== undefined) {
      try {
        return await this.#encode(job, mergeOperator)
      } catch (error) {
        if (!isSlateDBError(error) || error.code !== 'SLATEDB_MERGE_OPERATOR') throw error
        env.logger.warn('the merge operator failed while a memtable was flushed; its operands stay unmerged', { error })
      }
    }
    return this.#encode(job, undefined)
  }

  async #encode(job: Job, mergeOperator: MergeOperator | undefined): Promise<Encoded | undefined> {
    const { env, snapshots, table, tables } = this.#options
    const { memtable, lastTick } = job.frozen
    const minSeq = this.#retentionBound(job.frozen)
    // A row kept only for an older reader must not be folded into a newer one: the bound is also the fold's barrier.
    const rows = memtable.cursor(EVERYTHING, false)
    const folded = mergeOperator === undefined ? rows : foldForRewriting(rows, mergeOperator, minSeq)
    // D4: what an open snapshot shows does not expire under it. A smaller instant only keeps more.
    const nowTs = Math.min(lastTick, snapshots.expiryBound())
    const cursor = retain(folded, { minSeq, nowTs, dropTailTombstones: false, pacer: env.turns })
    const builder = new TableBuilder({ ...table, keepBlocks: tables.admits(memtable.encodedSize) })
    let stream: TableStream | undefined
    try {
      let sliceEnd = SLICE_BYTES
      for (let step: Step; (step = cursor.next()) !== END; ) {
        if (step === WAIT) {
          await cursor.ready()
          continue
        }
        builder.add(cursor.row)
        if (builder.estimatedSize >= sliceEnd) {
          sliceEnd = builder.estimatedSize + SLICE_BYTES
          await builder.settle()
          if (builder.finishedSize >= STREAM_BYTES) {
            stream ??= await this.#startStream(job)
            await stream?.push(builder.drain())
          }
          await env.clock.yield()
        }
      }
      if (builder.rowCount === 0) return undefined
      const built = await builder.finish()
      await stream?.complete(built.body)
      return { built, sent: stream !== undefined }
    } catch (error) {
      if (stream !== undefined) {
        stream.abort()
        // What was sent may still appear, and the next attempt may keep other rows: it gets a name of its own, as old as
        // this one (FL-2), so that a late answer of the store never replaces a table that the manifest knows.
        job.id = mintUlid(ulidTime(job.id), env.random.bytes(10))
      }
      throw error
    }
  }

  /**
   * FL-6: versions that a newer one hides are needed down to this sequence number. With a WAL that is the memtable's last
   * one although it may not be durable yet, because the table is published, and read, only once it is (FL-10).
   */
  #retentionBound({ seqHi, seqLo }: Frozen): { readonly hi: number; readonly lo: number } {
    const { state, snapshots, wal } = this.#options
    const lastCounts = wal !== undefined && !state.isDurable(seqHi, seqLo)
    const bound = lastCounts ? { hi: seqHi, lo: seqLo } : { hi: state.durableSeqHi, lo: state.durableSeqLo }
    const oldest = snapshots.oldest()
    if (oldest === undefined || compareU64(oldest.seqHi, oldest.seqLo, bound.hi, bound.lo) >= 0) return bound
    return { hi: oldest.seqHi, lo: oldest.seqLo }
  }

  /** `undefined` on a store without uploads in parts, which gets the table in one request. */
  async #startStream({ id }: Job): Promise<TableStream | undefined> {
    try {
      const upload = await this.#options.tables.startUpload(id)
      return upload && new TableStream(upload)
    } catch (error) {
      if (isStoreError(error, 'NotSupported')) return undefined
      throw error
    }
  }

  #publish(): void {
    if (this.#publishing !== undefined) {
      this.#publishAgain = true
      return
    }
    if (this.#ready().length === 0) return
    this.#publishing = this.#publishReady().finally(() => {
      this.#publishing = undefined
      if (this.#publishAgain) {
        this.#publishAgain = false
        this.poke()
      }
    })
  }

  /** Oldest first: uploaded, and durable in the WAL. */
  #ready(): Job[] {
    const { state, wal } = this.#options
    const ready: Job[] = []
    for (const job of this.#jobs) {
      if (job.table === undefined) break
      if (wal !== undefined && !state.isDurable(job.frozen.seqHi, job.frozen.seqLo)) break
      ready.push(job)
    }
    return ready
  }

  async #publishReady(): Promise<void> {
    const { state, manifest, stamp, updateTimeoutMs, env, onFatal } = this.#options
    const ready = this.#ready()
    try {
      for (;;) {
        try {
          await manifest.update((current) => stamp(publishL0(current, publications(ready, current))), {
            timeoutMs: updateTimeoutMs,
          })
          // A successor's version may have been read since: by its numbers our other memtables would count as stored.
          const current = manifest.owned
          this.#jobs.splice(0, ready.length)
          const last = ready[ready.length - 1]!.frozen
          state.install(current)
          state.raiseDurable(last.seqHi, last.seqLo)
          for (const job of ready) job.frozen.ticket.succeed()
          this.#flushes.value += ready.length
          this.#commits.value++
          state.setDegraded(undefined)
          this.#settle()
          break
        } catch (error) {
          if (!this.#mayRetry(error)) throw error
          this.#report(error)
          if (this.#stopped) return
          await sleep(env.clock, RETRY_MS, { label: 'l0 publish retry' })
          if (this.#stopped) return
        }
      }
      this.#publishAgain = true
    } catch (error) {
      onFatal(error)
    }
  }

  /** Nothing is under way, and the next memtable finds no room in L0. */
  get isStuck(): boolean {
    return this.#jobs.length === 0 && this.#options.state.frozen.length > 0 && this.#fullness() !== undefined
  }

  #settle(): void {
    const { state } = this.#options
    const waiting = this.#waiters
    this.#waiters = []
    for (const waiter of waiting) {
      if (!state.frozen.includes(waiter.frozen) || (waiter.orStalled && this.isStuck)) waiter.resolve()
      else this.#waiters.push(waiter)
    }
  }

  /** The store gave up on one attempt: tell those who wait, and go on trying. */
  #report(error: unknown): void {
    this.#options.state.setDegraded(error)
    for (const frozen of this.#options.state.frozen) frozen.ticket.report(error)
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error)
  }

  #mayRetry(error: unknown): boolean {
    return isSlateDBError(error) && error.kind === 'Unavailable'
  }
}

function publications(jobs: readonly Job[], current: Manifest): L0Publication[] {
  // Rows without create_ts leave the data clock where it is.
  let tick = current.lastL0ClockTick
  return jobs.map(({ frozen, id, table }) => {
    tick = Math.max(tick, frozen.lastTick)
    return {
      views:
        table === null || table === undefined
          ? []
          : [{ prefix: EMPTY, view: { viewId: id, table, visibleRange: undefined } }],
      replayAfterWalId: frozen.replayAfterWalId,
      lastTick: tick,
      lastSeq: toBigInt(frozen.seqHi, frozen.seqLo),
      tracker: frozen.tracker,
    }
  })
}
