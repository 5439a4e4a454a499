// Every golden database, written by the original or by hand, read by our reader and by our writer (on a copy), in every
// way there is; then written to, closed and read again.

import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { openDb } from '../../src/db/open.ts'
import { openReader } from '../../src/db/reader.ts'
import { parseSettings } from '../../src/db/settings.ts'
import { openFolderStore } from '../../src/node/folder-store.ts'
import type { ObjectStore } from '../../src/objects/store.ts'
import { toBytes } from '../model/bytes.ts'
import type { SeenRow } from '../model/model.ts'
import { commaJoin, type Fixture, fixtures, type JsonRow, loadFixture, memoryCopy, rowsOf } from './fixtures.ts'
import { expectEverywhere, scanAll } from './read-all.ts'

/** This writer has no segment extractor, so it must refuse a segmented database rather than drop segments (SG-3). */
const SEGMENTED = ['synthetic/manifest-v2-segments', 'slatedb-0.18.0/segments']

const scratch = mkdtempSync(join(tmpdir(), 'compat-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

async function folderCopy(fixture: Fixture, name: 'store' | 'wal-store' = 'store'): Promise<ObjectStore> {
  const folder = join(scratch, fixture.name, name)
  cpSync(join(fixture.folder, name), folder, { recursive: true })
  return openFolderStore(folder, { sync: 'none' })
}

const ALL = [...fixtures('slatedb-0.12.1'), ...fixtures('slatedb-0.18.0'), ...fixtures('synthetic')]

describe.each(ALL.map((fixture) => [fixture.name, fixture] as const))('%s', (name, fixture) => {
  const mergeOperator = fixture.usesMerges ? commaJoin : undefined

  test('our reader sees exactly the live rows', async () => {
    const store = await memoryCopy(fixture)
    const before = await store.list('')
    const walStore = fixture.hasWalStore ? await memoryCopy(fixture, 'wal-store') : undefined
    const reader = await openReader({ store, path: fixture.root, walStore, mergeOperator })
    await expectEverywhere(reader, fixture.rows)
    await reader.close()
    expect(await store.list(''), 'a reader writes nothing').toEqual(before)
  })

  test.skipIf(SEGMENTED.includes(name))('our writer sees them, adds to them, and finds all again', async () => {
    const store = await folderCopy(fixture)
    const walStore = fixture.hasWalStore ? await folderCopy(fixture, 'wal-store') : undefined
    const settings = parseSettings({ compactorOptions: null, garbageCollectorOptions: null })
    const options = { store, path: fixture.root, walStore, mergeOperator, settings }

    const db = await openDb(options)
    await expectEverywhere(db, fixture.rows)
    const handle = await db.put(toBytes('~new'), toBytes('row'))
    const lastSeq = Math.max(0, ...fixture.rows.map((row) => Number(row.seq)))
    expect(Number(handle.seq)).toBeGreaterThan(lastSeq)
    await db.flush('memtable')
    await db.put(toBytes('~wal'), toBytes('tail'))
    await db.flush('wal')
    await db.close({ flush: false })

    const again = await openDb(options)
    const rows = await scanAll(again)
    const isOurs = (row: SeenRow) => row.key === '~new' || row.key === '~wal'
    expect(rows.filter(isOurs).map((row) => row.value)).toEqual(['row', 'tail'])
    // The flush may have turned rows that expired long ago into tombstones (RT-2); nothing else may change.
    const now = Date.now()
    const isAlive = (row: SeenRow) => row.expireTs === undefined || row.expireTs > now
    expect(rows.filter((row) => !isOurs(row) && isAlive(row))).toEqual(fixture.rows.filter(isAlive))
    await expectEverywhere(again, rows)
    await again.close()
  })
})

test.each(SEGMENTED)('the segmented database %s opens read-only and is refused by a writer', async (name) => {
  const fixture = loadFixture(name)
  const store = await memoryCopy(fixture)
  const before = await store.list('')
  await expect(openDb({ store, path: fixture.root })).rejects.toMatchObject({
    kind: 'Invalid',
    code: 'SLATEDB_SEGMENT_EXTRACTOR_MISMATCH',
  })
  expect(await store.list('')).toEqual(before)
})

test('a reader at a checkpoint of 0.18.0 shows what the checkpoint pinned', async () => {
  const fixture = loadFixture('slatedb-0.18.0/checkpoints')
  const pinned = fixture.expected.checkpoint_rows as readonly { id: string; label: string; rows: readonly JsonRow[] }[]
  expect(pinned.length).toBeGreaterThan(3)
  const store = await memoryCopy(fixture)
  for (const { id, label, rows } of pinned) {
    const reader = await openReader({ store, path: fixture.root, checkpointId: id })
    expect(await scanAll(reader), label).toEqual(rowsOf(rows))
    await reader.close()
  }
})

test.each(['clone-plain', 'clone-projection', 'clone-union'])('the parents of %s are as they were', async (name) => {
  const fixture = loadFixture(`slatedb-0.18.0/${name}`)
  const store = await memoryCopy(fixture)
  // A writer on the clone leaves them alone.
  const settings = parseSettings({ compactorOptions: null, garbageCollectorOptions: null })
  const db = await openDb({ store, path: fixture.root, settings })
  await db.put(toBytes('~new'), toBytes('row'))
  await db.close()
  for (const { path, rows } of fixture.expected.parents as readonly { path: string; rows: readonly JsonRow[] }[]) {
    const reader = await openReader({ store, path })
    await expectEverywhere(reader, rowsOf(rows))
    await reader.close()
  }
})

test('a database with a WAL store of its own refuses to open without it', async () => {
  const fixture = loadFixture('slatedb-0.12.1/wal-store')
  const store = await memoryCopy(fixture)
  await expect(openDb({ store, path: fixture.root })).rejects.toMatchObject({ kind: 'Invalid' })
})

test('reading merge operands without an operator is a typed error', async () => {
  const fixture = loadFixture('slatedb-0.12.1/merges')
  const reader = await openReader({ store: await memoryCopy(fixture), path: fixture.root })
  const get = async () => reader.get(toBytes('base'))
  await expect(get()).rejects.toMatchObject({ kind: 'Invalid', code: 'SLATEDB_MERGE_OPERATOR_MISSING' })
  await reader.close()
})

describe('a database of 0.18.0 keeps its forms', () => {
  const names = fixtures('slatedb-0.18.0').map(({ name }) => name)
  test.each(names.filter((name) => !SEGMENTED.includes(name)))('%s', async (name) => {
    const fixture = loadFixture(name)
    const store = await memoryCopy(fixture)
    const db = await openDb({
      store,
      path: fixture.root,
      mergeOperator: fixture.usesMerges ? commaJoin : undefined,
      settings: parseSettings({ compactorOptions: null, garbageCollectorOptions: null }),
    })
    const before = db.manifest.value
    await db.put(toBytes('~new'), toBytes('row'))
    await db.close()
    for (const { path } of await store.list(`${fixture.root}/manifest/`)) {
      expect((await store.get(path)).bytes[1], path).toBe(2)
    }
    const after = db.manifest.value
    expect(after.tree.l0[0]!.table.info.filterFormat).toBe('composite')
    expect(after.tree.l0.slice(1), 'view ids and ranges').toEqual(before.tree.l0)
    expect(after.tree.runs).toEqual(before.tree.runs)
    expect(after.tree.lastCompactedViewId).toBe(before.tree.lastCompactedViewId)
    const fences = (await store.list(`${fixture.root}/wal/`)).filter(({ size }) => size < 150)
    expect(fences.at(-1)!.size).toBe(0)
  })
})

describe('the format generation of a 0.12 database stays (VX-3)', () => {
  test.each(fixtures('slatedb-0.12.1').map((fixture) => [fixture.name, fixture] as const))('%s', async (_, fixture) => {
    const store = await memoryCopy(fixture)
    const walStore = fixture.hasWalStore ? await memoryCopy(fixture, 'wal-store') : undefined
    const db = await openDb({
      store,
      path: fixture.root,
      walStore,
      mergeOperator: fixture.usesMerges ? commaJoin : undefined,
      settings: parseSettings({ minFilterKeys: 1 }),
    })
    await db.put(toBytes('~new'), toBytes('row'))
    await db.close()
    const wal = await (walStore ?? store).list(`${fixture.root}/wal/`)
    expect(
      wal.filter((object) => object.size === 0).map((object) => object.path),
      'fences of zero bytes',
    ).toEqual([])
    const { tree } = db.manifest.value
    expect(tree.l0[0]!.table.info.filterFormat).toBe('legacy')
  })
})
