// How a handle ends, and what its calls say then.

import { describe, expect, test } from 'vitest'
import { SlateDB } from '../../src/api/slatedb.ts'
import { encodeUtf8 as b } from '../../src/bytes/text.ts'
import { openDb } from '../../src/db/open.ts'
import { parseSettings } from '../../src/db/settings.ts'
import type { LogFields } from '../../src/env/logger.ts'
import { createEnv, systemClock } from '../../src/env/system.ts'
import { type SlateDBError, storeError } from '../../src/errors.ts'
import { Paths } from '../../src/format/paths.ts'
import { manifestVersions } from '../../src/manifest/records.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'
import { gate } from '../support/gate.ts'

const QUIET = { compactorOptions: null, garbageCollectorOptions: null, manifestPollInterval: '60s' }
const paths = new Paths('db')

const open = (store: MemoryStore, more: object = {}) =>
  openDb({ store, path: 'db', settings: parseSettings({ ...QUIET, ...more }) })

describe('close', () => {
  test.each([true, false])('rejects with the damage that its last flush met (WAL %s)', async (walEnabled) => {
    const store = new MemoryStore()
    const db = await open(store, { walEnabled })
    await db.put(b('a'), b('1'))
    // The next version is there already, and cannot be read.
    await store.put(paths.manifest(db.manifest.id + 1), b('rubbish'), { mode: 'create' })
    await expect(db.close()).rejects.toMatchObject({ kind: 'Data', message: expect.stringContaining('.manifest') })
  })

  test('rejects with the takeover that its last flush met', async () => {
    const store = new MemoryStore()
    const db = await open(store, { flushInterval: null })
    await db.put(b('a'), b('1'))
    const successor = await open(store)
    await expect(db.close()).rejects.toMatchObject({ kind: 'Closed', closeReason: 'Fenced' })
    await successor.close()
  })

  test('a second close and a dispose wait for the first and have its outcome', async () => {
    const store = new MemoryStore()
    const db = await SlateDB.open({ store, path: 'db' }, { durability: 'memory', settings: QUIET })
    await db.put('a', '1')
    const { open: answer, opened } = gate()
    const put = store.put.bind(store)
    store.put = async (...args) => {
      await opened
      return put(...args)
    }
    const ended: string[] = []
    const first = db.close().then(() => ended.push('first'))
    const second = db.close().then(() => ended.push('second'))
    const disposed = db[Symbol.asyncDispose]().then(() => ended.push('disposed'))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(ended).toEqual([])
    answer()
    await Promise.all([first, second, disposed])
    expect(ended).toHaveLength(3)
    expect(await store.list('db/wal/')).not.toHaveLength(0)
    await expect(db.close()).resolves.toBeUndefined()
  })

  test('every close after one that failed fails alike', async () => {
    const store = new MemoryStore()
    const db = await open(store)
    await db.put(b('a'), b('1'))
    await store.put(paths.manifest(db.manifest.id + 1), b('rubbish'), { mode: 'create' })
    const outcomes = await Promise.allSettled([db.close(), db.close()])
    outcomes.push(...(await Promise.allSettled([db.close()])))
    expect(outcomes.map((one) => (one.status === 'rejected' ? one.reason.kind : 'fine'))).toEqual([
      'Data',
      'Data',
      'Data',
    ])
  })

  test.each([
    ['has lost rows fails with what ended it', true],
    ['has lost nothing is fine', false],
  ])('of a handle that was fenced and %s', async (_, isLost) => {
    const store = new MemoryStore()
    const db = await open(store, { flushInterval: null })
    await db.put(b('a'), b('1'))
    if (!isLost) await db.flush()
    const successor = await open(store)
    await expect(db.refresh()).rejects.toMatchObject({ closeReason: 'Fenced' })
    const closing = db.close()
    if (isLost) await expect(closing).rejects.toMatchObject({ closeReason: 'Fenced' })
    else await expect(closing).resolves.toBeUndefined()
    await successor.close()
  })

  test('of a reader may be repeated', async () => {
    const store = new MemoryStore()
    await (await open(store)).close()
    const reader = await SlateDB.openReader({ store, path: 'db' })
    await Promise.all([reader.close(), reader.close(), reader[Symbol.asyncDispose]()])
    await expect(reader.get('a')).rejects.toMatchObject({ closeReason: 'Clean' })
  })
})

describe('a takeover', () => {
  test('is told with the epoch and the time of the new owner, and once in the log', async () => {
    const store = new MemoryStore({ clock: systemClock })
    const lines: [string, LogFields | undefined][] = []
    const nothing = () => {}
    const logger = {
      debug: nothing,
      info: nothing,
      error: nothing,
      warn: (message: string, fields?: LogFields) => lines.push([message, fields]),
    }
    const db = await openDb({ store, path: 'db', settings: parseSettings(QUIET), env: createEnv({ logger }) })
    const successor = await open(store)
    await expect(db.refresh()).rejects.toMatchObject({
      message: expect.stringMatching(
        /took over: manifest version 3 of \d{4}-.*Z under "db\/manifest\/" holds its epoch 2, this one has 1\. .*Open the database again only once/s,
      ),
    })
    await expect(db.flush()).rejects.toMatchObject({ closeReason: 'Fenced' })
    const fenced = lines.filter(([message]) => message.includes('took the database over'))
    expect(fenced).toEqual([
      [expect.any(String), expect.objectContaining({ path: 'db', store: 'memory', epoch: 2, ownEpoch: 1 })],
    ])
    expect(Date.parse(fenced[0]![1]!.writtenAt as string)).toBeGreaterThan(0)
    await successor.close()
  })

  test('that a log object shows is told with the epoch, too', async () => {
    const store = new MemoryStore()
    const db = await open(store)
    const successor = await open(store)
    const handle = await db.put(b('a'), b('1'))
    await expect(handle.durable).rejects.toMatchObject({ message: expect.stringMatching(/epoch 2, this one has 1/) })
    await successor.close()
  })

  test('gives every later call an error with a stack of its own and the first one as its cause', async () => {
    const store = new MemoryStore()
    const db = await SlateDB.open({ store, path: 'db' }, { settings: QUIET })
    const successor = await open(store)
    async function caller(): Promise<SlateDBError> {
      return db.put('a', '1').then(
        () => expect.fail('it was acknowledged'),
        (error) => error,
      )
    }
    async function laterCaller(): Promise<SlateDBError> {
      try {
        await db.get('a')
      } catch (error) {
        return error as SlateDBError
      }
      return expect.fail('it was answered')
    }
    const first = await caller()
    const later = await laterCaller()
    expect(first).toMatchObject({ code: 'SLATEDB_CLOSED_FENCED' })
    expect(later).toMatchObject({ code: 'SLATEDB_CLOSED_FENCED', message: first.message })
    expect(later).not.toBe(first)
    expect(later.stack).toContain('laterCaller')
    expect(later.cause).toBe(first.cause)
    expect(await laterCaller()).not.toBe(later)
    await successor.close()
  })
})

describe('what the poll reads while a flush is published', () => {
  /** Whether rows of the second memtable, which nothing has stored, were reported durable. */
  async function reportsLostRows(microtasks: number): Promise<boolean> {
    const bucket = new MemoryStore()
    const store = new MemoryStore()
    for (const name of ['get', 'head', 'put', 'delete', 'list'] as const) {
      Object.assign(store, { [name]: bucket[name].bind(bucket) })
    }
    const db = await open(store, { walEnabled: false, flushInterval: null, l0FlushParallelism: 1 })
    const [published, polled, atBoundary, atPoll] = [gate(), gate(), gate(), gate()]
    store.get = async (path, options) => {
      const result = await bucket.get(path, options).then(
        (found) => ({ found }),
        (error) => ({ error }),
      )
      if (path.endsWith('.boundary')) {
        atBoundary.open()
        await published.opened
      } else if (path.endsWith('.manifest')) {
        atPoll.open()
        await polled.opened
      }
      if ('error' in result) throw result.error
      return result.found
    }
    await db.put(b('a'), b('1'))
    const flushed = db.flush('memtable').catch(() => {})
    await atBoundary.opened
    const lost = await db.put(b('b'), b('2'))
    const frozen = db.flush('memtable').catch(() => {})
    let isDurable = false
    lost.durable.then(
      () => (isDurable = true),
      () => {},
    )
    // The successor does not know the second memtable, and goes past its sequence numbers.
    const successor = await open(bucket)
    for (let i = 0; i < 5; i++) await successor.put(b(`c${i}`), b('3'))
    await successor.flush('memtable')
    const poll = db.refresh().catch(() => {})
    await atPoll.opened
    published.open()
    for (let i = 0; i < microtasks; i++) await undefined
    polled.open()
    await Promise.all([flushed, frozen, poll])
    await db.close().catch(() => {})
    await successor.close()
    return isDurable
  }

  test('is never taken for the version that the flush wrote: rows in memory do not count as stored by it', async () => {
    const wrong: number[] = []
    for (let microtasks = 0; microtasks < 40; microtasks++) {
      if (await reportsLostRows(microtasks)) wrong.push(microtasks)
    }
    expect(wrong).toEqual([])
  })
})

test('an outage while a handle closes is told as such', async () => {
  const store = new MemoryStore()
  const db = await open(store, { objectStoreMaxRetries: 0, manifestUpdateTimeout: '50ms' })
  await (await db.put(b('a'), b('1'))).durable
  store.put = async (path) => {
    throw storeError('Generic', path, 'down')
  }
  await expect(db.close()).rejects.toMatchObject({ kind: 'Unavailable' })
  const elsewhere = manifestVersions(store, createEnv(), paths)
  expect((await elsewhere.readLatest())?.id).toBe(2)
})
