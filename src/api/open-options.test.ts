// An opening whose options are wrong has done nothing: no request, no object, no older writer fenced, no handle left open.

import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from 'vitest'
import { invalid } from '../../test/support/fresh.ts'
import { failureOf, hostile, isInvalid, wrongOptions } from '../../test/support/wrong-values.ts'
import { openDb } from '../db/open.ts'
import { OPEN_DB, OPEN_READER } from '../db/options.ts'
import { openReader } from '../db/reader.ts'
import { defaultSettings, type SettingsInput } from '../db/settings.ts'
import { createEnv } from '../env/system.ts'
import { bloomPolicy } from '../filter/bloom.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import type { ObjectStore } from '../objects/store.ts'
import { BlockCache } from '../table/block-cache.ts'
import { OPEN } from './open-options.ts'
import { SlateDB } from './slatedb.ts'

const SPECIAL: Readonly<Record<string, readonly unknown[]>> = {
  settings: [null, 5, 'fast', [], { flushIntervall: 1 }, { flushInterval: Number.NaN }, { manifestPollInterval: 0 }],
  blockSize: [null, 0, 1000, '4096', 4096n, Number.NaN, 2 ** 17, {}, Symbol('s')],
  pollInterval: [null, 0, -1, 0.5, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 'soon', '0s', '', 5n, {}, true],
  filterPolicies: [null, {}, 'bloom', 5, [{}], [null], [5], ['bloom'], [{ bloom: 0 }], [{ bloom: '10' }]].concat([
    [{ bloom: 10, prefx: 1 }],
    [{ bloom: 10, prefix: 'a' }],
    [{ name: 'x', builder: 1, decode: 1 }],
    [{ name: '', builder: () => {}, decode: () => {} }],
    [hostile()],
    [bloomPolicy(), bloomPolicy()],
  ] as never),
}

/** A store that counts what it is asked. */
function counting() {
  const store = new MemoryStore()
  let requests = 0
  for (const name of ['get', 'head', 'put', 'delete', 'list'] as const) {
    const call = store[name].bind(store) as (...args: unknown[]) => unknown
    Object.assign(store, {
      [name]: (...args: unknown[]) => {
        requests++
        return call(...args)
      },
    })
  }
  return { store, requests: () => requests }
}

describe('an opening with a wrong option', () => {
  const doors: Readonly<
    Record<string, [object: unknown, open: (place: { store: ObjectStore; path: string }, options: never) => unknown]>
  > = {
    'SlateDB.open': [OPEN.open, (place, options) => SlateDB.open(place, options)],
    'SlateDB.openReader': [OPEN.openReader, (place, options) => SlateDB.openReader(place, options)],
    openDb: [
      OPEN_DB,
      (place, options) =>
        openDb(
          typeof options === 'object' && options !== null && isPlain(options)
            ? { ...place, ...(options as object) }
            : options,
        ),
    ],
    openReader: [
      OPEN_READER,
      (place, options) =>
        openReader(
          typeof options === 'object' && options !== null && isPlain(options)
            ? { ...place, ...(options as object) }
            : options,
        ),
    ],
  }

  test.each(Object.entries(doors))('%s refuses it before it does anything', async (name, [table, open]) => {
    const { store, requests } = counting()
    const place = { store, path: 'db' }
    const writer = await openDb(place)
    await Promise.resolve(writer.put(new Uint8Array([97]), new Uint8Array([49])))
    await writer.flush()
    const before = requests()
    for (const [shown, options] of wrongOptions(table as typeof OPEN.open, SPECIAL)) {
      const error = await failureOf(() => open(place, options as never))
      expect(isInvalid(error), `${name}(${shown}) -> ${String(error)}`).toBe(true)
    }
    expect(requests()).toBe(before)
    // Nobody has taken the database over.
    await writer.flush('memtable')
    await writer.close()
  })

  const isPlain = (value: object) => {
    try {
      return Object.getPrototypeOf(value) === Object.prototype
    } catch {
      return false
    }
  }

  test('a message never shows credentials', async () => {
    const error = await failureOf(() => SlateDB.open('memory:', { credentials: 'canary-secret' as never }))
    expect(isInvalid(error)).toBe(true)
    expect(String(error)).not.toContain('canary')
  })

  test.each(['openReader', 'open'] as const)(
    'a handle that cannot be made around the engine closes it: %s',
    async (door) => {
      const { store, requests } = counting()
      const place = { store, path: 'db' }
      await (await SlateDB.open(place)).close()
      let looks = 0
      // Fine when the options are checked, and broken when the handle is made of them.
      const encoding = {
        get name(): string {
          if (looks++ > 0) throw new Error('broken')
          return 'mine'
        },
        get encode() {
          if (looks++ > 1) throw new Error('broken')
          return () => new Uint8Array()
        },
        decode: () => 0,
      }
      await expect(SlateDB[door](place, { keyEncoding: encoding })).rejects.toThrow()
      const after = requests()
      await new Promise((resolve) => setTimeout(resolve, 20))
      expect(requests()).toBe(after)
      const next = await SlateDB.open(place)
      expect(next.status.lastSeq).toBe(0n)
      await next.close()
    },
  )

  test('every right kind of plug-in is taken', async () => {
    const env = createEnv()
    const options = {
      cache: new BlockCache(),
      filterPolicies: [{ bloom: 12 }, bloomPolicy({ prefixExtractor: { name: 'p', prefixLen: () => 1 } })],
      transformer: { encode: (bytes: Uint8Array) => bytes, decode: (bytes: Uint8Array) => bytes },
      mergeOperator: { merge: (_: Uint8Array, __: Uint8Array | undefined, operand: Uint8Array) => operand },
      logger: console,
      recorder: { register: () => ({ update: () => {} }) },
      clock: env.clock,
      seed: 'a',
      environment: {},
      openTimeoutMs: Number.POSITIVE_INFINITY,
      signal: new AbortController().signal,
    }
    const store = new MemoryStore()
    await (await SlateDB.open({ store, path: 'db' }, { ...options, walStore: new MemoryStore(), cache: false })).close()
    const plain = new MemoryStore()
    await (await SlateDB.open({ store: plain, path: 'db' }, { ...options, env, takeOver: 'idle' })).close()
    const { transformer, ...common } = options
    const reader = await SlateDB.openReader(
      { store: plain, path: 'db' },
      { ...common, transformer, pollInterval: '1m' },
    )
    await reader.close()
  })
})

describe('a store without an atomic create', () => {
  const bare = () => {
    const store = new MemoryStore()
    return Object.assign(store, { capabilities: { ...store.capabilities, createIfAbsent: false } })
  }

  test.each([
    ['as store', () => ({ store: bare() })],
    ['as walStore', () => ({ store: new MemoryStore(), walStore: bare() })],
  ])('is refused for writing, %s, and nothing is written', async (_, stores) => {
    const { store, walStore } = stores() as { store: MemoryStore; walStore?: MemoryStore }
    await expect(SlateDB.open({ store, path: 'db' }, { walStore })).rejects.toEqual(invalid('STORE_CANNOT_FENCE'))
    expect(await store.list('')).toEqual([])
  })

  test('is read', async () => {
    const store = new MemoryStore()
    const db = await SlateDB.open({ store, path: 'db' }, { settings: { flushInterval: 1 } })
    await db.put('a', '1')
    await db.close()
    Object.assign(store, { capabilities: { ...store.capabilities, createIfAbsent: false } })
    const reader = await SlateDB.openReader({ store, path: 'db' })
    expect(await reader.has('a')).toBe(true)
    await reader.close()
  })
})

describe('a database that is not there', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'slatedb-open-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  test('is reported to a reader by a code of its own, with the location as it was typed, and no folder is made', async () => {
    const cwd = process.cwd()
    process.chdir(folder)
    try {
      for (const location of ['file:./no/such/db', './no/such/db']) {
        await expect(SlateDB.openReader(location)).rejects.toMatchObject({
          kind: 'Invalid',
          code: 'SLATEDB_DATABASE_MISSING',
          message: expect.stringContaining(JSON.stringify(location)),
        })
      }
      expect(existsSync(join(folder, 'no'))).toBe(false)
      expect(readdirSync(folder)).toEqual([])
      const db = await SlateDB.open('./no/such/db', { settings: { flushInterval: 1 } })
      await db.put('a', '1')
      await db.close()
      const reader = await SlateDB.openReader('./no/such/db')
      expect(await reader.has('a')).toBe(true)
      await reader.close()
    } finally {
      process.chdir(cwd)
    }
  })

  test('in a store it is named by path and store', async () => {
    await expect(SlateDB.openReader({ store: new MemoryStore(), path: 'app' })).rejects.toMatchObject({
      code: 'SLATEDB_DATABASE_MISSING',
      message: expect.stringContaining('app in memory'),
    })
  })

  test('a bare name is no path: it may be a bucket', async () => {
    await expect(SlateDB.open('data/app')).rejects.toMatchObject({
      kind: 'Invalid',
      message: /'\.\/data\/app' or 'file:/,
    })
  })
})

test('settings that are misspelt or of a wrong kind do not compile', () => {
  const settings = (input: SettingsInput) => input
  settings({ flushInterval: '1s', l0SstSizeBytes: '64MiB', compactorOptions: null, walEnabled: undefined })
  settings({ flush_interval: 100, garbage_collector_options: { manifest_options: { min_age: '1h' } } })
  settings(defaultSettings)
  // @ts-expect-error: there is no such setting
  settings({ flushIntervall: '1s' })
  // @ts-expect-error: nor in a part
  settings({ compactorOptions: { pollIntervall: '1s' } })
  // @ts-expect-error: nor in the other spelling
  settings({ flush_intervall: '1s' })
  // @ts-expect-error: a flag is no text
  settings({ walEnabled: 'yes' })
  expectTypeOf<SettingsInput>().not.toBeAny()
})

test.each<[object, RegExp]>([
  [{ flushInterval: 5 }, /setting walEnabled must be true or false, not undefined \(parseSettings/],
  [{ ...defaultSettings, flushIntervall: 5 }, /flushIntervall does not exist; did you mean flushInterval\?/],
  [{ ...defaultSettings, manifestPollInterval: Number.NaN }, /manifestPollInterval must be a whole number, 1 or more/],
  [{ ...defaultSettings, manifestPollInterval: 0 }, /manifestPollInterval must be a whole number, 1 or more, not 0/],
  [{ ...defaultSettings, manifestUpdateTimeout: Number.POSITIVE_INFINITY }, /not Infinity/],
  [{ ...defaultSettings, flushInterval: -1 }, /flushInterval must be a whole number, 0 or more/],
  [{ ...defaultSettings, l0FlushParallelism: '4' }, /l0FlushParallelism must be .* not "4"/],
  [{ ...defaultSettings, compactorOptions: null }, /compactorOptions must be an object, not null/],
  [
    {
      ...defaultSettings,
      garbageCollectorOptions: { ...defaultSettings.garbageCollectorOptions, walOptions: { interval: 1 } },
    },
    /garbageCollectorOptions.walOptions.minAge must be/,
  ],
  [{ ...defaultSettings, objectStoreMaxRetries: Number.NaN }, /objectStoreMaxRetries must be/],
])('settings given to the engine are looked at: case %#', async (settings, message) => {
  const store = new MemoryStore()
  await expect(openDb({ store, path: 'db', settings: settings as never })).rejects.toMatchObject({
    kind: 'Invalid',
    message: expect.stringMatching(message),
  })
  expect(await store.list('')).toEqual([])
})

test('settings with all that is optional off are fine for the engine', async () => {
  const settings = {
    ...defaultSettings,
    flushInterval: undefined,
    compactorOptions: undefined,
    garbageCollectorOptions: undefined,
    objectStoreCacheOptions: { ...defaultSettings.objectStoreCacheOptions, maxCacheSizeBytes: undefined },
  }
  await (await openDb({ store: new MemoryStore(), path: 'db', settings })).close()
})
