// Keys longer than 65,535 bytes: releases from 0.17 on write them, every reader of today's rows reads them (W-1).

import { describe, expect, test } from 'vitest'
import { EVERYTHING } from '../../src/bytes/range.ts'
import { openDb } from '../../src/db/open.ts'
import { openReader } from '../../src/db/reader.ts'
import { parseSettings } from '../../src/db/settings.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'
import type { ObjectStore } from '../../src/objects/store.ts'
import { WriteBatch } from '../../src/write/batch.ts'
import { expectEverywhere, scanAll } from '../compat/read-all.ts'
import { toBytes, toText } from '../model/bytes.ts'

const open = (store: ObjectStore, formatGeneration?: string) =>
  openDb({
    store,
    path: 'db',
    settings: parseSettings({
      flushInterval: null,
      compactorOptions: null,
      garbageCollectorOptions: null,
      ...(formatGeneration !== undefined && { formatGeneration }),
    }),
    mergeOperator: (_key, _existing, operand) => operand,
  })

/** A database with long keys in a table, and others in the log. */
async function withLongKeys(...keys: string[]): Promise<MemoryStore> {
  const store = new MemoryStore()
  const db = await open(store, '0.17')
  await db.put(toBytes('a'), toBytes('short'))
  for (const key of keys) await db.put(toBytes(key), toBytes('in a table'))
  await db.flush('memtable')
  for (const key of keys) await db.put(toBytes(`${key}~`), toBytes('in the log'))
  await db.put(toBytes('~'), toBytes('short'))
  await db.flush('wal')
  await db.close({ flush: false })
  return store
}

describe('are read in every generation', () => {
  test.each(['0.12', '0.13', '0.15', '0.18'])('by a writer of %s, which carries them on', async (generation) => {
    const keys = ['k'.repeat(65_536), 'k'.repeat(70_000)]
    const store = await withLongKeys(...keys)
    const db = await open(store, generation)
    const rows = await scanAll(db)
    expect(rows.map((row) => row.key.length)).toEqual([1, 65_536, 70_000, 70_001, 65_537, 1])
    await expectEverywhere(db, rows)
    await db.flush('memtable')
    await expectEverywhere(db, rows)
    await db.close()
    const reader = await openReader({ store, path: 'db' })
    await expectEverywhere(reader, rows)
    await reader.close()
  })

  test('also one of 17 MiB, more than three bytes count', async () => {
    const key = new Uint8Array(17 << 20).fill(7)
    const store = new MemoryStore()
    const db = await open(store, '0.17')
    await db.put(key, toBytes('in a table'))
    await db.flush('memtable')
    await db.put(key.with(9, 8), toBytes('in the log'))
    await db.put(toBytes('~'), toBytes('short'))
    await db.flush('wal')
    await db.close({ flush: false })

    const again = await open(store)
    const reader = await openReader({ store, path: 'db' })
    for (const handle of [again, reader]) {
      const scan = handle.scan(EVERYTHING)
      const seen: unknown[] = []
      for (let row = await scan.next(); row !== undefined; row = await scan.next()) {
        seen.push([row.key.length, toText(row.value)])
      }
      expect(seen).toEqual([
        [17 << 20, 'in a table'],
        [17 << 20, 'in the log'],
        [1, 'short'],
      ])
      expect(toText((await handle.get(key.with(9, 8)))!)).toBe('in the log')
      await handle.close()
    }
  })
})

describe('are written where the generation allows them', () => {
  const longKey = new Uint8Array(65_536).fill(7)
  const refused = expect.objectContaining({
    kind: 'Invalid',
    code: 'SLATEDB_KEY_TOO_LARGE',
    message: expect.stringMatching(/at most 65535 bytes.* has 65536.*formatGeneration '0\.17'/),
  })

  test.each([undefined, '0.12', '0.13', '0.15'])('not in %s, by none of the ways to write', async (generation) => {
    const db = await open(new MemoryStore(), generation)
    const batchOf = (fill: (batch: WriteBatch) => void) => {
      const batch = new WriteBatch()
      fill(batch)
      return batch
    }
    const transaction = db.begin()
    const calls: (() => unknown)[] = [
      () => db.put(longKey, toBytes('v')),
      () => db.delete(longKey),
      () => db.merge(longKey, toBytes('v')),
      () => db.write(batchOf((batch) => batch.put(longKey, toBytes('v')))),
      () => db.write(batchOf((batch) => batch.delete(longKey)).copy()),
      () => transaction.put(longKey, toBytes('v')),
      () => transaction.delete(longKey),
      () => transaction.merge(longKey, toBytes('v')),
    ]
    for (const call of calls) await expect((async () => call())()).rejects.toEqual(refused)
    expect(db.status.lastSeq).toBe(0n)
    // A batch that was cleared forgets how long its keys were.
    const batch = batchOf((one) => one.put(longKey, toBytes('v')))
    batch.clear()
    batch.put(toBytes('k'), toBytes('v'))
    await db.write(batch)
    await transaction.commit()
    await db.close()
  })

  test.each(['0.17', '0.18'])('in %s, and the database is recognised by them', async (generation) => {
    const store = new MemoryStore()
    const db = await open(store, generation)
    await db.put(longKey, toBytes('v'))
    const transaction = db.begin()
    transaction.put(longKey.with(0, 8), toBytes('w'))
    await transaction.commit()
    await db.close()
    const again = await open(store)
    await again.put(longKey, toBytes('again'))
    expect((await scanAll(again)).map((row) => row.value)).toEqual(['again', 'w'])
    await again.close()
  })
})
