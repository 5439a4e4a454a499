import { describe, expect, test } from 'vitest'
import { EMPTY } from '../bytes/compare.ts'
import { mintUlid, mintUuid } from '../bytes/ids.ts'
import type { Env } from '../env/env.ts'
import { Random } from '../env/random.ts'
import { createEnv } from '../env/system.ts'
import { isSlateDBError } from '../errors.ts'
import { encodeBoundary } from '../format/boundary.ts'
import { initialCompactions } from '../format/compactions.ts'
import { decodeManifest, encodeManifest, initialManifest, type Manifest, type TableView } from '../format/manifest.ts'
import { Paths } from '../format/paths.ts'
import { EMPTY_TRACKER } from '../format/sequence-tracker.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import { addCheckpoint, removeCheckpoint } from './checkpoints.ts'
import { mergeAsCoordinator, mergeAsWriter } from './merge.ts'
import { newestL0Time, publishL0 } from './publish.ts'
import {
  compactionsVersions,
  coordinatorCompactions,
  coordinatorManifest,
  type ManifestRecord,
  manifestVersions,
  writerManifest,
} from './records.ts'
import { tableIdsOf } from './trees.ts'

const paths = new Paths('db')

async function newDatabase(env: Env = createEnv({ seed: 1 }), wrap = (store: MemoryStore) => store) {
  const bucket = new MemoryStore()
  const open = () => manifestVersions(wrap(bucket), env, paths)
  const versions = open()
  await versions.readLatest()
  expect(await versions.create(initialManifest())).toBe('written')
  return { bucket, env, open }
}

const outcome = async (work: Promise<unknown>) => {
  try {
    await work
  } catch (error) {
    if (isSlateDBError(error)) return error.closeReason ?? `${error.kind} ${error.code}`
    throw error
  }
  return 'ok'
}

describe('epochs', () => {
  test('a claim raises the stored epoch by one (EP-2)', async () => {
    const { open } = await newDatabase()
    const writer = writerManifest(open())
    const claimed = await writer.claim()
    expect(claimed).toMatchObject({ id: 2, value: { writerEpoch: 1, compactorEpoch: 0 } })
    expect(writer.epoch).toBe(1)
    const coordinator = coordinatorManifest(open())
    expect((await coordinator.claim()).value).toMatchObject({ writerEpoch: 1, compactorEpoch: 1 })
    // The roles do not fence each other.
    await writer.refresh()
    expect(await outcome(writer.update((manifest) => manifest))).toBe('ok')
  })

  test('an older writer is fenced when it looks, and when it writes (EP-4, EP-5)', async () => {
    const { open } = await newDatabase()
    const [first, second] = [writerManifest(open()), writerManifest(open())]
    await first.claim()
    await second.claim()
    let edits = 0
    const edit = (manifest: Manifest) => {
      edits++
      return { ...manifest, nextWalId: manifest.nextWalId + 1 }
    }
    expect(await outcome(first.update(edit))).toBe('Fenced')
    // It tried once on what it knew, and not on what it then read.
    expect(edits).toBe(1)
    expect(first.fenced).toBe(true)
    expect(await outcome(first.update(edit))).toBe('Fenced')
    expect(edits).toBe(1)
    expect(await outcome(second.update(edit))).toBe('ok')
  })

  test('a poll shows it too', async () => {
    const { open } = await newDatabase()
    const [first, second] = [writerManifest(open()), writerManifest(open())]
    await first.claim()
    await second.claim()
    expect(await outcome(first.refresh())).toBe('Fenced')
    expect(await outcome(Promise.resolve().then(() => first.checkEpoch()))).toBe('Fenced')
  })

  test('openers that race: epochs are all different, all but the last are fenced (INV-2)', async () => {
    const { open } = await newDatabase()
    const writers = Array.from({ length: 6 }, () => writerManifest(open()))
    await Promise.all(writers.map((writer) => writer.claim()))
    expect(writers.map((writer) => writer.epoch).sort()).toEqual([1, 2, 3, 4, 5, 6])
    const results = await Promise.all(writers.map((writer) => outcome(writer.refresh())))
    expect(results.filter((result) => result === 'ok')).toHaveLength(1)
    expect(results[writers.findIndex((writer) => writer.epoch === 6)]).toBe('ok')
  })

  test('a claim in two halves: it counts once confirmed', async () => {
    const { open } = await newDatabase()
    const writer = writerManifest(open())
    const pending = await writer.beginClaim()
    expect(pending.value.writerEpoch).toBe(1)
    expect(writer.epoch).toBeUndefined()
    expect(await pending.confirm()).toBe('written')
    expect(writer.epoch).toBe(1)
    expect(writer.current.id).toBe(2)
  })

  test('a claim that GC overtook does not count (MS-3), and is begun again', async () => {
    const { bucket, open } = await newDatabase()
    const writer = writerManifest(open())
    const pending = await writer.beginClaim()
    await bucket.put(paths.manifest(9), encodeManifest({ ...initialManifest(), writerEpoch: 5 }), { mode: 'create' })
    await bucket.put(paths.manifestBoundary, encodeBoundary(8), { mode: 'create' })
    expect(await pending.confirm()).toBe('conflict')
    expect(writer.epoch).toBeUndefined()
    expect(await writer.claim()).toMatchObject({ id: 10, value: { writerEpoch: 6 } })
  })

  test('requests: a claim on a known manifest is one PUT and one GET', async () => {
    const { bucket, env } = await newDatabase()
    const calls: string[] = []
    const spied = new Proxy(bucket, {
      get(target, name) {
        const value = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          calls.push(String(name))
          return value.apply(target, args)
        }
      },
    })
    const writer = writerManifest(manifestVersions(spied, env, paths))
    await writer.versions.readLatest()
    expect(calls.splice(0)).toEqual(['list', 'get'])
    await writer.claim()
    expect(calls.splice(0)).toEqual(['put', 'get'])
    await writer.refresh()
    expect(calls.splice(0)).toEqual(['list'])
  })

  test('a stored epoch that went down is a broken record', async () => {
    const { open } = await newDatabase()
    const writer = writerManifest(open())
    await writer.claim()
    const vandal = open()
    await vandal.readLatest()
    await vandal.update((manifest) => ({ ...manifest, writerEpoch: 0 }))
    expect(await outcome(writer.refresh())).toBe('Data SLATEDB_INVALID_DB_STATE')
  })

  test('what the claim may be written on is checked again after a lost race', async () => {
    const { open } = await newDatabase()
    const other = open()
    await other.readLatest()
    const writer = writerManifest(open())
    await writer.versions.readLatest()
    await other.update((manifest) => ({ ...manifest, initialized: false }))
    const seen: boolean[] = []
    await writer.claim({
      edit: (manifest) => {
        seen.push(manifest.initialized)
        return manifest
      },
    })
    expect(seen).toEqual([true, false])
  })

  test('there is nothing to claim', async () => {
    const env = createEnv({ seed: 1 })
    const writer = writerManifest(manifestVersions(new MemoryStore(), env, paths))
    expect(await outcome(writer.claim())).toBe('Data SLATEDB_RECORD_MISSING')
    expect(await outcome(writer.update((manifest) => manifest))).toBe('Data SLATEDB_RECORD_MISSING')
  })

  test("compactions take the manifest's epoch exactly, or not at all (EP-3)", async () => {
    const env = createEnv({ seed: 1 })
    const bucket = new MemoryStore()
    const open = () => coordinatorCompactions(compactionsVersions(bucket, env, paths))
    const first = open()
    expect(await first.versions.readLatest()).toBeUndefined()
    await first.versions.create(initialCompactions(2))
    expect((await first.claimExactly(3)).value.compactorEpoch).toBe(3)
    const second = open()
    expect(await outcome(second.claimExactly(3))).toBe('Fenced')
    const third = open()
    await third.claimExactly(4)
    expect(await outcome(first.update((compactions) => compactions))).toBe('Fenced')
    expect(third.epoch).toBe(4)
    expect(bucket.describe()).toBe('memory')
  })
})

describe('what no role may write', () => {
  const withL0 = (manifest: Manifest, ...views: TableView[]): Manifest => ({
    ...manifest,
    tree: { ...manifest.tree, l0: views },
  })
  const minted = (ms: number, n: number) => viewOf(mintUlid(ms, new Uint8Array(10).fill(n)), n)

  test('an L0 table older than the newest one, whichever role writes (FL-17)', async () => {
    const { bucket, open } = await newDatabase()
    const versions = open()
    await versions.readLatest()
    const [old, young] = [minted(1000, 1), minted(2000, 2)]
    await versions.update((manifest) => withL0(manifest, young))
    const before = await bucket.list(paths.manifests)
    for (const record of [writerManifest(open()), coordinatorManifest(open())]) {
      await record.versions.readLatest()
      expect(await outcome(record.update((manifest) => withL0(manifest, old, young)))).toBe(
        'Invalid SLATEDB_INVALID_CLOCK_TICK',
      )
    }
    expect(await bucket.list(paths.manifests)).toEqual(before)
    // One of the same millisecond is as good as a newer one, and what is listed may stay.
    const equal = minted(2000, 3)
    expect(await outcome(versions.update((manifest) => withL0(manifest, equal, young)))).toBe('ok')
    expect(await outcome(versions.update((manifest) => withL0(manifest, young)))).toBe('ok')
  })

  test('a table that compaction has taken out of L0, not even when L0 is empty by then (FL-17)', async () => {
    const { open } = await newDatabase()
    const versions = open()
    await versions.readLatest()
    const [first, second] = [minted(1000, 1), minted(2000, 2)]
    await versions.update((manifest) => withL0(manifest, first))
    await versions.update((manifest) => withL0(manifest, second, first))
    await versions.update((manifest) => ({
      ...manifest,
      tree: { ...manifest.tree, l0: [], lastCompactedViewId: second.viewId },
    }))
    expect(await outcome(versions.update((manifest) => withL0(manifest, first)))).toBe(
      'Invalid SLATEDB_INVALID_CLOCK_TICK',
    )
  })

  test.each<[string, Partial<Manifest>]>([
    ['an epoch beyond 2^53', { writerEpoch: 2 ** 60 }],
    ['a clock tick beyond 2^53', { lastL0ClockTick: 2 ** 60 }],
    ['a time beyond 2^53 in the tracker', { sequenceTracker: { seqs: [1n], times: [2 ** 60] } }],
    ['a next WAL id that cannot be counted on', { nextWalId: 2 ** 53 + 1 }],
  ])('a manifest that its own reader refuses: %s', async (_, part) => {
    const { bucket, open } = await newDatabase()
    const versions = open()
    await versions.readLatest()
    const before = await bucket.list(paths.manifests)
    await expect(versions.update((manifest) => ({ ...manifest, ...part }))).rejects.toMatchObject({
      kind: 'Internal',
      code: 'SLATEDB_UNREADABLE_RECORD',
      message: expect.stringContaining('a manifest that cannot be read back was not written: object "db/manifest/'),
    })
    expect(await bucket.list(paths.manifests)).toEqual(before)
    expect(await outcome(versions.update((manifest) => ({ ...manifest, writerEpoch: 7 })))).toBe('ok')
  })

  test('a compactions record that its own reader refuses', async () => {
    const versions = compactionsVersions(new MemoryStore(), createEnv({ seed: 1 }), paths)
    await versions.readLatest()
    const record = { ...initialCompactions(2), compactorEpoch: 2 ** 60 }
    expect(await outcome(versions.create(record))).toBe('Internal SLATEDB_UNREADABLE_RECORD')
  })
})

test('version by version, a race of writers, coordinator, checkpoints and takeovers keeps every promise (INV-2)', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    try {
      await race(seed)
    } catch (cause) {
      throw new Error(`seed ${seed}`, { cause })
    }
  }
})

async function race(seed: number): Promise<void> {
  const random = new Random(seed)
  const env = createEnv({ seed })
  const turn = () => new Promise<void>((resolve) => (random.chance(0.5) ? setImmediate(resolve) : resolve()))
  const { bucket, open } = await newDatabase(env, (store) => slowly(store, random))

  let seq = 0n
  let clock = 1_000_000
  const published = new Map<string, bigint>()
  const consumed = new Set<string>()

  const writer = async (rounds: number) => {
    const record = writerManifest(open())
    await record.claim()
    let own = record.current.value
    try {
      for (let i = 0; i < rounds; i++) {
        await turn()
        clock = Math.max(clock + 1, newestL0Time(own))
        seq += 1n
        const [mine, tick] = [seq, clock]
        const view = viewOf(mintUlid(clock, random.bytes(10)), Number(seq))
        await record.update((stored) => {
          own = mergeAsWriter(own, stored)
          return publishL0(own, [
            {
              views: [{ prefix: EMPTY, view }],
              replayAfterWalId: own.replayAfterWalId + 1,
              lastTick: tick,
              lastSeq: mine,
              tracker: EMPTY_TRACKER,
            },
          ])
        })
        published.set(view.table.id, mine)
        own = record.current.value
      }
    } catch (error) {
      if (!isSlateDBError(error) || error.closeReason !== 'Fenced') throw error
    }
  }

  const coordinator = async (rounds: number) => {
    const record = coordinatorManifest(open())
    await record.claim()
    for (let i = 0; i < rounds; i++) {
      await turn()
      await record.refresh()
      const { tree } = record.current.value
      if (tree.l0.length < 2) continue
      const inputs = tree.l0.slice(random.int(0, 1))
      const output = viewOf(mintUlid(clock, random.bytes(10)), 0)
      let own: Manifest = {
        ...record.current.value,
        tree: {
          l0: tree.l0.slice(0, tree.l0.length - inputs.length),
          runs: [{ id: (tree.runs[0]?.id ?? -1) + 1, views: [output] }, ...tree.runs],
          lastCompactedViewId: inputs[0]!.viewId,
          lastCompactedTableId: inputs[0]!.table.id,
        },
      }
      await record.update((stored) => (own = mergeAsCoordinator(own, stored)))
      for (const input of inputs) consumed.add(input.table.id)
    }
  }

  const pinner = async (rounds: number) => {
    const versions = open()
    await versions.readLatest()
    for (let i = 0; i < rounds; i++) {
      await turn()
      const id = mintUuid(random.bytes(16))
      const after = await versions.update((manifest, base) => addCheckpoint(manifest, base, { id, nowMs: 1000 * i }))
      expect(after.checkpoints.some((one) => one.id === id)).toBe(true)
      if (random.chance(0.5)) await versions.update((manifest) => removeCheckpoint(manifest, id))
    }
  }

  await Promise.all([writer(12), coordinator(12), pinner(8)])
  // A second writer takes over while the coordinator goes on.
  await Promise.all([writer(6), writer(6), coordinator(6)])
  await checkHistory(bucket, published, consumed)
}

/** Every call takes effect, and answers, some turns of the event loop later. */
function slowly(store: MemoryStore, random: Random): MemoryStore {
  const wait = async () => {
    for (let n = random.int(0, 3); n > 0; n--) await new Promise((resolve) => setImmediate(resolve))
  }
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return async (...args: unknown[]) => {
        await wait()
        const result = await value.apply(target, args)
        await wait()
        return result
      }
    },
  })
}

async function checkHistory(
  bucket: MemoryStore,
  published: ReadonlyMap<string, bigint>,
  consumed: ReadonlySet<string>,
): Promise<void> {
  const names = (await bucket.list(paths.manifests)).map((info) => info.path)
  expect(names.map(paths.parseManifest)).toEqual(names.map((_, i) => i + 1))
  let before: Manifest | undefined
  const gone = new Set<string>()
  for (const name of names) {
    const now = decodeManifest((await bucket.get(name)).bytes, name)
    expect(now.nextWalId).toBeGreaterThan(now.replayAfterWalId)
    const ids = now.tree.l0.map((view) => view.table.id)
    expect(ids).toEqual([...ids].sort().reverse())
    expect(now.tree.runs.map((run) => run.id)).toEqual(now.tree.runs.map((run) => run.id).sort((a, b) => b - a))
    if (before !== undefined) {
      for (const field of ['writerEpoch', 'compactorEpoch', 'replayAfterWalId', 'nextWalId', 'lastL0Seq'] as const) {
        expect(now[field] >= before[field], field).toBe(true)
      }
      // Runs never vanish here, since nobody compacts runs; an L0 only when a marker moved past it.
      const kept = tableIdsOf(now)
      for (const run of before.tree.runs) for (const view of run.views) expect(kept.has(view.table.id)).toBe(true)
      const moved = now.tree.lastCompactedViewId !== before.tree.lastCompactedViewId
      for (const view of before.tree.l0) {
        if (kept.has(view.table.id)) continue
        expect(moved && view.table.id <= now.tree.lastCompactedViewId!).toBe(true)
        gone.add(view.table.id)
      }
      // What compaction consumed never comes back: merge operands would count twice.
      expect(ids.filter((id) => gone.has(id))).toEqual([])
    }
    before = now
  }
  // Everything published is there, or was consumed.
  const left = new Set(before!.tree.l0.map((view) => view.table.id))
  for (const id of published.keys()) expect(left.has(id) || consumed.has(id), `table ${id}`).toBe(true)
}

function viewOf(id: string, n: number): TableView {
  return {
    viewId: id,
    visibleRange: undefined,
    table: {
      id,
      formatVersion: 2,
      info: {
        firstEntry: Uint8Array.of(n),
        lastEntry: Uint8Array.of(n),
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

test('a record is typed by its role', async () => {
  const { open } = await newDatabase()
  const record: ManifestRecord = writerManifest(open())
  await record.claim()
  expect(record.current.value.writerEpoch).toBe(record.epoch)
})
