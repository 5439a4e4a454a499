import { expect, test } from 'vitest'
import { openDb } from '../../src/db/open.ts'
import { parseSettings } from '../../src/db/settings.ts'
import { simulate } from '../../src/sim/simulate.ts'
import { toBytes } from '../model/bytes.ts'

test('getMany of thousands of cold keys has at most 64 requests in flight, and answers all of them', () =>
  simulate('get many', async (sim) => {
    const settings = parseSettings({ flushInterval: null, compactorOptions: null, garbageCollectorOptions: null })
    const open = () =>
      openDb({ store: sim.store({ latencyMs: [1, 5] }), path: 'db', env: sim.env, settings, cache: false })
    const first = await open()
    const keys = Array.from({ length: 2000 }, (_, i) => toBytes(`k${String(i).padStart(5, '0')}`))
    for (const key of keys) await first.put(key, new Uint8Array(2000))
    await first.close()
    const db = await open()
    const from = sim.world.requests.length
    const values = await db.getMany(keys)
    expect(values.every((value) => value?.length === 2000)).toBe(true)
    const gets = sim.world.requests.slice(from)
    expect(gets.length).toBeGreaterThan(500)
    let most = 0
    for (const one of gets) {
      most = Math.max(most, gets.filter((other) => other.startMs <= one.startMs && other.endMs! > one.startMs).length)
    }
    expect(most).toBeLessThanOrEqual(64)
    await db.close()
  }).then(() => {}))
