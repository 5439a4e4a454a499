// A memtable far larger than usual leaves in parts while its table is built: bounded memory, nothing visible of an upload
// that did not end, nothing lost whatever happens to it.

import { describe, expect, test } from 'vitest'
import type { Db } from '../../src/db/db.ts'
import { openDb } from '../../src/db/open.ts'
import { parseSettings } from '../../src/db/settings.ts'
import type { ObjectStore } from '../../src/objects/store.ts'
import type { SimProcess } from '../../src/sim/process.ts'
import { type Sim, simulate } from '../../src/sim/simulate.ts'
import type { SimStore } from '../../src/sim/store.ts'
import { toBytes } from '../model/bytes.ts'

const MiB = 1024 * 1024
const ROWS = 110
const SETTINGS = {
  compactorOptions: null,
  garbageCollectorOptions: null,
  l0SstSizeBytes: 256 * MiB,
  flushInterval: 1000,
}

const keyOf = (row: number) => toBytes(`key${String(row).padStart(3, '0')}`)
/** A megabyte that says whose it is. */
const valueOfRow = (row: number) => new Uint8Array(MiB).fill(row)

const open = (process: Pick<SimProcess, 'env'>, store: ObjectStore, walEnabled: boolean): Promise<Db> =>
  openDb({ store, path: 'db', env: process.env, settings: parseSettings({ ...SETTINGS, walEnabled }) })

async function fill(db: Db): Promise<void> {
  for (let row = 0; row < ROWS; row++) await db.put(keyOf(row), valueOfRow(row))
}

async function check(db: Db): Promise<void> {
  for (let row = 0; row < ROWS; row++) {
    const value = await db.get(keyOf(row))
    expect(value?.length, `row ${row}`).toBe(MiB)
    expect(
      value!.every((byte) => byte === row),
      `row ${row}`,
    ).toBe(true)
  }
}

const uploads = (sim: Sim, from = 0) =>
  sim.world.requests
    .slice(from)
    .filter(({ op, path }) => op.startsWith('upload') || (op === 'put' && path.includes('/compacted/')))

const compacted = (sim: Sim) => sim.bucket().list('db/compacted/')

describe('a table of 110 MiB', () => {
  test('is sent in parts of 8 MiB, at most four at once, and reads back', { timeout: 60_000 }, async () => {
    await simulate('large flush', async (sim) => {
      const store = sim.store({ latencyMs: [10, 50] })
      const db = await open(sim, store, false)
      await fill(db)
      await db.flush('memtable')
      const sent = uploads(sim)
      expect(sent.map(({ op }) => op).filter((op) => op !== 'upload part')).toEqual(['upload start', 'upload complete'])
      const parts = sent.filter(({ op }) => op === 'upload part')
      expect(parts.length).toBeGreaterThanOrEqual(13)
      expect(parts.length).toBeLessThanOrEqual(15)
      const atOnce = parts.map(
        (one) => parts.filter((other) => other.startMs <= one.startMs && other.endMs! > one.startMs).length,
      )
      expect(Math.max(...atOnce)).toBeLessThanOrEqual(4)
      await check(db)
      await db.close()
      const reopened = await open(sim, store, false)
      await check(reopened)
      await reopened.close()
    })
  })

  test('goes in one request where there are no parts', { timeout: 60_000 }, async () => {
    await simulate('large flush without parts', async (sim) => {
      const store = sim.store()
      const plain: ObjectStore = new Proxy(store, {
        get: (target, name) => {
          if (name === 'startUpload') return undefined
          const value = Reflect.get(target, name) as unknown
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
      const db = await open(sim, plain, false)
      await fill(db)
      await db.flush('memtable')
      expect(uploads(sim).map(({ op }) => op)).toEqual(['put'])
      await check(db)
      await db.close()
    })
  })

  test('is built again, under a name of its own, when a part or the end of the upload fails', {
    timeout: 60_000,
  }, async () => {
    for (const failing of ['upload part', 'upload complete'] as const) {
      await simulate(`large flush, ${failing} fails`, async (sim) => {
        const store = sim.store()
        const db = await open(sim, store, false)
        await fill(db)
        // The second is refused; a complete also takes effect later, when the next attempt has long ended.
        store.inject(failing === 'upload part' ? 'reset' : 'late', (op) => op === failing)
        const flushed = db.flush('memtable')
        await expect(flushed).rejects.toMatchObject({ kind: 'Unavailable' })
        await db.flush('memtable')
        await sim.sleep(200_000)
        const names = new Set(uploads(sim).map(({ path }) => path))
        expect(names.size).toBe(2)
        expect(uploads(sim).filter(({ op }) => op === 'upload abort').length).toBeGreaterThanOrEqual(1)
        const current = db.manifest.value.tree.l0.map(({ table }) => table.id)
        expect(current.length).toBe(1)
        // The first ten characters of a ULID are its time: the second name is as old as the first.
        expect(new Set([...names].map((name) => name.slice('db/compacted/'.length).slice(0, 10))).size).toBe(1)
        await check(db)
        await db.close()
        const reopened = await open(sim, store, false)
        await check(reopened)
        await reopened.close()
      })
    }
  })

  // Calls of an upload: 1 = start, then parts, then the end.
  for (const [name, nth, when] of [
    ['at the start', 1, 'after'],
    ['in the middle of the parts', 7, 'before'],
    ['before the end', 'last', 'before'],
    ['right after the end', 'last', 'after'],
  ] as const) {
    test(`a crash ${name} leaves no half table, and loses nothing`, { timeout: 60_000 }, async () => {
      await simulate(`large flush, crash ${name}`, async (sim) => {
        const first = sim.process('first')
        const store = first.store()
        const db = await open(first, store, true)
        await fill(db)
        await db.flush('wal')
        crashAtUpload(store, nth, when)
        void db.flush('memtable').catch(() => {})
        while (!first.isDead) await sim.sleep(100)
        await sim.sleep(10_000)
        // All or nothing: an object that is there is whole.
        const left = await compacted(sim)
        expect(left.length).toBeLessThanOrEqual(nth === 'last' && when === 'after' ? 1 : 0)
        for (const { size } of left) expect(size).toBeGreaterThan(ROWS * MiB)

        const second = sim.process('second')
        const reopened = await open(second, second.store(), true)
        await check(reopened)
        await reopened.flush('memtable')
        await check(reopened)
        await reopened.close()
      })
    })
  }
})

/** Kills the process at its `nth` upload call. */
function crashAtUpload(store: SimStore, nth: number | 'last', when: 'before' | 'after'): void {
  let calls = 0
  const original = store.startUpload.bind(store)
  const due = (isLast: boolean) => {
    calls++
    if (nth === 'last' ? isLast : calls === nth) store.crashAt(store.calls + 1, when)
  }
  store.startUpload = async (path, options) => {
    due(false)
    const upload = await original(path, options)
    return {
      part: (body, request) => {
        due(false)
        return upload.part(body, request)
      },
      complete: (request) => {
        due(true)
        return upload.complete(request)
      },
      abort: () => upload.abort(),
    }
  }
}
