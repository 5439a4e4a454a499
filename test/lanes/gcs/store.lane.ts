// The contract of object stores on fake-gcs-server.

import { afterAll, describe } from 'vitest'
import { GcsStore } from '../../../src/stores/gcs.ts'
import { contract } from '../contract.ts'
import { engineSuite } from '../engine.ts'
import { provide } from '../lane.ts'
import { startFakeGcs } from './servers.ts'

const server = await provide('fake-gcs-server', startFakeGcs)
if (server !== undefined) {
  describe(`fake-gcs-server ${server.version}`, () => {
    afterAll(() => server.stop())
    const { endpoint } = server
    const fresh = async () =>
      new GcsStore({ bucket: await server.bucket(), endpoint, credentials: 'lane-token-of-no-use' })
    contract('GcsStore on fake-gcs-server', async () => ({ store: await fresh() }))
    engineSuite('GcsStore on fake-gcs-server', fresh)
  })
}
