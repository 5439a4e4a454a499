// Fixed interleavings of transactions, one per anomaly, at both levels (INV-6, TX-1..TX-11). What each level must do with
// them is written beside them.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { EVERYTHING, prefixRange } from '../../src/bytes/range.ts'
import type { Db } from '../../src/db/db.ts'
import { openDb } from '../../src/db/open.ts'
import { parseSettings } from '../../src/db/settings.ts'
import type { Isolation, Transaction } from '../../src/db/transaction.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'
import { WriteBatch } from '../../src/write/batch.ts'
import { append } from '../model/append.ts'
import { toBytes, toText } from '../model/bytes.ts'

const LEVELS = ['snapshot', 'serializable'] as const satisfies Isolation[]
const CONFLICT = { kind: 'Transaction' }

let db: Db

beforeEach(async () => {
  const settings = parseSettings({ compactorOptions: null, garbageCollectorOptions: null, flushInterval: null })
  db = await openDb({ store: new MemoryStore(), path: 'db', settings, mergeOperator: append })
})

afterEach(() => db.close({ flush: false }))

const bytes = toBytes
const put = (target: Db | Transaction, key: string, value: string) => target.put(bytes(key), bytes(value))

function batchOf(rows: Record<string, string>): WriteBatch {
  const batch = new WriteBatch()
  for (const [key, value] of Object.entries(rows)) batch.put(bytes(key), bytes(value))
  return batch
}

async function get(source: Db | Transaction, key: string): Promise<string | undefined> {
  const value = await source.get(bytes(key))
  return value && toText(value)
}

/** A commit as a promise that settles either way. */
const commit = async (tx: Transaction) => tx.commit()

describe.each(LEVELS)('at level %s', (level) => {
  const isSerializable = level === 'serializable'

  test('lost update: the second of two read-modify-writes fails', async () => {
    await put(db, 'x', '10')
    const [a, b] = [db.begin(level), db.begin(level)]
    await get(a, 'x')
    await get(b, 'x')
    put(a, 'x', '11')
    put(b, 'x', '12')
    await commit(a)
    await expect(commit(b)).rejects.toMatchObject(CONFLICT)
    expect(await get(db, 'x')).toBe('11')
  })

  test('lost update against a plain write', async () => {
    await put(db, 'x', '10')
    const a = db.begin(level)
    await get(a, 'x')
    await put(db, 'x', '20')
    put(a, 'x', '11')
    await expect(commit(a)).rejects.toMatchObject(CONFLICT)
    expect(await get(db, 'x')).toBe('20')
  })

  test('lost update against a batch, a delete and a merge', async () => {
    for (const write of [
      () => db.write(batchOf({ x: 'b', y: 'b' })),
      () => db.delete(bytes('x')),
      () => db.merge(bytes('x'), bytes('m')),
    ]) {
      await put(db, 'x', '10')
      const a = db.begin(level)
      put(a, 'x', 'a')
      await write()
      await expect(commit(a)).rejects.toMatchObject(CONFLICT)
    }
  })

  test('dirty read: nobody sees what is not committed, nor what was rolled back', async () => {
    await put(db, 'x', 'old')
    const [a, b] = [db.begin(level), db.begin(level)]
    put(a, 'x', 'new')
    expect(await get(b, 'x')).toBe('old')
    expect(await get(db, 'x')).toBe('old')
    a.rollback()
    expect(await get(db, 'x')).toBe('old')
    b.rollback()
  })

  test('read skew: a transaction sees one moment', async () => {
    await db.write(batchOf({ x: '1', y: '1' }))
    const reader = db.begin(level)
    expect(await get(reader, 'x')).toBe('1')
    await db.write(batchOf({ x: '2', y: '2' }))
    await db.flush('memtable')
    expect(await get(reader, 'y')).toBe('1')
    reader.rollback()
  })

  test(`write skew: ${isSerializable ? 'one of the two fails' : 'both commit'}`, async () => {
    await db.write(batchOf({ alice: 'on', bob: 'on' }))
    const [a, b] = [db.begin(level), db.begin(level)]
    expect([await get(a, 'alice'), await get(a, 'bob')]).toEqual(['on', 'on'])
    expect([await get(b, 'alice'), await get(b, 'bob')]).toEqual(['on', 'on'])
    put(a, 'alice', 'off')
    put(b, 'bob', 'off')
    await commit(a)
    if (isSerializable) await expect(commit(b)).rejects.toMatchObject(CONFLICT)
    else await commit(b)
    expect([await get(db, 'alice'), await get(db, 'bob')]).toEqual(['off', isSerializable ? 'on' : 'off'])
  })

  test('write skew is refused under both levels when the reads are marked', async () => {
    await put(db, 'x', '1')
    await put(db, 'y', '1')
    const [a, b] = [db.begin(level), db.begin(level)]
    a.markRead([bytes('y')])
    b.markRead([bytes('x')])
    put(a, 'x', '2')
    put(b, 'y', '2')
    await commit(a)
    await expect(commit(b)).rejects.toMatchObject(CONFLICT)
  })

  test('a read of an absent key counts', async () => {
    const a = db.begin(level)
    expect(await get(a, 'absent')).toBeUndefined()
    put(a, 'other', '1')
    await put(db, 'absent', 'now')
    if (isSerializable) await expect(commit(a)).rejects.toMatchObject(CONFLICT)
    else await commit(a)
  })

  describe('phantoms', () => {
    const phantom = async (name: string, read: (tx: Transaction) => Promise<void>) => {
      const a = db.begin(level)
      await read(a)
      put(a, 'result', name)
      await put(db, 'set/5', 'phantom')
      if (isSerializable) await expect(commit(a)).rejects.toMatchObject(CONFLICT)
      else await commit(a)
      expect(await get(db, 'result')).toBe(isSerializable ? undefined : name)
    }

    test('in a scan that found nothing', () =>
      phantom('empty', async (tx) => {
        expect(await tx.scan(prefixRange(bytes('set/'))).next()).toBeUndefined()
      }))

    test('in a scan that was read in part', async () => {
      await put(db, 'set/1', '1')
      await put(db, 'set/9', '9')
      await phantom('partial', async (tx) => {
        const scan = tx.scan(prefixRange(bytes('set/')))
        expect(toText((await scan.next())!.key)).toBe('set/1')
        scan.close()
      })
    })

    test('in a scan of which nothing was read', () =>
      phantom('unread', async (tx) => tx.scan(prefixRange(bytes('set/'))).close()))

    test('in a descending scan that was read in part', async () => {
      await put(db, 'set/1', '1')
      await put(db, 'set/9', '9')
      await phantom('descending', async (tx) => {
        const scan = tx.scan(EVERYTHING, { descending: true })
        expect(toText((await scan.next())!.key)).toBe('set/9')
      })
    })

    test('a delete inside a scanned range counts as well', async () => {
      await put(db, 'set/5', '5')
      const a = db.begin(level)
      for (const scan = a.scan(prefixRange(bytes('set/'))); (await scan.next()) !== undefined; );
      put(a, 'result', 'x')
      await db.delete(bytes('set/5'))
      if (isSerializable) await expect(commit(a)).rejects.toMatchObject(CONFLICT)
      else await commit(a)
    })

    test('a write outside the scanned range does not', async () => {
      const a = db.begin(level)
      await a.scan(prefixRange(bytes('set/'))).next()
      put(a, 'result', 'x')
      await put(db, 'set0', 'behind the range')
      await put(db, 'set', 'before it')
      await commit(a)
      expect(await get(db, 'result')).toBe('x')
    })
  })

  test('a reader that writes nothing: refused only when serializable and overtaken', async () => {
    await put(db, 'x', '1')
    const a = db.begin(level)
    await get(a, 'x')
    await put(db, 'x', '2')
    if (isSerializable) await expect(commit(a)).rejects.toMatchObject(CONFLICT)
    else expect(await commit(a)).toBeUndefined()
  })

  test('unmarked writes conflict with nobody, and are written', async () => {
    const [a, b] = [db.begin(level), db.begin(level)]
    a.unmarkWrite([bytes('counter')])
    b.unmarkWrite([bytes('counter')])
    a.merge(bytes('counter'), bytes('a'))
    b.merge(bytes('counter'), bytes('b'))
    await commit(a)
    await commit(b)
    expect(await get(db, 'counter')).toBe('ab')
  })

  test('own writes are read, over what is stored, in gets and scans', async () => {
    await put(db, 'a', '1')
    await put(db, 'b', '2')
    const tx = db.begin(level)
    tx.delete(bytes('a'))
    tx.merge(bytes('b'), bytes('+'))
    put(tx, 'c', '3')
    expect([await get(tx, 'a'), await get(tx, 'b'), await get(tx, 'c')]).toEqual([undefined, '2+', '3'])
    const seen: string[] = []
    const scan = tx.scan(EVERYTHING, { descending: true })
    for (let row = await scan.next(); row; row = await scan.next()) seen.push(`${toText(row.key)}=${toText(row.value)}`)
    expect(seen).toEqual(['c=3', 'b=2+'])
    await commit(tx)
    expect(await get(db, 'b')).toBe('2+')
  })

  test('a transaction ends once', async () => {
    const tx = db.begin(level)
    put(tx, 'x', '1')
    await commit(tx)
    await expect(commit(tx)).rejects.toMatchObject({ kind: 'Invalid' })
    expect(() => put(tx, 'x', '2')).toThrow(/committed/)
    tx.rollback()
    expect(await get(db, 'x')).toBe('1')
  })

  test('a commit whose caller has gone away is decided as if awaited', async () => {
    await put(db, 'x', '1')
    const [a, b] = [db.begin(level), db.begin(level)]
    put(a, 'x', 'a')
    put(b, 'x', 'b')
    void commit(a)
    await expect(commit(b)).rejects.toMatchObject(CONFLICT)
    expect(await get(db, 'x')).toBe('a')
  })

  test('an old snapshot keeps its versions through flushes', async () => {
    await put(db, 'x', '0')
    const tx = db.begin(level)
    for (let i = 1; i <= 5; i++) {
      await put(db, 'x', String(i))
      await db.flush('memtable')
    }
    expect(await get(tx, 'x')).toBe('0')
    tx.rollback()
    expect(await get(db, 'x')).toBe('5')
  })
})
