// Every method of every handle with arguments of every wrong kind: what is refused is Invalid, never a raw error of the
// language. Methods are found on the prototypes, so a new one is covered by being there.

import { describe, expect, test } from 'vitest'
import { fresh, invalid } from '../../test/support/fresh.ts'
import { failureOf, hostile, STRANGE } from '../../test/support/wrong-values.ts'
import { isSlateDBError, show } from '../errors.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import { WriteBatch } from '../write/batch.ts'
import { mergeOperators } from './merge-operators.ts'
import { SlateDB } from './slatedb.ts'

/** Ends the handle, or cannot be called from outside. */
const LEFT_OUT = new Set(['constructor', 'close', 'commit', 'rollback', 'shown', 'where', 'now', 'now', 'add'])

function methodsOf(object: object): string[] {
  const names = new Set<string>()
  for (let at = object; at !== Object.prototype; at = Object.getPrototypeOf(at) as object) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (typeof value === 'function' && !LEFT_OUT.has(name)) names.add(name)
    }
  }
  return [...names]
}

/** The engine takes bytes, and asks a proxy what it is: what that throws is the proxy's own. */
const isEngine = (kind: string) => /^(Db|DbReader|DbSnapshot|DbTransaction|Scan|WriteBatch)$/.test(kind)

/** For methods whose first argument may be anything, what follows is wrong instead. */
const isTyped = (error: unknown) => error === 'no error' || isSlateDBError(error)

test('no method of a handle answers a wrong argument with a raw error', async () => {
  const store = new MemoryStore()
  const db = await fresh({ mergeOperator: mergeOperators.append }, { store, path: 'db' })
  await db.put('a', '1')
  const reader = await SlateDB.openReader({ store, path: 'db' })
  const handles: Readonly<Record<string, () => object>> = {
    SlateDB: () => db,
    part: () => db.sub('part'),
    Reader: () => reader,
    Snapshot: () => db.snapshot(),
    Transaction: () => db.begin(),
    ChainedBatch: () => db.batch(),
    ScanResult: () => db.scan(),
    Db: () => db.engine,
    DbReader: () => reader.engine,
    DbSnapshot: () => db.engine.snapshot(),
    DbTransaction: () => db.engine.begin(),
    Scan: () => db.engine.scan({ start: undefined, end: undefined }),
    WriteBatch: () => new WriteBatch(),
  }
  const found: string[] = []
  // Not part of what callers use: they are for other parts of the engine, which are typed.
  const inner =
    /^(encode|codecOf|byteScan|partOptions|rawBatches|prepare|cursor|has|sortedKeys|catchUp|start|take|wait|readSide)/
  for (const [kind, make] of Object.entries(handles)) {
    for (const name of methodsOf(make())) {
      if (inner.test(name) && !(name === 'has' && kind !== 'WriteBatch')) continue
      for (const value of isEngine(kind) ? STRANGE.slice(0, -2) : STRANGE) {
        for (const args of [[value], [value, value], [value, value, value]]) {
          const handle = make() as Record<string, (...args: unknown[]) => unknown>
          const error = await failureOf(async () => {
            const answer = await handle[name]!(...args)
            // What is given out lazily fails when it is asked.
            if (kind !== 'ScanResult' && Symbol.asyncIterator in Object(answer ?? {})) {
              await (answer as AsyncIterable<unknown>)[Symbol.asyncIterator]().return?.()
            }
          })
          if (!isTyped(error)) found.push(`${kind}.${name}(${args.map(show).join(', ')}) -> ${String(error)}`)
        }
      }
    }
  }
  await reader.close()
  expect(found).toEqual([])
})

describe('arguments', () => {
  test.each<[string, (db: SlateDB) => unknown, string]>([
    ['getMany of a text', (db) => db.getMany('abc' as never), 'INVALID_ARGUMENT'],
    ['getMany of bytes', (db) => db.getMany(new Uint8Array(2) as never), 'INVALID_ARGUMENT'],
    ['markRead of a text', (db) => db.begin().markRead('abc' as never), 'INVALID_ARGUMENT'],
    ['scan of null', (db) => db.scan(null as never), 'INVALID_RANGE'],
    ['scan of a text', (db) => db.scan('a' as never), 'INVALID_RANGE'],
    ['a limit that is a text', (db) => db.scan({ limit: '5' as never }), 'INVALID_RANGE'],
    ['a limit of half a row', (db) => db.scan({ limit: 1.5 }), 'INVALID_RANGE'],
    ['reverse that is a text', (db) => db.scan({ reverse: 'yes' as never }), 'INVALID_RANGE'],
    ['nextBatch of a text', (db) => db.scan().nextBatch('5' as never), 'INVALID_BATCH'],
    ['batch of null', (db) => db.batch(null as never), 'INVALID_BATCH'],
    ['an operation of null', (db) => db.batch([null as never]), 'INVALID_BATCH'],
    ['write of an array', (db) => db.write([] as never), 'INVALID_ARGUMENT'],
    ['on without a listener', (db) => db.on('status', undefined as never), 'INVALID_ARGUMENT'],
    ['a transaction without a body', (db) => db.transaction(undefined as never), 'INVALID_ARGUMENT'],
    ['retries of NaN', (db) => db.transaction(() => {}, { retries: Number.NaN }), 'INVALID_OPTION'],
    ['a part with a lone surrogate', (db) => db.sub('\ud800'), 'INVALID_NAME'],
    ['a part of a symbol', (db) => db.sub(Symbol('s') as never), 'INVALID_NAME'],
    ['seq as a number', (db) => db.put('a', '1', { seq: 5 as never }), 'INVALID_OPTION'],
    ['a signal that is none', (db) => db.put('a', '1', { signal: {} as never }), 'INVALID_OPTION'],
    ['a key that throws', (db) => db.put(hostile() as never, '1'), 'ENCODE'],
    ['an engine key that is a text', (db) => db.engine.get('abc' as never), 'INVALID_KEY'],
    ['an engine range of texts', (db) => db.engine.scan({ start: 'a', end: 'b' } as never), 'INVALID_RANGE'],
    [
      'an awaitDurable of no signal',
      async (db) => (await db.put('a', '1')).awaitDurable({} as never),
      'INVALID_ARGUMENT',
    ],
  ])('%s is refused', async (_, call, code) => {
    const db = (await fresh()) as SlateDB
    expect(await failureOf(() => call(db))).toEqual(invalid(code))
  })

  test('clear refuses a bound that is there and undefined, and clears nothing', async () => {
    const db = await fresh()
    await db.put('a', '1')
    for (const bound of ['prefix', 'gt', 'gte', 'lt', 'lte', 'after', 'limit']) {
      await expect(db.clear({ [bound]: undefined }), bound).rejects.toEqual(invalid('INVALID_RANGE'))
    }
    expect(await db.count({ prefix: undefined })).toBe(1)
    expect(await db.clear({ reverse: undefined })).toBe(1)
  })

  test('the legal name U+FFFD is a part of its own', async () => {
    const db = await fresh({ valueEncoding: 'utf8' })
    await db.sub('\ufffd').put('k', '0')
    expect(await db.sub('\ufffd').get('k')).toBe('0')
  })

  test('more than ten calls under one signal print no warning', async () => {
    const db = await fresh()
    const warnings: Error[] = []
    const listen = (warning: Error) => warnings.push(warning)
    process.on('warning', listen)
    const { signal } = new AbortController()
    await Promise.all(Array.from({ length: 40 }, (_, i) => db.put(`k${i}`, 'v', { signal })))
    await Promise.all(Array.from({ length: 40 }, () => db.flush(undefined, { signal })))
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', listen)
    expect(warnings).toEqual([])
  })
})

test('an error of Workers about another request says who has to own the writer', async () => {
  const { settled } = await import('./write-options.ts')
  const cause = new Error('Cannot perform I/O on behalf of a different request. I/O objects created in ...')
  await expect(settled(Promise.reject(cause), {}, 'remote')).rejects.toMatchObject({
    kind: 'Invalid',
    code: 'SLATEDB_REQUEST_SCOPE',
    message: expect.stringContaining('Durable Object'),
    cause,
  })
})

describe('pages', () => {
  const letters = async () => {
    const db = await fresh({ keyEncoding: 'utf8', valueEncoding: 'utf8', durability: 'memory' })
    for (const key of ['o:1', 'p:1', 'p:2', 'p:3', 'p:4', 'p:p:1', 'q:1']) await db.put(key, '')
    return db
  }

  test.each([
    [false, ['p:1', 'p:2', 'p:3', 'p:4', 'p:p:1']],
    [true, ['p:p:1', 'p:4', 'p:3', 'p:2', 'p:1']],
  ])('the last key of a page gives the next one, reverse: %s', async (reverse, expected) => {
    const db = await letters()
    const seen: string[] = []
    for (let after: string | undefined; ; ) {
      const page = await db.scan({ prefix: 'p:', after, reverse, limit: 2 }).toArray()
      if (page.length === 0) break
      seen.push(...page.map(([key]) => key))
      after = seen.at(-1)
    }
    expect(seen).toEqual(expected)
  })

  test.each(['gt', 'gte', 'lt', 'lte'] as const)(
    '%s with a whole key beside a prefix is refused with a hint',
    async (side) => {
      const db = await letters()
      expect(() => db.scan({ prefix: 'p:', [side]: 'p:2', limit: 10 })).toThrow(
        /begins with the prefix itself.*use after/,
      )
      expect((await db.scan({ prefix: 'p:', gte: '2', lt: '4' }).keys().next()).value).toBe('p:2')
    },
  )

  test('a key behind the range, or before it, gives none or all', async () => {
    const db = await letters()
    expect(await db.count({ prefix: 'p:', after: 'q' })).toBe(0)
    expect(await db.count({ prefix: 'p:', after: 'a' })).toBe(5)
    expect(await db.sub('part').count({ after: 'a' })).toBe(0)
  })
})
