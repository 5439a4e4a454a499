// Which databases this command line wrote last and has closed, so that one command after the other may write. Nothing in a
// database says that its last writer has ended, unless that wrote its memtable to a table, which would make one for each put:
// so the epoch is noted in a small file of the user's. Without the file everything works, and asks for --take-over sooner.

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { decodeManifest } from '../format/manifest.ts'
import { Paths } from '../format/paths.ts'
import type { Environment } from '../node/env-file.ts'
import type { Opened } from './open-location.ts'

const KEPT = 100

/** Location to epoch, oldest first. */
type Closed = [location: string, epoch: number][]

/** Remembers that the writer of `epoch` has been closed. Never fails. */
export function rememberClosed(env: Environment, { store, path }: Opened, epoch: number): void {
  const file = stateFile(env)
  if (file === undefined) return
  const location = `${store.describe()} ${path}`
  const closed: Closed = [...read(file).filter(([known]) => known !== location), [location, epoch]]
  try {
    mkdirSync(dirname(file), { recursive: true })
    const fresh = `${file}.${process.pid}`
    writeFileSync(fresh, JSON.stringify(closed.slice(-KEPT)))
    renameSync(fresh, file)
  } catch {
    // A read-only home, for example.
  }
}

/** True when the newest writer of the database is one that this command line has closed. */
export async function isClosedHere(env: Environment, opened: Opened): Promise<boolean> {
  const file = stateFile(env)
  if (file === undefined) return false
  const location = `${opened.store.describe()} ${opened.path}`
  const epoch = read(file).find(([known]) => known === location)?.[1]
  return epoch !== undefined && epoch === (await writerEpoch(opened))
}

/** The epoch in the newest manifest. */
async function writerEpoch({ store, path }: Opened): Promise<number | undefined> {
  const paths = new Paths(path)
  const ids = (await store.list(paths.manifests)).flatMap((info) => paths.parseManifest(info.path) ?? [])
  if (ids.length === 0) return undefined
  const name = paths.manifest(ids[ids.length - 1]!)
  return decodeManifest((await store.get(name)).bytes, name).writerEpoch
}

function stateFile(env: Environment): string | undefined {
  const folder = env.XDG_STATE_HOME || env.LOCALAPPDATA || (env.HOME ? join(env.HOME, '.local', 'state') : undefined)
  return folder === undefined ? undefined : join(folder, 'slatedb-ts', 'closed-writers.json')
}

function read(file: string): Closed {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return Array.isArray(value) ? (value as Closed).filter((entry) => Array.isArray(entry)) : []
  } catch {
    return []
  }
}
