// Google Cloud Storage's JSON API behind the hostile proxy.

import { afterAll } from 'vitest'
import { GcsStore } from '../../../src/stores/gcs.ts'
import { hostileEngineSuite } from '../engine.ts'
import { type HostileTarget, hostileSuite } from '../hostile.ts'
import { provide } from '../lane.ts'
import { startFakeGcs } from './servers.ts'

const server = await provide('fake-gcs-server', startFakeGcs)
if (server !== undefined) {
  afterAll(() => server.stop())
  const target: HostileTarget = {
    port: server.port,
    open: async (port, timeoutMs) => {
      const bucket = await server.bucket()
      const endpoint = `http://127.0.0.1:${port}`
      return new GcsStore({ bucket, endpoint, credentials: 'lane-token-of-no-use', timeoutMs })
    },
  }
  hostileSuite(`GcsStore on fake-gcs-server ${server.version}`, target)
  hostileEngineSuite(`GcsStore on fake-gcs-server ${server.version}`, target)
}
