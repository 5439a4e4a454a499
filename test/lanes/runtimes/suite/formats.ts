// Stored bytes: databases that the original wrote, in every codec, and codecs of our own. Over HTTP, as in a page.

import { MemoryStore, type ObjectStore, SlateDB } from '../../../../src/index.ts'
import { HttpStore } from '../../../../src/stores/http.ts'
import { check, failsAs, same } from './expect.ts'
import type { Checks, World } from './world.ts'

/** Golden databases: every codec, and what else a reader must understand. */
const READ = [
  'slatedb-0.12.1/compression-snappy',
  'slatedb-0.12.1/compression-zlib',
  'slatedb-0.12.1/compression-lz4',
  'slatedb-0.12.1/compression-zstd',
  'slatedb-0.12.1/puts-l0',
  'slatedb-0.12.1/wal-multiblock',
  'slatedb-0.12.1/compaction',
  'synthetic/sst-v1',
  'synthetic/manifest-v2',
  'synthetic/composite-filter',
] as const

const CODECS = ['snappy', 'zlib', 'lz4', 'zstd'] as const

interface Expected {
  readonly db_path: string
  readonly live_rows: readonly { readonly key: string; readonly value: string }[]
}

export function formatChecks(world: World): Checks {
  const checks: Checks = new Map()
  for (const name of READ) {
    checks.set(`a reader over HTTP reads ${name}`, () => readOverHttp(world, name))
  }
  for (const codec of CODECS) {
    checks.set(`a writer adds to a copy of slatedb-0.12.1/compression-${codec}`, () => addTo(world, codec))
    checks.set(`${codec}: what is written here is read here`, () => roundTrip(codec))
  }
  checks.set('a flipped bit is a Data error that names the object', () => damage(world))
  checks.set('over HTTP: a missing object is NotFound, a write is refused, an absent server is Unavailable', () =>
    httpErrors(world),
  )
  return checks
}

/** The operator of the golden databases: operands joined by commas. */
const commaJoin = (_key: Uint8Array, existing: Uint8Array | undefined, operand: Uint8Array): Uint8Array =>
  existing === undefined ? operand : Uint8Array.from([...existing, 0x2c, ...operand])

const folderOf = (world: World, name: string): string => `${world.server}/fixtures/${name}`

async function fetchJson<T>(url: string): Promise<T> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  return (await response.json()) as T
}

const expectedOf = (world: World, name: string) => fetchJson<Expected>(`${folderOf(world, name)}/expected.json`)

async function readOverHttp(world: World, name: string): Promise<void> {
  const { db_path, live_rows } = await expectedOf(world, name)
  const store = new HttpStore({ url: `${folderOf(world, name)}/store`, index: 'index.json' })
  const reader = await SlateDB.openReader({ store, path: db_path }, { mergeOperator: commaJoin })
  const rows = live_rows.map(({ key, value }) => [key, value])
  const seen = async (reverse: boolean) =>
    (await reader.scan({ reverse }).toArray()).map(([key, value]) => [hex(key), hex(value)])
  same(await seen(false), rows, 'forward')
  same(await seen(true), [...rows].reverse(), 'reverse')
  const step = Math.ceil(rows.length / 20)
  for (const [key, value] of rows.filter((_, i) => i % step === 0)) {
    const got = await reader.get(unhex(key!))
    same(got === undefined ? undefined : hex(got), value, `get ${key}`)
  }
  await reader.close()
}

/** All objects of a golden database, as a store that can be written to. */
async function memoryCopy(world: World, name: string): Promise<MemoryStore> {
  const store = new MemoryStore()
  const base = `${folderOf(world, name)}/store`
  for (const { path } of await fetchJson<{ path: string }[]>(`${base}/index.json`)) {
    const body = await (await fetch(`${base}/${path}`)).arrayBuffer()
    await store.put(path, new Uint8Array(body), { mode: 'create' })
  }
  return store
}

async function addTo(world: World, codec: (typeof CODECS)[number]): Promise<void> {
  const name = `slatedb-0.12.1/compression-${codec}`
  const { db_path, live_rows } = await expectedOf(world, name)
  const location = { store: await memoryCopy(world, name), path: db_path }
  const options = { settings: { compressionCodec: codec, flushInterval: '5ms' }, valueEncoding: 'utf8' } as const
  const db = await SlateDB.open(location, options)
  same(await db.count(), live_rows.length, 'rows of the original')
  await db.put('~ours', 'row '.repeat(500))
  await db.flush('memtable')
  await db.close()
  const again = await SlateDB.open(location, options)
  same([await again.count(), await again.get('~ours')], [live_rows.length + 1, 'row '.repeat(500)], 'rows of both')
  await again.close()
}

async function roundTrip(codec: (typeof CODECS)[number]): Promise<void> {
  const location = { store: new MemoryStore(), path: 'db' }
  const options = { settings: { compressionCodec: codec, flushInterval: '5ms' } } as const
  const db = await SlateDB.open(location, options)
  const values = new Map<string, Uint8Array>()
  for (let i = 0; i < 200; i++) {
    const value = new Uint8Array(i * 13)
    // From all the same to all different.
    for (let at = 0; at < value.length; at++) value[at] = i % 3 === 0 ? 7 : Math.imul(at + i, 2654435761) >>> (i % 25)
    values.set(String(i).padStart(3, '0'), value)
  }
  for (const [key, value] of values) await db.put(key, value, { durability: 'memory' })
  await db.flush('memtable')
  await db.close()
  const reader = await SlateDB.openReader(location, { keyEncoding: 'utf8' })
  same(await reader.scan().toArray(), [...values], 'all rows')
  await reader.close()
  const size = await tableBytes(location.store)
  const raw = [...values.values()].reduce((sum, value) => sum + value.length, 0)
  check(size < raw * 0.7, `tables smaller than their content: ${size} of ${raw} bytes`)
}

async function tableBytes(store: ObjectStore): Promise<number> {
  return (await store.list('db/compacted/')).reduce((sum, { size }) => sum + size, 0)
}

async function damage(world: World): Promise<void> {
  const name = 'slatedb-0.12.1/puts-l0'
  const { db_path } = await expectedOf(world, name)
  const store = await memoryCopy(world, name)
  const [table] = await store.list(`${db_path}/compacted/`)
  const { bytes } = await store.get(table!.path)
  bytes[100]! ^= 0x10
  await store.put(table!.path, bytes, { mode: 'overwrite' })
  const reader = await SlateDB.openReader({ store, path: db_path })
  const error = await failsAs('Data', reader.scan().toArray(), 'a scan over the damage')
  const id = table!.path.split('/').at(-1)!.replace('.sst', '')
  check(error.message.includes(id), `a message that names ${id}: ${error.message}`)
  await reader.close()
}

async function httpErrors(world: World): Promise<void> {
  const store = new HttpStore({ url: folderOf(world, 'slatedb-0.12.1/puts-l0/store') })
  const missing = await failsAs('Data', store.get('db/nothing'), 'get of nothing')
  same(missing.storeReason, 'NotFound', 'how it fails')
  await failsAs('Invalid', store.put('db/new'), 'a write')
  // Port 9, discard: nothing listens there, and browsers do not even try.
  const absent = new HttpStore({ url: 'http://127.0.0.1:9/' })
  await failsAs('Unavailable', absent.get('a'), 'get from nobody')
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
const unhex = (text: string): Uint8Array =>
  Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
