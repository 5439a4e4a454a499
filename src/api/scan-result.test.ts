import { describe, expect, test } from 'vitest'
import { fresh, invalid, text } from '../../test/support/fresh.ts'
import { systemClock } from '../env/system.ts'
import { mergeOperators } from './merge-operators.ts'

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
    [{ start: 'a' }, /a range has no option "start"/],
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
