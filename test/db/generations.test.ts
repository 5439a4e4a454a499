// What a writer stores in each format generation, and that it neither takes back what a later release stored nor adds what
// an older one cannot read.

import { describe, expect, test } from 'vitest'
import type { Db } from '../../src/db/db.ts'
import { openDb } from '../../src/db/open.ts'
import { parseSettings } from '../../src/db/settings.ts'
import { createEnv, systemClock } from '../../src/env/system.ts'
import { decodeManifest, initialManifest, type Manifest } from '../../src/format/manifest.ts'
import { Paths } from '../../src/format/paths.ts'
import { unseal } from '../../src/format/seal.ts'
import { decodeStats } from '../../src/format/stats.ts'
import { manifestVersions } from '../../src/manifest/records.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'
import { loadFixture, memoryCopy } from '../compat/fixtures.ts'
import { toBytes, toText } from '../model/bytes.ts'

const paths = new Paths('db')
const START = 1_700_000_000_000

class World {
  store = new MemoryStore()
  wal: MemoryStore | undefined
  now = START
  readonly #env = createEnv({ seed: 1, clock: { ...systemClock, now: () => this.now } })

  open(formatGeneration?: string) {
    return openDb({
      store: this.store,
      walStore: this.wal,
      path: 'db',
      env: this.#env,
      settings: parseSettings({
        flushInterval: null,
        compactorOptions: null,
        garbageCollectorOptions: null,
        ...(formatGeneration !== undefined && { formatGeneration }),
      }),
    })
  }

  /** Every stored manifest, oldest first, with the version of its bytes. */
  async manifests(): Promise<{ version: number; manifest: Manifest }[]> {
    const listed = await this.store.list(paths.manifests)
    return Promise.all(
      listed.map(async ({ path }) => {
        const { bytes } = await this.store.get(path)
        return { version: bytes[1]!, manifest: decodeManifest(bytes, path) }
      }),
    )
  }

  async latest(): Promise<Manifest> {
    return (await this.manifests()).at(-1)!.manifest
  }

  /** Writes a manifest as another process may. */
  async rewrite(edit: (manifest: Manifest) => Manifest): Promise<void> {
    const versions = manifestVersions(this.store, this.#env, paths)
    if ((await versions.readLatest()) === undefined) await versions.create(edit(initialManifest()))
    else await versions.update(edit)
  }
}

async function writeAndClose(world: World, generation?: string): Promise<void> {
  const db = await world.open(generation)
  await db.put(toBytes('key'), toBytes('value'))
  await db.flush('memtable')
  await db.put(toBytes('key'), toBytes('later'))
  await db.close()
}

describe('the version of a manifest (MF-7)', () => {
  test.each([
    [undefined, 2],
    ['0.12', 1],
    ['0.13', 1],
    ['0.15', 2],
    ['0.17', 2],
    ['0.18', 2],
  ] as const)('a new database of %s has manifests of version %i, first to last', async (generation, version) => {
    const world = new World()
    await writeAndClose(world, generation)
    expect(new Set((await world.manifests()).map((one) => one.version))).toEqual(new Set([version]))
    await writeAndClose(world)
    expect((await world.manifests()).at(-1)!.version).toBe(version)
  })

  test.each(['0.12', '0.13', '0.15'])(
    'a stored version 2 stays version 2, asked for %s, and keeps its view ids',
    async (generation) => {
      const world = new World()
      world.store = await memoryCopy(loadFixture('synthetic/manifest-v2'))
      const before = await world.latest()
      expect(before.tree.l0[0]!.viewId).not.toBe(before.tree.l0[0]!.table.id)
      await writeAndClose(world, generation)
      expect((await world.manifests()).map((one) => one.version)).not.toContain(1)
      expect((await world.latest()).tree.l0.at(-1)).toEqual(before.tree.l0[0])
    },
  )

  test('a version 1 of releases 0.14 and 0.15 becomes version 2, however often such a release turns it back', async () => {
    const world = new World()
    await world.rewrite(() => initialManifest({ formatVersion: 1 }))
    await world.store.put(paths.wal(1), new Uint8Array(0), { mode: 'create' })
    const db = await world.open()
    expect((await world.manifests()).map((one) => one.version)).toEqual([1, 2])
    await db.put(toBytes('key'), toBytes('value'))
    await world.rewrite((manifest) => ({ ...manifest, formatVersion: 1 }))
    await db.flush('memtable')
    await db.close()
    expect((await world.manifests()).map((one) => one.version)).toEqual([1, 2, 1, 2, 2])
  })

  test('a version 1 that records a WAL store stays, so that a process which forgot the store is refused', async () => {
    const world = new World()
    world.wal = new MemoryStore()
    await writeAndClose(world)
    await writeAndClose(world)
    expect(new Set((await world.manifests()).map((one) => one.version))).toEqual(new Set([1]))
    world.wal = undefined
    await expect(world.open()).rejects.toMatchObject({ kind: 'Invalid', code: 'SLATEDB_WAL_STORE_MISMATCH' })
  })

  test('a version 2 is refused without its log, which it cannot say is elsewhere (OB-7)', async () => {
    const world = new World()
    world.wal = new MemoryStore()
    const log = world.wal
    await world.rewrite(() => initialManifest())
    const db = await world.open()
    await db.put(toBytes('a'), toBytes('in a table'))
    await db.flush('memtable')
    await db.put(toBytes('b'), toBytes('in the log'))
    await db.flush('wal')
    await db.put(toBytes('c'), toBytes('in the log'))
    await db.flush('memtable')
    await db.close({ flush: false })
    await world.rewrite((manifest) => ({ ...manifest, replayAfterWalId: manifest.replayAfterWalId - 1 }))

    world.wal = undefined
    const before = await world.store.list('')
    await expect(world.open()).rejects.toMatchObject({
      kind: 'Invalid',
      code: 'SLATEDB_WAL_STORE_MISMATCH',
      message: expect.stringContaining('open it with the walStore'),
    })
    expect(await world.store.list(''), 'nothing was fenced').toEqual(before)
    world.wal = log
    await (await world.open()).close()
  })
})

describe('the sequence tracker (SQ-5)', () => {
  /** Two pairs, with a jump between them that only version 2 can store. */
  async function jump(world: World, generation?: string): Promise<void> {
    const db = await world.open(generation)
    await db.put(toBytes('a'), toBytes('1'))
    world.now += 120_000
    await db.put(toBytes('b'), toBytes('2'), { seq: 2n ** 40n })
    await db.close()
  }

  test('version 2 is written in 0.18, when needed, and the database is recognised by it', async () => {
    const world = new World()
    await jump(world, '0.18')
    const pairs = [1n, 2n ** 40n]
    expect((await world.latest()).sequenceTracker).toMatchObject({ seqs: pairs, wide: true })
    world.now += 120_000
    await writeAndClose(world)
    expect((await world.latest()).sequenceTracker).toMatchObject({ seqs: [...pairs, 2n ** 40n + 1n], wide: true })
    // Who asks for an older generation gives up the pairs that its readers would choke on.
    await writeAndClose(world, '0.15')
    const { sequenceTracker } = await world.latest()
    expect(sequenceTracker.wide).toBeUndefined()
    expect(sequenceTracker.seqs).not.toContain(1n)
  })

  test.each([undefined, '0.12', '0.15', '0.17'])('in %s the pairs that need it are dropped', async (generation) => {
    const world = new World()
    await jump(world, generation)
    const { sequenceTracker } = await world.latest()
    expect(sequenceTracker).toEqual({ seqs: [2n ** 40n], times: [START / 1000 + 120] })
  })

  test('a pair less than a minute after the last stored one is passed over, also by the next process (SQ-1)', async () => {
    const world = new World()
    await writeAndClose(world)
    world.now += 30_000
    await writeAndClose(world)
    expect((await world.latest()).sequenceTracker.seqs).toEqual([1n])
  })
})

describe('what every manifest version of a writer carries (FL-18)', () => {
  test('a stored next WAL id that no log object stands for is put right, or a writer of 0.18 could not go on', async () => {
    const world = new World()
    await writeAndClose(world)
    await world.rewrite((manifest) => ({ ...manifest, nextWalId: 1000 }))
    await writeAndClose(world)
    const logs = (await world.store.list(paths.wals)).map(({ path }) => paths.parseWal(path)!)
    expect((await world.latest()).nextWalId).toBe(Math.max(...logs) + 1)
  })

  test('a snapshot that was closed no longer pins versions after a close', async () => {
    const world = new World()
    const db = await world.open()
    await db.put(toBytes('a'), toBytes('1'))
    const snapshot = db.snapshot()
    await db.put(toBytes('a'), toBytes('2'))
    await db.flush('memtable')
    expect((await world.latest()).recentSnapshotMinSeq).toBe(1n)
    snapshot.close()
    await db.close()
    const { recentSnapshotMinSeq, lastL0Seq } = await world.latest()
    expect([recentSnapshotMinSeq, lastL0Seq]).toEqual([2n, 2n])
  })
})

test('a flush keeps no version that a newer one hides, although the newer one is not durable when it begins (FL-6)', async () => {
  const world = new World()
  const db = await world.open()
  for (let i = 0; i < 10; i++) await db.put(toBytes('key'), toBytes(String(i)))
  await db.flush('memtable')
  expect(await rowsOf(world, db)).toBe(1)
  // What a snapshot may show stays: the version it began at, and all behind it.
  for (let i = 10; i < 20; i++) await db.put(toBytes('key'), toBytes(String(i)))
  const snapshot = db.snapshot()
  for (let i = 20; i < 25; i++) await db.put(toBytes('key'), toBytes(String(i)))
  await db.flush('memtable')
  expect(await rowsOf(world, db)).toBe(6)
  expect(toText((await snapshot.get(toBytes('key')))!)).toBe('19')
  snapshot.close()
  await db.close()
})

/** How many rows the newest table has. */
async function rowsOf(world: World, db: Db): Promise<number> {
  const { id, info } = db.manifest.value.tree.l0[0]!.table
  const { bytes } = await world.store.get(paths.table(id))
  const stats = await unseal(bytes.subarray(info.statsOffset, info.statsOffset + info.statsLength), undefined)
  return decodeStats(stats, id).puts
}
