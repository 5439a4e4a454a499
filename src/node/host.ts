// The machine, for the library on Node, Bun and Deno: see objects/no-host.ts, which says what is asked of it.

import { readFile } from 'node:fs/promises'
import type { Host } from '../objects/no-host.ts'
import { loadEnvironment } from './env-file.ts'
import { openFolderStore } from './folder-store.ts'
import { openFileStore } from './open-file.ts'
import { readDefaultSettingsFiles, readSettingsFile } from './settings-file.ts'

export const host: Host = {
  openFile: openFileStore,
  openFolder: openFolderStore,
  environment: (file) => loadEnvironment({ file }),
  variables: () => process.env,
  readFile: (path) => readFile(path, 'utf8'),
  readSettingsFile,
  defaultSettingsFiles: () => readDefaultSettingsFiles(),
}
