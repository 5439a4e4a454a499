// Records whose checksum would be right and whose content is not: a Data error or an answer, soon, and nothing else.

import { describe, expect, test } from 'vitest'
import { compareBytes } from '../bytes/compare.ts'
import { Random } from '../env/random.ts'
import { isSlateDBError } from '../errors.ts'
import { decodeFilterBlock, encodeFilterBlock } from './filter-block.ts'
import { decodeTableEnd, encodeTableEnd } from './footer.ts'
import { BlockIndex, IndexBuilder, separator } from './index.ts'
import { putChecksum } from './seal.ts'
import { decodeStats, encodeStats } from './stats.ts'
import type { TableInfo } from './table-info.ts'

function survive(work: () => void): void {
  try {
    work()
  } catch (error) {
    if (!isSlateDBError(error) || error.kind !== 'Data') throw error
  }
}

function mutants(random: Random, good: Uint8Array, count: number): Uint8Array[] {
  return Array.from({ length: count }, () => {
    const bad = random.chance(0.2) ? good.slice(0, random.int(0, good.length)) : good.slice()
    for (let n = random.int(1, 3); n > 0 && bad.length > 0; n--) {
      const at = random.int(0, bad.length - 1)
      if (random.chance(0.5)) bad[at]! ^= 1 << random.int(0, 7)
      else bad[at] = random.pick([0, 1, 4, 127, 128, 255])
    }
    return bad
  })
}

const key = (text: string) => new TextEncoder().encode(text)

function index(keys: readonly Uint8Array[], step = 100): Uint8Array {
  const builder = new IndexBuilder()
  for (const [i, each] of keys.entries()) builder.add(i * step, each)
  return builder.finish()
}

describe('block index', () => {
  const keys = ['', 'aaaa1', 'aaaa2', 'aaaa22', 'aaaa22', 'aaaa22', 'aaab', 'aaac1234567', 'aaac1234568'].map(key)

  test('where a key may be', () => {
    const blocks = new BlockIndex(index(keys), 900, 'compacted')
    const random = new Random('index')
    for (let i = 0; i < 2000; i++) {
      const text = `${random.pick(['', 'a', 'aaa', 'aaaa', 'aaac123456', 'b'])}${random.pick(['', '1', '2', '22', 'b', '7', '8', '80'])}`
      const probe = key(text)
      const less = keys.filter((each, j) => j > 0 && compareBytes(each, probe) < 0).length
      const lessOrEqual = keys.filter((each, j) => j > 0 && compareBytes(each, probe) <= 0).length
      expect([text, blocks.firstFor(probe), blocks.lastFor(probe)]).toEqual([text, less, lessOrEqual])
      for (let j = 0; j < keys.length; j++) expect(blocks.startsAtOrBefore(j, probe)).toBe(j <= lessOrEqual)
    }
    expect([blocks.start(0), blocks.end(0), blocks.end(8)]).toEqual([0, 100, 900])
  })

  test('padding behind a block is known by the length of the block (format.md 4.3)', () => {
    const padded = (length: number) => {
      const builder = new IndexBuilder()
      builder.add(0, key(''), length)
      builder.add(100, key('a'))
      return builder.finish()
    }
    const blocks = new BlockIndex(padded(60), 150, 'compacted')
    expect([blocks.sealedEnd(0), blocks.end(0), blocks.sealedEnd(1), blocks.end(1)]).toEqual([60, 100, 150, 150])
    expect(new BlockIndex(padded(100), 150, 'compacted').sealedEnd(0)).toBe(100)
    // It never reaches into the next block, whatever the index says.
    for (const length of [101, 2 ** 31, 2 ** 32 - 1]) {
      expect(() => new BlockIndex(padded(length), 150, 'compacted')).toThrow(
        expect.objectContaining({ kind: 'Data', code: 'SLATEDB_INVALID_INDEX' }),
      )
    }
  })

  test('separators', () => {
    const show = (a: string, b: string) => new TextDecoder().decode(separator(key(a), a.length, key(b), 0, b.length))
    expect([show('abc', 'abd'), show('abc', 'abcdef'), show('abc', 'abc'), show('a', 'xyz')]).toEqual([
      'abd',
      'abcd',
      'abc',
      'x',
    ])
  })

  test.each([
    ['offsets that go back', () => new BlockIndex(index(keys, -100), 900, 'compacted')],
    ['offsets beyond the data', () => new BlockIndex(index(keys), 800, 'compacted')],
    ['blocks of no length', () => new BlockIndex(index(keys, 0), 800, 'compacted')],
    ['separators out of order', () => new BlockIndex(index([...keys].reverse()), 900, 'compacted')],
    ['nothing', () => new BlockIndex(new Uint8Array(0), 900, 'compacted')],
  ])('%s', (_, make) => {
    expect(make).toThrow(/damaged block index/)
  })

  test('mutants', () => {
    const random = new Random('index mutants')
    for (const bad of mutants(random, index(keys), 20_000)) {
      survive(() => {
        const blocks = new BlockIndex(bad, 900, random.pick(['compacted', 'wal'] as const))
        for (const each of keys) {
          const at = blocks.firstFor(each)
          if (blocks.length > 0) expect(at >= 0 && at < blocks.length && blocks.end(at) > blocks.start(at)).toBe(true)
        }
      })
    }
  })
})

test('stats, filters and info', () => {
  const random = new Random('others')
  const block = { puts: 3, deletes: 70000, merges: 40000 }
  const stats = encodeStats({ ...block, rawKeyBytes: 2 ** 40, rawValueBytes: 7, blocks: [block, block] })
  expect(decodeStats(stats, 'x').blocks[0]).toEqual({ puts: 3, deletes: 65535, merges: 40000 })
  for (const bad of mutants(random, stats, 4000)) survive(() => decodeStats(bad, 'x'))

  const filters = [
    { name: '_bf', data: new Uint8Array([1, 2, 3]) },
    { name: 'other:é', data: new Uint8Array(0) },
  ]
  const composite = encodeFilterBlock(filters, 'composite')
  expect(decodeFilterBlock(composite, 'composite')).toEqual(filters)
  expect(decodeFilterBlock(encodeFilterBlock(filters, 'legacy'), 'legacy')).toEqual([filters[0]])
  for (const bad of mutants(random, composite, 4000)) survive(() => decodeFilterBlock(bad, 'composite'))

  const info: TableInfo = {
    firstEntry: new Uint8Array([1]),
    lastEntry: new Uint8Array([9]),
    indexOffset: 50,
    indexLength: 10,
    filterOffset: 40,
    filterLength: 10,
    codec: 'zstd',
    type: 'compacted',
    statsOffset: 60,
    statsLength: 5,
    filterFormat: 'composite',
  }
  const end = encodeTableEnd(info, 65)
  const whole = new Uint8Array(65 + end.length)
  whole.set(end, 65)
  expect(decodeTableEnd(whole, whole.length, 'x')).toEqual({ info, formatVersion: 2 })
  // Given too little it says how much it needs.
  expect(decodeTableEnd(whole.slice(-4), whole.length, 'x')).toBe(10)
  expect(decodeTableEnd(whole.slice(-10), whole.length, 'x')).toBe(end.length)
  for (const bad of mutants(random, whole, 4000)) {
    if (bad.length === whole.length) putChecksum(bad.subarray(65, bad.length - 10))
    survive(() => decodeTableEnd(bad, bad.length, 'x'))
  }
})

test.each([1, 5, 10])('an object of %i bytes is no SST and no fence (RC-6)', (size) => {
  expect(() => decodeTableEnd(new Uint8Array(size), size, 'wal/7.sst')).toThrow(/wal\/7\.sst.*empty SSTable/)
})

test.each([0, 3, 65535])('format version %i', (version) => {
  const end = encodeTableEnd({ ...EMPTY, indexLength: 20 }, 30)
  const whole = new Uint8Array(30 + end.length)
  whole.set(end, 30)
  whole[whole.length - 1] = version
  whole[whole.length - 2] = version >> 8
  expect(() => decodeTableEnd(whole, whole.length, 'x')).toThrow(/unsupported SST format version/)
})

const EMPTY: TableInfo = {
  firstEntry: undefined,
  lastEntry: undefined,
  indexOffset: 0,
  indexLength: 0,
  filterOffset: 0,
  filterLength: 0,
  codec: 'none',
  type: 'compacted',
  statsOffset: 0,
  statsLength: 0,
  filterFormat: 'legacy',
}
