// Azure Blob behind the hostile proxy.

import { afterAll } from 'vitest'
import { AzureStore } from '../../../src/stores/azure.ts'
import { EMULATOR } from '../../../src/stores/cloud-environment.ts'
import { hostileSuite } from '../hostile.ts'
import { provide } from '../lane.ts'
import { startAzurite } from './servers.ts'

const server = await provide('Azurite', startAzurite)
if (server !== undefined) {
  afterAll(() => server.stop())
  const { account, key: accountKey } = EMULATOR
  hostileSuite(`AzureStore on Azurite ${server.version}`, {
    port: server.port,
    open: async (port, timeoutMs) => {
      const container = await server.container()
      const endpoint = `http://127.0.0.1:${port}/${account}`
      return new AzureStore({ account, container, endpoint, credentials: { accountKey }, timeoutMs })
    },
  })
}
