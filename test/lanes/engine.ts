// The engine on a real store: open, write, fence, kill, reopen, two writers; and the same behind the hostile proxy.

import { afterEach, describe, test } from 'vitest'
import { EVERYTHING } from '../../src/bytes/range.ts'
import { decodeUtf8, encodeUtf8 } from '../../src/bytes/text.ts'
import type { Db } from '../../src/db/db.ts'
import { openDb } from '../../src/db/open.ts'
import { openReader } from '../../src/db/reader.ts'
import { defaultSettings, type Settings } from '../../src/db/settings.ts'
import { Random } from '../../src/env/random.ts'
import { isSlateDBError } from '../../src/errors.ts'
import type { ObjectStore } from '../../src/objects/store.ts'
import { check, same, settled } from '../../src/sim/check.ts'
import { FAULTS, type Fault, type HostileProxy, startHostileProxy } from '../servers/hostile-proxy.ts'
import { type HostileTarget, inPool, SEEDS } from './hostile.ts'

/** Small tables and quick flushes, so that a short test meets every kind of object. */
const SETTINGS: Settings = { ...defaultSettings, flushInterval: 10, l0SstSizeBytes: 32 * 1024 }

const open = (store: ObjectStore, signal?: AbortSignal): Promise<Db> =>
  openDb({ store, path: 'engine/db', settings: SETTINGS, signal })

async function put(db: Db, key: string, value: string): Promise<void> {
  await (await db.put(encodeUtf8(key), encodeUtf8(value))).durable
}

async function contents(db: Pick<Db, 'scan'>): Promise<Map<string, string>> {
  const rows = new Map<string, string>()
  const scan = db.scan(EVERYTHING)
  for (let row = await scan.next(); row !== undefined; row = await scan.next()) {
    rows.set(decodeUtf8(row.key), decodeUtf8(row.value))
  }
  return rows
}

function holds(rows: Map<string, string>, acknowledged: Map<string, string>): void {
  for (const [key, value] of acknowledged) same(rows.get(key), value, `${key}, which was acknowledged`)
}

const isFenced = (error: unknown): boolean => isSlateDBError(error) && error.closeReason === 'Fenced'

/** A store as a process sees it that dies: from `kill` on no call of it ever settles. */
function mortal(store: ObjectStore): { store: ObjectStore; kill: () => void } {
  let dead = false
  const never = new Promise<never>(() => {})
  const guarded = new Proxy(store, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown
      if (typeof member !== 'function') return member
      if (name === 'describe') return member.bind(target)
      return async (...args: unknown[]) => {
        if (dead) return never
        const outcome = await settled(member.apply(target, args) as Promise<unknown>)
        if (dead) return never
        if (outcome.ok) return outcome.value
        throw outcome.error
      }
    },
  })
  return { store: guarded, kill: () => (dead = true) }
}

export function engineSuite(name: string, fresh: () => Promise<ObjectStore>): void {
  describe(`the engine on ${name}`, () => {
    test('what was written is there after close and reopen, in order, also for a reader', async () => {
      const store = await fresh()
      const random = new Random(1)
      const db = await open(store)
      const written = new Map<string, string>()
      for (let i = 0; i < 300; i++) {
        const [key, value] = [`key-${random.int(0, 9999)}`, `${i} ${'x'.repeat(random.int(0, 500))}`]
        written.set(key, value)
        const handle = await db.put(encodeUtf8(key), encodeUtf8(value))
        if (i % 50 === 0) await handle.durable
      }
      await db.close()
      const again = await open(store)
      const rows = await contents(again)
      same([...rows.keys()], [...written.keys()].sort(), 'the keys in order')
      holds(rows, written)
      await put(again, 'last', 'one')
      const reader = await openReader({ store, path: 'engine/db' })
      holds(await contents(reader), new Map([...written, ['last', 'one']]))
      await reader.close()
      await again.close()
    })

    test('a killed writer loses nothing that was acknowledged, three times over', async () => {
      const store = await fresh()
      const acknowledged = new Map<string, string>()
      for (let life = 0; life < 3; life++) {
        const process = mortal(store)
        const db = await open(process.store)
        holds(await contents(db), acknowledged)
        for (let i = 0; i < 20; i++) {
          await put(db, `life-${life}-${i}`, `value ${i}`)
          acknowledged.set(`life-${life}-${i}`, `value ${i}`)
        }
        if (life === 1) await db.flush('memtable')
        // Not acknowledged: may be there or not, but must not disturb.
        db.put(encodeUtf8(`late-${life}`), encodeUtf8('?'))
        process.kill()
      }
      const db = await open(store)
      holds(await contents(db), acknowledged)
      await db.close()
    })

    test('a second writer fences the first, whose later writes are not acknowledged', async () => {
      const store = await fresh()
      const first = await open(store)
      await put(first, 'a', '1')
      const second = await open(store)
      const late = await settled(put(first, 'a', '2'))
      check(!late.ok && isFenced(late.error), 'the late write to fail as Fenced')
      same((await contents(second)).get('a'), '1', 'the value')
      await put(second, 'a', '3')
      await second.close()
    })

    test('writers that keep overtaking each other lose no acknowledged write', async () => {
      const store = await fresh()
      const acknowledged = new Map<string, string>()
      const writer = async (who: number): Promise<void> => {
        for (let turn = 0; turn < 4; turn++) {
          const opened = await settled(open(store))
          if (!opened.ok) {
            if (!isFenced(opened.error)) throw opened.error
            continue
          }
          for (let i = 0; i < 10; i++) {
            const key = `${who}-${turn}-${i}`
            const outcome = await settled(put(opened.value, key, key))
            if (outcome.ok) acknowledged.set(key, key)
            else if (isFenced(outcome.error)) break
            else throw outcome.error
          }
          await settled(opened.value.close())
        }
      }
      await Promise.all([writer(1), writer(2), writer(3)])
      check(acknowledged.size > 0, 'some writes to be acknowledged')
      const db = await open(store)
      holds(await contents(db), acknowledged)
      await db.close()
    })
  })
}

export function hostileEngineSuite(name: string, target: HostileTarget): void {
  describe(`the engine on ${name} behind the hostile proxy`, () => {
    const proxies = new Set<HostileProxy>()
    afterEach(async () => {
      for (const proxy of proxies) await proxy.stop()
      proxies.clear()
    })
    for (const fault of FAULTS) {
      test(`${fault}, ${SEEDS} seeds`, async () => {
        let hits = 0
        await inPool(SEEDS, async (seed) => {
          const proxy = await startHostileProxy({ upstream: target, seed, fault, outageMs: 600 })
          proxies.add(proxy)
          try {
            await hostileLife(fault, proxy, target)
          } catch (error) {
            throw new Error(`${fault}, seed ${seed}: ${(error as Error).message}`, { cause: error })
          }
          hits += proxy.hits
          await proxy.stop()
        })
        check(hits >= SEEDS, `the fault to strike at least ${SEEDS} times, not ${hits}`)
      })
    }
  })
}

async function hostileLife(fault: Fault, proxy: HostileProxy, target: HostileTarget): Promise<void> {
  const store = await target.open(proxy.port, fault === 'slow bytes' || fault === 'lost response' ? 300 : 2000)
  const acknowledged = new Map<string, string>()
  const limit = () => AbortSignal.timeout(60_000)
  const db = await open(store, limit())
  for (let i = 0; i < 12; i++) {
    const [key, value] = [`key-${i}`, `value ${i} `.repeat(50)]
    // Its only writer: being fenced here would be its own doing.
    await (await db.put(encodeUtf8(key), encodeUtf8(value))).awaitDurable(limit())
    acknowledged.set(key, value)
    if (i === 5) await db.flush('memtable')
  }
  holds(await contents(db), acknowledged)
  proxy.heal()
  await put(db, 'after', 'the fault')
  await db.close({ signal: limit() })
  const again = await open(store, limit())
  holds(await contents(again), new Map([...acknowledged, ['after', 'the fault']]))
  await again.close()
}
