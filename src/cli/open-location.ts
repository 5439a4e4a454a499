// From a URL to an object store that counts its requests. The library opens the same URLs by itself; a command opens
// the store here so that it can hand in its own environment and say afterwards what the requests would cost.

import { createEnv } from '../env/system.ts'
import type { Environment } from '../node/env-file.ts'
import { openFileStore } from '../node/open-file.ts'
import { type InstrumentedStore, instrumented } from '../objects/instrumented.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { Shell } from './shell.ts'

export interface Opened {
  readonly store: InstrumentedStore
  readonly path: string
}

export async function openLocation(url: string, environment: Environment, shell: Shell): Promise<Opened> {
  const { store, path } = await openUrl(url, environment)
  const env = createEnv({ clock: shell.clock })
  return { store: instrumented(store, env, { role: 'cli' }), path }
}

async function openUrl(url: string, environment: Environment): Promise<{ store: ObjectStore; path: string }> {
  const scheme = url.slice(0, url.indexOf(':')).toLowerCase()
  if (scheme === 'file') return openFileStore(url)
  if (scheme === 'memory')
    return { store: new MemoryStore(), path: url.slice('memory:'.length).replace(/^\/+|\/+$/g, '') || 'db' }
  const { openStore } = await import('../stores/open-store.ts')
  return openStore(url, { env: environment })
}
