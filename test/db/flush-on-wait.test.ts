// Without a flush interval nothing is flushed by itself, but a write that is awaited must not wait for a flush that only
// its own caller could ask for.

import { describe, expect, test } from 'vitest'
import { SlateDB } from '../../src/api/slatedb.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'

const logObjects = async (store: MemoryStore) =>
  (await store.list('db/wal/')).length + (await store.list('db/compacted/')).length

describe.each([
  ['with a log', true],
  ['without a log', false],
])('no flush interval, %s', (_, walEnabled) => {
  const open = async () => {
    const store = new MemoryStore()
    const db = await SlateDB.open({ store, path: 'db' }, { settings: { flushInterval: null, walEnabled } })
    return { store, db, before: await logObjects(store) }
  }

  test.each<[string, (db: SlateDB) => Promise<unknown>]>([
    ['put', (db) => db.put('a', '1')],
    ['delete', (db) => db.delete('a')],
    ['batch', (db) => db.batch([{ type: 'put', key: 'a', value: '1' }])],
    ['chain', (db) => db.batch().put('a', '1').write()],
    ['transaction', (db) => db.transaction((tx) => tx.put('a', '1'))],
    ['durable of a handle', async (db) => (await db.put('a', '1', { durability: 'memory' })).durable],
  ])('an awaited %s settles, and is durable', async (_name, write) => {
    const { db } = await open()
    await write(db)
    expect(db.status.durableSeq).toBe(1n)
    await write(db)
    expect(db.status.durableSeq).toBe(2n)
    await db.close()
  })

  test('writes that are awaited together share one flush', async () => {
    const { db, store, before } = await open()
    await Promise.all(Array.from({ length: 50 }, (_unused, i) => db.put(`k${i}`, 'v')))
    expect(await logObjects(store)).toBe(before + 1)
    await db.close()
  })

  test('writes that nobody waits for stay in memory until a flush', async () => {
    const { db, store, before } = await open()
    for (let i = 0; i < 50; i++) await db.put(`k${i}`, 'v', { durability: 'memory' })
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(await logObjects(store)).toBe(before)
    await db.flush()
    expect(db.status.durableSeq).toBe(50n)
    await db.close()
  })
})
