// Azure Blob behind the hostile proxy.

import { afterAll } from 'vitest'
import { AzureStore } from '../../../src/stores/azure.ts'
import { EMULATOR } from '../../../src/stores/cloud-environment.ts'
import { behindProxy, hostileSuite } from '../hostile.ts'
import { provide } from '../lane.ts'
import { startAzurite } from './servers.ts'

const server = await provide('Azurite', startAzurite)
if (server !== undefined) {
  afterAll(() => server.stop())
  const { account, key: accountKey } = EMULATOR
  const target = behindProxy(server, async (port, timeoutMs) => {
    const container = await server.container()
    const endpoint = `http://127.0.0.1:${port}/${account}`
    return new AzureStore({ account, container, endpoint, credentials: { accountKey }, timeoutMs })
  })
  hostileSuite(`AzureStore on Azurite ${server.version}`, target)
}
