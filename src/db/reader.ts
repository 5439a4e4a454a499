// A reader that follows the newest state and writes nothing, ever (mode FollowLatest of protocols.md 10.2): it reads the
// manifest and the WAL behind it, again and again. It shows a durable prefix of the history and never goes back.

import type { KeyRange } from '../bytes/range.ts'
import { compareU64, hiOf, loOf } from '../bytes/u64.ts'
import { normalizeMergeOperator } from '../cursor/merge-operator.ts'
import { Row } from '../cursor/row.ts'
import type { Env } from '../env/env.ts'
import { createEnv } from '../env/system.ts'
import { type CloseReason, dataError, isSlateDBError } from '../errors.ts'
import type { Manifest } from '../format/manifest.ts'
import { Paths, tableResolver } from '../format/paths.ts'
import { requireCheckpoint } from '../manifest/checkpoints.ts'
import { manifestVersions } from '../manifest/records.ts'
import { tableIdsOf } from '../manifest/trees.ts'
import { Memtable } from '../memtable/memtable.ts'
import type { RequestCounts } from '../objects/request-counts.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { Versioned } from '../objects/versioned.ts'
import type { KeyValue } from '../read/key-value.ts'
import type { ReadOptions, ScanOptions } from '../read/options.ts'
import { Reads } from '../read/reads.ts'
import { PlainRecord, Shown, stateOf } from '../shown.ts'
import { BlockCache } from '../table/block-cache.ts'
import { Tables } from '../table/tables.ts'
import { REPLAY_AHEAD, REPLAY_AHEAD_BYTES, replayWal } from '../wal/replay.ts'
import { listWalTail, type WalTail, walTruncated } from '../wal/tail.ts'
import { WriteClock } from '../write/clock.ts'
import { State, type VersionedManifest } from '../write/state.ts'
import { checkListener } from './call-options.ts'
import { checkInitialized } from './check-manifest.ts'
import { type CommonOptions, checkCommon, filterPoliciesOf, OPEN_READER, wrapStores } from './options.ts'
import { Poller } from './poller.ts'
import { ReadSide } from './read-side.ts'
import type { Scan } from './scan.ts'
import { StoreGuard } from './store-guard.ts'

type MaybePromise<T> = T | Promise<T>

export interface ReaderOptions extends CommonOptions {
  /** How often the store is looked at. Default 10 s. */
  readonly pollIntervalMs?: number | undefined
  /** WAL rows are kept in memtables of about this many bytes. Default 64 MiB. */
  readonly maxMemtableBytes?: number | undefined
  /** Shows only what is in tables, reads no WAL. Default false. */
  readonly skipWalReplay?: boolean | undefined
  /** Shows what this checkpoint holds and nothing else: it neither polls nor follows. */
  readonly checkpointId?: string | undefined
  /** Retries per request of the store; default without end. */
  readonly maxRetries?: number | undefined
}

export interface ReaderStatus {
  /** Every row shown has at most this sequence number; all of them are durable. */
  readonly durableSeq: bigint
  readonly closeReason: CloseReason | undefined
  readonly degraded: unknown
  readonly manifestId: number
}

/** @throws Data when there is no database, or it is damaged; Unavailable when the store does not answer. */
export async function openReader(options: ReaderOptions): Promise<DbReader> {
  checkCommon(OPEN_READER, options)
  const env = options.env ?? createEnv()
  const abort = new AbortController()
  const guard = new StoreGuard(env.clock, abort, options)
  try {
    return await open(options, env, abort, guard)
  } finally {
    guard.done()
  }
}

async function open(options: ReaderOptions, env: Env, abort: AbortController, guard: StoreGuard): Promise<DbReader> {
  const paths = new Paths(options.path)
  const stores = wrapStores(options, env, 'reader', {
    maxRetries: options.maxRetries,
    signal: abort.signal,
    silenceMs: () => guard.silenceMs,
    onTrouble: (error) => guard.onTrouble(error),
  })
  const manifest = manifestVersions(stores.main, env, paths)
  const latest = await manifest.readLatest()
  if (latest === undefined) {
    throw dataError(
      'MANIFEST_MISSING',
      `there is no database at ${JSON.stringify(paths.root)}: create it with a writer`,
    )
  }
  checkInitialized(latest.value, paths)
  const { checkpointId } = options
  const base = checkpointId === undefined ? latest : await versionOf(checkpointId, latest.value, manifest)
  const cache = options.cache === undefined ? new BlockCache() : options.cache || BlockCache.none()
  const tables = new Tables({
    store: stores.main,
    paths: { table: tableResolver(paths, base.value) },
    cache,
    env,
    filterPolicies: filterPoliciesOf(options, 10),
    transformer: options.transformer,
  })
  const reader = new DbReader({
    env,
    manifest,
    paths,
    wal: stores.wal,
    base,
    isPinned: checkpointId !== undefined,
    state: new State(tables, base, env.logger),
    reads: new Reads(tables, normalizeMergeOperator(options.mergeOperator), env.turns),
    counts: stores.instrumented.counts,
    abort,
    options,
  })
  await reader.catchUp()
  options.signal?.throwIfAborted()
  reader.start()
  return reader
}

/** The version that a checkpoint pins. Old ones are not sought through the newest, and never change (MS-8). */
async function versionOf(id: string, latest: Manifest, versions: Versioned<Manifest>): Promise<VersionedManifest> {
  const { manifestId } = requireCheckpoint(latest, id)
  const value = await versions.readVersion(manifestId)
  if (value === undefined) {
    throw dataError('CHECKPOINT_MISSING', `manifest ${manifestId}, which checkpoint ${id} pins, does not exist`)
  }
  return { id: manifestId, value }
}

interface ReaderParts {
  readonly env: Env
  readonly manifest: Versioned<Manifest>
  /** What is shown first, and always by a pinned reader. */
  readonly base: VersionedManifest
  readonly isPinned: boolean
  readonly paths: Paths
  readonly wal: ObjectStore
  readonly state: State
  readonly reads: Reads
  readonly counts: RequestCounts
  readonly abort: AbortController
  readonly options: ReaderOptions
}

export class DbReader extends Shown {
  readonly env: Env
  /** Every request made so far. */
  readonly requests: RequestCounts
  readonly #parts: ReaderParts
  readonly #reads: ReadSide
  readonly #poller: Poller
  readonly #clock: WriteClock
  /** Last WAL id whose rows are all here, or in tables. */
  #consumedId = 0
  #round: Promise<boolean> | undefined
  #closing: Promise<void> | undefined

  constructor(parts: ReaderParts) {
    super()
    const { env, state, options } = parts
    this.env = env
    this.requests = parts.counts
    this.#parts = parts
    this.#clock = new WriteClock(env)
    const intervalMs = options.pollIntervalMs ?? 10_000
    this.#poller = new Poller({
      env,
      name: 'reader poll',
      intervalMs,
      // PN-13: its poll is its freshness, so it does not back off.
      idleIntervalMs: intervalMs,
      // DR-10, D11: whatever the trouble, keep serving what is here, show it, try again.
      refresh: () =>
        this.refresh().catch((error) => {
          this.#degrade(error)
          return false
        }),
      isBusy: () => false,
      isStale: () => false,
      onFatal: (error) => this.#degrade(error),
      onDegraded: (error) => this.#degrade(error),
    })
    this.#reads = new ReadSide({ state, env, reads: parts.reads, touch: () => {}, refresh: () => this.refresh() })
    this.#adopt(parts.base)
  }

  override shown(): object {
    const { durableSeq, manifestId, closeReason } = this.status
    return { ...stateOf(closeReason), durableSeq, manifestId }
  }

  get status(): ReaderStatus {
    const { state } = this.#parts
    return Object.assign(new PlainRecord(), {
      durableSeq: state.durableSeq,
      closeReason: state.ended?.closeReason,
      degraded: state.degraded,
      manifestId: state.view.manifest.id,
    })
  }

  get manifest(): VersionedManifest {
    return this.#parts.state.view.manifest
  }

  /** The instant at which expiry is judged. */
  wallNow(): number {
    return this.#clock.now()
  }

  onStatus(listener: () => void): () => void {
    checkListener('onStatus', listener)
    return this.#parts.state.onChange(listener)
  }

  get(key: Uint8Array, options?: ReadOptions): MaybePromise<Uint8Array | undefined> {
    return this.#reads.get(key, undefined, options)
  }

  getRow(key: Uint8Array, options?: ReadOptions): MaybePromise<KeyValue | undefined> {
    return this.#reads.getRow(key, undefined, options)
  }

  getMany(keys: readonly Uint8Array[], options?: ReadOptions): Promise<(Uint8Array | undefined)[]> {
    return this.#reads.getMany(keys, undefined, options)
  }

  scan(range: KeyRange, options?: ScanOptions): Scan {
    return this.#reads.scan(range, undefined, options)
  }

  /** Looks at the store now; true when something new came. Rounds never overlap. */
  refresh(): Promise<boolean> {
    this.#parts.state.check()
    if (this.#parts.isPinned) return Promise.resolve(false)
    this.#round ??= this.#look().finally(() => {
      this.#round = undefined
    })
    return this.#round
  }

  /** Ends the handle. A second call waits for the first. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { state } = this.#parts
    const ended = state.end('Clean')
    this.#parts.abort.abort(ended)
    await this.#poller.stop()
    await this.#round?.catch(() => {})
    state.changed.close(ended)
  }

  /** First round, while opening: its errors are the caller's. */
  async catchUp(): Promise<void> {
    const tail = await this.#listTail()
    if (tail !== undefined && this.#parts.isPinned) return this.#replayPinned(tail)
    // Nothing behind the manifest: it needs no second look.
    if (tail === undefined || tail.sizes.size === 0) return
    if (await this.#parts.manifest.refresh()) this.#adopt(this.#parts.manifest.current!)
    await this.#replay(tail)
  }

  start(): void {
    if (!this.#parts.isPinned) this.#poller.start()
  }

  async #look(): Promise<boolean> {
    const { manifest, state } = this.#parts
    const before = state.durableSeq
    // The log first: what a writer without a WAL published before these files were written is only in the manifest, and
    // one read earlier than the list may lack it. Rows would then show without those that were committed before them.
    const tail = await this.#listTail()
    const changed = await manifest.refresh()
    if (changed) this.#adopt(manifest.current!)
    if (tail !== undefined) await this.#replay(tail)
    state.setDegraded(undefined)
    return changed || state.durableSeq !== before
  }

  /** DR-8: a newer manifest; memtables keep only rows that it does not have in tables yet. */
  #adopt(next: VersionedManifest): void {
    const { state } = this.#parts
    const { lastL0Seq, lastL0ClockTick, replayAfterWalId } = next.value
    const hi = hiOf(lastL0Seq)
    const lo = loOf(lastL0Seq)
    const kept = [state.view.memtable, ...state.view.frozen].map((one) => rowsAfter(one, hi, lo))
    state.view = { ...state.view, memtable: kept[0]!, frozen: kept.slice(1).filter((one) => one.rowCount > 0) }
    // The bound first: who is told of the new view must not see it under the old one.
    state.raiseSeq(hi, lo)
    state.install(next)
    state.raiseDurable(hi, lo)
    state.tables.keepOnly(tableIdsOf(next.value))
    this.#clock.raise(lastL0ClockTick)
    this.#consumedId = Math.max(this.#consumedId, replayAfterWalId)
  }

  async #listTail(): Promise<WalTail | undefined> {
    const { wal, paths, options } = this.#parts
    return options.skipWalReplay === true ? undefined : listWalTail(wal, paths, this.#consumedId)
  }

  /** DR-3: what the log held when the version was written, all of it. */
  async #replayPinned(tail: WalTail): Promise<void> {
    const { base, paths } = this.#parts
    const end = base.value.nextWalId
    await this.#replay(tail, end - 1)
    if (this.#consumedId + 1 < end) throw walTruncated(paths, this.#consumedId + 1)
  }

  /** Applies the files behind what was consumed, up to the first that is missing. */
  async #replay(tail: WalTail, last = Number.POSITIVE_INFINITY): Promise<void> {
    const { wal, paths, options, env } = this.#parts
    let to = this.#consumedId
    while (to < last && tail.sizes.has(to + 1)) to++
    if (to === this.#consumedId) return
    let seqHi = 0
    let seqLo = 0
    try {
      await replayWal({
        store: wal,
        paths,
        from: this.#consumedId + 1,
        to,
        sizes: tail.sizes,
        transformer: options.transformer,
        turns: env.turns,
        ahead: REPLAY_AHEAD,
        aheadBytes: REPLAY_AHEAD_BYTES,
        onRow: (row) => {
          this.#insert(row)
          seqHi = row.seqHi
          seqLo = row.seqLo
        },
        onFile: (id) => this.#finishFile(id, seqHi, seqLo),
      })
    } catch (error) {
      // DR-5: a file that was collected meanwhile ends this round; the next one sees the manifest that allowed it.
      if (!isSlateDBError(error) || error.code !== 'SLATEDB_WAL_TRUNCATED') throw error
      env.logger.debug('a WAL object was collected while it was to be read', { error })
    }
  }

  #insert(row: Row): void {
    const { view } = this.#parts.state
    const { lastL0Seq } = view.manifest.value
    if (compareU64(row.seqHi, row.seqLo, hiOf(lastL0Seq), loOf(lastL0Seq)) <= 0) return
    view.memtable.insertRow(row)
  }

  /** A file is whole: its rows become visible together. */
  #finishFile(id: number, seqHi: number, seqLo: number): void {
    const { state, options } = this.#parts
    const { view } = state
    this.#consumedId = id
    state.raiseSeq(seqHi, seqLo)
    state.raiseDurable(seqHi, seqLo)
    this.#clock.raise(view.memtable.lastTick)
    if (view.memtable.encodedSize >= (options.maxMemtableBytes ?? 64 * 1024 * 1024)) {
      state.view = { ...view, memtable: new Memtable(), frozen: [view.memtable, ...view.frozen] }
    }
  }

  #degrade(error: unknown): void {
    const { state, env } = this.#parts
    state.setDegraded(error)
    if (error !== undefined) env.logger.warn('the reader could not look at the store; it keeps its state', { error })
  }
}

/** The memtable itself when all its rows are newer; else one with the newer rows only. */
function rowsAfter(memtable: Memtable, hi: number, lo: number): Memtable {
  if (memtable.rowCount === 0 || compareU64(memtable.firstSeqHi, memtable.firstSeqLo, hi, lo) > 0) return memtable
  const kept = new Memtable()
  if (compareU64(memtable.lastSeqHi, memtable.lastSeqLo, hi, lo) <= 0) return kept
  const row = new Row()
  for (let id = 0; id < memtable.rowCount; id++) {
    memtable.row(id, row)
    if (compareU64(row.seqHi, row.seqLo, hi, lo) > 0) kept.insertRow(row)
  }
  return kept
}
