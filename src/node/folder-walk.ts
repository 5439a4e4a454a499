// Listing: walks only the folders that can hold names with the prefix, in the byte order of the full names.

import { lstat, readdir } from 'node:fs/promises'
import type { ObjectInfo } from '../objects/store.ts'
import { comparePaths } from '../objects/store-path.ts'
import { codeOf } from './folder-errors.ts'

/** Files being written, and claims: `<name>#<digits>`, as the original's local store names them. Never listed. */
export const STAGING_NAME = /#\d+$/

const PARALLEL_STATS = 16

/** Names under `root` that start with `prefix` and are greater than `startAfter`; `info` describes one file. */
export async function walk(
  root: string,
  prefix: string,
  startAfter: string,
  info: (path: string) => Promise<ObjectInfo | undefined>,
  signal: AbortSignal | undefined,
): Promise<ObjectInfo[]> {
  const names: string[] = []
  await collect(root, prefix.slice(0, prefix.lastIndexOf('/') + 1), prefix, startAfter, names, signal)
  const found: (ObjectInfo | undefined)[] = new Array(names.length)
  let next = 0
  const work = async () => {
    while (next < names.length) {
      signal?.throwIfAborted()
      const at = next++
      found[at] = await info(names[at]!)
    }
  }
  await Promise.all(Array.from({ length: Math.min(PARALLEL_STATS, names.length) }, work))
  // A file may vanish between the two steps.
  return found.filter((one) => one !== undefined)
}

/** `folder` is '' or ends in a slash. */
async function collect(
  root: string,
  folder: string,
  prefix: string,
  startAfter: string,
  out: string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  signal?.throwIfAborted()
  const wanted = (path: string): boolean =>
    path.endsWith('/')
      ? (path.startsWith(prefix) || prefix.startsWith(path)) &&
        (comparePaths(path, startAfter) > 0 || startAfter.startsWith(path))
      : path.startsWith(prefix) && comparePaths(path, startAfter) > 0
  // Filtered before sorting: most listings ask for the few names behind the last one they know.
  const paths = (await entriesOf(`${root}/${folder}`)).map((entry) => folder + entry).filter(wanted)
  for (const path of paths.sort(comparePaths)) {
    if (path.endsWith('/')) await collect(root, path, prefix, startAfter, out, signal)
    else out.push(path)
  }
}

/** Names in a folder; those of folders end in a slash, which is how their contents sort among the files. */
async function entriesOf(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    return entries
      .filter((entry) => entry.isDirectory() || (entry.isFile() && !STAGING_NAME.test(entry.name)))
      .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return []
    throw error
  }
}

export interface FileState {
  readonly size: number
  readonly lastModified: number
  readonly mtimeNs: bigint
  readonly etag: string
}

/** State of a regular file; undefined when it is gone or is something else. */
export async function statFile(file: string): Promise<FileState | undefined> {
  try {
    const stat = await lstat(file, { bigint: true })
    if (!stat.isFile()) return undefined
    const { size, mtimeMs, mtimeNs } = stat
    return { size: Number(size), lastModified: Number(mtimeMs), mtimeNs, etag: etagOf(stat) }
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined
    throw error
  }
}

/** Inode, modification time and size: a replaced file differs in the first two (FolderStore sees to the second). */
export function etagOf(stat: { ino: bigint; mtimeNs: bigint; size: bigint }): string {
  return `"${stat.ino.toString(16)}-${stat.mtimeNs.toString(16)}-${stat.size.toString(16)}"`
}
