// Opening a writer: a straight list of awaits (protocols.md 2.4, section 4). Db.close is its mirror.

import { loadCodec } from '../compress/codec.ts'
import { normalizeMergeOperator } from '../cursor/merge-operator.ts'
import type { Env } from '../env/env.ts'
import { createEnv } from '../env/system.ts'
import { isSlateDBError } from '../errors.ts'
import { initialManifest, type Manifest } from '../format/manifest.ts'
import { Paths, tableResolver } from '../format/paths.ts'
import { GENERATIONS, inGeneration, NEW_GENERATION, storedGeneration } from '../manifest/generation.ts'
import { type ManifestRecord, manifestVersions, writerManifest } from '../manifest/records.ts'
import type { ObjectStore } from '../objects/store.ts'
import { Reads } from '../read/reads.ts'
import { BlockCache } from '../table/block-cache.ts'
import { Tables } from '../table/tables.ts'
import { fenceWal } from '../wal/fence.ts'
import { REPLAY_AHEAD, REPLAY_AHEAD_BYTES, replayWal } from '../wal/replay.ts'
import { SstWalWriter } from '../wal/sst-wal-writer.ts'
import { EarlyTail, type WalTail } from '../wal/tail.ts'
import { WriteClock } from '../write/clock.ts'
import { Flusher } from '../write/flusher.ts'
import { stampManifest } from '../write/manifest-stamp.ts'
import { State } from '../write/state.ts'
import { Writer } from '../write/writer.ts'
import { checkedTail } from './check-log.ts'
import { checkManifest } from './check-manifest.ts'
import { Db } from './db.ts'
import { Engine } from './engine.ts'
import {
  checkCommon,
  checkedBlockSize,
  checkFencing,
  type DbOptions,
  filterPoliciesOf,
  OPEN_DB,
  wrapStores,
} from './options.ts'
import { Poller } from './poller.ts'
import { ReadSide } from './read-side.ts'
import { Replayer } from './replayer.ts'
import { checkSettings, defaultSettings, type Settings } from './settings.ts'
import { checkKinds } from './settings-check.ts'
import { OPEN_TIMEOUT_MS, StoreGuard } from './store-guard.ts'
import { checkOpenHere, checkTakeOver } from './take-over.ts'

/** A fenced writer looks this long for who fenced it. */
const SUCCESSOR_MS = 2000
/** AP-2: how long a handle may go at most without confirming that it is still the writer. */
const STALE_MAX_MS = 60_000

/**
 * Opens a database for reading and writing, creating it when there is none, and fences every older writer.
 * @throws Invalid for options that cannot work or do not fit the database; Closed(Fenced) when a newer writer overtook
 * this one; Data for damaged records or a gap in the WAL; Unavailable when the store does not answer.
 */
export async function openDb(options: DbOptions): Promise<Db> {
  checkCommon(OPEN_DB, options)
  if (options.settings !== undefined) checkKinds(options.settings)
  checkFencing(options)
  const env = options.env ?? createEnv()
  const abort = new AbortController()
  const guard = new StoreGuard(env.clock, abort, options)
  try {
    return await open(options, env, abort, guard)
  } finally {
    guard.done()
  }
}

async function open(options: DbOptions, env: Env, abort: AbortController, guard: StoreGuard): Promise<Db> {
  const settings = checkSettings(options.settings ?? defaultSettings)
  const paths = new Paths(options.path)
  const blockSize = checkedBlockSize(options.blockSize)
  const { takeOver = 'always' } = options
  const place = { store: options.store, path: paths.root }
  checkOpenHere(takeOver, place, env.logger)
  let engine: Engine | undefined
  const stores = wrapStores(options, env, 'db', {
    maxRetries: settings.objectStoreMaxRetries,
    signal: abort.signal,
    silenceMs: () => guard.silenceMs,
    onAnswer: () => guard.onAnswer(),
    onTrouble: (error) => {
      guard.onTrouble(error)
      engine?.state.setDegraded(error)
    },
  })
  const mergeOperator = normalizeMergeOperator(options.mergeOperator)
  const filterPolicies = filterPoliciesOf(options, settings.filterBitsPerKey)
  const codec = await loadCodec(settings.compressionCodec ?? 'none')
  options.signal?.throwIfAborted()

  const staleMaxMs = staleMaxOf(settings)
  const versions = manifestVersions(stores.main, env, paths, { staleMaxMs })
  const manifest = writerManifest(versions)
  const firstTail = await readRecord(options, settings, manifest, paths, stores.wal)
  options.signal?.throwIfAborted()
  checkTakeOver(takeOver, place, { manifest, tail: firstTail, clock: env.clock })

  const fence = await fenceWal({
    env,
    manifest,
    store: stores.wal,
    paths,
    transformer: options.transformer,
    firstTail,
    generation: async (tail) =>
      settings.formatGeneration ??
      (await storedGeneration(manifest, tail.newestFence)) ??
      options.newGeneration ??
      NEW_GENERATION,
  })

  const forms = GENERATIONS[fence.generation]
  const filterFormat = forms.filters

  const cache = options.cache === undefined ? new BlockCache() : options.cache || BlockCache.none()
  const tables = new Tables({
    store: stores.main,
    // Borrowed tables only ever become fewer, so the manifest of the opening knows them all (OB-3).
    paths: { table: tableResolver(paths, manifest.current.value) },
    cache,
    env,
    filterPolicies,
    transformer: options.transformer,
  })
  const state = new State(
    tables,
    manifest.current,
    env.logger,
    settings.walEnabled ? undefined : () => engine?.flushSoon(),
  )
  const clock = new WriteClock(env)
  /** While it is there, memtables are stamped with what was replayed so far. */
  let replayer: Replayer | undefined
  const onFatal = (error: unknown) => engine?.fail(error)

  const wal = settings.walEnabled
    ? new SstWalWriter({
        store: stores.wal,
        paths,
        env,
        table: { blockSize, codec, transformer: options.transformer, filterFormat },
        fenceId: fence.id,
        flushIntervalMs: settings.flushInterval,
        maxBufferBytes: settings.l0SstSizeBytes,
        events: {
          // AP-3: a newer writer may have fenced at this very id, long ago, and the fence be gone.
          confirm: () => {
            manifest.checkEpoch()
            return versions.stale ? engine!.refresh() : undefined
          },
          takenBy: () => successorOf(manifest, env),
          onFlushed: (seqHi, seqLo) => {
            state.raiseDurable(seqHi, seqLo)
            // A table may be waiting for just this to be published (FL-10).
            if (flusher.isPending) flusher.poke()
          },
          onFatal,
          onDegraded: (error) => state.setDegraded(error),
        },
      })
    : undefined
  const nextWalId = () => (wal?.lastFlushedId ?? fence.id) + 1

  const writer = new Writer({
    state,
    env,
    clock,
    wal,
    freezeStamp: () => replayer?.lastFileId ?? wal?.lastFlushedId ?? fence.id,
    mergeOperator,
    maxKeyLength: forms.maxKeyLength,
    defaultTtlMs: settings.defaultTtlMillis,
    l0SstSizeBytes: settings.l0SstSizeBytes,
    maxWalFlushesBeforeL0Flush: settings.maxWalFlushesBeforeL0Flush,
    maxUnflushedBytes: settings.maxUnflushedBytes,
    onWait: () => engine?.waits.check(),
    onFreeze: () => flusher.poke(),
    onFatal,
  })
  const stamp = (value: Manifest) => stampManifest(value, { snapshots: writer.snapshots, nextWalId, forms })
  const flusher = new Flusher({
    state,
    env,
    tables,
    manifest,
    wal,
    snapshots: writer.snapshots,
    table: {
      blockSize,
      codec,
      transformer: options.transformer,
      filterPolicies,
      onFilterError: (policy, error) =>
        env.logger.warn('a filter failed while a table was built; the table goes without it', { policy, error }),
      minFilterKeys: settings.minFilterKeys,
      filterFormat,
      keepBlocks: true,
    },
    mergeOperator,
    l0MaxSsts: settings.l0MaxSsts,
    l0MaxSstsPerKey: settings.l0MaxSstsPerKey,
    parallelism: settings.l0FlushParallelism,
    updateTimeoutMs: settings.manifestUpdateTimeout,
    stamp,
    onFatal,
  })
  const poller = new Poller({
    env,
    name: 'manifest poll',
    intervalMs: Math.min(settings.manifestPollInterval, staleMaxMs),
    idleIntervalMs: staleMaxMs,
    refresh: () => engine!.refresh(),
    // Without a WAL, rows in memory are at stake until they are flushed (PN-9).
    isBusy: () => flusher.isPending || (wal === undefined && state.view.memtable.rowCount > 0),
    isAwaited: () => flusher.isAwaited,
    isStale: () => versions.stale,
    onFatal,
    onDegraded: (error) => state.setDegraded(error),
  })
  const reads = new ReadSide({
    state,
    env,
    reads: new Reads(tables, mergeOperator, env.turns),
    touch: () => poller.touch(),
    refresh: () => engine!.refresh(),
  })
  engine = new Engine({
    ...place,
    env,
    settings,
    state,
    clock,
    writer,
    wal,
    flusher,
    manifest,
    tables,
    poller,
    reads,
    nextWalId,
    stamp,
    abort,
    guard,
  })
  // EP-4: a newer epoch counts at once, whatever call has read it.
  versions.listen(() => {
    try {
      manifest.checkEpoch()
    } catch (error) {
      onFatal(error)
    }
  })

  try {
    // Room in L0 may have to come from a compactor elsewhere while this replays.
    poller.start()
    const active = new Replayer({
      state,
      writer,
      flusher,
      clock,
      env,
      maxTableBytes: settings.l0SstSizeBytes,
      abort,
      timeoutMs: options.openTimeoutMs ?? OPEN_TIMEOUT_MS,
    })
    replayer = active
    await replayWal({
      store: stores.wal,
      paths,
      from: state.view.manifest.value.replayAfterWalId + 1,
      to: fence.id - 1,
      sizes: fence.sizes,
      transformer: options.transformer,
      turns: env.turns,
      ahead: REPLAY_AHEAD,
      aheadBytes: Math.min(REPLAY_AHEAD_BYTES, settings.maxUnflushedBytes / 4),
      onRows: () => active.room(),
      onRow: (row) => active.onRow(row),
      onFile: (id) => active.onFile(id),
    })
    replayer = undefined
    options.signal?.throwIfAborted()
    state.check()
  } catch (error) {
    const reason = await explained(error, manifest)
    const ended = state.end('Panic', reason)
    abort.abort(ended)
    await engine.stop(ended)
    throw reason
  }
  flusher.poke()
  return new Db(engine)
}

/** Reads the newest manifest, or creates the first one; answers what of the log lies behind its replay point. */
async function readRecord(
  options: DbOptions,
  settings: Settings,
  manifest: ManifestRecord,
  paths: Paths,
  wal: ObjectStore,
): Promise<WalTail> {
  const { versions } = manifest
  const early = new EarlyTail(wal, paths)
  try {
    if ((await versions.readLatest()) === undefined) {
      const first = inGeneration(
        initialManifest({ formatVersion: 1, walStoreUri: options.walStore === undefined ? undefined : '' }),
        GENERATIONS[settings.formatGeneration ?? options.newGeneration ?? NEW_GENERATION],
      )
      // Losing this race is fine: somebody else created the same database.
      if ((await versions.create(first)) === 'conflict') await versions.readLatest()
    }
    const { value } = manifest.current
    checkManifest(value, paths, options.walStore !== undefined)
    options.signal?.throwIfAborted()
    return await checkedTail(manifest, wal, paths, await early.after(value.replayAfterWalId))
  } finally {
    early.drop()
  }
}

/** A look at the manifest, which says who took over; what is known without it must do when the store is slow. */
async function successorOf(manifest: ManifestRecord, env: Env): Promise<unknown> {
  const end = new AbortController()
  const cancel = env.clock.schedule(SUCCESSOR_MS, () => end.abort(), { label: 'look for the new owner' })
  try {
    await manifest.refresh({ signal: end.signal })
    return undefined
  } catch (error) {
    return isSlateDBError(error) && error.closeReason === 'Fenced' ? error : undefined
  } finally {
    cancel()
  }
}

/** AP-2: a quarter of the shortest age at which this process knows that objects are collected. */
function staleMaxOf({ garbageCollectorOptions: gc }: Settings): number {
  const ages = [gc?.manifestOptions, gc?.walOptions, gc?.walFenceOptions].map(
    (one) => one?.minAge ?? Number.POSITIVE_INFINITY,
  )
  return Math.min(STALE_MAX_MS, ...ages.map((age) => age / 4))
}

/** RC-5: a file that is missing because a newer writer flushed and removed it means that we are fenced. */
async function explained(error: unknown, manifest: ManifestRecord): Promise<unknown> {
  if (!isSlateDBError(error) || error.code !== 'SLATEDB_WAL_TRUNCATED') return error
  try {
    await manifest.refresh()
    return error
  } catch (fenced) {
    return fenced
  }
}
