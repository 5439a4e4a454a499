// Reads that their callers gave up: what was not asked for yet is not asked for, and requests that no other read waits
// for are aborted at the store.

import { getEventListeners } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { SlateDB } from '../../src/api/slatedb.ts'
import type { Db } from '../../src/db/db.ts'
import { openDb } from '../../src/db/open.ts'
import { parseSettings } from '../../src/db/settings.ts'
import { sleep } from '../../src/env/env.ts'
import { storeError } from '../../src/errors.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'
import type { GetOptions, GetResult } from '../../src/objects/store.ts'
import { simulate } from '../../src/sim/simulate.ts'
import { toBytes } from '../model/bytes.ts'

const ALL = { start: undefined, end: undefined }
const key = (i: number) => toBytes(`k${String(i).padStart(5, '0')}`)
const reason = new Error('the caller gave up')

interface Held {
  readonly signal: AbortSignal | undefined
  answer(): void
  fail(error: unknown): void
}

/** Writes down the requests for tables, and answers them when the test says so once it `holds`. */
class HoldingStore extends MemoryStore {
  holds = false
  requests = 0
  readonly held: Held[] = []

  override get(path: string, options: GetOptions = {}): Promise<GetResult> {
    if (!path.includes('/compacted/')) return super.get(path, options)
    this.requests++
    if (!this.holds) return super.get(path, options)
    return new Promise((resolve, reject) => {
      const answer = () => void super.get(path, options).then(resolve, reject)
      this.held.push({ signal: options.signal, answer, fail: reject })
    })
  }

  get aborted(): number {
    return this.held.filter(({ signal }) => signal?.aborted).length
  }

  /** Answers everything, what is asked for meanwhile included. */
  answerAll(): void {
    this.holds = false
    for (const one of this.held) one.answer()
  }
}

/** Refuses every request for a table while it is down. */
class DownStore extends MemoryStore {
  down = false
  refused = 0

  override async get(path: string, options?: GetOptions): Promise<GetResult> {
    if (!this.down || !path.includes('/compacted/')) return super.get(path, options)
    this.refused++
    throw storeError('Generic', path, 'down')
  }
}

/** Enough turns of the event loop for every reaction that needs no answer of the store. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 0))
}

const settings = parseSettings({ flushInterval: 1, compactorOptions: null, garbageCollectorOptions: null })
const opened: Db[] = []

afterEach(async () => {
  for (const db of opened.splice(0)) await db.close({ flush: false }).catch(() => {})
})

/** A database of one cold table whose store holds back what it is asked for. */
async function cold(rows = 400, options: { readonly warm?: boolean } = {}): Promise<{ db: Db; store: HoldingStore }> {
  const store = new HoldingStore()
  const first = await openDb({ store, path: 'db', settings })
  for (let i = 0; i < rows; i++) first.put(key(i), new Uint8Array(2000).fill(i))
  await first.flush('memtable')
  await first.close()
  const db = await openDb({ store, path: 'db', settings })
  opened.push(db)
  if (options.warm) await db.get(key(0))
  store.requests = 0
  store.holds = true
  return { db, store }
}

describe('a get', () => {
  test('aborts its request at the store when its signal fires', async () => {
    const { db, store } = await cold()
    const controller = new AbortController()
    const found = db.get(key(7), { signal: controller.signal })
    await settled()
    expect(store.requests).toBe(1)
    expect(store.aborted).toBe(0)
    controller.abort(reason)
    await expect(found).rejects.toBe(reason)
    await settled()
    expect(store.aborted).toBe(1)
    // What it would have asked for next is not asked for, even when the store answers all the same.
    store.answerAll()
    await settled()
    expect(store.requests).toBe(1)
  })

  test('that waits for the same load as another one leaves it the load, and asks for nothing more itself', async () => {
    const { db, store } = await cold()
    const controller = new AbortController()
    const givenUp = db.get(key(7), { signal: controller.signal })
    const other = db.get(key(390), { signal: new AbortController().signal })
    await settled()
    expect(store.requests).toBe(1)
    controller.abort(reason)
    await expect(givenUp).rejects.toBe(reason)
    await settled()
    expect(store.aborted).toBe(0)
    store.answerAll()
    expect(await other).toEqual(new Uint8Array(2000).fill(390))
    // The metadata, and the block of the other key.
    expect(store.requests).toBe(2)
  })

  test('without a signal keeps a load that another one began under its signal', async () => {
    const { db, store } = await cold()
    const controller = new AbortController()
    const givenUp = db.get(key(7), { signal: controller.signal })
    const other = db.get(key(7))
    await settled()
    controller.abort(reason)
    await expect(givenUp).rejects.toBe(reason)
    store.answerAll()
    expect(await other).toEqual(new Uint8Array(2000).fill(7))
    expect(store.aborted).toBe(0)
  })

  test('aborts a shared request once the last of its readers has given up', async () => {
    const { db, store } = await cold()
    const controllers = [new AbortController(), new AbortController(), new AbortController()]
    const reads = controllers.map(({ signal }) => Promise.resolve(db.get(key(7), { signal })).catch((error) => error))
    await settled()
    const aborted: number[] = []
    for (const controller of controllers) {
      controller.abort(reason)
      await settled()
      aborted.push(store.aborted)
    }
    expect(aborted).toEqual([0, 0, 1])
    expect(await Promise.all(reads)).toEqual([reason, reason, reason])
  })

  test('finds its value after an earlier load of it was given up', async () => {
    const { db, store } = await cold()
    const controller = new AbortController()
    const givenUp = db.get(key(7), { signal: controller.signal })
    await settled()
    controller.abort(reason)
    // At once: the given-up load may not be joined any more, or it is given a reader again.
    const next = db.get(key(7))
    await expect(givenUp).rejects.toBe(reason)
    await settled()
    store.answerAll()
    expect(await next).toEqual(new Uint8Array(2000).fill(7))
    expect(await db.get(key(7))).toEqual(new Uint8Array(2000).fill(7))
  })

  test('leaves no listener on its signal', async () => {
    const { db, store } = await cold()
    const controller = new AbortController()
    const read = db.get(key(7), { signal: controller.signal })
    await settled()
    store.answerAll()
    await read
    const scan = db.scan(ALL, { signal: controller.signal })
    while ((await scan.nextBatch(100)).length > 0);
    db.scan(ALL, { signal: controller.signal }).close()
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
  })
})

test('reads that time out during an outage leave a store alone', () =>
  simulate('given up in an outage', async (sim) => {
    const store = new DownStore()
    const first = await openDb({ store, path: 'db', env: sim.env, settings })
    for (let i = 0; i < 300; i++) first.put(key(i), new Uint8Array(2000))
    await first.flush('memtable')
    await first.close()
    const db = await openDb({ store, path: 'db', env: sim.env, settings })
    await db.get(key(0))
    store.down = true
    const controller = new AbortController()
    const reads = Array.from({ length: 200 }, (_, i) =>
      Promise.resolve(db.get(key(100 + i), { signal: controller.signal })).catch((error) => error),
    )
    await sleep(sim.env.clock, 5_000)
    expect(store.refused).toBeGreaterThan(50)
    controller.abort(reason)
    expect(new Set(await Promise.all(reads))).toEqual(new Set([reason]))
    store.refused = 0
    await sleep(sim.env.clock, 60_000)
    expect(store.refused).toBe(0)
    store.down = false
    expect(await db.get(key(100))).toHaveLength(2000)
    await db.close()
  }).then(() => {}))

describe('a getMany', () => {
  test('asks for no further key when its signal fires, and aborts what it asked for', async () => {
    const { db, store } = await cold(400, { warm: true })
    const controller = new AbortController()
    const found = db.getMany(
      Array.from({ length: 390 }, (_, i) => key(i + 10)),
      { signal: controller.signal },
    )
    await settled()
    const asked = store.requests
    expect(asked).toBeGreaterThan(10)
    controller.abort(reason)
    await expect(found).rejects.toBe(reason)
    await settled()
    expect(store.aborted).toBe(asked)
    store.answerAll()
    await settled()
    expect(store.requests).toBe(asked)
  })

  test('that fails with one key gives up what it asked for the others', async () => {
    const { db, store } = await cold(400, { warm: true })
    const found = db.getMany(Array.from({ length: 50 }, (_, i) => key(200 + i)))
    await settled()
    const [first, ...rest] = store.held
    first!.fail(storeError('NotSupported', 'db', 'not like this'))
    await expect(found).rejects.toMatchObject({ storeReason: 'NotSupported' })
    await settled()
    expect(rest.length).toBeGreaterThan(5)
    expect(rest.every(({ signal }) => signal?.aborted)).toBe(true)
  })
})

describe('a scan', () => {
  const ahead = { readAheadBytes: 4096, maxFetchTasks: 4 }

  /** A scan that has returned its first row, while three stretches ahead of it are under way. */
  async function begun(signal?: AbortSignal) {
    const { db, store } = await cold(400, { warm: true })
    const scan = db.scan(ALL, { ...ahead, signal })
    const row = scan.next()
    await settled()
    // The block that the row is in; the ones behind it wait.
    store.held[0]!.answer()
    await row
    await settled()
    const inFlight = store.held.slice(1)
    expect(inFlight.length).toBeGreaterThan(1)
    return { store, scan, inFlight, asked: store.requests }
  }

  test('aborts its read-ahead when it is closed early', async () => {
    const { store, scan, inFlight, asked } = await begun()
    expect(inFlight.some(({ signal }) => signal?.aborted)).toBe(false)
    scan.close()
    await settled()
    expect(inFlight.every(({ signal }) => signal?.aborted)).toBe(true)
    store.answerAll()
    await settled()
    expect(store.requests).toBe(asked)
  })

  test('aborts its read-ahead when its signal fires between two calls', async () => {
    const controller = new AbortController()
    const { store, scan, inFlight, asked } = await begun(controller.signal)
    controller.abort(reason)
    await settled()
    expect(inFlight.every(({ signal }) => signal?.aborted)).toBe(true)
    expect(() => scan.next()).toThrow(reason)
    store.answerAll()
    await settled()
    expect(store.requests).toBe(asked)
  })

  test('that is closed while it waits is at its end at once', async () => {
    const { db, store } = await cold()
    const scan = db.scan(ALL)
    const next = scan.next()
    await settled()
    scan.close()
    expect(await next).toBeUndefined()
    await settled()
    expect(store.aborted).toBe(1)
  })

  test('that jumps to its end gives up what it had asked for before', async () => {
    const { store, scan, inFlight } = await begun()
    scan.seek(toBytes('z'))
    const next = scan.next()
    await settled()
    // The last block, which has to be looked at.
    store.held.at(-1)!.answer()
    expect(await next).toBeUndefined()
    await settled()
    expect(inFlight.every(({ signal }) => signal?.aborted)).toBe(true)
  })

  test('of the public API that a loop leaves early aborts its read-ahead', async () => {
    const store = new HoldingStore()
    const location = { store, path: 'db' }
    const first = await SlateDB.open(location, { settings: { flushInterval: 1 } })
    for (let i = 0; i < 400; i++) void first.put(key(i), new Uint8Array(2000), { durability: 'memory' })
    await first.flush('memtable')
    await first.close()
    await using db = await SlateDB.open(location, { settings: { flushInterval: 1 } })
    await db.get(key(0))
    for await (const _ of db.scan({}, ahead)) {
      store.holds = true
      if (store.held.length > 0) break
    }
    expect(store.held.length).toBeGreaterThan(0)
    await settled()
    expect(store.aborted).toBe(store.held.length)
    store.answerAll()
  })
})

test('a handle that closes aborts the requests of its reads', async () => {
  const { db, store } = await cold()
  const read = Promise.resolve(db.get(key(7))).catch((error) => error)
  const scan = db.scan(ALL)
  const row = Promise.resolve(scan.next()).catch((error) => error)
  await settled()
  await db.close()
  await settled()
  expect(store.aborted).toBe(store.held.length)
  expect(await read).toMatchObject({ closeReason: 'Clean' })
  expect(await row).toMatchObject({ closeReason: 'Clean' })
})
