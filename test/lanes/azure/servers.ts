// Azurite: Microsoft's own emulator of Blob storage.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../../src/env/system.ts'
import { azureAuth } from '../../../src/stores/azure-credentials.ts'
import { EMULATOR } from '../../../src/stores/cloud-environment.ts'
import { HttpClient } from '../../../src/stores/http-client.ts'
import { log, npmPackages, startServer } from '../lane.ts'

export interface AzureServer {
  readonly version: string
  readonly endpoint: string
  readonly port: number
  /** A new, empty container. */
  container(): Promise<string>
  stop(): Promise<void>
}

export async function startAzurite(): Promise<AzureServer> {
  const folder = join(await npmPackages('azure'), 'node_modules', 'azurite')
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
  const { port, pid, stop } = await startServer({
    name: 'azurite',
    command: process.execPath,
    args: (free) => [
      join(folder, 'dist', 'src', 'blob', 'main.js'),
      '--inMemoryPersistence',
      '--blobHost',
      '127.0.0.1',
      '--blobPort',
      String(free),
      '--skipApiVersionCheck',
      '--disableTelemetry',
      '--silent',
    ],
  })
  const endpoint = `http://127.0.0.1:${port}/${EMULATOR.account}`
  log(`Azurite ${version} at ${endpoint}, process ${pid}`)
  const client = new HttpClient({})
  const auth = azureAuth(client, EMULATOR.account, { accountKey: EMULATOR.key })
  let containers = 0
  return {
    version,
    endpoint,
    port,
    stop,
    async container() {
      const container = `lane-${++containers}`
      const url = `${endpoint}/${container}?restype=container`
      const date = new Date(systemClock.now()).toUTCString()
      const headers = { 'x-ms-version': '2021-12-02', 'x-ms-date': date }
      const signature = await auth.sign({ method: 'PUT', url, headers, bodyLength: 0 })
      const reply = await fetch(url, { method: 'PUT', headers: { ...headers, ...signature } })
      if (reply.status !== 201) throw new Error(`no container: ${reply.status} ${await reply.text()}`)
      return container
    },
  }
}
