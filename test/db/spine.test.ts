import { expect, test } from 'vitest'
import { EVERYTHING } from '../../src/bytes/range.ts'
import { decodeUtf8, encodeUtf8 } from '../../src/bytes/text.ts'
import { openDb } from '../../src/db/open.ts'
import { openReader } from '../../src/db/reader.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'

const b = encodeUtf8

test('a row survives put, flush to the WAL, close without flush, and reopen', async () => {
  const store = new MemoryStore()
  const db = await openDb({ store, path: 'db' })
  const handle = await db.put(b('a'), b('1'))
  await handle.durable
  expect(decodeUtf8((await db.get(b('a')))!)).toBe('1')
  await db.close({ flush: false })
  const again = await openDb({ store, path: 'db' })
  expect(decodeUtf8((await again.get(b('a')))!)).toBe('1')
  await again.flush('memtable')
  expect(again.manifest.value.tree.l0.length).toBe(1)
  expect(decodeUtf8((await again.get(b('a')))!)).toBe('1')
  await again.put(b('b'), b('2'))
  const scan = again.scan(EVERYTHING)
  const keys: string[] = []
  for (let row = await scan.next(); row !== undefined; row = await scan.next()) keys.push(decodeUtf8(row.key))
  expect(keys).toEqual(['a', 'b'])
  await again.close()
  const reader = await openReader({ store, path: 'db' })
  expect(decodeUtf8((await reader.get(b('b')))!)).toBe('2')
  await reader.close()
})

test('a second writer fences the first', async () => {
  const store = new MemoryStore()
  const first = await openDb({ store, path: 'db' })
  await (await first.put(b('a'), b('1'))).durable
  const second = await openDb({ store, path: 'db' })
  expect(decodeUtf8((await second.get(b('a')))!)).toBe('1')
  const late = await first.put(b('a'), b('2'))
  await expect(late.durable).rejects.toMatchObject({ kind: 'Closed', closeReason: 'Fenced' })
  expect(() => first.get(b('a'))).toThrow(expect.objectContaining({ closeReason: 'Fenced' }))
  expect(decodeUtf8((await second.get(b('a')))!)).toBe('1')
  await second.close()
})
