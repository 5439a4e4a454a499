import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fromHex } from '../bytes/text.ts'
import { Random } from '../env/random.ts'
import { bloomPolicy } from './bloom.ts'
import { type Filter, type FilterPolicy, KeyHash } from './policy.ts'
import { delimiterPrefix, fixedPrefix, type PrefixExtractor } from './prefix-extractor.ts'

const FIXTURES = join(import.meta.dirname, '../../test/fixtures/slatedb-0.12.1')

const bytes = (text: string) => new TextEncoder().encode(text)

function build(policy: FilterPolicy, keys: readonly Uint8Array[]): Uint8Array {
  const builder = policy.builder()
  for (const key of keys) builder.add(key, 0, key.length)
  return builder.build()
}

const ask = (filter: Filter, kind: 'point' | 'prefix', key: Uint8Array) =>
  filter.mightContain({ kind, key, hash: new KeyHash(key) })

/** Keys and stored filter of a fixture whose rows are all listed in expected.json, one version per key. */
function fixture(name: string): { keys: Uint8Array[]; payload: Uint8Array } {
  const folder = join(FIXTURES, name)
  const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'))
  const objects = JSON.parse(readFileSync(join(folder, 'objects.json'), 'utf8'))
  const table = objects.find((object: { path: string }) => object.path.includes('/compacted/'))
  const tableFile = readdirSync(join(folder, 'store/db/compacted'))[0]!
  const file = readFileSync(join(folder, 'store/db/compacted', tableFile))
  const { filter_offset, filter_len } = table.info
  const keys = expected.live_rows.map((row: { key: string }) => fromHex(row.key))
  expect(keys.length).toBe(table.rows)
  return { keys, payload: new Uint8Array(file.subarray(filter_offset, filter_offset + filter_len - 4)) }
}

describe('filters written by the original come out byte for byte', () => {
  for (const [name, bitsPerKey] of [
    ['bloom', 10],
    ['bloom-bits1', 1],
    ['bloom-bits5', 5],
    ['bloom-bits20', 20],
  ] as const) {
    test(name, () => {
      const { keys, payload } = fixture(name)
      const policy = bloomPolicy({ bitsPerKey })
      expect(build(policy, keys)).toEqual(payload)
      const filter = policy.decode(payload)
      for (const key of keys) expect(ask(filter, 'point', key)).toBe(true)
    })
  }
})

test('about one percent of absent keys pass at ten bits per key', () => {
  const random = new Random('false positives')
  const policy = bloomPolicy()
  const filter = policy.decode(
    build(
      policy,
      Array.from({ length: 10_000 }, () => random.bytes(12)),
    ),
  )
  let passed = 0
  for (let i = 0; i < 10_000; i++) if (ask(filter, 'point', random.bytes(13))) passed++
  expect(passed).toBeGreaterThan(30)
  expect(passed).toBeLessThan(250)
})

test('the walk equals its definition in u64, also for tiny filters with many probes', () => {
  const policy = bloomPolicy({ bitsPerKey: 290 })
  for (const count of [1, 2, 7]) {
    const keys = Array.from({ length: count }, (_, i) => bytes(`key ${i}`))
    const payload = build(policy, keys)
    const nbits = BigInt((payload.length - 2) * 8)
    const expected = new Uint8Array(payload.length)
    expected.set(payload.subarray(0, 2))
    expect((payload[0]! << 8) | payload[1]!).toBe(200)
    for (const key of keys) {
      const { hi, lo } = new KeyHash(key).whole()
      let h = BigInt(lo) % nbits
      let d = BigInt(hi) % nbits
      for (let i = 0n; i < 200n; i++) {
        d = (d + i) % nbits
        expected[2 + Number(h >> 3n)]! |= 1 << Number(h & 7n)
        h = (h + d) % nbits
      }
    }
    expect(payload).toEqual(expected)
  }
})

test('a filter nothing was added to is two bytes and answers no; zero probes answer maybe', () => {
  const policy = bloomPolicy()
  expect(build(policy, [])).toEqual(new Uint8Array([0, 6]))
  expect(ask(policy.decode(new Uint8Array([0, 6])), 'point', bytes('a'))).toBe(false)
  expect(ask(policy.decode(new Uint8Array([0, 0, 0])), 'point', bytes('a'))).toBe(true)
})

test('bytes that cannot be a filter are a Data error', () => {
  // The third has more probes than bits: a query would walk its one byte 65,279 times.
  for (const bad of [new Uint8Array(0), new Uint8Array(1), new Uint8Array([0xfe, 0xff, 0xff])]) {
    expect(() => bloomPolicy().decode(bad)).toThrow(expect.objectContaining({ code: 'SLATEDB_INVALID_FILTER_BLOCK' }))
  }
})

test('names tell which filters fit together', () => {
  expect(bloomPolicy().name).toBe('_bf')
  expect(bloomPolicy({ bitsPerKey: 20 }).name).toBe('_bf')
  expect(bloomPolicy({ prefixExtractor: fixedPrefix(3) }).name).toBe('_bf:p=fixed(3)')
  expect(bloomPolicy({ prefixExtractor: fixedPrefix(3), wholeKey: false }).name).toBe('_bf:p=fixed(3):wh=0')
})

describe('prefixes', () => {
  const keys = ['aaa1', 'aaa2', 'ab', 'bbb1', 'bbb2', 'bbb3'].map(bytes)

  test('each prefix is counted once, keys beside it', () => {
    // Prefixes aaa and bbb, and six keys: 8 hashes of 10 bits.
    expect(build(bloomPolicy({ prefixExtractor: fixedPrefix(3) }), keys).length).toBe(2 + 10)
    expect(build(bloomPolicy({ prefixExtractor: fixedPrefix(3), wholeKey: false }), keys).length).toBe(2 + 3)
  })

  test('prefix queries are decided by the extracted prefix', () => {
    const policy = bloomPolicy({ bitsPerKey: 40, prefixExtractor: fixedPrefix(3) })
    const filter = policy.decode(build(policy, keys))
    for (const [query, answer] of [
      ['aaa', true],
      ['bbb2', true],
      ['ccc', false],
      ['cccc', false],
      ['cc', true],
    ] as const) {
      expect(ask(filter, 'prefix', bytes(query)), query).toBe(answer)
    }
    expect(ask(filter, 'point', bytes('ab'))).toBe(true)
    expect(ask(filter, 'point', bytes('aaa9'))).toBe(false)
  })

  test('without whole keys a point query asks for its prefix', () => {
    const policy = bloomPolicy({ bitsPerKey: 40, prefixExtractor: fixedPrefix(3), wholeKey: false })
    const filter = policy.decode(build(policy, keys))
    expect(ask(filter, 'point', bytes('aaa9'))).toBe(true)
    expect(ask(filter, 'point', bytes('ccc9'))).toBe(false)
    expect(ask(filter, 'point', bytes('ab')), 'too short to be decided').toBe(true)
  })

  test('no prefix was added: a short key may still be there, a long one not', () => {
    const policy = bloomPolicy({ prefixExtractor: fixedPrefix(3), wholeKey: false })
    const filter = policy.decode(build(policy, [bytes('ab')]))
    expect(ask(filter, 'point', bytes('ab'))).toBe(true)
    expect(ask(filter, 'point', bytes('abc'))).toBe(false)
  })

  test('a plain bloom filter cannot tell about prefixes', () => {
    const policy = bloomPolicy({ bitsPerKey: 40 })
    expect(ask(policy.decode(build(policy, keys)), 'prefix', bytes('zzz'))).toBe(true)
  })

  test('the delimiter belongs to the prefix', () => {
    const users = delimiterPrefix(':')
    const at = (text: string) => users.prefixLen(bytes(text), 0, text.length, 'prefix')
    expect([at('user:1'), at('user:'), at('user'), at(':')]).toEqual([5, 5, undefined, 1])
  })

  test('an extractor that answers nonsense is refused', () => {
    const broken: PrefixExtractor = { name: 'broken', prefixLen: () => 99 }
    const code = expect.objectContaining({ code: 'SLATEDB_PREFIX_EXTRACTOR' })
    expect(() => build(bloomPolicy({ prefixExtractor: broken }), keys)).toThrow(code)
  })
})

test('settings that cannot work are refused', () => {
  for (const bitsPerKey of [0, -1, 1.5, 65536, Number.NaN]) expect(() => bloomPolicy({ bitsPerKey })).toThrow()
  for (const n of [0, 1.5, 65536]) expect(() => fixedPrefix(n)).toThrow()
  for (const d of ['', '::', 'é']) expect(() => delimiterPrefix(d)).toThrow()
})
