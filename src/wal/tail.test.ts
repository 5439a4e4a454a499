import { expect, test } from 'vitest'
import { Paths } from '../format/paths.ts'
import { encodeRowlessFence } from '../format/wal-table.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import { listTailAndFence, listWalTail } from './tail.ts'

const paths = new Paths('db')
const ROWLESS = encodeRowlessFence()
const EMPTY = new Uint8Array(0)
const DATA = new Uint8Array(200)

async function log(objects: ReadonlyMap<number, Uint8Array>): Promise<MemoryStore> {
  const store = new MemoryStore()
  for (const [id, bytes] of objects) await store.put(paths.wal(id), bytes, { mode: 'create' })
  return store
}

/** Objects `from` to `to`, data unless `fences` says otherwise. */
const range = (from: number, to: number, fences: Readonly<Record<number, Uint8Array>> = {}) =>
  log(new Map(Array.from({ length: to - from + 1 }, (_, i) => [from + i, fences[from + i] ?? DATA])))

test.each([
  ['none in an empty log', () => range(1, 0), 0, undefined],
  ['the one that the log begins with', () => range(1, 9, { 1: EMPTY }), 0, 'zero-byte'],
  ['the newest, of either form', () => range(1, 9, { 1: EMPTY, 5: ROWLESS }), 0, 'rowless'],
  ['the newest, of the other form', () => range(1, 9, { 1: ROWLESS, 5: EMPTY }), 0, 'zero-byte'],
  ['one that was flushed past', () => range(1, 9, { 1: ROWLESS, 5: EMPTY }), 9, 'zero-byte'],
  ['one at the replay point, with nothing behind it', () => range(7, 7, { 7: ROWLESS }), 7, 'rowless'],
  ['one a hundred names back', () => range(1, 300, { 1: ROWLESS, 201: EMPTY }), 300, 'zero-byte'],
  ['none when it is further back', () => range(1, 300, { 1: ROWLESS, 200: EMPTY }), 300, undefined],
  // A block transformer may make it larger than any that we know.
  ['the first object of the log, however large', () => range(1, 9), 0, 'rowless'],
  ['none in a log whose beginning was collected', () => range(50, 60), 55, undefined],
])('the newest fence: %s', async (_, made, after, expected) => {
  expect((await listTailAndFence(await made(), paths, after)).newestFence).toBe(expected)
})

test('the tail is the same with and without a look at what is in front of it', async () => {
  const store = await range(1, 20, { 3: EMPTY })
  for (let after = 0; after <= 20; after++) {
    const { newestFence: _, ...tail } = await listTailAndFence(store, paths, after)
    const { newestFence: __, ...same } = await listWalTail(store, paths, after)
    expect(tail).toEqual(same)
    expect(tail).toMatchObject({ lastId: 20, missing: undefined })
    expect([...tail.sizes.keys()]).toEqual(Array.from({ length: 20 - after }, (_, i) => after + 1 + i))
  }
})
