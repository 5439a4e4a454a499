// Every option of every call, with every kind of wrong value: tables, so that a new call or option is covered by being
// there. A call that is refused for its options has done nothing.

import { describe, expect, test } from 'vitest'
import { fresh, invalid } from '../../test/support/fresh.ts'
import { failureOf, hostile, isInvalid, wrongOptions as wrongValuesOf } from '../../test/support/wrong-values.ts'
import type { OptionTable } from '../checks.ts'
import { ENGINE_CALLS } from '../db/call-options.ts'
import { isSlateDBError } from '../errors.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import { WriteBatch } from '../write/batch.ts'
import { BATCH_CALLS } from '../write/options.ts'
import type { ChainedBatch } from './batch.ts'
import { CALLS, CHAIN_CALLS, OPERATION_TABLES, TRANSACTION_CALLS } from './call-options.ts'
import { mergeOperators } from './merge-operators.ts'
import { SlateDB } from './slatedb.ts'

/** What is wrong for options that are checked where they are read. */
const READ_ELSEWHERE: Readonly<Record<string, readonly unknown[]>> = {
  ttl: [null, 'soon', '', -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 5n, {}, [], true, Symbol('s'), hostile()],
  expireAt: [null, 'soon', 1.5, Number.NaN, Number.POSITIVE_INFINITY, 5n, {}, true, new Date(Number.NaN), hostile()],
}

const wrongOptions = (table: OptionTable) => wrongValuesOf(table, READ_ELSEWHERE)

/** A store that answers no write of the log or of a table. */
function silentStore(): MemoryStore {
  const store = new MemoryStore()
  const put = store.put.bind(store)
  store.put = (path, body, options) =>
    store.isSilent && /wal|compacted/.test(path) ? new Promise(() => {}) : put(path, body, options)
  return Object.assign(store, { isSilent: false })
}

declare module '../objects/memory-store.ts' {
  interface MemoryStore {
    isSilent?: boolean
  }
}

describe('the public face', () => {
  const setUp = async () => {
    const db = await fresh({ mergeOperator: mergeOperators.append })
    await db.put('a', '1')
    return db
  }
  type Handle = Awaited<ReturnType<typeof setUp>>

  const READS: Readonly<
    Record<
      string,
      (db: Pick<Handle, 'get' | 'getRow' | 'getMany' | 'has' | 'scan' | 'count'>, options: never) => unknown
    >
  > = {
    get: (db, options) => db.get('a', options),
    getRow: (db, options) => db.getRow('a', options),
    getMany: (db, options) => db.getMany(['a'], options),
    has: (db, options) => db.has('a', options),
    scan: (db, options) => db.scan({}, options),
    count: (db, options) => db.count({}, options),
  }
  const INVOKE: Readonly<Record<keyof typeof CALLS, (db: Handle, options: never) => unknown>> = {
    ...(READS as typeof INVOKE),
    sub: (db, options) => db.sub('part', options),
    put: (db, options) => db.put('b', '2', options),
    merge: (db, options) => db.merge('b', '2', options),
    delete: (db, options) => db.delete('a', options),
    batch: (db, options) => db.batch([{ type: 'put', key: 'b', value: '2' }], options),
    write: (db, options) => db.write(oneRow(), options),
    clear: (db, options) => db.clear({}, options),
    flush: (db, options) => db.flush('memtable', options),
    begin: (db, options) => db.begin(options),
    transaction: (db, options) => db.transaction((tx) => tx.put('b', '2'), options),
  }

  test.each(Object.entries(CALLS))('%s refuses every wrong option, and has done nothing', async (name, table) => {
    const db = await setUp()
    const before = db.status
    for (const [shown, options] of wrongOptions(table)) {
      const error = await failureOf(() => INVOKE[name as keyof typeof CALLS](db, options as never))
      expect(isInvalid(error), `${name}(${shown}) -> ${String(error)}`).toBe(true)
    }
    expect(db.status).toEqual(before)
    expect(await db.count()).toBe(1)
  })

  test.each(Object.entries(READS))('%s of a snapshot, reader and transaction refuses them, too', async (name, read) => {
    const store = new MemoryStore()
    const db = await fresh({}, { store, path: 'db' })
    const reader = await SlateDB.openReader({ store, path: 'db' })
    try {
      for (const handle of [
        db.snapshot(),
        db.snapshot().sub('s'),
        db.begin(),
        db.begin().sub('s'),
        db.sub('s'),
        reader,
      ]) {
        for (const [shown, options] of wrongOptions(CALLS[name as keyof typeof CALLS])) {
          const error = await failureOf(() => read(handle, options as never))
          expect(isInvalid(error), `${handle.constructor.name}.${name}(${shown}) -> ${String(error)}`).toBe(true)
        }
      }
    } finally {
      await reader.close()
    }
  })

  test('a chain refuses every wrong option of each operation, and can go on', async () => {
    const db = await setUp()
    const invoke: Readonly<Record<keyof typeof CHAIN_CALLS, (chain: ChainedBatch, options: never) => unknown>> = {
      put: (chain, options) => chain.put('b', '2', options),
      merge: (chain, options) => chain.merge('b', '2', options),
      delete: (chain, options) => chain.delete('a', options),
      write: (chain, options) => chain.write(options),
    }
    const chain = db.batch()
    for (const [name, table] of Object.entries(CHAIN_CALLS)) {
      for (const [shown, options] of wrongOptions(table)) {
        const error = await failureOf(() => invoke[name as keyof typeof invoke](chain, options as never))
        if (name === 'write' && isSlateDBError(error) && error.code === 'SLATEDB_BATCH_WRITTEN') continue
        expect(isInvalid(error), `${name}(${shown}) -> ${String(error)}`).toBe(true)
      }
    }
    expect(chain.length).toBe(0)
    expect(await db.count()).toBe(1)
  })

  test('a transaction refuses every wrong option of each write, and can go on', async () => {
    const db = await setUp()
    const tx = db.begin()
    const invoke: Readonly<Record<keyof typeof TRANSACTION_CALLS, (options: never) => unknown>> = {
      put: (options) => tx.put('b', '2', options),
      merge: (options) => tx.merge('b', '2', options),
      delete: (options) => tx.delete('a', options),
      commit: (options) => tx.commit(options),
    }
    for (const [name, table] of Object.entries(TRANSACTION_CALLS)) {
      for (const [shown, options] of wrongOptions(table)) {
        const error = await failureOf(() => invoke[name as keyof typeof invoke](options as never))
        expect(isInvalid(error), `${name}(${shown}) -> ${String(error)}`).toBe(true)
      }
    }
    expect(tx.ended).toBe(false)
    tx.put('b', '2')
    await tx.commit()
    expect(await db.count()).toBe(2)
  })

  test('an operation of a batch refuses every wrong field', async () => {
    const db = await setUp()
    for (const [type, table] of OPERATION_TABLES) {
      for (const [shown, options] of wrongOptions(table)) {
        const isWhole = typeof options !== 'object' || options === null || !/^\w+: |x$/.test(shown)
        const operation = isWhole ? options : { type, key: 'b', value: '2', ...options }
        if (isWhole ? false : Object.keys(options)[0] === 'value' && type !== 'put' && type !== 'merge') continue
        const error = await failureOf(() => db.batch([operation as never]))
        expect(isInvalid(error), `${String(type)}(${shown}) -> ${String(error)}`).toBe(true)
      }
    }
    expect(await db.count()).toBe(1)
    await db.batch([{ type: 'del', key: 'a', value: undefined } as never])
    expect(await db.count()).toBe(0)
  })
})

const oneRow = () => {
  const batch = new WriteBatch()
  batch.put(new Uint8Array([98]), new Uint8Array([50]))
  return batch
}

describe('the engine', () => {
  const key = new Uint8Array([97])
  type Call = (db: Awaited<ReturnType<typeof fresh>>['engine'], options: never) => unknown
  const everything = { start: undefined, end: undefined }
  const INVOKE: Readonly<Record<keyof typeof ENGINE_CALLS, Call>> = {
    get: (db, options) => db.get(key, options),
    getRow: (db, options) => db.getRow(key, options),
    getMany: (db, options) => db.getMany([key], options),
    scan: (db, options) => db.scan(everything, options),
    put: (db, options) => db.put(key, key, options),
    merge: (db, options) => db.merge(key, key, options),
    delete: (db, options) => db.delete(key, options),
    write: (db, options) => db.write(oneRow(), options),
    commit: (db, options) => {
      const tx = db.begin()
      try {
        return tx.commit(options)
      } finally {
        tx.rollback()
      }
    },
    clear: (db, options) => db.clear(everything, options),
    close: (db, options) => db.close(options),
  }

  test.each(Object.entries(ENGINE_CALLS))(
    '%s refuses every wrong option, and has done nothing',
    async (name, table) => {
      const { engine } = await fresh({ mergeOperator: mergeOperators.append })
      const before = engine.status
      for (const [shown, options] of wrongOptions(table)) {
        const error = await failureOf(() => INVOKE[name as keyof typeof ENGINE_CALLS](engine, options as never))
        expect(isInvalid(error), `${name}(${shown}) -> ${String(error)}`).toBe(true)
      }
      expect(engine.status).toEqual(before)
    },
  )

  test('an engine batch refuses every wrong option', async () => {
    const batch = new WriteBatch()
    for (const [name, table] of Object.entries(BATCH_CALLS)) {
      for (const [shown, options] of wrongOptions(table)) {
        const error = await failureOf(() => batch[name as keyof typeof BATCH_CALLS](key, key, options as never))
        expect(isInvalid(error), `${name}(${shown}) -> ${String(error)}`).toBe(true)
      }
    }
    expect(batch.isEmpty).toBe(true)
  })

  test.each([undefined, null, 'wal', 'memtable', false, true, 'MemTable', 'WAL', '', 5, Symbol('s'), {}, hostile()])(
    'flush and close take a kind of flush that exists: %#',
    async (type) => {
      const db = await fresh()
      const fine = type === undefined || type === 'wal' || type === 'memtable'
      const flushed = await failureOf(() => db.flush(type as never))
      expect(isInvalid(flushed), String(flushed)).toBe(!fine)
      const closed = await failureOf(() => db.close({ flush: type as never }))
      expect(isInvalid(closed), String(closed)).toBe(!fine && type !== false)
      expect(db.status.closeReason).toBe(fine || type === false ? 'Clean' : undefined)
    },
  )
})

describe('an option that decides about durability', () => {
  // What answers at once and stores nothing is the fault that is looked for: the store of this test never answers.
  test.each(['Remote', 'durable', 'REMOTE', 'none', true, false, '', null, 1, {}, []])(
    '%j is refused by every write, on a store that never answers',
    async (durability) => {
      const store = silentStore()
      const db = await SlateDB.open({ store, path: 'db' }, { mergeOperator: mergeOperators.append })
      store.isSilent = true
      const options = { durability } as never
      const calls: Readonly<Record<string, () => Promise<unknown>>> = {
        put: () => db.put('a', '1', options),
        delete: () => db.delete('a', options),
        merge: () => db.merge('a', '1', options),
        batch: () => db.batch([{ type: 'put', key: 'a', value: '1' }], options),
        chain: () => db.batch().put('a', '1').write(options),
        write: () => db.write(oneRow(), options),
        clear: () => db.clear({}, options),
        transaction: () => db.transaction((tx) => tx.put('a', '1'), options),
        commit: () => {
          const tx = db.begin()
          tx.put('a', '1')
          return tx.commit(options)
        },
        get: () => db.get('a', options),
      }
      for (const [name, call] of Object.entries(calls)) {
        await expect(call(), name).rejects.toEqual(invalid('INVALID_OPTION'))
      }
      expect(db.status.lastSeq).toBe(0n)
      store.isSilent = false
      await db.close()
    },
  )

  test('a getter that changes its mind is taken for the safe one', async () => {
    const store = silentStore()
    const db = await SlateDB.open({ store, path: 'db' }, { settings: { flushInterval: 1 } })
    store.isSilent = true
    let asked = 0
    const options = {
      get durability() {
        return asked++ === 0 ? 'memory' : 'Memory'
      },
    }
    let settled = false
    const put = db.put('a', '1', options as never).finally(() => (settled = true))
    put.catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(settled).toBe(false)
    await db.close({ flush: false })
    await expect(put).rejects.toMatchObject({ kind: 'Closed' })
  })
})
