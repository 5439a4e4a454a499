// From a `file:` location to an object store: the folder above the database is the store's root, the folder's own name
// is the database's path in it. So a clone beside its parent lives in the same store, as the original needs it.

import { basename, dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { invalid } from '../errors.ts'
import type { ObjectStore } from '../objects/store.ts'
import { openFolderStore } from './folder-store.ts'

export interface OpenedFile {
  readonly store: ObjectStore
  readonly path: string
}

/** Opens the folder that a `file:` URL (`file:./data/app`, `file:///srv/data/app`) or a plain path names. */
export async function openFileStore(location: string): Promise<OpenedFile> {
  const folder = folderOf(location)
  const path = basename(folder)
  if (path === '') {
    throw invalid(
      'LOCATION',
      `location ${JSON.stringify(location)}: the root folder cannot be a database; name a folder in it`,
    )
  }
  // A handle that only reads leaves no folders behind.
  return { store: await openFolderStore(dirname(folder), { create: 'on write' }), path }
}

/** The absolute folder that a location names. */
export function folderOf(location: string): string {
  // %00 is the same character once it is decoded.
  if (/\0|%00/.test(location)) throw invalid('LOCATION', 'a location cannot contain a NUL character')
  if (!location.startsWith('file:')) return resolve(location)
  const rest = location.slice('file:'.length)
  if (/[?#]/.test(rest)) {
    throw invalid('LOCATION', `location ${JSON.stringify(location)}: a file URL takes no "?" or "#"; write %3F or %23`)
  }
  if (rest === '') throw invalid('LOCATION', 'location "file:" names no folder; use for example file:./data/app')
  try {
    return rest.startsWith('//') ? fileURLToPath(location) : resolve(decodeURIComponent(rest))
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    throw invalid('LOCATION', `location ${JSON.stringify(location)}: ${detail}`, { cause: error })
  }
}
