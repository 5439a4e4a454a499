// The records under a simulated world: latencies, faults, processes that freeze and die, and a collector that removes
// old versions, with boundary objects and without.

import { expect, test } from 'vitest'
import { EMPTY } from '../bytes/compare.ts'
import { mintUlid, mintUuid } from '../bytes/ids.ts'
import { sleep } from '../env/env.ts'
import { isSlateDBError } from '../errors.ts'
import { decodeManifest, initialManifest, type Manifest, type TableView } from '../format/manifest.ts'
import { Paths } from '../format/paths.ts'
import { EMPTY_TRACKER } from '../format/sequence-tracker.ts'
import { retrying } from '../objects/retrying.ts'
import { everyCrash } from '../sim/crashes.ts'
import type { SimProcess } from '../sim/process.ts'
import { type Sim, simulate } from '../sim/simulate.ts'
import type { SimStore } from '../sim/store.ts'
import { addCheckpoint, removeCheckpoint } from './checkpoints.ts'
import { type L0Publication, newestL0Time, publishL0 } from './publish.ts'
import { manifestVersions, writerManifest } from './records.ts'

const paths = new Paths('db')
const MIN_AGE_MS = 300_000
const STALE_MAX_MS = 60_000

/** What a process opens the manifest with. */
const open = (process: SimProcess, store: SimStore) =>
  manifestVersions(retrying(store, process.env), process.env, paths, { staleMaxMs: STALE_MAX_MS })

async function newDatabase(sim: Sim): Promise<void> {
  const versions = manifestVersions(sim.bucket(), sim.env, paths)
  await versions.readLatest()
  await versions.create(initialManifest())
}

async function latest(sim: Sim): Promise<Manifest> {
  const listed = await sim.bucket().list(paths.manifests)
  const { path } = listed.at(-1)!
  return decodeManifest((await sim.bucket().get(path)).bytes, path)
}

/** GC-7, reduced to what races with writers of versions. */
async function collect(process: SimProcess, store: SimStore, withBoundary: boolean): Promise<void> {
  const versions = open(process, store)
  const listed = await versions.list()
  const doomed = listed.slice(0, -1).filter((one) => process.env.clock.now() - one.lastModified > MIN_AGE_MS)
  if (doomed.length === 0) return
  if (withBoundary) await versions.boundary.advance(doomed.at(-1)!.id)
  for (const { path } of doomed) await store.delete(path)
}

const SEEDS = 60

test(`no acknowledged change is lost, over ${SEEDS} seeds of faults, freezes and collections`, {
  timeout: 300_000,
}, async () => {
  const faults: Record<string, number> = {}
  let conflicts = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const run = await simulate(seed, (sim) => changes(sim, seed % 2 === 0))
    for (const [kind, n] of Object.entries(run.faults)) faults[kind] = (faults[kind] ?? 0) + n!
    conflicts += run.requests.filter(({ op, outcome }) => op === 'put' && outcome?.includes('AlreadyExists')).length
  }
  // The runs were no walk in the park.
  expect(conflicts).toBeGreaterThan(100)
  expect(Object.keys(faults).length).toBeGreaterThan(5)
})

/** Processes add and remove checkpoints; each acknowledged one must be in every later version until it is removed. */
async function changes(sim: Sim, withBoundary: boolean): Promise<void> {
  await newDatabase(sim)
  const there = new Set<string>()
  const removed = new Set<string>()
  let working = 4

  const worker = async (name: string): Promise<void> => {
    const process = sim.process(name)
    const { env } = process
    const versions = open(process, process.store({ latencyMs: [1, 80], faults: 0.06 }))
    // Asleep for longer than the collector waits, at the worst of moments: the base is read, the write not yet made.
    const nap = () => {
      process.freeze()
      void sim.sleep(env.random.int(1000, 1_000_000)).then(() => process.thaw())
    }
    for (let i = 0; i < 12; i++) {
      await sleep(env.clock, env.random.int(0, env.random.chance(0.3) ? 400_000 : 200), { label: 'think' })
      const id = mintUuid(env.random.bytes(16))
      const nowMs = env.clock.now()
      const add = (manifest: Manifest, base: number) => {
        if (env.random.chance(0.1)) nap()
        // An answer may have got lost for good: then it is there already.
        return manifest.checkpoints.some((one) => one.id === id)
          ? undefined
          : addCheckpoint(manifest, base, { id, nowMs })
      }
      if (!(await attempt(versions.update(add, { timeoutMs: 2_000_000 })))) continue
      there.add(id)
      if (env.random.chance(0.5)) continue
      there.delete(id)
      if (await attempt(versions.update((manifest) => removeCheckpoint(manifest, id), { timeoutMs: 60_000 }))) {
        removed.add(id)
      }
    }
    working--
  }

  const collector = async (): Promise<void> => {
    const process = sim.process('gc')
    const store = process.store({ latencyMs: [1, 80] })
    while (working > 0) {
      await collect(process, store, withBoundary)
      await sleep(process.env.clock, 20_000, { label: 'gc' })
    }
  }

  await Promise.all([worker('a'), worker('b'), worker('c'), worker('d'), collector()])
  const present = new Set((await latest(sim)).checkpoints.map((one) => one.id))
  for (const id of there) expect(present.has(id), `checkpoint ${id} was acknowledged, and is gone`).toBe(true)
  for (const id of removed) expect(present.has(id), `checkpoint ${id} was removed, and is back`).toBe(false)
}

/** False when it may or may not have happened. */
async function attempt(work: Promise<unknown>): Promise<boolean> {
  try {
    await work
    return true
  } catch (error) {
    if (isSlateDBError(error) && error.kind === 'Unavailable') return false
    throw error
  }
}

test('a writer that dies at any request: its successor finds every table it acknowledged, once', async () => {
  const points = await everyCrash(7, async (sim, arm) => {
    await newDatabase(sim)
    const acknowledged = new Set<string>()
    const first = sim.process('first')
    const store = first.store({ latencyMs: [1, 20] })
    arm(store)
    await Promise.race([publishing(first, store, 5, acknowledged), first.dead])
    const second = sim.process('second')
    await publishing(second, second.store({ latencyMs: [1, 20] }), 3, acknowledged)
    const ids = (await latest(sim)).tree.l0.map((view) => view.table.id)
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of acknowledged) expect(ids).toContain(id)
    expect((await latest(sim)).writerEpoch).toBe(first.isDead && (await epochs(sim)) === 1 ? 1 : 2)
  })
  expect(points).toBeGreaterThan(20)
})

/** 2 when the first writer got as far as a claim, else 1. */
async function epochs(sim: Sim): Promise<number> {
  const seen = new Set<number>()
  for (const { path } of await sim.bucket().list(paths.manifests)) {
    seen.add(decodeManifest((await sim.bucket().get(path)).bytes, path).writerEpoch)
  }
  return seen.size - 1
}

async function publishing(
  process: SimProcess,
  store: SimStore,
  rounds: number,
  acknowledged: Set<string>,
): Promise<void> {
  const { env } = process
  const record = writerManifest(open(process, store))
  await record.versions.readLatest()
  await record.claim()
  for (let i = 0; i < rounds; i++) {
    const memtable = publication(record.current.value, env.clock.now(), env.random.bytes(10))
    await record.update((manifest) => publishL0(manifest, [memtable]))
    acknowledged.add(memtable.views[0]!.view.table.id)
  }
}

function publication(manifest: Manifest, nowMs: number, random: Uint8Array): L0Publication {
  const seq = manifest.lastL0Seq + 1n
  const id = mintUlid(Math.max(nowMs, newestL0Time(manifest)), random)
  return {
    views: [{ prefix: EMPTY, view: viewOf(id) }],
    replayAfterWalId: manifest.replayAfterWalId + 1,
    lastTick: Math.max(nowMs, manifest.lastL0ClockTick),
    lastSeq: seq,
    tracker: EMPTY_TRACKER,
  }
}

test('how many requests wait for each other', async () => {
  const depths = await simulate(1, async (sim) => {
    await newDatabase(sim)
    const store = sim.store({ latencyMs: [1, 1] })
    const record = writerManifest(manifestVersions(store, sim.env, paths))
    const counted = async (work: () => Promise<unknown>) => {
      const before = sim.clock.monotonic()
      await work()
      return sim.clock.monotonic() - before
    }
    return {
      read: await counted(() => record.versions.readLatest()),
      claim: await counted(() => record.claim()),
      poll: await counted(() => record.refresh()),
      publish: await counted(() => record.update((manifest) => ({ ...manifest, nextWalId: manifest.nextWalId + 1 }))),
    }
  })
  expect(depths.value).toEqual({ read: 2, claim: 2, poll: 1, publish: 2 })
})

function viewOf(id: string): TableView {
  return {
    viewId: id,
    visibleRange: undefined,
    table: {
      id,
      formatVersion: 2,
      info: {
        firstEntry: Uint8Array.of(1),
        lastEntry: Uint8Array.of(2),
        indexOffset: 0,
        indexLength: 0,
        filterOffset: 0,
        filterLength: 0,
        codec: 'none',
        type: 'compacted',
        statsOffset: 0,
        statsLength: 0,
        filterFormat: 'legacy',
      },
    },
  }
}
