// What an open snapshot or transaction sees does not change under it, and what it pins is released when it ends.

import { describe, expect, test } from 'vitest'
import { SlateDB } from '../../src/api/slatedb.ts'
import { encodeUtf8 as b } from '../../src/bytes/text.ts'
import { openDb } from '../../src/db/open.ts'
import { parseSettings } from '../../src/db/settings.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'
import { simulate } from '../../src/sim/simulate.ts'
import { append } from '../model/append.ts'
import { toText } from '../model/bytes.ts'
import { collectGarbageUntil } from '../support/collect-garbage.ts'

const settings = parseSettings({ compactorOptions: null, garbageCollectorOptions: null })

describe('reads under time to live (D4)', () => {
  const texts = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const

  test('a snapshot shows a row that expires while it is open before and after a flush', () =>
    simulate('snapshot under ttl', async (sim) => {
      const store = sim.process('main').store()
      const db = await SlateDB.open({ store, path: 'db' }, { ...texts, clock: sim.clock })
      await db.put('k', 'v', { ttl: 1000 })
      const snapshot = db.snapshot()
      await sim.sleep(5000)
      await db.put('later', 'moves the data clock')
      expect(await snapshot.get('k')).toBe('v')
      await db.flush('memtable')
      expect(await snapshot.get('k')).toBe('v')
      expect(await db.get('k')).toBeUndefined()
      await db.close()
    }))

  test('a snapshot shows merge operands that expire while it is open before and after a flush', () =>
    simulate('operands under ttl', async (sim) => {
      const process = sim.process('main')
      const store = process.store()
      const db = await openDb({ store, path: 'db', env: process.env, settings, mergeOperator: append })
      await db.put(b('m'), b('base'))
      await db.merge(b('m'), b('+op'), { ttl: { after: 1000 } })
      const snapshot = db.snapshot()
      await sim.sleep(5000)
      await db.put(b('later'), b('moves the data clock'))
      const before = await snapshot.get(b('m'))
      await db.flush('memtable')
      const after = await snapshot.get(b('m'))
      expect([before, after].map((value) => toText(value!))).toEqual(['base+op', 'base+op'])
      snapshot.close()
      await db.close()
    }))

  test('a serializable transaction reads the same before and after a flush at which its rows would expire', () =>
    simulate('transaction under ttl', async (sim) => {
      const store = sim.process('main').store()
      const db = await SlateDB.open({ store, path: 'db' }, { ...texts, clock: sim.clock })
      await db.put('k', 'v', { ttl: 1000 })
      const transaction = db.begin({ isolation: 'serializable' })
      const before = await transaction.get('k')
      await sim.sleep(5000)
      await db.put('later', 'moves the data clock')
      await db.flush('memtable')
      expect([before, await transaction.get('k')]).toEqual(['v', 'v'])
      await transaction.put('saw', before!)
      await transaction.commit()
      await db.close()
    }))

  test('a row that expired before the snapshot began may be dropped by a flush', () =>
    simulate('expired before', async (sim) => {
      const process = sim.process('main')
      const db = await openDb({ store: process.store(), path: 'db', env: process.env, settings })
      await db.put(b('k'), b('v'), { ttl: { after: 1000 } })
      await sim.sleep(5000)
      await db.put(b('later'), b('moves the data clock'))
      const snapshot = db.snapshot()
      await db.flush('memtable')
      expect(await snapshot.get(b('k'))).toBeUndefined()
      await db.close()
    }))
})

describe('handles that the program forgot', () => {
  async function openWithRows() {
    const db = await openDb({ store: new MemoryStore(), path: 'db', settings })
    await db.put(b('k'), b('old'))
    return db
  }

  test('a transaction that was garbage-collected releases its pin and the keys of later commits', async () => {
    const db = await openWithRows()
    for (let i = 0; i < 20; i++) db.begin()
    await db.put(b('k'), b('new'))
    expect(db.status.oldestSnapshotAgeMs).toBeGreaterThanOrEqual(0)
    expect(await collectGarbageUntil(() => db.status.oldestSnapshotAgeMs === undefined)).toBe(true)
    await db.close()
  })

  test('a snapshot that is still referred to keeps its pin', async () => {
    const db = await openWithRows()
    const kept = db.snapshot()
    for (let i = 0; i < 20; i++) db.snapshot()
    await db.put(b('k'), b('new'))
    await db.flush('memtable')
    expect(await collectGarbageUntil(() => db.status.oldestSnapshotAgeMs === undefined, 20)).toBe(false)
    expect(toText((await kept.get(b('k')))!)).toBe('old')
    kept.close()
    expect(db.status.oldestSnapshotAgeMs).toBeUndefined()
    await db.close()
  })

  test('a scan of a snapshot that nothing else refers to keeps the pin until it is forgotten too', async () => {
    const db = await openWithRows()
    const scan = db.snapshot().scan({ start: undefined, end: undefined })
    expect(await collectGarbageUntil(() => db.status.oldestSnapshotAgeMs === undefined, 20)).toBe(false)
    expect((await scan.next())?.seq).toBe(1n)
    await db.close()
  })

  test('the status shows how long the oldest snapshot has been open', () =>
    simulate('age', async (sim) => {
      const process = sim.process('main')
      const db = await openDb({ store: process.store(), path: 'db', env: process.env, settings })
      expect(db.status.oldestSnapshotAgeMs).toBeUndefined()
      const older = db.snapshot()
      await sim.sleep(500)
      const newer = db.begin()
      await sim.sleep(500)
      expect(db.status.oldestSnapshotAgeMs).toBe(1000)
      older.close()
      // Both read at the same sequence number; only the transaction is left.
      expect(db.status.oldestSnapshotAgeMs).toBe(500)
      newer.rollback()
      expect(db.status.oldestSnapshotAgeMs).toBeUndefined()
      await db.close()
    }))
})
