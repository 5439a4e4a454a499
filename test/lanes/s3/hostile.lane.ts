// S3 behind the hostile proxy: moto, whose answers are those of AWS.

import { afterAll } from 'vitest'
import { S3Store } from '../../../src/stores/s3.ts'
import { behindProxy, hostileSuite } from '../hostile.ts'
import { provide } from '../lane.ts'
import { KEYS, startMinio, startMoto } from './servers.ts'

for (const [name, start] of [
  ['moto', startMoto],
  ['MinIO', startMinio],
] as const) {
  const server = await provide(name, start)
  if (server === undefined) continue
  afterAll(() => server.stop())
  const target = behindProxy(server, async (port, timeoutMs) => {
    const bucket = await server.bucket()
    return new S3Store({ bucket, endpoint: `http://127.0.0.1:${port}`, credentials: KEYS, timeoutMs })
  })
  hostileSuite(`S3Store on ${name} ${server.version}`, target)
}
