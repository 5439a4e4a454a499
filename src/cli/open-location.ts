// From a URL to an object store that counts its requests, opened with the environment that the flags made, and watched, so that
// a command ends when the store does not answer.

import { resolveLocation } from '../api/location.ts'
import { createEnv } from '../env/system.ts'
import type { Environment } from '../node/env-file.ts'
import { type InstrumentedStore, instrumented } from '../objects/instrumented.ts'
import { watched } from './patience.ts'
import type { Shell } from './shell.ts'

export interface Opened {
  readonly store: InstrumentedStore
  readonly path: string
}

export async function openLocation(url: string, environment: Environment, shell: Shell): Promise<Opened> {
  const { store: raw, path } = await resolveLocation(url, { environment })
  const store = watched(raw, { clock: shell.clock, patienceMs: shell.patienceMs, giveUp: shell.giveUp })
  return { store: instrumented(store, createEnv({ clock: shell.clock }), { role: 'cli' }), path }
}
