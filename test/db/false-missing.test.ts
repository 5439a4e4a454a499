// A store that says once "not found" of an object that was just listed: much follows from that, so it is asked again.

import { expect, test } from 'vitest'
import { openDb } from '../../src/db/open.ts'
import { openReader } from '../../src/db/reader.ts'
import { parseSettings } from '../../src/db/settings.ts'
import { type Sim, simulate } from '../../src/sim/simulate.ts'
import type { SimStore } from '../../src/sim/store.ts'
import { scanAll } from '../compat/read-all.ts'
import { toBytes, toText } from '../model/bytes.ts'

const open = (sim: Sim, store: SimStore) =>
  openDb({
    store,
    path: 'db',
    env: sim.env,
    cache: false,
    settings: parseSettings({ flushInterval: null, compactorOptions: null, garbageCollectorOptions: null }),
  })

/** A database with rows in a table, and in the log behind it. */
async function filled(sim: Sim): Promise<SimStore> {
  const store = sim.store({ latencyMs: [1, 1] })
  const db = await open(sim, store)
  await db.put(toBytes('a'), toBytes('1'))
  await db.flush('memtable')
  for (const key of ['b', 'c']) {
    await db.put(toBytes(key), toBytes('2'))
    await db.flush('wal')
  }
  await db.close({ flush: 'wal' })
  return store
}

test('a log object that is missing once does not fail the opening', () =>
  simulate('false missing log', async (sim) => {
    const store = await filled(sim)
    store.inject('falseMissing', (op, path) => op === 'get' && path.includes('/wal/'), 2)
    const db = await open(sim, store)
    expect((await scanAll(db)).map((row) => row.key)).toEqual(['a', 'b', 'c'])
    await db.close()
  }).then(() => {}))

test('a table that is missing once fails neither a get nor a scan', () =>
  simulate('false missing table', async (sim) => {
    const store = await filled(sim)
    const db = await open(sim, store)
    const missing = () => store.inject('falseMissing', (op, path) => op === 'get' && path.includes('/compacted/'))
    missing()
    expect(toText((await db.get(toBytes('a')))!)).toBe('1')
    missing()
    expect((await db.getMany([toBytes('a')])).map((value) => toText(value!))).toEqual(['1'])
    missing()
    expect(await scanAll(db)).toHaveLength(3)
    await db.close()
  }).then(() => {}))

test('a table that is missing for good is said to be', () =>
  simulate('missing table', async (sim) => {
    const store = await filled(sim)
    const db = await open(sim, store)
    for (const { path } of await sim.bucket().list('db/compacted/')) await sim.bucket().delete(path)
    await expect(db.get(toBytes('a'))).rejects.toMatchObject({ code: 'SLATEDB_MISSING_TABLE' })
    await db.close({ flush: false })
  }).then(() => {}))

test('a reader whose log object is missing once shows its rows', () =>
  simulate('false missing reader', async (sim) => {
    const store = await filled(sim)
    store.inject('falseMissing', (op, path) => op === 'get' && path.includes('/wal/'))
    const reader = await openReader({ store, path: 'db', env: sim.env })
    expect(await scanAll(reader)).toHaveLength(3)
    await reader.close()
  }).then(() => {}))
