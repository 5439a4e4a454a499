// Where a database is: a URL, or a store and a path in it.

import { fits } from '../checks.ts'
import { objectStore } from '../db/plug-in-rules.ts'
import { systemClock } from '../env/system.ts'
import { invalid, type SlateDBError, show } from '../errors.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { OpenStoreOptions } from '../stores/open-store.ts'

/**
 * A URL with the database's path (`'s3://bucket/app'`, `'file:./data/app'`, `'memory:'`), a path of the file system
 * (`'./data/app'`, `'/srv/app'`) where there is one, or a store and a path.
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
const MOST_SHOWN = 500

/** A path that cannot be mistaken for a bucket or for half a URL: from the root, a drive, or the working folder. */
const PATH = /^(?:\.{1,2}$|\.{1,2}[/\\]|\/(?!\/)|[a-z]:[/\\])[^?#]*$/i

/**
 * The store behind a location, and the path in it.
 * @throws Invalid for what is no location; what opening the store fails with.
 */
export async function resolveLocation(location: Location, options: ResolveOptions = {}): Promise<StoreLocation> {
  if (typeof location !== 'string' && !(location instanceof URL)) return checkedPlace(location)
  const url = String(location)
  const isPath = PATH.test(url)
  const scheme = isPath ? 'file' : /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase()
  if (scheme === undefined) {
    const shown = show(showLocation(url))
    const hint = url === '' ? '' : `; a local folder is './${showLocation(url)}' or 'file:${showLocation(url)}'`
    throw invalid('LOCATION', `location ${shown} has no scheme such as file:, memory: or s3://${hint}`)
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

function checkedPlace(location: StoreLocation): StoreLocation {
  const { store, path } = Object(location) as StoreLocation
  if (!fits(objectStore, store) || typeof path !== 'string') {
    throw invalid(
      'LOCATION',
      `a location is a URL, a path such as './data/app', or { store, path } with an object store and a path in it, not ${show(location)}`,
    )
  }
  return location
}

/** A location as it was said, for people: without what a URL may carry of secrets. */
export function showLocation(location: Location): string {
  if (typeof location === 'string' || location instanceof URL) {
    const url = String(location)
    if (PATH.test(url) || /^(?:file|memory):/i.test(url)) return url.slice(0, MOST_SHOWN)
    // Up to the last @: a password that should have been encoded may contain one, and slashes.
    return url
      .replace(/^([a-z][a-z0-9+.-]*:\/*)?.*@/is, '$1[redacted]@')
      .replace(/\?.*$/s, '?[redacted]')
      .slice(0, MOST_SHOWN)
  }
  try {
    return `${location.path} in ${location.store.describe()}`
  } catch {
    // What is no location is refused elsewhere, and a store of the caller's may fail to describe itself.
    return show(location)
  }
}

/** There is no database where a reader was to be opened. */
export function nothingAt(location: Location, cause: unknown): SlateDBError {
  return invalid(
    'DATABASE_MISSING',
    `there is no database at ${show(showLocation(location))}: check the location; the first SlateDB.open there creates one`,
    { cause },
  )
}
