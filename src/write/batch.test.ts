import { describe, expect, test } from 'vitest'
import { compareBytes } from '../bytes/compare.ts'
import { EVERYTHING, inRange, type KeyRange } from '../bytes/range.ts'
import { toHex } from '../bytes/text.ts'
import { U32_MAX } from '../bytes/u64.ts'
import { ROW } from '../cursor/cursor.ts'
import { normalizeMergeOperator } from '../cursor/merge-operator.ts'
import { MERGE, NO_TS, type RowKind, rowKey, rowValue, TOMBSTONE, VALUE } from '../cursor/row.ts'
import { Random } from '../env/random.ts'
import type { PreparedRows } from '../memtable/memtable.ts'
import { WriteBatch } from './batch.ts'
import type { Ttl } from './options.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (data: Uint8Array) => new TextDecoder().decode(data)
const code = (name: string) => expect.objectContaining({ kind: 'Invalid', code: `SLATEDB_${name}` })

const append = normalizeMergeOperator((_key, existing, operand) =>
  bytes((existing === undefined ? '' : text(existing)) + text(operand)),
)

function print(rows: PreparedRows): string[] {
  return Array.from({ length: rows.count }, (_, i) => {
    const id = rows.order === undefined ? i : rows.order[i]!
    const at = rows.at[id]!
    const end = at + rows.keyLength[id]!
    const value = rows.bytes.subarray(end, end + rows.valueLength[id]!)
    const expire = rows.expireTs[id] === NO_TS ? '' : `!${rows.expireTs[id]}`
    return `${text(rows.bytes.subarray(at, end))}${['=', '-', '+'][rows.kind[id]!]}${text(value)}${expire}`
  })
}

// `a=1` puts, `a-` deletes, `a+1` merges; `!5` expires at 5.
function batchOf(line: string): WriteBatch {
  const batch = new WriteBatch()
  for (const word of line.split(' ').filter(Boolean)) {
    const [, key, op, value, at] = /^([a-z]+)([=+-])([^!]*)(?:!(-?\d+))?$/.exec(word)!
    const ttl: Ttl = at === undefined ? 'default' : { at: Number(at) }
    if (op === '=') batch.put(bytes(key!), bytes(value!), { ttl })
    else if (op === '+') batch.merge(bytes(key!), bytes(value!), { ttl })
    else batch.delete(bytes(key!))
  }
  return batch
}

const prepared = (line: string) => print(batchOf(line).prepare(append, 1000, undefined)).join(' ')

describe('one row per key', () => {
  test.each([
    ['in order as it came', 'a=1 b- c=3', 'a=1 b- c=3'],
    ['sorted', 'c=3 a=1 b-', 'a=1 b- c=3'],
    ['the last put or delete wins (W-1)', 'a=1 b=2 a- b=9 a=5 b-', 'a=5 b-'],
    ['operands fold (W-3)', 'b+1 a=0 b+2 b+3', 'a=0 b+123'],
    ['onto a put', 'a=0 a+1 a+2', 'a=012'],
    ['onto a delete: a value on nothing', 'a- a+1 a+2', 'a=12'],
    ['a put over operands', 'a+1 a+2 a=9', 'a=9'],
    ['operands with one expiry', 'a+1!5 a+2!5', 'a+12!5'],
    ['onto a put with the same expiry', 'a=0!5 a+1!5', 'a=01!5'],
    ['an operand alone stays as it is', 'b+1 a+2', 'a+2 b+1'],
  ])('%s', (_name, ops, rows) => expect(prepared(ops)).toBe(rows))

  test.each(['a+1!5 a+2', 'a=0 a+1!5', 'a- a+1!5', 'a+1!5 a+2!6'])('different expiries do not fold: %s', (ops) => {
    expect(() => prepared(ops)).toThrow(code('INCOMPATIBLE_MERGE_TTLS'))
  })

  test('what a later put hides may have any expiry', () => {
    expect(prepared('a+1!5 a+2!6 a=9')).toBe('a=9')
    expect(prepared('a+1!5 a=9 a+2')).toBe('a=92')
  })

  test('merges need an operator, also alone and in order', () => {
    for (const ops of ['a+1', 'a=1 b+1', 'b+1 a=1', 'a+1 a+2']) {
      expect(() => batchOf(ops).prepare(undefined, 0, undefined), ops).toThrow(code('MERGE_OPERATOR_MISSING'))
    }
    expect(print(batchOf('a+1 a=2').prepare(undefined, 0, undefined))).toEqual(['a=2'])
  })

  test('preparing changes nothing', () => {
    const batch = batchOf('b+1 b+2 a=1')
    expect(print(batch.prepare(append, 0, undefined))).toEqual(['a=1', 'b+12'])
    expect(print(batch.prepare(append, 0, undefined))).toEqual(['a=1', 'b+12'])
    batch.merge(bytes('b'), bytes('3'))
    batch.put(bytes('c'), bytes('x'))
    expect(print(batch.prepare(append, 0, undefined))).toEqual(['a=1', 'b+123', 'c=x'])
    expect(() => batch.prepare(undefined, 0, undefined)).toThrow()
    expect(print(batch.prepare(append, 0, undefined))).toEqual(['a=1', 'b+123', 'c=x'])
  })

  test('usedBytes counts rows, not operations', () => {
    expect(batchOf('a=123 b=4').prepare(append, 0, undefined).usedBytes).toBe(6)
    expect(batchOf('a=123456789 a=1').prepare(append, 0, undefined).usedBytes).toBe(2)
  })
})

describe('expiry', () => {
  const expiry = (ttl: Ttl | undefined, defaultTtl?: number, now = 1000) => {
    const batch = new WriteBatch()
    batch.put(bytes('k'), bytes('v'), ttl === undefined ? undefined : { ttl })
    return batch.prepare(undefined, now, defaultTtl).expireTs[0]
  }

  test('default, none, after, at (W-4)', () => {
    expect(expiry(undefined)).toBe(NO_TS)
    expect(expiry(undefined, 50)).toBe(1050)
    expect(expiry('default', 50)).toBe(1050)
    expect(expiry('none', 50)).toBe(NO_TS)
    expect(expiry({ after: 7 }, 50)).toBe(1007)
    expect(expiry({ after: 0 })).toBe(1000)
    expect(expiry({ at: 3 }, 50)).toBe(3)
    expect(expiry({ at: -3 })).toBe(-3)
  })

  test('a time no i64 holds never comes', () => {
    expect(expiry({ after: Number.POSITIVE_INFINITY })).toBe(NO_TS)
    expect(expiry({ after: 2 ** 63 })).toBe(NO_TS)
    expect(expiry({ at: 2 ** 63 })).toBe(NO_TS)
  })

  test('nonsense is refused', () => {
    for (const ttl of [{ after: -1 }, { after: 1.5 }, { after: Number.NaN }, { at: 0.5 }]) {
      expect(() => expiry(ttl)).toThrow(code('INVALID_TTL'))
    }
  })

  test('deletes never expire', () => {
    const batch = batchOf('a-')
    expect(batch.prepare(undefined, 1000, 50).expireTs[0]).toBe(NO_TS)
  })
})

describe('inputs', () => {
  test('are copied when given', () => {
    const batch = new WriteBatch()
    const key = bytes('key')
    const value = bytes('value')
    batch.put(key, value)
    key.fill(0)
    value.fill(0)
    expect(print(batch.prepare(undefined, 0, undefined))).toEqual(['key=value'])
  })

  test('are checked, and name the length', () => {
    const batch = new WriteBatch()
    expect(() => batch.put(bytes(''), bytes('v'))).toThrow(code('EMPTY_KEY'))
    expect(() => batch.delete(bytes(''))).toThrow(code('EMPTY_KEY'))
    // Which keys are too long says the database that takes the batch; a row that no reader could hold is refused here.
    const half = new Uint8Array(256 << 20)
    expect(() => batch.put(half, new Uint8Array(half.length + 1))).toThrow(code('VALUE_TOO_LARGE'))
    expect(() => batch.put(new Uint8Array(half.length + 1), half)).toThrow(/at most 536870912.*key has 268435457/)
    expect(() => batch.put('text' as unknown as Uint8Array, bytes('v'))).toThrow(code('INVALID_KEY'))
    expect(() => batch.put(bytes('k'), 'text' as unknown as Uint8Array)).toThrow(code('INVALID_VALUE'))
    expect(batch.isEmpty, 'a refused operation leaves nothing').toBe(true)
    batch.put(new Uint8Array(70_000), bytes('v'))
    batch.put(new Uint8Array(7), bytes('v'))
    expect([batch.size, batch.longestKey, batch.copy().longestKey]).toEqual([2, 70_000, 70_000])
    batch.clear()
    expect(batch.longestKey).toBe(0)
  })

  test('folded into a row that no reader could hold, are refused', () => {
    const batch = new WriteBatch()
    batch.put(bytes('k'), bytes('v'))
    batch.merge(bytes('k'), bytes('w'))
    const huge = () => new Uint8Array((512 << 20) + 1)
    expect(() => batch.prepare(normalizeMergeOperator(huge), 0, undefined)).toThrow(code('VALUE_TOO_LARGE'))
  })

  test('clear makes it new, copy makes another', () => {
    const batch = batchOf('b=1 a=2')
    const copy = batch.copy()
    batch.clear()
    expect(batch.isEmpty).toBe(true)
    expect(batch.has(bytes('a'))).toBe(false)
    batch.put(bytes('z'), bytes('9'))
    expect(print(batch.prepare(undefined, 0, undefined))).toEqual(['z=9'])
    expect(print(copy.prepare(undefined, 0, undefined))).toEqual(['a=2', 'b=1'])
    const ttl = batchOf('b+1!5 a=2')
    expect(print(ttl.copy().prepare(append, 0, undefined))).toEqual(['a=2', 'b+1!5'])
    expect(() => batchOf('a+1').copy().prepare(undefined, 0, undefined)).toThrow(code('MERGE_OPERATOR_MISSING'))
  })
})

interface ModelOp {
  readonly key: Uint8Array
  readonly kind: RowKind
  readonly value: string
}

describe('a plain list of operations gives the same answers', () => {
  for (let round = 0; round < 15; round++) {
    test(`seed batch ${round}`, () => {
      const seed = `batch ${round}`
      const random = new Random(seed)
      const batch = new WriteBatch()
      const model: ModelOp[] = []
      const keys = () => random.bytes(random.int(1, round % 3 === 0 ? 4 : 1))
      for (let turn = 0; turn < 8; turn++) {
        for (let i = random.int(0, 60); i > 0; i--) {
          const key = keys()
          const kind = random.pick<RowKind>([VALUE, VALUE, TOMBSTONE, MERGE])
          const value = kind === TOMBSTONE ? '' : `${model.length},`
          if (kind === VALUE) batch.put(key, bytes(value))
          else if (kind === MERGE) batch.merge(key, bytes(value))
          else batch.delete(key)
          model.push({ key, kind, value })
        }
        expect(dump(batch.prepare(append, 0, undefined)), seed).toEqual(fold(model))
        expect(batch.sortedKeys().map(toHex), seed).toEqual([...new Set(sorted(model).map((op) => toHex(op.key)))])
        const asked = Array.from({ length: 20 }, keys)
        expect(
          asked.map((key) => batch.has(key)),
          seed,
        ).toEqual(asked.map((key) => model.some((op) => compareBytes(op.key, key) === 0)))
        const bound = () => (random.chance(0.3) ? undefined : { key: keys(), inclusive: random.chance(0.5) })
        for (const range of [EVERYTHING, { start: bound(), end: bound() }]) {
          for (const descending of [false, true]) scan(batch, model, range, descending, random, seed)
        }
      }
    })
  }
})

const sorted = (ops: readonly ModelOp[]) =>
  ops.map((op, i) => ({ ...op, i })).sort((a, b) => compareBytes(a.key, b.key) || b.i - a.i)

function fold(ops: readonly ModelOp[]): string[] {
  const byKey = new Map<string, { kind: RowKind; value: string }>()
  for (const { key, kind, value } of ops) {
    const hex = toHex(key)
    const before = byKey.get(hex)
    if (kind !== MERGE || before === undefined) byKey.set(hex, { kind, value })
    else byKey.set(hex, { kind: before.kind === MERGE ? MERGE : VALUE, value: before.value + value })
  }
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, { kind, value }]) => `${key} ${kind} ${value}`)
}

function dump(rows: PreparedRows): string[] {
  return Array.from({ length: rows.count }, (_, i) => {
    const id = rows.order === undefined ? i : rows.order[i]!
    const end = rows.at[id]! + rows.keyLength[id]!
    const value = text(rows.bytes.subarray(end, end + rows.valueLength[id]!))
    return `${toHex(rows.bytes.subarray(rows.at[id]!, end))} ${rows.kind[id]} ${value}`
  })
}

/** A cursor shows the operations there were when it was made, also while others are added. */
function scan(
  batch: WriteBatch,
  model: ModelOp[],
  range: KeyRange,
  descending: boolean,
  random: Random,
  seed: string,
): void {
  const expected = sorted(model).filter((op) => inRange(range, op.key))
  if (descending) expected.reverse()
  const cursor = batch.cursor(range, descending)
  const seen: string[] = []
  while (cursor.next() === ROW) {
    const { row } = cursor
    const own = row.seqHi === U32_MAX && row.seqLo === U32_MAX && row.createTs === NO_TS && row.expireTs === NO_TS
    seen.push(`${toHex(rowKey(row))} ${row.kind} ${text(rowValue(row))} ${own}`)
    if (random.chance(0.05)) {
      const key = random.bytes(1)
      const value = `${model.length},`
      batch.put(key, bytes(value))
      model.push({ key, kind: VALUE, value })
    }
  }
  expect(seen, seed).toEqual(expected.map((op) => `${toHex(op.key)} ${op.kind} ${op.value} true`))
}

test('a large shuffled batch is prepared in reasonable time', () => {
  const random = new Random('large')
  const batch = new WriteBatch()
  const value = bytes('v')
  for (let i = 0; i < 200_000; i++) batch.put(random.bytes(8), value)
  const rows = batch.prepare(undefined, 0, undefined)
  expect(rows.count).toBe(200_000)
  const keys = Array.from(rows.order!, (id) => rows.bytes.subarray(rows.at[id]!, rows.at[id]! + 8))
  expect(keys.every((key, i) => i === 0 || compareBytes(keys[i - 1]!, key) < 0)).toBe(true)
}, 20_000)
