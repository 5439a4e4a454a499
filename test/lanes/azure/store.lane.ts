// The contract of object stores on Azurite.

import { afterAll, describe } from 'vitest'
import { AzureStore } from '../../../src/stores/azure.ts'
import { EMULATOR } from '../../../src/stores/cloud-environment.ts'
import { ALL } from '../capabilities.ts'
import { contract } from '../contract.ts'
import { engineSuite } from '../engine.ts'
import { provide } from '../lane.ts'
import { startAzurite } from './servers.ts'

const server = await provide('Azurite', startAzurite)
if (server !== undefined) {
  describe(`Azurite ${server.version}`, () => {
    afterAll(() => server.stop())
    const { account, key: accountKey } = EMULATOR
    const fresh = async () =>
      new AzureStore({
        account,
        container: await server.container(),
        endpoint: server.endpoint,
        credentials: { accountKey },
      })
    const capabilities = { ...ALL, suffixRange: false, listStartAfter: false }
    contract('AzureStore on Azurite', async () => ({ store: await fresh() }), capabilities)
    engineSuite('AzureStore on Azurite', fresh)
  })
}
