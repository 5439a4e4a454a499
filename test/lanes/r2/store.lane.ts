// The contract of object stores and the engine on an R2 binding, inside the Worker that owns it.

import { afterAll, describe, test } from 'vitest'
import { provide } from '../lane.ts'
import { startMiniflare } from './servers.ts'

const server = await provide('miniflare', startMiniflare)
if (server !== undefined) {
  const names = await server.tests()
  describe(`miniflare ${server.version}`, () => {
    afterAll(() => server.stop())
    for (const name of names) test(`in workerd: ${name}`, () => server.runTest(name))
  })
}
