import { afterEach, beforeEach, expect, test } from 'vitest'
import { MemoryStore, SlateDB } from '../index.ts'

let db: SlateDB<string, string>

const memory = { durability: 'memory' } as const
const keyOf = (i: number) => `k${String(i).padStart(5, '0')}`

beforeEach(async () => {
  db = await SlateDB.open(
    { store: new MemoryStore(), path: 'db' },
    { keyEncoding: 'utf8', valueEncoding: 'utf8', mergeOperator: (_, base, operand) => concat(base, operand) },
  )
})

afterEach(() => db.close({ flush: false }))

function concat(base: Uint8Array | undefined, operand: Uint8Array): Uint8Array {
  return Uint8Array.from([...(base ?? []), ...operand])
}

async function fill(count: number): Promise<void> {
  await db.batch(Array.from({ length: count }, (_, i) => ({ type: 'put' as const, key: keyOf(i), value: 'old' })))
}

test.each([1, 10, 511, 512, 999, 1001, 2500])('a clear of %i rows keeps a put that began after it', async (count) => {
  await fill(count)
  const clear = db.clear()
  await db.put(keyOf(count - 1), 'new')
  expect(await clear).toBe(count - 1)
  expect(await db.scan().toArray()).toEqual([[keyOf(count - 1), 'new']])
})

test('a clear in reverse keeps a put that began after it', async () => {
  await fill(2500)
  const clear = db.clear({ reverse: true })
  await db.put(keyOf(0), 'new', memory)
  await clear
  expect(await db.scan().toArray()).toEqual([[keyOf(0), 'new']])
})

test('a clear keeps rows that are overwritten, added and merged while it runs', async () => {
  await fill(4000)
  await db.flush('memtable')
  const clear = db.clear()
  await Promise.all([
    db.merge(keyOf(3999), '+', memory),
    db.put(keyOf(3998), 'new', memory),
    db.put('z', 'added', memory),
  ])
  await clear
  expect(await db.scan().toArray()).toEqual([
    [keyOf(3998), 'new'],
    [keyOf(3999), 'old+'],
    ['z', 'added'],
  ])
})

test('a clear keeps a key that a transaction wrote unmarked', async () => {
  await fill(10)
  const clear = db.clear()
  const tx = db.begin()
  tx.put(keyOf(9), 'new')
  tx.unmarkWrite([keyOf(9)])
  await tx.commit(memory)
  await clear
  expect(await db.scan().toArray()).toEqual([[keyOf(9), 'new']])
})

test('a clear beside more writes than it remembers keeps them all', async () => {
  await fill(4000)
  const clear = db.clear()
  // More keys than are recorded at once, among them rows that the clear has not reached.
  const batch = Array.from({ length: 9000 }, (_, i) => ({
    type: 'put' as const,
    key: i % 2 === 0 ? `k${keyOf(i)}` : keyOf(3000 + ((i >> 1) % 1000)),
    value: 'new',
  }))
  await db.batch(batch, memory)
  await clear
  const kept = await db.scan().toArray()
  expect(kept.every(([, value]) => value === 'new')).toBe(true)
  expect(kept.length).toBe(4500 + 1000)
})

test('a clear with a limit counts the rows of its beginning', async () => {
  await fill(2000)
  const clear = db.clear({ limit: 1500 })
  await db.put('a', 'added', memory)
  await db.put(keyOf(1400), 'new', memory)
  expect(await clear).toBe(1499)
  const left = (await db.scan().toArray()).map(([key]) => key)
  expect(left).toEqual(['a', keyOf(1400), ...Array.from({ length: 500 }, (_, i) => keyOf(1500 + i))])
})

test('an open transaction conflicts with what a clear deletes', async () => {
  await fill(3)
  const tx = db.begin()
  await db.clear()
  tx.put(keyOf(1), 'new')
  await expect(tx.commit()).rejects.toMatchObject({ kind: 'Transaction' })
})
