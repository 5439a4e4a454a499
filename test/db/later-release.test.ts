// A database that a later release has written to: its manifest has fields that we do not know. Nobody may lose them by
// rewriting it (OB-6).

import { expect, test } from 'vitest'
import { EVERYTHING } from '../../src/bytes/range.ts'
import type { Db } from '../../src/db/db.ts'
import { openDb } from '../../src/db/open.ts'
import { openReader } from '../../src/db/reader.ts'
import { parseSettings } from '../../src/db/settings.ts'
import { Paths } from '../../src/format/paths.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'
import { toBytes, toText } from '../model/bytes.ts'
import { withField } from '../support/later-release.ts'

const paths = new Paths('db')
const settings = parseSettings({ flushInterval: null, compactorOptions: null, garbageCollectorOptions: null })
const refused = { kind: 'Data', code: 'SLATEDB_UNKNOWN_FIELDS', message: expect.stringContaining('ManifestV2.18') }

async function filled(): Promise<{ store: MemoryStore; db: Db }> {
  const store = new MemoryStore()
  const db = await openDb({ store, path: 'db', settings })
  await db.put(toBytes('a'), toBytes('in a table'))
  await db.flush('memtable')
  await db.put(toBytes('b'), toBytes('in the log'))
  await db.flush('wal')
  return { store, db }
}

/** The later release writes the next version. */
async function written(store: MemoryStore): Promise<void> {
  const newest = (await store.list(paths.manifests)).at(-1)!
  const { bytes } = await store.get(newest.path)
  const id = paths.parseManifest(newest.path)!
  await store.put(paths.manifest(id + 1), withField(bytes, [], 18), { mode: 'create' })
}

async function expectRows(store: MemoryStore): Promise<void> {
  const reader = await openReader({ store, path: 'db' })
  const rows: string[] = []
  const scan = reader.scan(EVERYTHING)
  for (let row = await scan.next(); row !== undefined; row = await scan.next()) rows.push(toText(row.value))
  await reader.close()
  expect(rows).toEqual(['in a table', 'in the log'])
}

test('a writer refuses to open it, and leaves everything as it was; a reader reads it', async () => {
  const { store, db } = await filled()
  await db.close({ flush: false })
  await written(store)
  const before = await store.list('')
  await expect(openDb({ store, path: 'db', settings })).rejects.toMatchObject(refused)
  expect(await store.list('')).toEqual(before)
  await expectRows(store)
})

test('a writer that is open stops publishing, and loses nothing', async () => {
  const { store, db } = await filled()
  await written(store)
  const before = await store.list(paths.manifests)
  await expect(db.flush('memtable')).rejects.toMatchObject({ kind: 'Closed', closeReason: 'Panic', cause: refused })
  const late = async () => db.put(toBytes('c'), toBytes('too late'))
  await expect(late()).rejects.toMatchObject({ kind: 'Closed', closeReason: 'Panic' })
  await db.close().catch(() => {})
  expect(await store.list(paths.manifests)).toEqual(before)
  await expectRows(store)
})
