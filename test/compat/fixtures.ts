// The golden databases of test/fixtures, loaded for a test: their objects in a memory store, what must be read from them.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { concatBytes } from '../../src/bytes/compare.ts'
import { encodeUtf8 } from '../../src/bytes/text.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'
import type { SeenRow } from '../model/model.ts'

export type FixtureFamily = 'slatedb-0.12.1' | 'slatedb-0.18.0' | 'synthetic'

export interface Fixture {
  /** `slatedb-0.12.1/puts-wal` */
  readonly name: string
  readonly folder: string
  readonly root: string
  readonly hasWalStore: boolean
  readonly usesMerges: boolean
  readonly rows: readonly SeenRow[]
  readonly expected: Readonly<Record<string, unknown>>
}

interface Expected {
  readonly db_path: string
  readonly wal_object_store?: string | null
  readonly merge_operator?: string | null
  readonly live_rows: readonly JsonRow[]
}

export interface JsonRow {
  readonly key: string
  readonly value: string
  readonly seq: number
  readonly create_ts: string
  readonly expire_ts: string | null
}

const FOLDER = fileURLToPath(new URL('../fixtures/', import.meta.url))

/** The operator of the fixtures: operands joined by commas. */
export const commaJoin = (_key: Uint8Array, existing: Uint8Array | undefined, operand: Uint8Array): Uint8Array =>
  existing === undefined ? operand.slice() : concatBytes([existing, encodeUtf8(','), operand])

export function fixtures(family: FixtureFamily): Fixture[] {
  return readdirSync(join(FOLDER, family), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => loadFixture(`${family}/${name}`))
}

export function loadFixture(name: string): Fixture {
  const folder = join(FOLDER, name)
  const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Expected
  return {
    name,
    folder,
    root: expected.db_path,
    hasWalStore: typeof expected.wal_object_store === 'string',
    usesMerges: typeof expected.merge_operator === 'string',
    rows: rowsOf(expected.live_rows),
    expected: expected as unknown as Record<string, unknown>,
  }
}

/** Rows as expected.json has them. */
export function rowsOf(json: readonly JsonRow[]): SeenRow[] {
  return json.map((row) => ({
    key: Buffer.from(row.key, 'hex').toString('latin1'),
    value: Buffer.from(row.value, 'hex').toString('latin1'),
    seq: BigInt(row.seq),
    createTs: Number(row.create_ts),
    expireTs: row.expire_ts === null ? undefined : Number(row.expire_ts),
  }))
}

/** A copy of a folder's objects; `name` is `store` or `wal-store`. */
export async function memoryCopy(fixture: Fixture, name: 'store' | 'wal-store' = 'store'): Promise<MemoryStore> {
  const store = new MemoryStore({ clock: { now: () => 1 } })
  const root = join(fixture.folder, name)
  for (const file of filesUnder(root)) {
    await store.put(relative(root, file).split(sep).join('/'), readFileSync(file), { mode: 'create' })
  }
  return store
}

export function filesUnder(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    return statSync(path).isDirectory() ? filesUnder(path) : [path]
  })
}
