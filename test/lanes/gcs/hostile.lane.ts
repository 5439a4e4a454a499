// Google Cloud Storage's JSON API behind the hostile proxy.

import { afterAll } from 'vitest'
import { GcsStore } from '../../../src/stores/gcs.ts'
import { behindProxy, hostileSuite } from '../hostile.ts'
import { provide } from '../lane.ts'
import { startFakeGcs } from './servers.ts'

const server = await provide('fake-gcs-server', startFakeGcs)
if (server !== undefined) {
  afterAll(() => server.stop())
  const target = behindProxy(server, async (port, timeoutMs) => {
    const bucket = await server.bucket()
    const endpoint = `http://127.0.0.1:${port}`
    return new GcsStore({ bucket, endpoint, credentials: 'lane-token-of-no-use', timeoutMs })
  })
  hostileSuite(`GcsStore on fake-gcs-server ${server.version}`, target)
}
