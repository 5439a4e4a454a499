// What we encode, read by the Rust original: it verifies the whole FlatBuffer, reads the rows the manifest leads to, and
// writes the next version on top of ours.

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { DbBuilder, ObjectStore, Settings } from '@slatedb/uniffi'
import { afterAll, expect, test } from 'vitest'
import { concatBytes } from '../bytes/compare.ts'
import { toHex } from '../bytes/text.ts'
import { decodeCompactions, encodeCompactions } from './compactions.ts'
import { decodeManifest, encodeManifest, type Manifest } from './manifest.ts'

const FIXTURES = join(import.meta.dirname, '../../test/fixtures')
const scratch = mkdtempSync(join(tmpdir(), 'slatedb-ts-peer-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const CASES = [
  ['slatedb-0.12.1', 'puts-l0'],
  ['slatedb-0.12.1', 'deletes'],
  ['slatedb-0.12.1', 'ttl'],
  ['slatedb-0.12.1', 'compaction'],
  ['slatedb-0.12.1', 'key-shapes'],
  ['slatedb-0.12.1', 'checkpoint'],
  ['slatedb-0.12.1', 'seq-tracker'],
  ['slatedb-0.12.1', 'compression-lz4'],
  ['slatedb-0.12.1', 'wal-disabled'],
  ['synthetic', 'manifest-v2'],
  ['synthetic', 'visible-range'],
  ['synthetic', 'clone-external-db'],
  ['synthetic', 'checkpoints-named'],
  ['synthetic', 'sst-v1-no-format-version'],
] as const

test.each(CASES)('%s/%s: the peer reads our manifest and builds on it', async (group, name) => {
  const folder = join(scratch, name)
  cpSync(join(FIXTURES, group, name, 'store'), folder, { recursive: true })
  const expected = JSON.parse(readFileSync(join(FIXTURES, group, name, 'expected.json'), 'utf8'))
  const root = expected.db_path ?? 'db'
  const manifests = join(folder, root, 'manifest')
  const ours = rewriteLatest(manifests, (bytes, what) => {
    const manifest = decodeManifest(bytes, what)
    return [manifest, encodeManifest(manifest)] as const
  })
  expect(await scan(folder, root, name === 'wal-disabled' ? { wal_enabled: 'false' } : {})).toEqual(
    // biome-ignore lint/suspicious/noExplicitAny: the shape of expected.json.
    expected.live_rows.map((row: any) => [row.key, typeof row.value === 'string' ? row.value : row.value.sha256]),
  )
  const theirs = latest(manifests)
  expect(theirs.writerEpoch).toBe(ours.writerEpoch + 1)
  // They carry over what they do not own, and what our bytes said about it.
  expect(theirs.sequenceTracker).toEqual(ours.sequenceTracker)
  expect(theirs.checkpoints).toEqual(ours.checkpoints)
  expect(theirs.externalDbs).toEqual(ours.externalDbs)
  expect(theirs.lastL0Seq).toBe(ours.lastL0Seq)
  expect(theirs.tree.l0.map((view) => view.table)).toEqual(ours.tree.l0.map((view) => view.table))
  expect(theirs.tree.l0.map((view) => view.visibleRange)).toEqual(ours.tree.l0.map((view) => view.visibleRange))
  expect(theirs.tree.runs).toEqual(ours.tree.runs)
})

test('the peer starts its compactor on our compactions', async () => {
  const folder = join(scratch, 'with-compactor')
  cpSync(join(FIXTURES, 'slatedb-0.12.1/compaction/store'), folder, { recursive: true })
  const expected = JSON.parse(readFileSync(join(FIXTURES, 'slatedb-0.12.1/compaction/expected.json'), 'utf8'))
  const compactions = join(folder, 'db/compactions')
  const ours = rewriteLatest(compactions, (bytes, what) => {
    const record = decodeCompactions(bytes, what)
    return [record, encodeCompactions(record)] as const
  })
  expect(ours.entries.length).toBeGreaterThan(0)
  const rows = await scan(folder, 'db', { compactor_options: JSON.stringify(expected.settings.compactor_options) })
  expect(rows).toHaveLength(expected.live_rows.length)
  const name = readdirSync(compactions).sort().at(-1)!
  const theirs = decodeCompactions(new Uint8Array(readFileSync(join(compactions, name))), name)
  expect(theirs.compactorEpoch).toBe(ours.compactorEpoch + 1)
  expect(theirs.entries.map((entry) => entry.id)).toEqual(expect.arrayContaining(ours.entries.map((entry) => entry.id)))
})

/** Writes the newest object of a folder anew, as the version after it. */
function rewriteLatest<T>(folder: string, rewrite: (bytes: Uint8Array, what: string) => readonly [T, Uint8Array]): T {
  const name = readdirSync(folder).sort().at(-1)!
  const [value, bytes] = rewrite(new Uint8Array(readFileSync(join(folder, name))), name)
  const id = Number(name.slice(0, 20)) + 1
  writeFileSync(join(folder, `${String(id).padStart(20, '0')}${name.slice(20)}`), bytes)
  return value
}

function latest(folder: string): Manifest {
  const name = readdirSync(folder).sort().at(-1)!
  return decodeManifest(new Uint8Array(readFileSync(join(folder, name))), name)
}

/** The operator of the fixtures. */
const joined = (_: unknown, existing: Uint8Array | undefined, operand: Uint8Array): Uint8Array =>
  existing === undefined ? operand : concatBytes([existing, Uint8Array.of(0x2c), operand])

async function scan(folder: string, root: string, more: Readonly<Record<string, string>>): Promise<[string, string][]> {
  const settings = Settings.default()
  const quiet = { flush_interval: 'null', compactor_options: 'null', garbage_collector_options: 'null' }
  for (const [name, value] of Object.entries({ ...quiet, ...more })) settings.set(name, value)
  const builder = new DbBuilder(root, ObjectStore.resolve(pathToFileURL(folder).href))
  builder.with_settings(settings)
  builder.with_merge_operator({ merge: joined })
  const db = await builder.build()
  try {
    const rows: [string, string][] = []
    const iterator = await db.scan({ start: undefined, start_inclusive: true, end: undefined, end_inclusive: true })
    for (let row = await iterator.next(); row !== undefined; row = await iterator.next()) {
      rows.push([toHex(new Uint8Array(row.key)), toHex(new Uint8Array(row.value))])
    }
    return rows
  } finally {
    await db.shutdown()
  }
}
