// The engine on a real store: open, write, fence, kill, reopen, two writers. Pure, so that it also runs inside a Worker.

import { encodeUtf8 } from '../../src/bytes/text.ts'
import { Random } from '../../src/env/random.ts'
import { isSlateDBError } from '../../src/errors.ts'
import type { ObjectStore } from '../../src/objects/store.ts'
import { check, same, settled } from '../../src/sim/check.ts'
import { contents, holds, open, put, read } from './database.ts'

/** The tests by their names; `fresh` gives every one an empty store. */
export function engineTests(fresh: () => Promise<ObjectStore>): Map<string, () => Promise<void>> {
  const tests = new Map<string, () => Promise<void>>()
  tests.set('what was written is there after close and reopen, in order, also for a reader', async () => {
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
    const reader = await read(store)
    holds(await contents(reader), new Map([...written, ['last', 'one']]))
    await reader.close()
    await again.close()
  })

  tests.set('a killed writer loses nothing that was acknowledged, three times over', async () => {
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

  tests.set('a second writer fences the first, whose later writes are not acknowledged', async () => {
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

  tests.set('writers that keep overtaking each other lose no acknowledged write', async () => {
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
  return tests
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
