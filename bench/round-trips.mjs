// Requests and critical-path depth of ours, on the simulated store: every request takes one virtual millisecond and nothing
// else takes any, so the time that passes is the number of requests that had to wait for each other. The same on every
// machine; test/requests asserts these numbers, here they are printed.

import { SlateDB } from '../dist/index.js'
import { simulate } from '../dist/sim/index.js'
import { keysOf, rowValue } from './keys.mjs'

const SETTINGS = { compactorOptions: null, garbageCollectorOptions: null }

export async function roundTrips() {
  const { value } = await simulate('round trips', measureAll)
  return value
}

async function measureAll(sim) {
  const rows = []
  const store = sim.store({ latencyMs: [1, 1] })
  const open = () => SlateDB.open({ store, path: 'bench' }, { settings: SETTINGS, env: sim.env })
  const measure = async (what, body) => {
    const requests = sim.world.requests.length
    const start = sim.clock.monotonic()
    const result = await body()
    const depth = Math.round(sim.clock.monotonic() - start)
    rows.push({ what, requests: sim.world.requests.length - requests, depth })
    return result
  }
  const keys = keysOf('sequential', 20_000)
  let db = await measure('open an empty location', open)
  await measure('durable put', () => db.put(keys[0], rowValue(0)))
  const batch = db.batch()
  for (let i = 0; i < keys.length; i++) batch.put(keys[i], rowValue(i))
  await batch.write()
  await db.close()
  db = await measure('open a cleanly closed database', open)
  await measure('cold get, nothing cached', () => db.get(keys[100]))
  await measure('cold get, metadata cached', () => db.get(keys[10_000]))
  await measure('get again', () => db.get(keys[10_000]))
  await measure('scan of 10 rows, metadata cached', () => db.scan({ gte: keys[15_000], limit: 10 }).toArray())
  await db.close()
  return rows
}
