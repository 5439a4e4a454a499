import { describe, expect, test } from 'vitest'
import { drain, lines, type PlainRow, place, randomRows } from '../../test/support/table-rows.ts'
import { all, build, halves, plainOptions, point, slowXor, World } from '../../test/support/tables.ts'
import { compareBytes } from '../bytes/compare.ts'
import { EVERYTHING } from '../bytes/range.ts'
import { loadCodec } from '../compress/codec.ts'
import { advance, WAIT } from '../cursor/cursor.ts'
import { Row } from '../cursor/row.ts'
import { Random } from '../env/random.ts'
import { isSlateDBError } from '../errors.ts'
import { BlockCursor } from '../format/block-cursor.ts'
import type { BlockTransformer } from '../format/seal.ts'
import type { TableRef } from '../format/table-info.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import type { GetOptions } from '../objects/store.ts'
import { BlockCache } from './block-cache.ts'
import { TableBuilder } from './builder.ts'
import { openTableCursor } from './table-cursor.ts'

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
    const blocks = await scan({ readAheadBytes: 1 })
    expect(blocks).toBeGreaterThan(10)
    // One block, then four, then the rest.
    expect(await scan({})).toBe(3)
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
    // Whatever it asks may answer again: the engine tries the write once more.
    kind: 'Unavailable',
    code: 'SLATEDB_BLOCK_TRANSFORM',
  })
})
