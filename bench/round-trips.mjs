// Requests and critical-path depth of ours: every request takes a fixed time, so the time that passes, divided by it,
// is the number of requests that had to wait for each other. Tests assert these numbers on the simulated store; here
// they are printed.

import { setTimeout as sleep } from 'node:timers/promises'
import { SlateDB } from '../dist/index.js'
import { MemoryStore } from '../dist/objects/memory-store.js'
import { keysOf, rowValue } from './keys.mjs'

const UNIT_MS = 25

/** A memory store whose every request takes UNIT_MS. */
class SlowStore {
  requests = 0

  constructor(inner = new MemoryStore()) {
    this.inner = inner
    this.capabilities = inner.capabilities
    for (const call of ['get', 'head', 'put', 'delete', 'list']) {
      this[call] = async (...args) => {
        this.requests++
        await sleep(UNIT_MS)
        return inner[call](...args)
      }
    }
  }

  describe() {
    return 'slow memory'
  }
}

export async function roundTrips() {
  const rows = []
  const store = new SlowStore()
  const settings = { compactorOptions: null, garbageCollectorOptions: null }
  const open = () => SlateDB.open({ store, path: 'bench' }, { settings })
  const measure = async (what, body) => {
    const requests = store.requests
    const start = performance.now()
    const result = await body()
    rows.push({ what, requests: store.requests - requests, depth: Math.round((performance.now() - start) / UNIT_MS) })
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
