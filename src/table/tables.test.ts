import { describe, expect, test } from 'vitest'
import {
  drain,
  lift,
  line,
  lines,
  newest,
  type PlainRow,
  place,
  randomProbe,
  randomRows,
  randomShape,
} from '../../test/support/table-rows.ts'
import { compareBytes } from '../bytes/compare.ts'
import { EVERYTHING, inRange, type KeyRange } from '../bytes/range.ts'
import { type CodecName, loadCodec } from '../compress/codec.ts'
import { advance, advanceTo, type Cursor, END, ROW, WAIT } from '../cursor/cursor.ts'
import { Row } from '../cursor/row.ts'
import { Random } from '../env/random.ts'
import { createEnv } from '../env/system.ts'
import { isSlateDBError } from '../errors.ts'
import { bloomPolicy } from '../filter/bloom.ts'
import { type FilterQuery, KeyHash } from '../filter/policy.ts'
import { BlockCursor } from '../format/block-cursor.ts'
import type { TableView } from '../format/manifest.ts'
import type { BlockTransformer } from '../format/seal.ts'
import type { TableRef } from '../format/table-info.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import type { GetOptions, ObjectStore } from '../objects/store.ts'
import { BlockCache } from './block-cache.ts'
import { type BuiltTable, TableBuilder, type TableOptions } from './builder.ts'
import { getFromRun, openRunCursor } from './run-cursor.ts'
import { openTableCursor } from './table-cursor.ts'
import { Tables } from './tables.ts'

const none = await loadCodec('none')
const plainOptions: TableOptions = {
  blockSize: 1024,
  codec: none,
  filterPolicies: [bloomPolicy()],
  minFilterKeys: 0,
  filterFormat: 'composite',
  keepBlocks: true,
}

/** Turns every byte over, later. */
const slowXor: BlockTransformer = {
  encode: async (bytes) => bytes.map((byte) => byte ^ 0x5a),
  decode: async (bytes) => bytes.map((byte) => byte ^ 0x5a),
}

async function build(rows: readonly PlainRow[], options: Partial<TableOptions> = {}): Promise<BuiltTable> {
  const builder = new TableBuilder({ ...plainOptions, ...options })
  const row = new Row()
  for (const plain of rows) builder.add(place(plain, row))
  return builder.finish()
}

class World {
  readonly store: ObjectStore
  readonly env = createEnv({ seed: 1 })
  readonly paths = { table: (id: string) => `db/compacted/${id}.sst` }

  constructor(store: ObjectStore = new MemoryStore()) {
    this.store = store
  }

  tables(
    options: {
      cache?: BlockCache
      transformer?: BlockTransformer | undefined
      policies?: ReturnType<typeof bloomPolicy>[]
    } = {},
  ): Tables {
    return new Tables({
      store: this.store,
      paths: this.paths,
      cache: options.cache ?? new BlockCache(),
      env: this.env,
      filterPolicies: options.policies ?? [bloomPolicy()],
      transformer: options.transformer,
    })
  }
}

const point = (key: Uint8Array): FilterQuery => ({ kind: 'point', key, hash: new KeyHash(key) })
const halves = (seq: bigint): [number, number] => [Number(seq >> 32n), Number(seq & 0xffffffffn)]

async function all(cursor: Cursor): Promise<PlainRow[]> {
  const rows: PlainRow[] = []
  while (await advance(cursor)) rows.push(lift(cursor.row))
  expect(cursor.next()).toBe(END)
  return rows
}

function randomRange(random: Random, rows: readonly PlainRow[]): KeyRange {
  const bound = () =>
    random.chance(0.2) ? undefined : { key: randomProbe(random, rows), inclusive: random.chance(0.5) }
  const a = bound()
  const b = bound()
  return a !== undefined && b !== undefined && compareBytes(a.key, b.key) > 0 && random.chance(0.9)
    ? { start: b, end: a }
    : { start: a, end: b }
}

/** Random steps and seeks against the list they must agree with. */
async function walk(cursor: Cursor, order: readonly PlainRow[], descending: boolean, random: Random): Promise<void> {
  const sign = descending ? -1 : 1
  let at = -1
  while (at < order.length) {
    if (random.chance(0.6)) {
      at++
      expect(await advance(cursor)).toBe(at < order.length)
    } else {
      const key = randomProbe(random, order)
      at = Math.max(at, 0)
      while (at < order.length && sign * compareBytes(order[at]!.key, key) < 0) at++
      expect(await advanceTo(cursor, key)).toBe(at < order.length)
    }
    if (at < order.length) expect(line(lift(cursor.row))).toBe(line(order[at]!))
  }
  expect(cursor.next()).toBe(END)
}

async function checkTable(
  tables: Tables,
  view: Pick<TableView, 'table' | 'visibleRange'>,
  rows: readonly PlainRow[],
  random: Random,
): Promise<void> {
  const visible = view.visibleRange ?? EVERYTHING
  const there = rows.filter((row) => inRange(visible, row.key))
  const row = new Row()
  for (let i = 0; i < 30; i++) {
    const key = randomProbe(random, rows)
    const versions = rows.filter((each) => compareBytes(each.key, key) === 0)
    const maxSeq =
      versions.length === 0 || random.chance(0.3)
        ? 2n ** 64n - 1n
        : random.pick(versions).seq - BigInt(random.int(0, 1))
    const wanted = newest(there, key, maxSeq)
    const found = await tables.get(tables.table(view.table), view.visibleRange, point(key), ...halves(maxSeq), row)
    expect(found).toBe(wanted !== undefined)
    if (wanted !== undefined) expect(line(lift(row))).toBe(line(wanted))
  }
  for (const descending of [false, true]) {
    for (let i = 0; i < 4; i++) {
      const range = i === 0 ? EVERYTHING : randomRange(random, rows)
      const order = there.filter((each) => inRange(range, each.key))
      if (descending) order.reverse()
      const options = {
        range,
        descending,
        readAheadBytes: random.pick([1, 3000, 1 << 20]),
        maxFetchTasks: random.pick([1, 2, 5]),
        cacheBlocks: random.chance(0.5),
      }
      expect(lines(await all(openTableCursor(tables, view, options)))).toEqual(lines(order))
      await walk(openTableCursor(tables, view, options), order, descending, random)
    }
  }
}

describe('a table answers as the rows it was built from', () => {
  const codecs: CodecName[] = ['none', 'snappy', 'zlib', 'lz4', 'zstd']
  test.each(Array.from({ length: 60 }, (_, seed) => seed))('seed %i', async (seed) => {
    const random = new Random(`table ${seed}`)
    const rows = randomRows(random, randomShape(random, random.pick([1, 20, 200, 600])))
    const transformer = random.chance(0.3) ? slowXor : undefined
    const built = await build(rows, {
      blockSize: random.pick([64, 256, 1024, 4096]),
      codec: await loadCodec(random.pick(codecs)),
      transformer,
      filterFormat: random.pick(['legacy', 'composite'] as const),
      minFilterKeys: random.pick([0, 100]),
      keepBlocks: random.chance(0.5),
    })
    expect(built.size).toBe(built.body.reduce((sum, part) => sum + part.length, 0))
    const world = new World()
    const ref = await world.tables({ transformer }).write('A', built)
    const cache = random.pick([
      new BlockCache(),
      BlockCache.none(),
      new BlockCache({ dataBytes: 3000, metaBytes: 2000 }),
    ])
    const tables = world.tables({ transformer, cache, policies: random.chance(0.8) ? [bloomPolicy()] : [] })
    const visibleRange = random.chance(0.5) ? undefined : { ...randomRange(random, rows) }
    await checkTable(tables, { table: ref, visibleRange }, rows, random)
  })

  test('what was written is in memory: no request follows', async () => {
    const random = new Random('cached')
    const rows = randomRows(random, { count: 300, alphabet: 4, maxKeyLength: 9, maxValueLength: 30, versions: 0.2 })
    const world = new World()
    const tables = world.tables()
    const ref = await tables.write('A', await build(rows))
    await world.store.delete(world.paths.table('A'))
    const row = new Row()
    for (const each of rows)
      expect(tables.get(tables.table(ref), undefined, point(each.key), ...halves(each.seq), row)).toBe(true)
    const cursor = openTableCursor(
      tables,
      { table: ref, visibleRange: undefined },
      { range: EVERYTHING, descending: false },
    )
    let count = 0
    while (cursor.next() === ROW) count++
    expect(count).toBe(rows.length)
  })
})

describe('a sorted run', () => {
  test.each(Array.from({ length: 40 }, (_, seed) => seed))('seed %i', async (seed) => {
    const random = new Random(`run ${seed}`)
    const rows = randomRows(random, {
      ...randomShape(random, random.pick([20, 200])),
      versions: random.pick([0.2, 0.95]),
    })
    const world = new World()
    const tables = world.tables({ cache: random.chance(0.5) ? BlockCache.none() : new BlockCache() })
    const views: TableView[] = []
    // Cut anywhere: between versions of one key as well.
    for (let from = 0; from < rows.length; ) {
      const to = Math.min(rows.length, from + random.pick([1, 3, 40]))
      const id = String(views.length).padStart(26, '0')
      let table: TableRef = await tables.write(id, await build(rows.slice(from, to), { blockSize: 128 }))
      if (random.chance(0.2)) table = { ...table, id: `${id}x`, info: { ...table.info, lastEntry: undefined } }
      if (table.id !== id)
        await world.store.put(world.paths.table(table.id), (await world.store.get(world.paths.table(id))).bytes, {
          mode: 'create',
        })
      views.push({ viewId: id, table, visibleRange: undefined })
      from = to
    }
    const row = new Row()
    for (let i = 0; i < 60; i++) {
      const key = randomProbe(random, rows)
      const versions = rows.filter((each) => compareBytes(each.key, key) === 0)
      const maxSeq =
        versions.length === 0 || random.chance(0.3)
          ? 2n ** 64n - 1n
          : random.pick(versions).seq - BigInt(random.int(0, 1))
      const wanted = newest(rows, key, maxSeq)
      expect(await getFromRun(tables, views, point(key), ...halves(maxSeq), row)).toBe(wanted !== undefined)
      if (wanted !== undefined) expect(line(lift(row))).toBe(line(wanted))
    }
    for (const descending of [false, true]) {
      for (let i = 0; i < 4; i++) {
        const range = i === 0 ? EVERYTHING : randomRange(random, rows)
        const order = rows.filter((each) => inRange(range, each.key))
        if (descending) order.reverse()
        expect(lines(await all(openRunCursor(tables, views, { range, descending })))).toEqual(lines(order))
        await walk(openRunCursor(tables, views, { range, descending }), order, descending, random)
      }
    }
  })

  test('a run without tables', async () => {
    const tables = new World().tables()
    expect(getFromRun(tables, [], point(new Uint8Array([1])), 0, 9, new Row())).toBe(false)
    expect(openRunCursor(tables, [], { range: EVERYTHING, descending: true }).next()).toBe(END)
  })
})

/** Counts requests, and may hand out damaged bytes. */
class Meddling extends MemoryStore {
  requests: GetOptions[] = []
  meddle: (bytes: Uint8Array, options: GetOptions) => Uint8Array = (bytes) => bytes

  override async get(path: string, options: GetOptions = {}) {
    this.requests.push(options)
    const result = await super.get(path, options)
    return { ...result, bytes: this.meddle(result.bytes, options) }
  }
}

async function meddling(): Promise<{ store: Meddling; world: World; ref: TableRef; rows: PlainRow[] }> {
  const rows = randomRows(new Random('meddling'), {
    count: 300,
    alphabet: 4,
    maxKeyLength: 12,
    maxValueLength: 40,
    versions: 0,
  })
  const store = new Meddling()
  const world = new World(store)
  const ref = await world.tables().write('TABLE', await build(rows))
  return { store, world, ref, rows }
}

describe('requests', () => {
  test('a cold lookup takes two, a warm one none, one after the metadata is there', async () => {
    const { store, world, ref, rows } = await meddling()
    const tables = world.tables()
    const row = new Row()
    const table = tables.table(ref)
    expect(await tables.get(table, undefined, point(rows[40]!.key), 0xffffffff, 0xffffffff, row)).toBe(true)
    expect(store.requests.map((request) => request.range)).toEqual([
      { start: ref.info.filterOffset, end: ref.info.indexOffset + ref.info.indexLength },
      expect.anything(),
    ])
    expect(tables.get(table, undefined, point(rows[40]!.key), 0xffffffff, 0xffffffff, row)).toBe(true)
    expect(store.requests.length).toBe(2)
    expect(await tables.get(table, undefined, point(rows[200]!.key), 0xffffffff, 0xffffffff, row)).toBe(true)
    expect(store.requests.length).toBe(3)
    expect(tables.get(table, undefined, point(new Uint8Array([0xfe, 1, 2])), 0xffffffff, 0xffffffff, row)).toBe(false)
  })

  test('lookups at once share their requests (CA-5); a failed load is asked for again', async () => {
    const { store, world, ref, rows } = await meddling()
    const tables = world.tables()
    const key = rows[100]!.key
    const gets = () =>
      Promise.all(
        Array.from({ length: 20 }, () =>
          tables.get(tables.table(ref), undefined, point(key), 0xffffffff, 0xffffffff, new Row()),
        ),
      )
    store.meddle = () => {
      throw new Error('down')
    }
    await expect(gets()).rejects.toThrow('down')
    store.meddle = (bytes) => bytes
    store.requests = []
    expect(await gets()).toEqual(new Array(20).fill(true))
    expect(store.requests.length).toBe(2)
  })

  test('read-ahead fetches neighbours together', async () => {
    const { store, world, ref, rows } = await meddling()
    const scan = async (options: object) => {
      store.requests = []
      const cursor = openTableCursor(
        world.tables(),
        { table: ref, visibleRange: undefined },
        { range: EVERYTHING, descending: false, ...options },
      )
      expect((await all(cursor)).length).toBe(rows.length)
      return store.requests.length - 1
    }
    const blocks = await scan({})
    expect(blocks).toBeGreaterThan(10)
    expect(await scan({ readAheadBytes: 1 << 20 })).toBe(1)
    expect(await scan({ readAheadBytes: 4000 })).toBeLessThan(blocks / 2)
    expect(await scan({ maxFetchTasks: 4 })).toBe(blocks)
  })

  test('a scan leaves the cache alone unless asked to fill it', async () => {
    const { world, ref } = await meddling()
    for (const cacheBlocks of [false, true]) {
      const cache = new BlockCache()
      await all(
        openTableCursor(
          world.tables({ cache }),
          { table: ref, visibleRange: undefined },
          { range: EVERYTHING, descending: true, cacheBlocks },
        ),
      )
      expect(cache.data.count > 0).toBe(cacheBlocks)
    }
  })

  test('warm and evict', async () => {
    const { store, world, ref, rows } = await meddling()
    const cache = new BlockCache()
    const tables = world.tables({ cache })
    await tables.warm(tables.table(ref), EVERYTHING)
    store.requests = []
    for (const each of rows)
      expect(tables.get(tables.table(ref), undefined, point(each.key), ...halves(each.seq), new Row())).toBe(true)
    expect(store.requests.length).toBe(0)
    tables.keepOnly(new Set())
    expect(cache.size).toBe(0)
    expect(cache.data.count).toBe(0)
  })
})

describe('damage', () => {
  test('damage on the way is healed by one more look, past the caches (CA-9)', async () => {
    const { store, world, ref, rows } = await meddling()
    store.meddle = (bytes, options) => {
      if (options.refetch !== true) bytes[bytes.length >> 1]! ^= 1
      return bytes
    }
    const tables = world.tables()
    expect(
      await tables.get(tables.table(ref), undefined, point(rows[50]!.key), ...halves(rows[50]!.seq), new Row()),
    ).toBe(true)
    expect(store.requests.map((request) => request.refetch)).toEqual([false, true, false, true])
  })

  test('a short body is not data', async () => {
    const { store, world, ref, rows } = await meddling()
    store.meddle = (bytes) => bytes.subarray(0, bytes.length - 1)
    const tables = world.tables()
    await expect(tables.get(tables.table(ref), undefined, point(rows[50]!.key), 0, 9, new Row())).rejects.toMatchObject(
      { kind: 'Data', message: expect.stringContaining('db/compacted/TABLE.sst') },
    )
  })

  test('errors of a cursor are told again and again', async () => {
    const { store, world, ref } = await meddling()
    const cursor = openTableCursor(
      world.tables(),
      { table: ref, visibleRange: undefined },
      { range: EVERYTHING, descending: false },
    )
    expect(await advance(cursor)).toBe(true)
    store.meddle = () => new Uint8Array(0)
    await expect(all(cursor)).rejects.toMatchObject({ kind: 'Data' })
    store.meddle = (bytes) => bytes
    expect(cursor.next()).toBe(WAIT)
    await expect(cursor.ready()).rejects.toMatchObject({ kind: 'Data' })
  })

  test.each(['none', 'snappy', 'zlib', 'lz4', 'zstd'] as const)(
    'flipped or cut off, %s: the right answer or a Data error',
    async (codec) => {
      const random = new Random(`damage ${codec}`)
      const rows = randomRows(random, { count: 120, alphabet: 4, maxKeyLength: 12, maxValueLength: 40, versions: 0.3 })
      const world = new World()
      const ref = await world.tables().write('T', await build(rows, { codec: await loadCodec(codec), blockSize: 512 }))
      const good = (await world.store.get(world.paths.table('T'))).bytes
      for (let i = 0; i < 150; i++) {
        const bad = random.chance(0.2) ? good.slice(0, random.int(0, good.length)) : good.slice()
        if (bad.length === good.length) bad[random.int(0, bad.length - 1)]! ^= 1 << random.int(0, 7)
        await world.store.put(world.paths.table('T'), bad, { mode: 'overwrite' })
        const tables = world.tables()
        try {
          expect(
            lines(
              await all(
                openTableCursor(
                  tables,
                  { table: ref, visibleRange: undefined },
                  { range: EVERYTHING, descending: false },
                ),
              ),
            ),
          ).toEqual(lines(rows))
        } catch (error) {
          if (!isSlateDBError(error)) throw error
          if (error.kind !== 'Data') expect(bad.length).toBeLessThan(good.length)
          else expect(error.message).toContain('db/compacted/T.sst')
        }
      }
    },
  )
})

test('filters say no without a request for blocks, and are counted', async () => {
  const { store, world, ref, rows } = await meddling()
  const tables = world.tables()
  const table = tables.table(ref)
  await tables.meta(table)
  store.requests = []
  const last = rows.at(-1)!.key
  let misses = 0
  for (let i = 0; i < 200; i++) {
    const key = new Uint8Array([...rows[i]!.key, 99])
    if (compareBytes(key, last) >= 0) continue
    misses++
    await tables.get(table, undefined, point(key), 0xffffffff, 0xffffffff, new Row())
  }
  const { metrics } = world.env
  const count = (name: string) => metrics.counter(`slatedb.db.sst_filter_${name}_count`, { kind: 'point' }).value
  expect(count('negative')).toBeGreaterThan(misses * 0.9)
  expect(count('negative') + count('positive')).toBe(misses)
  expect(count('false_positive')).toBe(count('positive'))
})

test('stats and the parts of a drained builder', async () => {
  const rows = randomRows(new Random('stats'), {
    count: 300,
    alphabet: 4,
    maxKeyLength: 12,
    maxValueLength: 40,
    versions: 0,
  })
  const whole = await build(rows)
  for (const transformer of [undefined, slowXor]) {
    const builder = new TableBuilder({ ...plainOptions, transformer, keepBlocks: false })
    const parts: Uint8Array[] = []
    for (const each of rows) {
      builder.add(place(each, new Row()))
      await builder.settle()
      parts.push(...builder.drain())
    }
    const built = await builder.finish()
    expect(built.blocks).toEqual([])
    const world = new World()
    await world.store.put(world.paths.table('A'), [...parts, ...built.body], { mode: 'create' })
    if (transformer === undefined)
      expect(Buffer.concat([...parts, ...built.body]).equals(Buffer.concat([...whole.body]))).toBe(true)
    const tables = world.tables({ transformer })
    const table = tables.table({ id: 'A', info: built.info, formatVersion: 2 })
    expect(await tables.stats(table)).toEqual(whole.stats)
  }
  const cursor = new BlockCursor()
  const again: PlainRow[] = []
  for (const block of whole.blocks) {
    cursor.open(block)
    again.push(...drain(cursor))
  }
  expect(lines(again)).toEqual(lines(rows))
})

test('a transformer that fails', async () => {
  const rows = randomRows(new Random('fails'), {
    count: 300,
    alphabet: 4,
    maxKeyLength: 12,
    maxValueLength: 40,
    versions: 0,
  })
  const failing: BlockTransformer = {
    encode: async () => {
      throw new Error('no key')
    },
    decode: (bytes) => bytes,
  }
  await expect(build(rows, { transformer: failing })).rejects.toMatchObject({
    kind: 'Data',
    code: 'SLATEDB_BLOCK_TRANSFORM',
  })
})
