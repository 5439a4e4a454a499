import { describe, expect, test } from 'vitest'
import { compareBytes } from '../bytes/compare.ts'
import { EVERYTHING } from '../bytes/range.ts'
import { U32_MAX } from '../bytes/u64.ts'
import { ROW } from '../cursor/cursor.ts'
import { NO_TS, Row, rowKey, VALUE } from '../cursor/row.ts'
import { Random } from '../env/random.ts'
import { Memtable } from './memtable.ts'

// Enough rows for several nodes of 128 leaves; the model test next door has the small cases.

const ROWS = 40_000
const EMPTY = new Uint8Array(0)
const bytes = (text: string) => new TextEncoder().encode(text)
const letters = (random: Random, length: number) =>
  Array.from({ length }, () => random.pick([...'abcdefghijklmnopqrstuvwxyz'])).join('')

type Keys = (random: Random, i: number) => Uint8Array

const FAMILIES: Record<string, Keys> = {
  'decimal numbers': (_, i) => bytes(String(i).padStart(16, '0')),
  'random bytes': (random) => random.bytes(16),
  'mixed families': (random, i) =>
    [bytes(String(i).padStart(16, '0')), random.bytes(16), bytes(`user:${letters(random, 11)}`)][i % 3]!,
  'families that begin each other': (random, i) => bytes(`${'family/'.repeat(i % 5)}${random.int(0, 99_999)}`),
  'keys that begin each other': (random) => new Uint8Array(random.int(1, 400)).fill(0),
  'zero bytes at the end': (random) => {
    const key = new Uint8Array(random.int(1, 12))
    for (let n = random.int(0, 3); n > 0; n--) key[random.int(0, key.length - 1)] = random.int(0, 2)
    return key
  },
  'many small tenants': (random) => bytes(`tenant/${random.int(0, 3000)}/order/${random.int(0, 9999)}`),
}

type Order = (keys: Uint8Array[], random: Random) => Uint8Array[]

const ORDERS: Record<string, Order> = {
  'as they come': (keys) => keys,
  ascending: (keys) => [...keys].sort(compareBytes),
  descending: (keys) => [...keys].sort(compareBytes).reverse(),
  'two ascending halves in turn': (keys) => {
    const sorted = [...keys].sort(compareBytes)
    const half = sorted.length >>> 1
    return sorted.map((_, i) => sorted[i % 2 === 0 ? i >>> 1 : half + (i >>> 1)]!)
  },
  'ascending runs': (keys) =>
    Array.from({ length: 40 }, (_, n) => keys.filter((_, i) => i % 40 === n).sort(compareBytes)).flat(),
}

/** Row i has sequence number i + 1. */
function filled(keys: readonly Uint8Array[]): Memtable {
  const memtable = new Memtable()
  for (const [i, key] of keys.entries()) memtable.insert(key, 0, key.length, EMPTY, 0, 0, VALUE, 0, i + 1, 0, NO_TS)
  return memtable
}

/** Sequence numbers as rows should come: keys ascending, newest first. */
const sorted = (keys: readonly Uint8Array[]) =>
  keys.map((_, i) => i).sort((a, b) => compareBytes(keys[a]!, keys[b]!) || b - a)

function walk(memtable: Memtable, descending: boolean): number[] {
  const cursor = memtable.cursor(EVERYTHING, descending)
  const out: number[] = []
  while (cursor.next() === ROW) out.push(cursor.row.seqLo - 1)
  return out
}

describe('order and lookups over several nodes', () => {
  for (const [family, makeKey] of Object.entries(FAMILIES)) {
    for (const [order, arrange] of Object.entries(ORDERS)) {
      test(`${family}, ${order}`, () => {
        const seed = `${family} ${order}`
        const random = new Random(seed)
        const made = Array.from({ length: ROWS }, (_, i) => makeKey(random, i))
        const keys = arrange(made, random)
        const memtable = filled(keys)
        const expected = sorted(keys)
        expect(memtable.liveRowCount).toBe(ROWS)
        expect(walk(memtable, false), seed).toEqual(expected)
        expect(walk(memtable, true), seed).toEqual(expected.reverse())

        const newest = new Map(keys.map((key, i) => [key.join(), i + 1]))
        const row = new Row()
        let wrong = 0
        for (const key of keys) {
          if (!memtable.find(key, U32_MAX, U32_MAX, row) || row.seqLo !== newest.get(key.join())) wrong++
        }
        expect(wrong, seed).toBe(0)

        // Keys that were not written: a cursor finds the one behind.
        const ascending = [...keys].sort(compareBytes)
        for (let n = 0; n < 500; n++) {
          const near = random.pick(keys).slice(0, random.int(0, 20))
          if (near.length > 0 && random.chance(0.7)) near[near.length - 1]! += random.pick([-1, 1])
          let low = 0
          let high = ROWS
          while (low < high) {
            const mid = (low + high) >>> 1
            if (compareBytes(ascending[mid]!, near) < 0) low = mid + 1
            else high = mid
          }
          const cursor = memtable.cursor(EVERYTHING, false)
          const found = cursor.seek(near) === ROW ? rowKey(cursor.row) : undefined
          expect(found, seed).toEqual(ascending[low])
        }
      })
    }
  }
})

test('the shortest and the longest keys, side by side', () => {
  const random = new Random('lengths')
  const longest = new Uint8Array(0xffff).fill(7)
  const keys: Uint8Array[] = []
  for (let byte = 0; byte < 256; byte++) keys.push(Uint8Array.of(byte))
  for (let n = 0; n < 300; n++) {
    // Alike but for one byte, or for where they end.
    const key = random.chance(0.5) ? longest.slice() : longest.slice(0, 0xffff - random.int(0, 8))
    if (random.chance(0.7)) key[random.int(key.length - 10, key.length - 1)] = random.int(0, 255)
    keys.push(key)
  }
  const shuffled = keys
    .map((key) => ({ key, at: random.int(0, 1 << 30) }))
    .sort((a, b) => a.at - b.at)
    .map(({ key }) => key)
  const memtable = filled(shuffled)
  expect(walk(memtable, false)).toEqual(sorted(shuffled))
  const row = new Row()
  for (const key of keys) {
    expect(memtable.find(key, U32_MAX, U32_MAX, row)).toBe(true)
    expect(compareBytes(rowKey(row), key)).toBe(0)
  }
  expect(memtable.find(longest.slice(0, 1000), U32_MAX, U32_MAX, row)).toBe(false)
})

describe('many versions of one key, over several nodes of leaves', () => {
  const between = (random: Random) => bytes(random.pick(['k', 'k', 'k', 'k', 'j', 'k\0', 'l']))
  const VERSIONS: Record<string, (random: Random, i: number) => number> = {
    'newest last': (_, i) => i + 1,
    'newest first': (_, i) => ROWS - i,
    'in any order, some given twice': (random) => random.int(0, ROWS),
  }
  for (const [name, seqOf] of Object.entries(VERSIONS)) {
    test(name, () => {
      const random = new Random(name)
      const memtable = new Memtable()
      const seqs = new Set<number>()
      for (let i = 0; i < ROWS; i++) {
        const key = between(random)
        const seq = seqOf(random, i)
        if (key[0] === 107 && key.length === 1) seqs.add(seq)
        memtable.insert(key, 0, key.length, EMPTY, 0, 0, VALUE, 0, seq, 0, NO_TS)
      }
      const key = bytes('k')
      const expected = [...seqs].sort((a, b) => b - a)
      const range = { start: { key, inclusive: true }, end: { key, inclusive: true } }
      const cursor = memtable.cursor(range, false)
      const found: number[] = []
      while (cursor.next() === ROW) found.push(cursor.row.seqLo)
      expect(found).toEqual(expected)
      const row = new Row()
      for (let n = 0; n < 2000; n++) {
        const max = random.int(0, ROWS)
        const version = expected.find((seq) => seq <= max)
        expect(memtable.find(key, 0, max, row)).toBe(version !== undefined)
        if (version !== undefined) expect(row.seqLo).toBe(version)
      }
    })
  }
})

test('ascending inserts fill leaves, whether alone or in turns', () => {
  const families = ['a', 'b', 'c'].map((name) => (i: number) => bytes(`${name}/${String(i).padStart(12, '0')}`))
  const alone = filled(Array.from({ length: ROWS }, (_, i) => families[0]!(i)))
  const inTurns = filled(Array.from({ length: ROWS }, (_, i) => families[i % 3]!(i)))
  expect(inTurns.byteSize).toBeLessThan(alone.byteSize * 1.1)
})
