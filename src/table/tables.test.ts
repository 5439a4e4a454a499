import { describe, expect, test } from 'vitest'
import { lift, line, lines, newest, randomProbe, randomRows, randomShape } from '../../test/support/table-rows.ts'
import { all, build, checkTable, halves, point, randomRange, slowXor, World, walk } from '../../test/support/tables.ts'
import { compareBytes } from '../bytes/compare.ts'
import { EVERYTHING, inRange } from '../bytes/range.ts'
import { type CodecName, loadCodec } from '../compress/codec.ts'
import { END, ROW } from '../cursor/cursor.ts'
import { Row } from '../cursor/row.ts'
import { Random } from '../env/random.ts'
import { bloomPolicy } from '../filter/bloom.ts'
import type { TableView } from '../format/manifest.ts'
import type { TableRef } from '../format/table-info.ts'
import { BlockCache } from './block-cache.ts'
import { ENDLESS } from './load.ts'
import { getFromRun, openRunCursor } from './run-cursor.ts'
import { openTableCursor } from './table-cursor.ts'

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
      expect(await getFromRun(tables, views, point(key), ...halves(maxSeq), row, ENDLESS)).toBe(wanted !== undefined)
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
    expect(getFromRun(tables, [], point(new Uint8Array([1])), 0, 9, new Row(), ENDLESS)).toBe(false)
    expect(openRunCursor(tables, [], { range: EVERYTHING, descending: true }).next()).toBe(END)
  })
})
