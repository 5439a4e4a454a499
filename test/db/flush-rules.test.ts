// Rules of the flush that carry data, each played out alone; the names are those of protocols.md. Seeded lives find a
// breach of most of them too, but late.

import { describe, expect, test } from 'vitest'
import { ulidTime } from '../../src/bytes/ids.ts'
import type { Db } from '../../src/db/db.ts'
import { openDb } from '../../src/db/open.ts'
import { parseSettings } from '../../src/db/settings.ts'
import type { Env } from '../../src/env/env.ts'
import { Paths } from '../../src/format/paths.ts'
import { manifestVersions } from '../../src/manifest/records.ts'
import type { ObjectStore } from '../../src/objects/store.ts'
import { type Sim, simulate } from '../../src/sim/simulate.ts'
import { append } from '../model/append.ts'
import { toBytes, toText } from '../model/bytes.ts'
import { gate } from '../support/gate.ts'

const paths = new Paths('db')
const ALL = { start: undefined, end: undefined }

interface World {
  readonly store?: ObjectStore
  readonly env?: Env
  readonly settings?: object
}

const open = (sim: Sim, { store = sim.store({ latencyMs: [1, 1] }), env = sim.env, settings = {} }: World = {}) =>
  openDb({
    store,
    path: 'db',
    env,
    mergeOperator: append,
    settings: parseSettings({
      flushInterval: null,
      compactorOptions: null,
      garbageCollectorOptions: null,
      ...settings,
    }),
  })

function scenario(name: string, body: (sim: Sim) => Promise<void>): void {
  test(name, () => simulate(name, body).then(() => {}))
}

const put = (db: Db, key: string, value: string) => db.put(toBytes(key), toBytes(value))
const read = async (from: Pick<Db, 'get'>, key: string) => {
  const found = await from.get(toBytes(key))
  return found && toText(found)
}

/** The tables that the newest manifest in the bucket lists, newest first. */
async function tablesOf(sim: Sim): Promise<string[]> {
  const versions = manifestVersions(sim.bucket(), sim.env, paths)
  return (await versions.readLatest())!.value.tree.l0.map(({ table }) => table.id)
}

describe('FL-10: a table is published once its rows are durable in the log', () => {
  scenario('not while the log object is on its way, although the table is stored', async (sim) => {
    const inner = sim.store({ latencyMs: [1, 1] })
    const { open: answer, opened } = gate()
    let holds = false
    const store: ObjectStore = {
      capabilities: inner.capabilities,
      get: (path, options) => inner.get(path, options),
      head: (path, options) => inner.head(path, options),
      delete: (path, options) => inner.delete(path, options),
      list: (prefix, options) => inner.list(prefix, options),
      describe: () => 'a store that is slow with the log',
      async put(path, body, options) {
        if (holds && path.startsWith(paths.wals)) await opened
        return inner.put(path, body, options)
      },
    }
    const db = await open(sim, { store })
    holds = true
    await put(db, 'a', '1')
    const flushed = db.flush('memtable')
    await sim.sleep(30_000)
    expect(await sim.bucket().list('db/compacted/')).toHaveLength(1)
    expect(await tablesOf(sim)).toEqual([])
    answer()
    await flushed
    expect(await tablesOf(sim)).toHaveLength(1)
    await db.close()
  })

  scenario('and without a log at once', async (sim) => {
    const db = await open(sim, { settings: { walEnabled: false } })
    await put(db, 'a', '1')
    await db.flush('memtable')
    expect(await tablesOf(sim)).toHaveLength(1)
    await db.close()
  })
})

describe('SN-2: a flush keeps what an open snapshot or transaction reads', () => {
  for (const flushes of [1, 2]) {
    scenario(`versions that were overwritten and deleted, over ${flushes} flushes`, async (sim) => {
      const db = await open(sim)
      await put(db, 'a', 'old')
      await put(db, 'b', 'old')
      if (flushes === 2) await db.flush('memtable')
      const [snapshot, transaction] = [db.snapshot(), db.begin()]
      await put(db, 'a', 'new')
      await db.delete(toBytes('b'))
      await put(db, 'c', 'new')
      await db.flush('memtable')
      for (const pinned of [snapshot, transaction]) {
        expect([await read(pinned, 'a'), await read(pinned, 'b'), await read(pinned, 'c')]).toEqual([
          'old',
          'old',
          undefined,
        ])
      }
      expect((await snapshot.scan(ALL).nextBatch(10)).map((row) => toText(row.value))).toEqual(['old', 'old'])
      expect([await read(db, 'a'), await read(db, 'b'), await read(db, 'c')]).toEqual(['new', undefined, 'new'])
      snapshot.close()
      transaction.rollback()
      await db.close()
    })
  }
})

describe('MO-6: a flush folds no operand that an open snapshot does not see into one that it sees', () => {
  scenario('operands on both sides of a snapshot', async (sim) => {
    const db = await open(sim)
    const merge = (value: string) => db.merge(toBytes('m'), toBytes(value))
    await merge('1')
    await merge('2')
    const snapshot = db.snapshot()
    await merge('3')
    await merge('4')
    await db.flush('memtable')
    expect(await read(snapshot, 'm')).toBe('12')
    expect(await read(db, 'm')).toBe('1234')
    snapshot.close()
    await db.close()
  })
})

describe('FL-2: the ids of tables go up, whatever the wall clock does', () => {
  scenario('in a process whose clock is an hour behind the last writer', async (sim) => {
    const ahead = sim.process('ahead', { skewMs: 3_600_000 })
    const first = await open(sim, { env: ahead.env, store: ahead.store({ latencyMs: [1, 1] }) })
    await put(first, 'a', '1')
    await first.flush('memtable')
    await first.close()
    const db = await open(sim)
    await put(db, 'b', '2')
    await db.flush('memtable')
    const [newer, older] = (await tablesOf(sim)).map(ulidTime)
    expect(newer).toBeGreaterThanOrEqual(older!)
    expect(db.status.closeReason).toBeUndefined()
    await db.close()
  })

  scenario('in a process whose clock goes back between two flushes', async (sim) => {
    const process = sim.process('jumpy')
    const db = await open(sim, { env: process.env, store: process.store({ latencyMs: [1, 1] }) })
    for (const skewMs of [0, -3_600_000, 60_000, 30_000]) {
      process.skew(skewMs)
      await put(db, 'a', '1')
      await db.flush('memtable')
    }
    const times = (await tablesOf(sim)).map(ulidTime)
    expect(times).toHaveLength(4)
    expect([...times].sort((one, other) => other - one)).toEqual(times)
    await db.close()
  })
})
