// A takeover from a writer that makes log objects as fast as it can, by processes as fast as it and much slower.

import { expect, test } from 'vitest'
import { openDb } from '../../src/db/open.ts'
import { parseSettings } from '../../src/db/settings.ts'
import type { SimProcess } from '../../src/sim/process.ts'
import { simulate } from '../../src/sim/simulate.ts'
import { toBytes, toText } from '../model/bytes.ts'

const open = (process: SimProcess, latencyMs: [number, number], settings: object) =>
  openDb({
    store: process.store({ latencyMs }),
    path: 'db',
    env: process.env,
    settings: parseSettings({ compactorOptions: null, garbageCollectorOptions: null, ...settings }),
  })

test.each([
  ['as fast', [1, 1]],
  ['twenty times slower', [15, 25]],
] as [string, [number, number]][])(
  'an opener %s succeeds, and loses nothing that was acknowledged',
  async (_, latencyMs) => {
    await simulate('busy writer', async (sim) => {
      // It looks at the manifest five seconds after the last look, and no earlier.
      const busy = await open(sim.process('busy'), [1, 1], { flushInterval: '1ms', manifestPollInterval: '5s' })
      let acknowledged = 0
      const client = (async () => {
        for (let i = 1; ; i++) {
          await (await busy.put(toBytes('n'), toBytes(`${i}`))).durable
          acknowledged = i
        }
      })().catch((error) => expect(error).toMatchObject({ closeReason: 'Fenced' }))
      await sim.sleep(10)
      const startMs = sim.clock.monotonic()
      const opener = sim.process('opener')
      const db = await open(opener, latencyMs, {})
      expect(sim.clock.monotonic() - startMs).toBeLessThan(60_000)
      await client
      expect(Number(toText((await db.get(toBytes('n')))!))).toBeGreaterThanOrEqual(acknowledged)
      expect(acknowledged).toBeGreaterThan(100)
      await db.close()
    })
  },
)
