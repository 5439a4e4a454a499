// What the library can ask of the machine it runs on. `#host` in package.json picks this file where there is neither a
// file system nor an environment, and node/host.ts where there is.

import { invalid, type SlateDBError } from '../errors.ts'
import type { ObjectStore } from './store.ts'

export interface Host {
  /** The folder that a `file:` URL or a plain path names, as a store and the database's path in it. */
  openFile(location: string): Promise<{ readonly store: ObjectStore; readonly path: string }>
  /** A local folder as a store. */
  openFolder(folder: string): Promise<ObjectStore>
  /** Environment variables; `file` = a dotenv file underneath them, by default `.env` if there is one. */
  environment(file?: string): Readonly<Record<string, string | undefined>>
  /** The process's own variables. */
  variables(): Readonly<Record<string, string | undefined>>
  /** For credentials that live in files. */
  readFile(path: string): Promise<string>
  readSettingsFile(path: string): SettingsSource
  /** Every default settings file in the working directory, weakest first. */
  defaultSettingsFiles(): readonly SettingsSource[]
}

export interface SettingsSource {
  /** For error messages. */
  readonly source: string
  readonly values: Readonly<Record<string, unknown>>
}

const missing = (what: string): SlateDBError =>
  invalid(
    'NO_FILE_SYSTEM',
    `this runtime has no file system for ${what}; pass { store, path } with a store that it has`,
  )

export const host: Host = {
  openFile: (location) => Promise.reject(missing(`location ${JSON.stringify(location)}`)),
  openFolder: (folder) => Promise.reject(missing(`folder ${JSON.stringify(folder)}`)),
  environment: () => ({}),
  variables: () => ({}),
  readFile: (path) => Promise.reject(missing(`file ${JSON.stringify(path)}`)),
  readSettingsFile(path) {
    throw missing(`settings file ${JSON.stringify(path)}`)
  },
  defaultSettingsFiles: () => [],
}
