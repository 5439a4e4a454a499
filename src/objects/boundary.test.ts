import { beforeEach, describe, expect, test } from 'vitest'
import { decodeUtf8, encodeUtf8 } from '../bytes/text.ts'
import { isSlateDBError } from '../errors.ts'
import { Boundary } from './boundary.ts'
import { MemoryStore } from './memory-store.ts'
import type { ObjectStore } from './store.ts'

const BOUNDARY = 'db/gc/boundary'

let bucket: MemoryStore

beforeEach(() => {
  bucket = new MemoryStore()
})

const boundaryOf = (store: ObjectStore) =>
  new Boundary(store, BOUNDARY, {
    encode: (id) => encodeUtf8(String(id)),
    decode: (bytes) => Number(decodeUtf8(bytes)),
  })

const setBoundary = (id: number) => bucket.put(BOUNDARY, encodeUtf8(String(id)), { mode: 'overwrite' })

const kindOf = async (work: Promise<unknown>) => {
  try {
    await work
  } catch (error) {
    if (isSlateDBError(error)) return `${error.kind} ${error.code}`
    throw error
  }
  return 'ok'
}

/** The bucket, counting requests, with something to do before each write. */
function spied(beforePut: () => Promise<unknown> = async () => {}) {
  const calls: string[] = []
  const store = Object.create(bucket) as ObjectStore
  Object.assign(store, {
    get: async (...args: Parameters<ObjectStore['get']>) => {
      try {
        const got = await bucket.get(...args)
        calls.push('GET')
        return got
      } catch (error) {
        calls.push(isSlateDBError(error) ? `GET ${error.storeReason}` : 'GET bug')
        throw error
      }
    },
    put: async (...args: Parameters<ObjectStore['put']>) => {
      calls.push('PUT')
      await beforePut()
      return bucket.put(...args)
    },
  })
  return { store, calls }
}

describe('a boundary', () => {
  test('a missing object reads as 0 and keeps the larger value seen (BD-2)', async () => {
    const boundary = boundaryOf(bucket)
    expect(await boundary.read()).toBe(0)
    expect(boundary.present).toBe(false)
    expect(await boundary.allows(1)).toBe(true)
    await setBoundary(7)
    expect(await boundary.allows(7)).toBe(false)
    expect(boundary.present).toBe(true)
    await bucket.delete(BOUNDARY)
    expect(await boundary.allows(8)).toBe(true)
    expect(boundary.present).toBe(false)
    expect(await boundary.allows(7)).toBe(false)
  })

  test('an id that the cache covers costs no request, an unchanged object no body (BD-4)', async () => {
    await setBoundary(7)
    const { store, calls } = spied()
    const boundary = boundaryOf(store)
    expect(await boundary.allows(8)).toBe(true)
    expect(await boundary.allows(9)).toBe(true)
    expect(calls.splice(0)).toEqual(['GET', 'GET NotModified'])
    expect(await boundary.allows(3)).toBe(false)
    expect(calls).toEqual([])
  })

  test('the value never goes down (BD-4)', async () => {
    await setBoundary(7)
    const boundary = boundaryOf(bucket)
    await boundary.read()
    await setBoundary(3)
    expect(await boundary.read()).toBe(7)
    expect(await boundary.allows(5)).toBe(false)
  })

  test('advance creates, raises, and leaves a larger value alone (BD-6)', async () => {
    const boundary = boundaryOf(bucket)
    const stored = async () => Number(decodeUtf8((await bucket.get(BOUNDARY)).bytes))
    await boundary.advance(5)
    expect(await stored()).toBe(5)
    await boundary.advance(3)
    expect(await stored()).toBe(5)
    await setBoundary(20)
    await boundary.advance(9)
    expect(await stored()).toBe(20)
    await boundary.advance(21)
    expect(await stored()).toBe(21)
  })

  test('an object that disappeared is created anew, never below what was seen (BD-6 FIX)', async () => {
    let vanishes = false
    const { store } = spied(async () => {
      // Between the read and the compare-and-set.
      if (vanishes) await bucket.delete(BOUNDARY)
      vanishes = false
    })
    const boundary = boundaryOf(store)
    await boundary.advance(5)
    await bucket.delete(BOUNDARY)
    await boundary.advance(6)
    expect(decodeUtf8((await bucket.get(BOUNDARY)).bytes)).toBe('6')
    vanishes = true
    await boundary.advance(8)
    expect(vanishes).toBe(false)
    expect(decodeUtf8((await bucket.get(BOUNDARY)).bytes)).toBe('8')
  })

  test('a lost object comes back with the greatest value seen', async () => {
    const boundary = boundaryOf(bucket)
    await boundary.advance(9)
    await bucket.delete(BOUNDARY)
    await boundary.advance(3)
    expect(decodeUtf8((await bucket.get(BOUNDARY)).bytes)).toBe('9')
  })

  test('many collectors at once: the greatest value wins', async () => {
    const boundaries = Array.from({ length: 10 }, () => boundaryOf(bucket))
    await Promise.all(boundaries.map((boundary, i) => boundary.advance(i + 1)))
    expect(decodeUtf8((await bucket.get(BOUNDARY)).bytes)).toBe('10')
  })

  test('a store that cannot compare and set', async () => {
    await setBoundary(1)
    const store = Object.assign(Object.create(bucket), {
      capabilities: { ...bucket.capabilities, compareAndSet: false },
      get: bucket.get.bind(bucket),
      put: bucket.put.bind(bucket),
    }) as ObjectStore
    expect(await kindOf(boundaryOf(store).advance(2))).toBe('Invalid SLATEDB_BOUNDARY_NOT_SUPPORTED')
  })

  test('contention without end is an error', async () => {
    await setBoundary(1)
    const { store, calls } = spied(() => setBoundary(1))
    expect(await kindOf(boundaryOf(store).advance(2))).toBe('Unavailable SLATEDB_BOUNDARY_CONTENDED')
    expect(calls.length).toBeLessThan(100)
  })
})
