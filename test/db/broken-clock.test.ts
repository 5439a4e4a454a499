// A clock of the user's that answers nonsense costs the writes made meanwhile, and nothing else.

import { expect, test } from 'vitest'
import { openDb } from '../../src/db/open.ts'
import { parseSettings } from '../../src/db/settings.ts'
import { createEnv, systemClock } from '../../src/env/system.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'
import { toBytes, toText } from '../model/bytes.ts'

const settings = parseSettings({ flushInterval: null, compactorOptions: null, garbageCollectorOptions: null })

test.each([Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY, 1_700_000_000_000.5])(
  'a clock that answers %s leaves a database that opens again',
  async (answer) => {
    const store = new MemoryStore()
    let wall = 1_700_000_000_000
    const clock = { ...systemClock, now: () => wall }
    const db = await openDb({ store, path: 'db', settings, env: createEnv({ seed: 1, clock }) })
    await db.put(toBytes('a'), toBytes('before'))
    wall = answer
    const write = async () => db.put(toBytes('b'), toBytes('meanwhile'))
    if (Number.isSafeInteger(Math.floor(answer))) await write()
    else await expect(write()).rejects.toMatchObject({ kind: 'Invalid', code: 'SLATEDB_INVALID_CLOCK' })
    // The handle goes on: flushing needs no clock, and writing works again once it is mended.
    await db.flush('memtable')
    wall = 1_700_000_001_000
    await db.put(toBytes('c'), toBytes('after'))
    await db.close()

    const again = await openDb({ store, path: 'db', settings })
    expect(toText((await again.get(toBytes('a')))!)).toBe('before')
    expect(toText((await again.get(toBytes('c')))!)).toBe('after')
    expect(again.manifest.value.lastL0ClockTick).toBe(1_700_000_001_000)
    await again.close()
  },
)
