// Who may take a database from whom, and who is told.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SlateDB } from '../../src/api/slatedb.ts'
import { encodeUtf8 as b } from '../../src/bytes/text.ts'
import type { Db } from '../../src/db/db.ts'
import { openDb } from '../../src/db/open.ts'
import { parseSettings } from '../../src/db/settings.ts'
import type { TakeOver } from '../../src/db/take-over.ts'
import type { Logger } from '../../src/env/logger.ts'
import { createEnv, systemClock } from '../../src/env/system.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'
import type { ObjectStore } from '../../src/objects/store.ts'

const QUIET = { compactorOptions: null, garbageCollectorOptions: null, manifestPollInterval: '60s' }
let aheadMs = 0
const clock = { ...systemClock, now: () => systemClock.now() + aheadMs }

/** The same bucket as another process sees it. */
const elsewhere = (store: MemoryStore): ObjectStore => ({
  capabilities: store.capabilities,
  get: store.get.bind(store),
  head: store.head.bind(store),
  put: store.put.bind(store),
  delete: store.delete.bind(store),
  list: store.list.bind(store),
  describe: () => 'the same bucket',
})

let bucket: MemoryStore
const opened: Db[] = []

beforeEach(() => {
  aheadMs = 0
  bucket = new MemoryStore({ clock })
})
afterEach(async () => {
  for (const db of opened.splice(0)) await db.close({ flush: false }).catch(() => {})
})

async function open(takeOver?: TakeOver, store: ObjectStore = elsewhere(bucket), logger?: Logger): Promise<Db> {
  const settings = parseSettings(QUIET)
  const db = await openDb({ store, path: 'db', settings, takeOver, env: createEnv({ clock, logger }) })
  opened.push(db)
  return db
}

const refused = { kind: 'Unavailable', code: 'SLATEDB_WRITER_ACTIVE' }

/** A database that a writer has open, and has written to just now. */
async function atWork(): Promise<Db> {
  const writer = await open()
  await (await writer.put(b('a'), b('1'))).durable
  return writer
}

describe('takeOver', () => {
  test('"always", the default, fences a writer at work', async () => {
    const writer = await atWork()
    await open()
    await expect(writer.refresh()).rejects.toMatchObject({ closeReason: 'Fenced' })
  })

  test.each(['idle', 'never'] as const)('%j leaves a writer at work alone, and writes nothing', async (mode) => {
    const writer = await atWork()
    const before = await bucket.list('')
    await expect(open(mode)).rejects.toMatchObject({ ...refused, message: expect.stringMatching(/written last at 20/) })
    expect(await bucket.list('')).toEqual(before)
    await (await writer.put(b('b'), b('2'))).durable
  })

  test('"idle" takes over from a writer that has been silent for a minute, "never" does not', async () => {
    const writer = await atWork()
    aheadMs = 61_000
    await expect(open('never')).rejects.toMatchObject(refused)
    await (await open('idle')).close()
    await expect(writer.refresh()).rejects.toMatchObject({ closeReason: 'Fenced' })
  })

  test('"idle" opens what was closed a moment ago, "never" after a minute', async () => {
    await (await atWork()).close()
    await expect(open('never')).rejects.toMatchObject(refused)
    await (await open('idle')).close()
    aheadMs = 61_000
    await (await open('never')).close()
  })

  test.each(['idle', 'never'] as const)('%j opens a new database', async (mode) => {
    await (await open(mode)).close()
  })

  test('a writer whose clock is ahead counts as one at work', async () => {
    await atWork()
    aheadMs = -3_600_000
    await expect(open('idle')).rejects.toMatchObject(refused)
  })

  test('is an option of SlateDB.open, and a misspelt one is refused before anything is written', async () => {
    const location = { store: elsewhere(bucket), path: 'db' }
    await expect(SlateDB.open(location, { takeOver: 'maybe' as never })).rejects.toMatchObject({ kind: 'Invalid' })
    expect(await bucket.list('')).toEqual([])
    await atWork()
    await expect(SlateDB.open(location, { takeOver: 'idle' })).rejects.toMatchObject(refused)
  })
})

describe('a database that is opened twice in one process', () => {
  const lines: string[] = []
  const nothing = () => {}
  const logger = { debug: nothing, info: nothing, error: nothing, warn: (line: string) => void lines.push(line) }
  beforeEach(() => void lines.splice(0))
  const warned = () => lines.filter((line) => line.includes('open for writing already')).length

  test('is told so', async () => {
    await open(undefined, bucket)
    await open(undefined, bucket, logger)
    expect(warned()).toBe(1)
  })

  test('is told so when two stores name the same place', async () => {
    const folder = () => ({ ...elsewhere(bucket), describe: () => 'folder /data' })
    await open(undefined, folder())
    await open(undefined, folder(), logger)
    expect(warned()).toBe(1)
    await expect(open('idle', folder())).rejects.toMatchObject({ message: expect.stringMatching(/this process has/) })
  })

  test('is not told so of databases with one path in different stores, nor after a close', async () => {
    await open(undefined, new MemoryStore())
    await open(undefined, new MemoryStore(), logger)
    await (await open(undefined, bucket)).close()
    await open(undefined, bucket, logger)
    expect(warned()).toBe(0)
  })
})
