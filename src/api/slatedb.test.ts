import { describe, expect, expectTypeOf, test } from 'vitest'
import { fresh, invalid, text } from '../../test/support/fresh.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import { WriteBatch } from '../write/batch.ts'
import { mergeOperators } from './merge-operators.ts'
import type { SlateDB } from './slatedb.ts'

describe('point reads and writes', () => {
  test('strings, bytes and array buffers go in, bytes come out', async () => {
    const db = await fresh()
    await db.put('a', 'text')
    await db.put(new Uint8Array([98]), new Uint8Array([1, 2]))
    await db.put(new Uint8Array([99]).buffer, new Uint8Array([3]).buffer)
    expect(text(await db.get('a'))).toBe('text')
    expect(await db.get('b')).toEqual(new Uint8Array([1, 2]))
    expect(await db.get(new Uint8Array([99]))).toEqual(new Uint8Array([3]))
    expect(await db.get('missing')).toBeUndefined()
    expect(await db.has('a')).toBe(true)
    expect(await db.has('missing')).toBe(false)
    expect((await db.getMany(['a', 'missing', 'a'])).map(text)).toEqual(['text', undefined, 'text'])
    await db.delete('a')
    expect(await db.get('a')).toBeUndefined()
    expect(await db.has('a')).toBe(false)
  })

  test('a row carries sequence number and times', async () => {
    const db = await fresh({ valueEncoding: 'json' })
    const before = Date.now()
    const handle = await db.put('k', { a: 1 }, { ttl: '1h' })
    const row = (await db.getRow('k'))!
    expect(row).toMatchObject({ value: { a: 1 }, seq: handle.seq, createTs: handle.createTs })
    expect(text(row.key)).toBe('k')
    expect(row.createTs).toBeGreaterThanOrEqual(before)
    expect(row.expireTs).toBe(row.createTs + 3_600_000)
    const at = new Date(before + 86_400_000)
    await db.put('k', 1, { expireAt: at })
    expect((await db.getRow('k'))!.expireTs).toBe(at.getTime())
    await db.put('k', 1, { ttl: 'none' })
    expect((await db.getRow('k'))!.expireTs).toBeUndefined()
  })

  test('inputs are copied before put returns', async () => {
    const db = await fresh()
    const key = new Uint8Array([1, 2, 3])
    const value = new Uint8Array([7, 7])
    const done = db.put(key, value)
    key.fill(9)
    value.fill(9)
    await done
    expect(await db.get(new Uint8Array([1, 2, 3]))).toEqual(new Uint8Array([7, 7]))
    expect(await db.get(new Uint8Array([9, 9, 9]))).toBeUndefined()
  })

  test('what comes out belongs to the caller', async () => {
    const db = await fresh()
    await db.put('k', 'value')
    ;(await db.get('k'))!.fill(0)
    const [pair] = await db.scan().toArray()
    pair![1].fill(0)
    expect(text(await db.get('k'))).toBe('value')
  })

  test.each([
    ['an empty key', (db: SlateDB) => db.put('', 'x'), 'EMPTY_KEY'],
    ['an empty key to get', (db: SlateDB) => db.get(''), 'EMPTY_KEY'],
    ['a key that is no bytes', (db: SlateDB) => db.put(5 as never, 'x'), 'ENCODE'],
    ['a key of null', (db: SlateDB) => db.get(null as never), 'ENCODE'],
    ['a lone surrogate', (db: SlateDB) => db.put('\ud800', 'x'), 'ENCODE'],
    ['ttl and expireAt', (db: SlateDB) => db.put('k', 'x', { ttl: 1, expireAt: 1 }), 'INVALID_TTL'],
    ['a ttl that is none', (db: SlateDB) => db.put('k', 'x', { ttl: 'soon' }), 'INVALID_TTL'],
    ['an encoding that is none', (db: SlateDB) => db.get('k', { valueEncoding: 'xml' as never }), 'INVALID_ENCODING'],
    ['a batch of nonsense', (db: SlateDB) => db.batch([{ type: 'upsert', key: 'k' } as never]), 'INVALID_BATCH'],
    ['merge without operator', (db: SlateDB) => db.merge('k', 'x'), 'MERGE_OPERATOR_MISSING'],
  ])('%s rejects', async (_, call, code) => {
    const db = await fresh()
    await expect(call(db as SlateDB)).rejects.toEqual(invalid(code))
    expect(await db.count()).toBe(0)
  })
})

describe('durability', () => {
  test('awaiting a put means durable; memory returns before', async () => {
    const store = new MemoryStore()
    const db = await fresh({ settings: { flushInterval: 20 } }, { store, path: 'db' })
    const handle = await db.put('a', '1')
    expect(db.status.durableSeq).toBeGreaterThanOrEqual(handle.seq)
    const quick = await db.put('b', '2', { durability: 'memory' })
    expect(db.status.durableSeq).toBeLessThan(quick.seq)
    expect(text(await db.get('b'))).toBe('2')
    expect(await db.get('b', { durability: 'remote' })).toBeUndefined()
    await quick.durable
    expect(text(await db.get('b', { durability: 'remote' }))).toBe('2')
  })

  test('the default can be set on open', async () => {
    const db = await fresh({ durability: 'memory', settings: { flushInterval: null } })
    const handle = await db.put('a', '1')
    await db.batch().put('b', '2').write()
    await db.transaction((tx) => tx.put('c', '3'))
    expect(db.status.durableSeq).toBeLessThan(handle.seq)
    await db.flush()
    expect(db.status.durableSeq).toBe(handle.seq + 2n)
  })

  test('an abort ends the waiting, not the write', async () => {
    const db = await fresh({ settings: { flushInterval: null } })
    const controller = new AbortController()
    const put = db.put('a', '1', { signal: controller.signal })
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(put).rejects.toBe(reason)
    expect(text(await db.get('a'))).toBe('1')
    await expect(db.put('b', '2', { signal: controller.signal })).rejects.toBe(reason)
    expect(await db.get('b')).toBeUndefined()
  })
})

describe('encodings', () => {
  test('types follow the encodings', async () => {
    const db = await fresh({ keyEncoding: 'utf8', valueEncoding: 'utf8' })
    expectTypeOf(db).toEqualTypeOf<SlateDB<string, string>>()
    expectTypeOf(await db.get('a')).toEqualTypeOf<string | undefined>()
    expectTypeOf(await db.get('a', { valueEncoding: 'binary' })).toEqualTypeOf<Uint8Array | undefined>()
    const plain = await fresh()
    expectTypeOf(await plain.get('a')).toEqualTypeOf<Uint8Array | undefined>()
  })

  test('utf8, json and custom, on open and per call', async () => {
    const db = await fresh({ keyEncoding: 'utf8', valueEncoding: 'json' })
    await db.put('ключ', { hello: ['wörld', 1, null] })
    await db.put('date', 5, {
      valueEncoding: { name: 'hex', encode: (n: number) => new Uint8Array([n]), decode: (b: Uint8Array) => b[0]! },
    })
    expect(await db.get('ключ')).toEqual({ hello: ['wörld', 1, null] })
    expect(await db.get('date', { valueEncoding: 'binary' })).toEqual(new Uint8Array([5]))
    expect(await db.scan({ gt: 'date' }).toArray()).toEqual([['ключ', { hello: ['wörld', 1, null] }]])
    await expect(db.get('date')).rejects.toEqual(invalid('DECODE'))
    await expect(db.put('x', undefined)).rejects.toEqual(invalid('ENCODE'))
    await expect(
      db.put('x', 1 as never, {
        valueEncoding: { name: 'odd', encode: () => 'text' as never, decode: (b: Uint8Array) => b },
      }),
    ).rejects.toEqual(invalid('ENCODE'))
  })

  test('a leading U+FEFF stays in texts, so that two keys never show as one', async () => {
    const db = await fresh({ keyEncoding: 'utf8', valueEncoding: 'utf8' })
    await db.put('a', 'plain')
    await db.put('\uFEFFa', '\uFEFFhello')
    await db.put('long', `\uFEFF${'x'.repeat(100)}`)
    expect(await db.scan().toArray()).toEqual([
      ['a', 'plain'],
      ['long', `\uFEFF${'x'.repeat(100)}`],
      ['\uFEFFa', '\uFEFFhello'],
    ])
  })

  test.each(['utf8', 'json', 'tuple'] as const)(
    'a value that is no UTF-8 is a DECODE error under %s, not a text with U+FFFD in it',
    async (name) => {
      const db = await fresh({ keyEncoding: 'utf8', valueEncoding: name })
      const bad = { utf8: [0x61, 0xff], json: [0x22, 0xff, 0x22], tuple: [0x03, 0xff, 0x00] }[name]
      await db.put('k', Uint8Array.from(bad) as never, { valueEncoding: 'binary' })
      await expect(db.get('k')).rejects.toEqual(invalid('DECODE'))
      expect(await db.get('k', { valueEncoding: 'binary' })).toEqual(Uint8Array.from(bad))
    },
  )

  test('long and short texts survive', async () => {
    const db = await fresh({ keyEncoding: 'utf8', valueEncoding: 'utf8' })
    const texts = [
      '',
      'a',
      'é',
      '🎉',
      'x'.repeat(47),
      'x'.repeat(48),
      'x'.repeat(49),
      `${'x'.repeat(60)}é`,
      '\0',
      '\u007f\u0080',
    ]
    for (const value of texts) {
      await db.put(`key-${value}`, value, { durability: 'memory' })
      expect(await db.get(`key-${value}`)).toBe(value)
    }
    expect((await db.scan().toArray()).map(([key]) => key).sort()).toEqual(texts.map((value) => `key-${value}`).sort())
  })

  test('tuples order and prefix', async () => {
    const db = await fresh({ keyEncoding: 'tuple', valueEncoding: 'json' })
    for (const day of [2, 11, 1]) await db.put([2026, 11, day], day, { durability: 'memory' })
    await db.put([2026, 12, 1], 'december', { durability: 'memory' })
    await db.put(['2026', 11], 'text', { durability: 'memory' })
    expect(await db.scan({ prefix: [2026, 11] }).toArray()).toEqual([
      [[2026, 11, 1], 1],
      [[2026, 11, 2], 2],
      [[2026, 11, 11], 11],
    ])
    expect(await db.scan({ prefix: [2026], gte: [11, 2], lt: [12] }).toArray()).toEqual([
      [[2026, 11, 2], 2],
      [[2026, 11, 11], 11],
    ])
  })
})

describe('batches', () => {
  test('as an array', async () => {
    const db = await fresh({ mergeOperator: mergeOperators.append })
    await db.put('gone', 'x')
    const handle = await db.batch([
      { type: 'put', key: 'a', value: '1', ttl: 60_000 },
      { type: 'delete', key: 'gone' },
      { type: 'merge', key: 'm', value: 'x' },
      { type: 'put', key: 'b', value: '2' },
    ])
    expect(await db.scan().toArray()).toHaveLength(3)
    expect((await db.getRow('a'))!.seq).toBe(handle.seq)
    expect((await db.getRow('b'))!.seq).toBe(handle.seq)
    expect((await db.getRow('a'))!.expireTs).toBe(handle.createTs + 60_000)
  })

  test('as a chain, written once', async () => {
    const db = await fresh()
    const chain = db.batch().put('a', '1').put('b', '2').clear().put('c', '3').delete('a')
    expect(chain.length).toBe(2)
    expect(await db.count()).toBe(0)
    await chain.write()
    expect((await db.scan().toArray()).map(([key]) => text(key))).toEqual(['c'])
    await expect(chain.write()).rejects.toEqual(invalid('BATCH_WRITTEN'))
    expect(() => chain.put('x', 'y')).toThrow(/has been written/)
    expect(() => db.batch().put('', 'x')).toThrow(/at least one byte/)
  })

  test("as the engine's", async () => {
    const db = await fresh()
    const batch = new WriteBatch()
    batch.put(new Uint8Array([1]), new Uint8Array([2]))
    await db.write(batch)
    expect(await db.get(new Uint8Array([1]))).toEqual(new Uint8Array([2]))
  })
})
