import { afterEach, describe, expect, expectTypeOf, test } from 'vitest'
import { systemClock } from '../env/system.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import { WriteBatch } from '../write/batch.ts'
import type { EncodingOption } from './encoding.ts'
import { mergeOperators } from './merge-operators.ts'
import type { OpenOptions } from './open-options.ts'
import { SlateDB } from './slatedb.ts'

const open: SlateDB<unknown, unknown>[] = []

async function fresh<KE extends EncodingOption = 'binary', VE extends EncodingOption = 'binary'>(
  options: OpenOptions<KE, VE> = {},
  location = { store: new MemoryStore(), path: 'db' },
) {
  const db = await SlateDB.open(location, { settings: { flushInterval: 1 }, ...options })
  open.push(db as unknown as SlateDB<unknown, unknown>)
  return db
}

afterEach(async () => {
  for (const db of open.splice(0)) await db[Symbol.asyncDispose]()
})

const text = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : Buffer.from(bytes).toString())
const invalid = (code: string) => expect.objectContaining({ kind: 'Invalid', code: `SLATEDB_${code}` })

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
    ['an empty batch', (db: SlateDB) => db.batch([]), 'EMPTY_BATCH'],
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

describe('scans', () => {
  async function letters() {
    const db = await fresh({ keyEncoding: 'utf8', valueEncoding: 'utf8', durability: 'memory' })
    const batch = db.batch()
    for (const letter of 'abcdefghij') batch.put(letter, letter.toUpperCase()).put(`p:${letter}`, `P${letter}`)
    await batch.write()
    return db
  }
  const keysOf = (pairs: [string, string][]) => pairs.map(([key]) => key).join(' ')

  test.each([
    [{ gte: 'c', lt: 'e' }, 'c d'],
    [{ gt: 'c', lte: 'e' }, 'd e'],
    [{ lt: 'c' }, 'a b'],
    [{ gte: 'i', lt: 'p' }, 'i j'],
    [{ gte: 'i', lt: 'p', reverse: true }, 'j i'],
    [{ prefix: 'p:', limit: 3 }, 'p:a p:b p:c'],
    [{ prefix: 'p:', limit: 2, reverse: true }, 'p:j p:i'],
    [{ prefix: 'p:', gt: 'c', lte: 'e' }, 'p:d p:e'],
    [{ prefix: 'p:', gte: 'j' }, 'p:j'],
    [{ prefix: 'p:', lt: 'b' }, 'p:a'],
    [{ prefix: '', limit: 1 }, 'a'],
    [{ gt: 'e', lt: 'c' }, ''],
    [{ gt: 'c', lt: 'c' }, ''],
    [{ limit: 0 }, ''],
  ])('%j', async (range, expected) => {
    const db = await letters()
    expect(keysOf(await db.scan(range).toArray())).toBe(expected)
    expect(await db.count(range)).toBe(expected === '' ? 0 : expected.split(' ').length)
    const iterated: string[] = []
    for await (const [key] of db.scan(range)) iterated.push(key)
    expect(iterated.join(' ')).toBe(expected)
  })

  test.each([
    [{ gt: 'a', gte: 'a' }, /gt or gte, not both/],
    [{ lt: 'a', lte: 'a' }, /lt or lte, not both/],
    [{ limit: -1 }, /limit must be/],
    [{ start: 'a' }, /a range has no "start"/],
  ])('%j is refused, by clear as well', async (range, message) => {
    const db = await letters()
    expect(() => db.scan(range as object)).toThrow(message)
    await expect(db.clear(range as object)).rejects.toThrow(message)
    expect(await db.count()).toBe(20)
  })

  test('row by row, in batches, and by view', async () => {
    const db = await letters()
    const scan = db.scan({ lt: 'd' })
    expect(await scan.next()).toEqual(['a', 'A'])
    expect(await scan.nextBatch(1)).toEqual([['b', 'B']])
    expect(await scan.nextBatch(10)).toEqual([['c', 'C']])
    expect(await scan.next()).toBeUndefined()
    expect(await scan.next()).toBeUndefined()
    const keys: string[] = []
    for await (const key of db.scan({ lt: 'c' }).keys()) keys.push(key)
    const values: string[] = []
    for await (const value of db.scan({ lt: 'c' }).values()) values.push(value)
    const seqs: bigint[] = []
    for await (const row of db.scan({ lt: 'c' }).rows()) seqs.push(row.seq)
    expect([keys, values, seqs]).toEqual([
      ['a', 'b'],
      ['A', 'B'],
      [1n, 1n],
    ])
    const streamed: [string, string][] = []
    for await (const pair of db.scan({ lt: 'c' }).toReadableStream()) streamed.push(pair)
    expect(keysOf(streamed)).toBe('a b')
  })

  test('seek moves forward, within what is here and beyond', async () => {
    const db = await letters()
    const scan = db.scan({ lt: 'p' })
    await scan.seek('c')
    expect(await scan.next()).toEqual(['c', 'C'])
    await scan.seek('e')
    expect(await scan.next()).toEqual(['e', 'E'])
    await expect(scan.seek('e')).rejects.toEqual(invalid('SEEK_BACKWARDS'))
    await expect(scan.seek('z')).rejects.toEqual(invalid('SEEK_OUT_OF_RANGE'))
    expect(await scan.next()).toEqual(['f', 'F'])
    const down = db.scan({ lt: 'p', reverse: true, limit: 3 })
    expect(await down.next()).toEqual(['j', 'J'])
    await down.seek('cc')
    expect(keysOf(await down.toArray())).toBe('c b')
  })

  test('leaving the loop closes the scan; closing twice is fine', async () => {
    const db = await letters()
    const scan = db.scan()
    for await (const [key] of scan) if (key === 'c') break
    expect(await scan.next()).toBeUndefined()
    scan.close()
    const other = db.scan()
    await expect(async () => {
      for await (const _ of other) throw new Error('mine')
    }).rejects.toThrow('mine')
    expect(await other.toArray()).toEqual([])
  })

  test('a scan does not see later writes', async () => {
    const db = await letters()
    const scan = db.scan({ lt: 'c' })
    await db.put('aa', 'new')
    await db.delete('b')
    expect(keysOf(await scan.toArray())).toBe('a b')
  })

  test('many rows, and calls that do not wait for each other', async () => {
    const db = await fresh({ keyEncoding: 'utf8', valueEncoding: 'utf8', durability: 'memory' })
    const n = 5000
    const batch = db.batch()
    for (let i = 0; i < n; i++) batch.put(String(i).padStart(6, '0'), 'v')
    await batch.write()
    await db.flush('memtable')
    let seen = 0
    for await (const [key] of db.scan()) expect(key).toBe(String(seen++).padStart(6, '0'))
    expect(seen).toBe(n)
    const scan = db.scan()
    const rows = await Promise.all(Array.from({ length: 100 }, () => scan.next()))
    expect(new Set(rows.map((row) => row![0])).size).toBe(100)
    expect(await db.clear({ lt: '002500' })).toBe(2500)
    expect(await db.count()).toBe(2500)
    expect(await db.clear()).toBe(2500)
    expect(await db.count()).toBe(0)
  })

  test('an aborted scan fails with the reason', async () => {
    const db = await letters()
    const reason = new Error('stop')
    const controller = new AbortController()
    const scan = db.scan({}, { signal: controller.signal })
    await scan.next()
    controller.abort(reason)
    await expect(
      (async () => {
        for await (const _ of db.scan({}, { signal: controller.signal }));
      })(),
    ).rejects.toBe(reason)
  })
})

describe('expiry', () => {
  const expired = { expireAt: 1000 }

  test('expired rows are hidden, everywhere, unless asked for', async () => {
    const db = await fresh({ durability: 'memory' })
    await db.put('a', 'old', expired)
    await db.put('b', 'live', { ttl: 60_000 })
    expect(await db.get('a')).toBeUndefined()
    expect(await db.has('a')).toBe(false)
    expect(await db.getRow('a')).toBeUndefined()
    expect(await db.getMany(['a', 'b'])).toEqual([undefined, Buffer.from('live')].map((b) => b && new Uint8Array(b)))
    expect(await db.count()).toBe(1)
    expect(await db.scan().toArray()).toHaveLength(1)
    expect(text(await db.get('a', { hideExpired: false }))).toBe('old')
    expect(await db.count({}, { hideExpired: false })).toBe(2)
    await db.flush('memtable')
    expect(await db.get('a')).toBeUndefined()
  })

  test('hideExpired: false on open shows them', async () => {
    const db = await fresh({ durability: 'memory', hideExpired: false })
    await db.put('a', 'old', expired)
    expect(text(await db.get('a'))).toBe('old')
    expect(await db.get('a', { hideExpired: true })).toBeUndefined()
  })

  test('an expired value does not uncover an older one', async () => {
    const db = await fresh({ durability: 'memory' })
    await db.put('a', 'older')
    await db.put('a', 'newer', expired)
    expect(await db.get('a')).toBeUndefined()
    expect(await db.scan().toArray()).toEqual([])
  })

  test('results of a merge are shown whatever their expiry', async () => {
    const db = await fresh({ durability: 'memory', mergeOperator: mergeOperators.append })
    await db.merge('m', 'x', { expireAt: 1000 })
    await db.merge('m', 'y')
    expect(text(await db.get('m'))).toBe('xy')
    expect(await db.count()).toBe(1)
  })

  test('a snapshot judges at one instant', async () => {
    let now = 1_000_000
    const clock = { ...systemClock, now: () => now }
    const db = await fresh({ durability: 'memory', clock })
    await db.put('a', 'v', { ttl: 1000 })
    const snapshot = db.snapshot()
    const tx = db.begin()
    const scan = db.scan()
    now += 5000
    expect(await db.get('a')).toBeUndefined()
    expect(text(await snapshot.get('a'))).toBe('v')
    expect(text(await tx.get('a'))).toBe('v')
    expect(await scan.toArray()).toHaveLength(1)
    snapshot.close()
    tx.rollback()
  })
})

describe('snapshots and transactions', () => {
  test('a snapshot stays as it was', async () => {
    const db = await fresh({ valueEncoding: 'utf8', durability: 'memory' })
    await db.put('a', '1')
    const snapshot = db.snapshot()
    await db.put('a', '2')
    await db.put('b', '3')
    expect(await snapshot.get('a')).toBe('1')
    expect(await snapshot.count()).toBe(1)
    expect(snapshot.seq).toBe(1n)
    snapshot[Symbol.dispose]()
    await expect(snapshot.get('a')).rejects.toEqual(invalid('SNAPSHOT_CLOSED'))
  })

  test('a transaction commits on return and rolls back on throw', async () => {
    const db = await fresh({ keyEncoding: 'utf8', valueEncoding: 'json' })
    await db.put('x', 1)
    const result = await db.transaction(async (tx) => {
      tx.put('x', ((await tx.get('x')) as number) + 1)
      tx.put('y', 5)
      expect(await tx.get('y')).toBe(5)
      expect(await db.get('y')).toBeUndefined()
      expect(await tx.scan().toArray()).toEqual([
        ['x', 2],
        ['y', 5],
      ])
      return 'done'
    })
    expect(result).toBe('done')
    expect(await db.get('x')).toBe(2)
    await expect(
      db.transaction((tx) => {
        tx.put('x', 99)
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    expect(await db.get('x')).toBe(2)
  })

  test('conflicts are run again, and lost updates do not happen', async () => {
    const db = await fresh({ keyEncoding: 'utf8', valueEncoding: 'json', durability: 'memory' })
    await db.put('n', 0)
    let runs = 0
    await Promise.all(
      Array.from({ length: 8 }, () =>
        db.transaction(
          async (tx) => {
            runs++
            tx.put('n', ((await tx.get('n')) as number) + 1)
          },
          { retries: 100 },
        ),
      ),
    )
    expect(await db.get('n')).toBe(8)
    expect(runs).toBeGreaterThan(8)
    const attempts: number[] = []
    await expect(
      db.transaction(
        async (tx) => {
          attempts.push(1)
          tx.put('n', 1)
          await db.put('n', 2)
        },
        { retries: 2 },
      ),
    ).rejects.toMatchObject({ kind: 'Transaction' })
    expect(attempts).toHaveLength(3)
  })

  test('serializable sees phantoms, snapshot does not', async () => {
    const db = await fresh({ keyEncoding: 'utf8', valueEncoding: 'utf8', durability: 'memory' })
    const run = async (isolation: 'snapshot' | 'serializable') => {
      const tx = db.begin({ isolation })
      expect(await tx.scan({ prefix: `${isolation}:` }).toArray()).toEqual([])
      tx.put(`mine-${isolation}`, 'x')
      await db.put(`${isolation}:new`, 'y')
      return tx.commit()
    }
    await expect(run('snapshot')).resolves.toBeDefined()
    await expect(run('serializable')).rejects.toMatchObject({ kind: 'Transaction' })
  })

  test('an aborted retry loop ends with the reason', async () => {
    const db = await fresh({ keyEncoding: 'utf8', valueEncoding: 'utf8', durability: 'memory' })
    const controller = new AbortController()
    const reason = new Error('stop')
    const running = db.transaction(
      async (tx) => {
        tx.put('n', 'x')
        await db.put('n', 'y')
        controller.abort(reason)
      },
      { retries: 1_000_000, signal: controller.signal },
    )
    await expect(running).rejects.toBe(reason)
  })

  test('markRead and unmarkWrite decide conflicts; a used transaction says so', async () => {
    const db = await fresh({ keyEncoding: 'utf8', valueEncoding: 'utf8', durability: 'memory' })
    const reader = db.begin()
    reader.markRead(['watched'])
    reader.put('other', '1')
    const careless = db.begin()
    careless.put('counter', '1')
    careless.unmarkWrite(['counter'])
    await db.batch().put('watched', 'x').put('counter', 'x').write()
    await expect(reader.commit()).rejects.toMatchObject({ kind: 'Transaction' })
    await careless.commit()
    expect(await db.get('counter')).toBe('1')
    await expect(careless.commit()).rejects.toMatchObject({ code: 'SLATEDB_TRANSACTION_COMPLETED' })
    expect(() => careless.put('a', 'b')).toThrow(/already been/)
    await expect(db.begin().commit()).resolves.toBeUndefined()
  })

  test('transactions end when disposed', async () => {
    const db = await fresh()
    const tx = db.begin()
    tx.put('a', '1')
    await tx[Symbol.asyncDispose]()
    expect(tx.ended).toBe(true)
    expect(await db.get('a')).toBeUndefined()
  })
})

describe('the handle', () => {
  test('a second writer fences the first, whose calls say why', async () => {
    const store = new MemoryStore()
    const first = await fresh({}, { store, path: 'db' })
    await first.put('a', '1')
    const second = await fresh({}, { store, path: 'db' })
    await expect(first.put('b', '2')).rejects.toMatchObject({
      kind: 'Closed',
      closeReason: 'Fenced',
      message: expect.stringMatching(/newer writer/),
    })
    expect(text(await second.get('a'))).toBe('1')
    expect(first.status.closeReason).toBe('Fenced')
  })

  test('a reader follows', async () => {
    const store = new MemoryStore()
    const db = await fresh({ valueEncoding: 'json' }, { store, path: 'db' })
    await db.put('a', 1)
    const reader = await SlateDB.openReader({ store, path: 'db' }, { valueEncoding: 'json', pollInterval: 5 })
    expect(await reader.get('a')).toBe(1)
    await db.put('b', 2)
    await expect.poll(() => reader.get('b')).toBe(2)
    expect(await reader.count()).toBe(2)
    await reader.close()
    await expect(reader.get('a')).rejects.toMatchObject({ kind: 'Closed' })
    await expect(SlateDB.openReader({ store, path: 'nothing' })).rejects.toMatchObject({ kind: 'Data' })
  })

  test('status is watched', async () => {
    const db = await fresh()
    const seen: bigint[] = []
    const off = db.on('status', (status) => seen.push(status.durableSeq))
    db.on('status', () => {
      throw new Error('a listener must not disturb')
    })
    const changes: bigint[] = []
    const watching = (async () => {
      for await (const status of db.statusChanges()) changes.push(status.durableSeq)
      return 'ended'
    })()
    await db.put('a', '1')
    await db.put('b', '2')
    expect(seen.at(-1)).toBe(2n)
    off()
    const before = seen.length
    await db.put('c', '3')
    expect(seen.length).toBe(before)
    await db.close()
    expect(await watching).toBe('ended')
    expect(changes[0]).toBe(0n)
    expect(changes.at(-1)).toBe(3n)
    await expect(db.get('a')).rejects.toMatchObject({ kind: 'Closed', closeReason: 'Clean' })
    await expect(db.close()).rejects.toMatchObject({ kind: 'Closed' })
    await db[Symbol.asyncDispose]()
  })

  test('metrics are numbers', async () => {
    const db = await fresh()
    await db.put('a', '1')
    await db.get('a')
    const metrics = db.metrics()
    expect(Object.values(metrics).every((value) => typeof value === 'number')).toBe(true)
    expect(metrics['slatedb.db.request_count{op="get"}']).toBe(1)
  })

  test.each([
    ['nothing:here', {}, /scheme/],
    ['./data', {}, /has no scheme.*file:\.\/data/],
    [{ store: 1, path: 'x' }, {}, /a location is a URL/],
    ['memory:', { valueEncodng: 'json' }, /no option "valueEncodng"; did you mean valueEncoding\?/],
    [
      'memory:',
      { settings: { flushIntervall: 1 } },
      /option settings: setting flushIntervall.*did you mean flushInterval/,
    ],
    ['memory:', { durability: 'disk' }, /durability must be/],
    ['memory:', { keyEncoding: 'xml' }, /keyEncoding must be/],
    ['memory:', { blockSize: 1000 }, /block size 1000/],
  ])('open(%j, %j) is refused', async (location, options, message) => {
    await expect(SlateDB.open(location as never, options as never)).rejects.toEqual(
      expect.objectContaining({ kind: 'Invalid', message: expect.stringMatching(message) }),
    )
  })

  test('memory: is a database of its own on each open', async () => {
    const a = await SlateDB.open('memory:', { settings: { flushInterval: 1 } })
    const b = await SlateDB.open('memory:///other')
    await a.put('k', 'v')
    expect(await b.get('k')).toBeUndefined()
    await a.close()
    await b.close()
  })
})
