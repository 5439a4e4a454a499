// The contract of object stores on S3 servers.

import { afterAll, describe } from 'vitest'
import { S3Store } from '../../../src/stores/s3.ts'
import { contract } from '../contract.ts'
import { engineSuite } from '../engine.ts'
import { provide } from '../lane.ts'
import { KEYS, startMinio, startMoto } from './servers.ts'

for (const [name, start] of [
  ['moto', startMoto],
  ['MinIO', startMinio],
] as const) {
  const server = await provide(name, start)
  if (server === undefined) continue
  describe(`${name} ${server.version}`, () => {
    afterAll(() => server.stop())
    const { endpoint } = server
    const fresh = async () => new S3Store({ bucket: await server.bucket(), endpoint, credentials: KEYS })
    contract(`S3Store on ${name}`, async () => ({ store: await fresh() }))
    engineSuite(`S3Store on ${name}`, fresh)
  })
}
