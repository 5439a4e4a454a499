// What the user plugs in may throw, answer nonsense, or call the database: that costs the call it serves, never the handle.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { encodeUtf8 as b, decodeUtf8 } from '../../src/bytes/text.ts'
import type { Db } from '../../src/db/db.ts'
import { openDb } from '../../src/db/open.ts'
import type { DbOptions } from '../../src/db/options.ts'
import { parseSettings } from '../../src/db/settings.ts'
import { createEnv, systemClock } from '../../src/env/system.ts'
import { storeError } from '../../src/errors.ts'
import { bloomPolicy } from '../../src/filter/bloom.ts'
import type { FilterPolicy } from '../../src/filter/policy.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'
import type { ObjectStore } from '../../src/objects/store.ts'

const ALL = { start: undefined, end: undefined }
const rejected: unknown[] = []
const onRejection = (error: unknown) => void rejected.push(error)

beforeEach(() => void process.on('unhandledRejection', onRejection))
afterEach(async () => {
  await new Promise((resolve) => setTimeout(resolve, 5))
  process.off('unhandledRejection', onRejection)
  expect(rejected.splice(0)).toEqual([])
})

const open = (more: Partial<DbOptions> = {}) =>
  openDb({
    store: new MemoryStore(),
    path: 'db',
    settings: parseSettings({
      flushInterval: '1ms',
      minFilterKeys: 1,
      compactorOptions: null,
      garbageCollectorOptions: null,
    }),
    ...more,
  })

const fails = (): never => {
  throw new Error('out of order')
}

/** Writes, flushes and reads; then the handle is as it should be. */
async function works(db: Db): Promise<void> {
  await (await db.put(b('works'), b('1'))).durable
  await db.flush('memtable')
  expect(await db.get(b('works'))).toEqual(b('1'))
  expect(db.status.closeReason).toBeUndefined()
}

describe('filter policies', () => {
  const good = bloomPolicy({ bitsPerKey: 10 })
  const policy = (more: Partial<FilterPolicy>): FilterPolicy => ({ ...bloomParts(), ...more })
  const bloomParts = (): FilterPolicy => ({
    name: 'broken',
    builder: () => good.builder(),
    decode: (bytes) => good.decode(bytes),
  })

  test.each([
    ['its builder', policy({ builder: fails })],
    ['add', policy({ builder: () => ({ ...good.builder(), add: fails, build: () => new Uint8Array(8) }) })],
    ['build', policy({ builder: () => ({ add: () => {}, build: fails }) })],
    ['build, which answers no bytes,', policy({ builder: () => ({ add: () => {}, build: () => 5 as never }) })],
  ])('a policy of which %s fails is left out of the table, beside others that are in', async (_, broken) => {
    const warnings: string[] = []
    const nothing = () => {}
    const logger = { debug: nothing, info: nothing, error: nothing, warn: (line: string) => void warnings.push(line) }
    const db = await open({ filterPolicies: [broken, good], env: createEnv({ logger }) })
    await works(db)
    expect(warnings.filter((line) => line.includes('goes without it'))).toHaveLength(1)
    await db.put(b('a'), b('1'))
    await db.put(b('z'), b('1'))
    await db.flush('memtable')
    expect(await db.get(b('m'))).toBeUndefined()
    expect(db.env.metrics.snapshot()['slatedb.db.sst_filter_negative_count{kind="point"}']).toBe(1)
    await db.close()
  })

  test('a policy that does not take its own bytes fails reads of tables, and neither flush nor handle', async () => {
    const store = new MemoryStore()
    const db = await open({ store, filterPolicies: [policy({ decode: fails })] })
    await (await db.put(b('a'), b('1'))).durable
    await db.flush('memtable')
    await expect((async () => db.get(b('a')))()).rejects.toMatchObject({ kind: 'Invalid', code: 'SLATEDB_FILTER' })
    expect(db.status.closeReason).toBeUndefined()
    await db.close()
    const mended = await open({ store, filterPolicies: [] })
    expect(await mended.get(b('a'))).toEqual(b('1'))
    await mended.close()
  })

  test('a filter that throws fails the read that asked; one that answers nothing hides nothing', async () => {
    let answer: () => boolean = fails
    const asking = policy({ decode: () => ({ mightContain: () => answer() }) })
    const db = await open({ filterPolicies: [asking] })
    await db.put(b('a'), b('1'))
    await db.flush('memtable')
    await expect((async () => db.get(b('a')))()).rejects.toMatchObject({ code: 'SLATEDB_FILTER' })
    answer = () => undefined as never
    expect(await db.get(b('a'))).toEqual(b('1'))
    await db.close()
  })

  test('a filter that reads from the database changes no answer of the read that asked', async () => {
    let db: Db | undefined
    let depth = 0
    const reading = policy({
      decode: () => ({
        mightContain: () => {
          if (depth++ === 0) expect(db!.get(b('other'))).toEqual(b('2'))
          depth--
          return true
        },
      }),
    })
    db = await open({ filterPolicies: [reading] })
    await db.put(b('key'), b('1'))
    await db.put(b('other'), b('2'))
    await db.flush('memtable')
    expect(await db.get(b('key'))).toEqual(b('1'))
    expect(await db.get(b('none'))).toBeUndefined()
    expect(depth).toBe(0)
    await db.close()
  })

  test('a prefix extractor that throws costs the filter, and the prefix scan that asks it', async () => {
    let fail = true
    const prefixExtractor = { name: 'first', prefixLen: () => (fail ? fails() : 1) }
    const policies = [bloomPolicy({ bitsPerKey: 10, prefixExtractor })]
    const store = new MemoryStore()
    const db = await open({ store, filterPolicies: policies })
    await works(db)
    fail = false
    await db.put(b('a'), b('1'))
    await db.flush('memtable')
    fail = true
    const scan = db.scan(ALL, { prefix: b('a') })
    await expect((async () => scan.next())()).rejects.toMatchObject({ kind: 'Invalid' })
    expect(db.status.closeReason).toBeUndefined()
    await db.close()
  })
})

describe('recorders', () => {
  test.each([
    ['registering', { register: fails }],
    ['an update', { register: () => ({ update: fails }) }],
    ['an update, later', { register: () => ({ update: async () => fails() }) }],
    ['being nothing', { register: () => undefined as never }],
  ])('one that fails in %s costs its counters', async (_, recorder) => {
    const db = await open({ env: createEnv({ recorder }) })
    await works(db)
    expect(db.env.metrics.snapshot()['slatedb.db.write_batch_count']).toBe(1)
    await db.close()
  })

  test('one that writes from inside a commit is refused there, and loops neither there nor elsewhere', async () => {
    let db: Db | undefined
    const refused: unknown[] = []
    const update = () => {
      try {
        db?.put(b('metric'), b('1'))
      } catch (error) {
        refused.push(error)
      }
    }
    db = await open({ env: createEnv({ recorder: { register: () => ({ update }) } }) })
    await works(db)
    expect(refused.length).toBeGreaterThan(0)
    expect(refused[0]).toMatchObject({ kind: 'Invalid', code: 'SLATEDB_NESTED_WRITE' })
    await db.close()
  })
})

describe('loggers', () => {
  test.each([
    ['throws', fails],
    ['rejects', async () => fails()],
  ])('one that %s costs its line', async (_, line) => {
    const store = new MemoryStore()
    const db = await open({ store, env: createEnv({ logger: { debug: line, info: line, warn: line, error: line } }) })
    await works(db)
    const successor = await open({ store })
    await expect(db.refresh()).rejects.toMatchObject({ closeReason: 'Fenced' })
    await successor.close()
  })

  test('one that logs is not called from inside itself', async () => {
    const lines: string[] = []
    const env = createEnv({
      logger: {
        debug: () => {},
        info: () => {},
        error: () => {},
        warn(line) {
          lines.push(line)
          env.logger.warn(`about ${line}`)
        },
      },
    })
    env.logger.warn('one')
    env.logger.warn('two')
    expect(lines).toEqual(['one', 'two'])
  })
})

describe('status listeners', () => {
  test('one that throws, or rejects, costs nothing; one that writes may', async () => {
    const db = await open()
    db.onStatus(fails)
    db.onStatus((async () => fails()) as () => void)
    let count = 0
    db.onStatus(() => {
      if (count++ < 3) void db.put(b(`listener${count}`), b('1'))
    })
    await works(db)
    expect(await db.get(b('listener1'))).toEqual(b('1'))
    await db.close()
  })
})

describe('clocks', () => {
  test('one that throws fails the writes that it would stamp, and nothing else', async () => {
    let broken = false
    const maybe =
      <A extends unknown[], R>(call: (...args: A) => R) =>
      (...args: A): R =>
        broken ? fails() : call(...args)
    const clock = {
      now: maybe(systemClock.now),
      monotonic: maybe(systemClock.monotonic),
      schedule: maybe(systemClock.schedule),
      yield: maybe(systemClock.yield),
    }
    const db = await open({ env: createEnv({ clock }) })
    await works(db)
    broken = true
    expect(() => db.put(b('a'), b('1'))).toThrow(expect.objectContaining({ code: 'SLATEDB_INVALID_CLOCK' }))
    expect(await db.get(b('works'))).toEqual(b('1'))
    await db.flush()
    broken = false
    await works(db)
    await db.close()
  })
})

describe('merge operators', () => {
  const append = (_key: Uint8Array, existing: Uint8Array | undefined, operand: Uint8Array) =>
    b(`${existing === undefined ? '' : decodeUtf8(existing)}${decodeUtf8(operand)}`)

  test('one that writes from inside a batch is refused, and the batch leaves no trace', async () => {
    let db: Db | undefined
    db = await open({
      mergeOperator: (key, existing, operand) => {
        db!.put(b('side'), b('effect'))
        return append(key, existing, operand)
      },
    })
    const before = db.status.lastSeq
    const tx = db.begin('serializable')
    await tx.get(b('side'))
    tx.merge(b('m'), b('1'))
    tx.merge(b('m'), b('2'))
    await expect((async () => tx.commit())()).rejects.toMatchObject({ kind: 'Invalid' })
    expect(db.status.lastSeq).toBe(before)
    expect(await db.get(b('side'))).toBeUndefined()
    expect(await db.scan(ALL).next()).toBeUndefined()
    await works(db)
    await db.close()
  })

  test('one that reads, and writes from inside a read, is answered', async () => {
    let db: Db | undefined
    db = await open({
      mergeOperator: (key, existing, operand) => {
        expect(db!.get(b('base'))).toEqual(b('x'))
        db!.put(b('side'), b('effect'))
        return append(key, existing, operand)
      },
    })
    await db.put(b('base'), b('x'))
    await db.merge(b('m'), b('1'))
    await db.merge(b('m'), b('2'))
    expect(await db.get(b('m'))).toEqual(b('12'))
    expect(await db.get(b('side'))).toEqual(b('effect'))
    await db.close()
  })

  test('one that is an async function is refused with that, and what it fails with is no unhandled rejection', async () => {
    const db = await open({ mergeOperator: (async () => fails()) as never })
    await db.merge(b('m'), b('1'))
    await expect((async () => db.get(b('m')))()).rejects.toMatchObject({
      code: 'SLATEDB_MERGE_OPERATOR',
      message: expect.stringContaining('it returned a promise'),
    })
    await db.flush('memtable')
    await works(db)
    await db.close()
  })
})

describe('stores', () => {
  const inner = new MemoryStore()
  const base: ObjectStore = {
    capabilities: inner.capabilities,
    get: inner.get.bind(inner),
    head: inner.head.bind(inner),
    put: inner.put.bind(inner),
    delete: inner.delete.bind(inner),
    list: inner.list.bind(inner),
    describe: () => 'a store of the user’s',
  }
  const nonsense: readonly [string, Partial<Record<keyof ObjectStore, unknown>>][] = [
    ['throws at once', { list: fails, get: fails, put: fails }],
    ['answers nothing', { list: () => {}, get: () => {} }],
    ['answers without a promise, and nonsense', { list: () => 5, get: () => ({}) }],
  ]

  test.each(nonsense)('an opening of one that %s ends with the timeout', async (_, broken) => {
    const store = { ...base, ...broken } as ObjectStore
    await expect(open({ store, openTimeoutMs: 50 })).rejects.toMatchObject({
      kind: 'Unavailable',
      code: 'SLATEDB_OPEN_TIMEOUT',
    })
  })

  test.each(nonsense)('a handle of one that %s for a moment goes on', async (_, broken) => {
    const store: ObjectStore = { ...base }
    const db = await open({ store })
    Object.assign(store, broken)
    const handle = await db.put(b('a'), b('1'))
    await new Promise((resolve) => setTimeout(resolve, 20))
    Object.assign(store, base)
    await handle.durable
    await works(db)
    await db.close()
  })

  test('one that answers without promises, but right, is a store', async () => {
    const objects = new Map<string, Uint8Array>()
    const store = {
      ...base,
      list: (prefix: string) =>
        [...objects]
          .filter(([path]) => path.startsWith(prefix))
          .sort(([one], [other]) => (one < other ? -1 : 1))
          .map(([path, bytes]) => ({ path, size: bytes.length, lastModified: 1, etag: path })),
      put: (path: string, body: Uint8Array | Uint8Array[], { mode }: { mode: unknown }) => {
        if (mode === 'create' && objects.has(path)) throw storeError('AlreadyExists', path, 'it is there')
        objects.set(path, Uint8Array.from(body instanceof Uint8Array ? body : body.flatMap((part) => [...part])))
        return { etag: path }
      },
      get: (path: string, options: { range?: { start: number; end: number } } = {}) => {
        const bytes = objects.get(path)
        if (bytes === undefined) throw storeError('NotFound', path, 'it is not there')
        const { start, end } = { start: 0, end: bytes.length, ...options.range }
        return { bytes: bytes.slice(start, end), size: bytes.length, etag: path }
      },
    } as unknown as ObjectStore
    const db = await open({ store })
    await works(db)
    await db.close()
    const again = await open({ store })
    expect(await again.get(b('works'))).toEqual(b('1'))
    await again.close()
  })
})
