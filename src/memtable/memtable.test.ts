import { describe, expect, test } from 'vitest'
import { compareBytes } from '../bytes/compare.ts'
import { inRange, type KeyRange } from '../bytes/range.ts'
import { toHex } from '../bytes/text.ts'
import { type Cursor, END, ROW, type Step } from '../cursor/cursor.ts'
import { MERGE, NO_TS, Row, type RowKind, rowKey, rowValue, TOMBSTONE, VALUE } from '../cursor/row.ts'
import { Random } from '../env/random.ts'
import { Memtable, type PreparedRows } from './memtable.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const EVERYTHING: KeyRange = { start: undefined, end: undefined }

interface ModelRow {
  key: Uint8Array
  seq: number
  text: string
}

const show = (row: Row) =>
  `${toHex(rowKey(row))}@${row.seqHi * 2 ** 32 + row.seqLo}=${toHex(rowValue(row))} ${row.kind} ${row.createTs} ${row.expireTs}`

/** A sorted array is the judge: same rows, same order, same answers. */
class Model {
  rows: ModelRow[] = []
  readonly memtable = new Memtable()

  insert(key: Uint8Array, seq: number, value: Uint8Array, kind: RowKind, createTs: number, expireTs: number): void {
    const { memtable } = this
    const text = `${toHex(key)}@${seq}=${toHex(value)} ${kind} ${createTs} ${expireTs}`
    memtable.insert(
      key,
      0,
      key.length,
      value,
      0,
      value.length,
      kind,
      Math.floor(seq / 2 ** 32),
      seq % 2 ** 32,
      createTs,
      expireTs,
    )
    let low = 0
    let high = this.rows.length
    while (low < high) {
      const mid = (low + high) >>> 1
      const order = compareBytes(this.rows[mid]!.key, key)
      if (order < 0 || (order === 0 && this.rows[mid]!.seq > seq)) low = mid + 1
      else high = mid
    }
    const there = this.rows[low]
    const replaced = there !== undefined && there.seq === seq && compareBytes(there.key, key) === 0
    this.rows.splice(low, replaced ? 1 : 0, { key, seq, text })
  }

  scan(range: KeyRange, descending: boolean): string[] {
    const rows = this.rows.filter((row) => inRange(range, row.key)).map((row) => row.text)
    return descending ? rows.reverse() : rows
  }
}

function drain(cursor: Cursor): string[] {
  const out: string[] = []
  while (cursor.next() === ROW) out.push(show(cursor.row))
  return out
}

type Keys = (random: Random) => Uint8Array

const SHAPES: Record<string, Keys> = {
  'short binary keys': (random) => random.bytes(random.int(1, 3)),
  'keys that extend each other': (random) => new Uint8Array(random.int(1, 40)).fill(random.int(0, 1)),
  'a shrinking common prefix': (random) => bytes('common/prefix/'.slice(0, random.int(10, 14)) + random.int(0, 999)),
  'two families': (random) => bytes(`${random.pick(['orders', 'users-by-name'])}/${random.int(0, 5000)}`),
  'long random keys': (random) => random.bytes(16),
  'a dozen families': (random) => bytes(`app/${'abcdefghijkl'[random.int(0, 11)]!.repeat(9)}/${random.int(0, 99999)}`),
  'ever more families': (random) => bytes(`${random.int(0, 400) ** 3}/and/then/${random.int(0, 9)}`),
  'families that begin each other': (random) => bytes(`${'family/'.repeat(random.int(1, 5))}${random.int(0, 99)}`),
}

function randomRange(random: Random, keys: Keys): KeyRange {
  const bound = () => (random.chance(0.3) ? undefined : { key: keys(random), inclusive: random.chance(0.5) })
  return { start: bound(), end: bound() }
}

describe('a sorted array gives the same answers', () => {
  for (const [shape, keys] of Object.entries(SHAPES)) {
    for (const count of [0, 1, 100, 3000]) {
      test(`${shape}, ${count} rows`, () => {
        const seed = `${shape} ${count}`
        const random = new Random(seed)
        const model = new Model()
        for (let i = 0; i < count; i++) {
          const seq = random.chance(0.1) ? random.int(0, 20) : i + (random.chance(0.05) ? 2 ** 33 : 0)
          const value = random.bytes(random.int(0, 30))
          const expireTs = random.chance(0.5) ? NO_TS : random.int(-5, 5)
          model.insert(keys(random), seq, value, random.pick([VALUE, TOMBSTONE, MERGE]), i, expireTs)
        }
        const { memtable } = model
        expect(memtable.liveRowCount).toBe(model.rows.length)
        expect(memtable.rowCount).toBe(count)
        for (const descending of [false, true]) {
          expect(drain(memtable.cursor(EVERYTHING, descending))).toEqual(model.scan(EVERYTHING, descending))
          for (let i = 0; i < 30; i++) {
            const range = randomRange(random, keys)
            expect(drain(memtable.cursor(range, descending)), seed).toEqual(model.scan(range, descending))
            walk(model, random, keys, range, descending, seed)
          }
        }
        for (let i = 0; i < 200; i++) lookUp(model, random, keys, seed)
      })
    }
  }
})

/** Seeks and steps at random, against a filter over the model. */
function walk(model: Model, random: Random, keys: Keys, range: KeyRange, descending: boolean, seed: string): void {
  const cursor = model.memtable.cursor(range, descending)
  const rows = model.rows.filter((row) => inRange(range, row.key))
  if (descending) rows.reverse()
  let at = -1
  for (let i = 0; i < 12; i++) {
    let step: Step
    if (random.chance(0.5)) {
      step = cursor.next()
      at++
    } else {
      const key = keys(random)
      step = cursor.seek(key)
      at = Math.max(at, 0)
      while (at < rows.length && compareBytes(rows[at]!.key, key) * (descending ? -1 : 1) < 0) at++
    }
    expect(step, seed).toBe(at < rows.length ? ROW : END)
    if (step === ROW) expect(show(cursor.row), seed).toBe(rows[at]!.text)
    else return
  }
}

function lookUp(model: Model, random: Random, keys: Keys, seed: string): void {
  const { memtable, rows } = model
  const key = random.chance(0.5) && rows.length > 0 ? random.pick(rows).key : keys(random)
  const maxSeq = random.pick([0, random.int(0, 3000), 2 ** 34])
  const expected = rows.filter((row) => compareBytes(row.key, key) === 0 && row.seq <= maxSeq).map((row) => row.text)
  const row = new Row()
  const found: string[] = []
  for (
    let there = memtable.find(key, Math.floor(maxSeq / 2 ** 32), maxSeq % 2 ** 32, row);
    there;
    there = memtable.findOlder(row)
  ) {
    found.push(show(row))
  }
  expect(found, seed).toEqual(expected)
}

test('rows keep their ids and their order of arrival', () => {
  const random = new Random('ids')
  const model = new Model()
  const texts: string[] = []
  for (let i = 0; i < 2000; i++) {
    const key = random.bytes(2)
    model.insert(key, i, key, VALUE, i, NO_TS)
    texts.push(`${toHex(key)}@${i}=${toHex(key)} 0 ${i} ${NO_TS}`)
  }
  const row = new Row()
  for (let i = 0; i < 2000; i++) {
    model.memtable.row(i, row)
    expect(show(row)).toBe(texts[i])
  }
})

describe('a cursor stays right while rows are inserted under it', () => {
  for (const descending of [false, true]) {
    for (const [shape, keys] of Object.entries(SHAPES)) {
      test(`${shape}, ${descending ? 'descending' : 'ascending'}`, () => {
        const seed = `insert under ${shape} ${descending}`
        const random = new Random(seed)
        const model = new Model()
        let seq = 1
        const grow = () => model.insert(keys(random), seq++, random.bytes(4), VALUE, 0, NO_TS)
        for (let i = 0; i < 600; i++) grow()
        const range = randomRange(random, keys)
        const expected = model.scan(range, descending)
        const bound = seq
        const cursor = model.memtable.cursor(range, descending)
        const seen: string[] = []
        const all: string[] = []
        while (cursor.next() === ROW) {
          all.push(show(cursor.row))
          if (cursor.row.seqLo < bound) seen.push(show(cursor.row))
          for (let i = random.int(0, 4); i > 0 && model.rows.length < 4000; i--) grow()
        }
        expect(seen, seed).toEqual(expected)
        expect(new Set(all).size, 'no row twice').toBe(all.length)
        grow()
        expect(cursor.next()).toBe(END)
        expect(cursor.seek(keys(random))).toBe(END)
      })
    }
  }
})

function prepared(rows: [string, string][], shuffled: boolean): PreparedRows {
  // Entries stand in the arena in the order given; with `shuffled`, an order array sorts them.
  const parts = rows.map(([key, value]) => ({ key: bytes(key), value: bytes(value) }))
  const arena = bytes(rows.map(([key, value]) => key + value).join(''))
  let offset = 0
  const at = parts.map((part) => (offset += part.key.length + part.value.length) - part.key.length - part.value.length)
  const order = parts.map((_, i) => i).sort((a, b) => compareBytes(parts[a]!.key, parts[b]!.key))
  return {
    count: rows.length,
    bytes: arena,
    byteLength: arena.length,
    usedBytes: arena.length,
    order: shuffled ? new Uint32Array(order) : undefined,
    at: new Uint32Array(at),
    keyLength: new Uint32Array(parts.map((part) => part.key.length)),
    valueLength: new Uint32Array(parts.map((part) => part.value.length)),
    kind: new Uint8Array(rows.length),
    expireTs: new Float64Array(rows.length).fill(NO_TS),
  }
}

describe('batches', () => {
  const texts = (memtable: Memtable) => {
    const cursor = memtable.cursor(EVERYTHING, false)
    const out: string[] = []
    const text = new TextDecoder()
    while (cursor.next() === ROW) {
      out.push(`${text.decode(rowKey(cursor.row))}=${text.decode(rowValue(cursor.row))}@${cursor.row.seqLo}`)
    }
    return out
  }

  test('row ids follow the key order of the batch', () => {
    const memtable = new Memtable()
    memtable.insertBatch(
      prepared(
        [
          ['c', '3'],
          ['a', '1'],
          ['b', '2'],
        ],
        true,
      ),
      0,
      7,
      50,
    )
    memtable.insertBatch(prepared([['b', '9']], false), 0, 8, 60)
    expect(texts(memtable)).toEqual(['a=1@7', 'b=9@8', 'b=2@7', 'c=3@7'])
    const row = new Row()
    const keys = [0, 1, 2, 3].map((id) => {
      memtable.row(id, row)
      return new TextDecoder().decode(rowKey(row))
    })
    expect(keys).toEqual(['a', 'b', 'c', 'b'])
    expect([memtable.firstSeqLo, memtable.lastSeqLo, memtable.lastTick]).toEqual([7, 8, 60])
    expect(memtable.payloadBytes).toBe(8)
  })

  test('a batch that mostly replaced its own operations leaves its waste behind', () => {
    const memtable = new Memtable()
    const batch = {
      ...prepared(
        [
          ['a', 'x'.repeat(10)],
          ['b', '2'],
        ],
        false,
      ),
      bytes: new Uint8Array(1 << 22),
    }
    batch.bytes.set(bytes(`a${'x'.repeat(10)}b2`))
    memtable.insertBatch({ ...batch, byteLength: 1 << 22, usedBytes: 13 }, 0, 1, 0)
    expect(texts(memtable)).toEqual([`a=${'x'.repeat(10)}@1`, 'b=2@1'])
    expect(memtable.byteSize).toBeLessThan(1 << 16)
  })

  test('a value larger than a chunk has a chunk of its own', () => {
    const memtable = new Memtable()
    const value = new Random('large').bytes(3 << 20)
    const small = bytes('small')
    for (let i = 0; i < 10; i++) {
      memtable.insert(small, 0, 5, small, 0, 5, VALUE, 0, 2 * i, 0, NO_TS)
      memtable.insert(bytes('large'), 0, 5, value, 0, value.length, VALUE, 0, 2 * i + 1, 0, NO_TS)
    }
    expect(memtable.byteSize).toBeLessThan(31 << 20)
    const row = new Row()
    expect(memtable.find(bytes('large'), 0, 7, row)).toBe(true)
    expect(row.seqLo).toBe(7)
    expect(compareBytes(rowValue(row), value)).toBe(0)
  })
})

test('an empty memtable is small, and marks start with the first row', () => {
  const memtable = new Memtable()
  expect(memtable.byteSize).toBeLessThan(4096)
  expect(memtable.encodedSize).toBe(0)
  expect(memtable.lastTick).toBe(NO_TS)
  const key = bytes('k')
  memtable.insert(key, 0, 1, key, 0, 1, VALUE, 1, 5, 77, NO_TS)
  memtable.insert(key, 0, 1, key, 0, 1, VALUE, 0, 9, 70, 3)
  expect([memtable.firstSeqHi, memtable.firstSeqLo]).toEqual([0, 9])
  expect([memtable.lastSeqHi, memtable.lastSeqLo]).toEqual([1, 5])
  expect(memtable.lastTick).toBe(77)
  expect(memtable.encodedSize).toBeGreaterThan(4)
})
