// Loops of calls that settle without the store leave the event loop its turns: timers fire, flushes and polls go on.
// Real time, since virtual time stands still while code runs; the bounds are generous, and without turns nothing fires.

import { afterEach, beforeEach, expect, test } from 'vitest'
import { MemoryStore, type Reader, SlateDB } from '../../src/index.ts'

const LOOP_MS = 150
const ROWS = 20_000

let store: MemoryStore
let db: SlateDB<string, string>
let reader: Reader<string, string>

const keyOf = (i: number) => `k${String(i).padStart(6, '0')}`
const text = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const

beforeEach(async () => {
  store = new MemoryStore()
  db = await SlateDB.open({ store, path: 'db' }, { ...text, settings: { flush_interval: '20ms' } })
  await db.batch(Array.from({ length: ROWS }, (_, i) => ({ type: 'put' as const, key: keyOf(i), value: `v${i}` })))
  reader = await SlateDB.openReader({ store, path: 'db' }, { ...text, pollInterval: 20 })
})

afterEach(async () => {
  await reader.close()
  await db.close({ flush: false })
})

/** How often a timer of 5 ms fired while `call` was awaited over and over. */
async function ticksDuring(call: (i: number) => unknown): Promise<number> {
  let ticks = 0
  const timer = setInterval(() => ticks++, 5)
  const end = performance.now() + LOOP_MS
  for (let i = 0; performance.now() < end; i++) await call(i)
  clearInterval(timer)
  return ticks
}

const memory = { durability: 'memory' } as const
const LOOPS: Record<string, () => (i: number) => unknown> = {
  put: () => (i) => db.put(keyOf(i % 100), 'x', memory),
  delete: () => (i) => db.delete(keyOf(i % 100), memory),
  batch: () => (i) => db.batch([{ type: 'put', key: keyOf(i % 100), value: 'x' }], memory),
  'chained batch': () => (i) =>
    db
      .batch()
      .put(keyOf(i % 100), 'x')
      .write(memory),
  transaction: () => (i) => db.transaction(async (tx) => tx.put(keyOf(i % 100), 'x'), memory),
  get: () => (i) => db.get(keyOf(i % ROWS)),
  'get of a missing key': () => () => db.get('missing'),
  has: () => (i) => db.has(keyOf(i % ROWS)),
  getRow: () => (i) => db.getRow(keyOf(i % ROWS)),
  getMany: () => (i) => db.getMany([keyOf(i % ROWS), 'missing']),
  'get of a reader': () => (i) => reader.get(keyOf(i % ROWS)),
  'get of a snapshot': () => {
    const snapshot = db.snapshot()
    return (i) => snapshot.get(keyOf(i % ROWS))
  },
  'get in a transaction': () => {
    const tx = db.begin()
    return (i) => tx.get(keyOf(i % ROWS))
  },
  'scan, awaited row by row': () => {
    let scan = db.scan()
    return async () => {
      if ((await scan.next()) === undefined) scan = db.scan()
    }
  },
  'scan, for await': () => async () => {
    for await (const _ of db.scan());
  },
  'scan of the engine': () => {
    let scan = db.engine.scan({ start: undefined, end: undefined })
    return async () => {
      if ((await scan.next()) === undefined) scan = db.engine.scan({ start: undefined, end: undefined })
    }
  },
  toArray: () => () => db.scan().toArray(),
  count: () => () => db.count(),
}

test.each(Object.keys(LOOPS))('a loop of calls leaves timers their turn: %s', async (name) => {
  expect(await ticksDuring(LOOPS[name]!())).toBeGreaterThanOrEqual(3)
})

test('puts in memory are flushed at the flush interval while they go on without a pause', async () => {
  const walBefore = await walObjects()
  await ticksDuring((i) => db.put(keyOf(i % 100), 'x', memory))
  expect((await walObjects()) - walBefore).toBeGreaterThanOrEqual(3)
})

test('a loop of reads sees what another process writes', async () => {
  await db.put('flag', 'up')
  const end = performance.now() + 5000
  let flag: string | undefined
  while (flag === undefined && performance.now() < end) flag = await reader.get('flag')
  expect(flag).toBe('up')
})

const walObjects = async () => (await store.list('db/wal/')).length
