// Tables in memory, and the checks that any table must pass.

import { expect } from 'vitest'
import { compareBytes } from '../../src/bytes/compare.ts'
import { EVERYTHING, inRange, type KeyRange } from '../../src/bytes/range.ts'
import { loadCodec } from '../../src/compress/codec.ts'
import { advance, advanceTo, type Cursor, END } from '../../src/cursor/cursor.ts'
import { Row } from '../../src/cursor/row.ts'
import type { Random } from '../../src/env/random.ts'
import { createEnv } from '../../src/env/system.ts'
import { bloomPolicy } from '../../src/filter/bloom.ts'
import { type FilterQuery, KeyHash } from '../../src/filter/policy.ts'
import type { TableView } from '../../src/format/manifest.ts'
import type { BlockTransformer } from '../../src/format/seal.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'
import type { ObjectStore } from '../../src/objects/store.ts'
import { BlockCache } from '../../src/table/block-cache.ts'
import { type BuiltTable, TableBuilder, type TableOptions } from '../../src/table/builder.ts'
import { openTableCursor } from '../../src/table/table-cursor.ts'
import { Tables } from '../../src/table/tables.ts'
import { lift, line, lines, newest, type PlainRow, place, randomProbe } from './table-rows.ts'

const none = await loadCodec('none')
export const plainOptions: TableOptions = {
  blockSize: 1024,
  codec: none,
  filterPolicies: [bloomPolicy()],
  minFilterKeys: 0,
  filterFormat: 'composite',
  keepBlocks: true,
}

/** Turns every byte over, later. */
export const slowXor: BlockTransformer = {
  encode: async (bytes) => bytes.map((byte) => byte ^ 0x5a),
  decode: async (bytes) => bytes.map((byte) => byte ^ 0x5a),
}

export async function build(rows: readonly PlainRow[], options: Partial<TableOptions> = {}): Promise<BuiltTable> {
  const builder = new TableBuilder({ ...plainOptions, ...options })
  const row = new Row()
  for (const plain of rows) builder.add(place(plain, row))
  return builder.finish()
}

export class World {
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

export const point = (key: Uint8Array): FilterQuery => ({ kind: 'point', key, hash: new KeyHash(key) })
export const halves = (seq: bigint): [number, number] => [Number(seq >> 32n), Number(seq & 0xffffffffn)]

export async function all(cursor: Cursor): Promise<PlainRow[]> {
  const rows: PlainRow[] = []
  while (await advance(cursor)) rows.push(lift(cursor.row))
  expect(cursor.next()).toBe(END)
  return rows
}

export function randomRange(random: Random, rows: readonly PlainRow[]): KeyRange {
  const bound = () =>
    random.chance(0.2) ? undefined : { key: randomProbe(random, rows), inclusive: random.chance(0.5) }
  const a = bound()
  const b = bound()
  return a !== undefined && b !== undefined && compareBytes(a.key, b.key) > 0 && random.chance(0.9)
    ? { start: b, end: a }
    : { start: a, end: b }
}

/** Random steps and seeks against the list they must agree with. */
export async function walk(
  cursor: Cursor,
  order: readonly PlainRow[],
  descending: boolean,
  random: Random,
): Promise<void> {
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

export async function checkTable(
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
