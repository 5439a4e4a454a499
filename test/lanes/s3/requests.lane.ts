// A database on an S3 server makes exactly the requests that it makes on the simulated store, where test/requests bounds
// them. And a table that leaves in parts arrives whole.

import { afterAll, describe, expect, test } from 'vitest'
import { openDb } from '../../../src/db/open.ts'
import { parseSettings } from '../../../src/db/settings.ts'
import { createEnv } from '../../../src/env/system.ts'
import { instrumented } from '../../../src/objects/instrumented.ts'
import { simulate } from '../../../src/sim/simulate.ts'
import { S3Store } from '../../../src/stores/s3.ts'
import { toBytes } from '../../model/bytes.ts'
import { requestSteps } from '../../requests/steps.ts'
import { provide } from '../lane.ts'
import { KEYS, startMinio, startMoto } from './servers.ts'

const MiB = 1024 * 1024

for (const [name, start] of [
  ['moto', startMoto],
  ['MinIO', startMinio],
] as const) {
  const server = await provide(name, start)
  if (server === undefined) continue
  describe(`${name} ${server.version}`, () => {
    afterAll(() => server.stop())
    const fresh = async () =>
      new S3Store({ bucket: await server.bucket(), endpoint: server.endpoint, credentials: KEYS })

    test('requests of each step as in the simulated store', async () => {
      const { value: simulated } = await simulate('request steps', (sim) => requestSteps(sim.store(), sim.env, 'db'))
      expect(await requestSteps(await fresh(), createEnv(), 'db')).toEqual(simulated)
    })

    test('a table of 110 MiB leaves in parts and arrives whole', { timeout: 240_000 }, async () => {
      const env = createEnv()
      const store = instrumented(await fresh(), env, { role: 'db' })
      const settings = parseSettings({
        compactorOptions: null,
        garbageCollectorOptions: null,
        walEnabled: false,
        l0SstSizeBytes: 256 * MiB,
      })
      const rows = 110
      const keyOf = (row: number) => toBytes(`key${row}`)
      const db = await openDb({ store, path: 'db', env, settings })
      for (let row = 0; row < rows; row++) await db.put(keyOf(row), new Uint8Array(MiB).fill(row))
      await db.flush('memtable')
      const sent = (api: 'put' | 'multipart_init' | 'multipart_part' | 'multipart_complete') =>
        store.counts.requests({ objectClass: 'compacted', api })
      expect([sent('put'), sent('multipart_init'), sent('multipart_complete')]).toEqual([0, 1, 1])
      expect(sent('multipart_part')).toBeGreaterThanOrEqual(13)
      await db.close()
      const reopened = await openDb({ store, path: 'db', env, settings, cache: false })
      for (let row = 0; row < rows; row++) {
        const value = await reopened.get(keyOf(row))
        expect([value?.length, value?.[0], value?.at(-1)], `row ${row}`).toEqual([MiB, row, row])
      }
      await reopened.close()
    })
  })
}
