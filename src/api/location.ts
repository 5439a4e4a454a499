// Where a database is: a URL, or a store and a path in it.

import { systemClock } from '../env/system.ts'
import { invalid } from '../errors.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { OpenStoreOptions } from '../stores/open-store.ts'

/**
 * A URL with the database's path (`'s3://bucket/app'`, `'file:./data/app'`, `'memory:'`), or a store and a path.
 * `'memory:'` is a new, empty store on every open; share a `MemoryStore` to open one twice.
 */
export type Location = string | URL | StoreLocation

export interface StoreLocation {
  readonly store: ObjectStore
  /** Where in the store the database lives. */
  readonly path: string
}

export interface ResolveOptions {
  /** What stores may take credentials and endpoints from. Default: the process's environment, where there is one. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  /** Options of the store that a URL names, such as `{ region: 'eu-central-1' }`. */
  readonly storeOptions?: OpenStoreOptions['options']
  /** Credentials of that store, or an async provider of them; they win over the environment. */
  readonly credentials?: OpenStoreOptions['credentials']
}

const DEFAULT_PATH = 'db'

export async function resolveLocation(location: Location, options: ResolveOptions = {}): Promise<StoreLocation> {
  if (typeof location === 'object' && !(location instanceof URL)) {
    if (typeof location?.store?.get === 'function' && typeof location.path === 'string') return location
    throw invalid('LOCATION', 'a location is a URL, or { store, path } with an object store and a path in it')
  }
  const url = String(location)
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase()
  if (scheme === undefined) {
    // It may be a mistyped URL with a password.
    const shown = url.replace(/^.*@/s, '[redacted]@').replace(/\?.*$/s, '?[redacted]')
    const hint = url === '' ? '' : ` (a local folder is 'file:${shown}')`
    throw invalid('LOCATION', `location ${JSON.stringify(shown)} has no scheme such as file:, memory: or s3://${hint}`)
  }
  if (scheme === 'memory') {
    const path = url.slice('memory:'.length).replace(/^\/+|\/+$/g, '')
    return { store: new MemoryStore({ clock: systemClock }), path: path || DEFAULT_PATH }
  }
  const { host } = await import('#host')
  if (scheme === 'file') return host.openFile(url)
  const { openStore } = await import('../stores/open-store.ts')
  return openStore(url, {
    env: options.environment ?? host.variables(),
    options: options.storeOptions,
    credentials: options.credentials,
    readFile: host.readFile,
  })
}
