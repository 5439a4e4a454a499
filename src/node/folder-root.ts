// The folder of a store itself: made when it is needed, its name and those above it durable, and told from the empty place
// that an unmounted disk leaves behind.

import { mkdir, realpath, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { invalid } from '../errors.ts'
import { bucketError } from '../objects/store-bucket.ts'
import { codeOf, folderError } from './folder-errors.ts'

interface Seen {
  readonly dev: bigint
  readonly ino: bigint
}

/** Makes the names inside a folder durable. */
type SyncFolder = (folder: string) => Promise<void>

export class FolderRoot {
  /** An absolute name. */
  readonly path: string
  #seen: Seen | undefined
  #made = false

  private constructor(path: string, seen: Seen | undefined) {
    this.path = path
    this.#seen = seen
  }

  /** The folder `given`, which need not be there yet. */
  static async find(given: string): Promise<FolderRoot> {
    if (given === '' || given.includes('\0')) throw invalid('FOLDER', 'the folder of a store needs a name')
    try {
      const path = await realpath(given)
      return new FolderRoot(path, await look(path))
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return new FolderRoot(resolve(given), undefined)
      throw openError(error, given)
    }
  }

  /** Makes the folder and those above it, unless they are there; `sync` is called for each that holds a new name. */
  async make(sync: SyncFolder): Promise<void> {
    if (this.#made) return
    await this.check()
    try {
      const first = await mkdir(this.path, { recursive: true })
      this.#seen = await look(this.path)
      if (first !== undefined) {
        for (let at = this.path; at.length >= first.length; at = dirname(at)) await sync(dirname(at))
      } else {
        // Who made it may not have come to make its name durable. One may write in a folder without reading what it is in.
        await sync(dirname(this.path)).catch(() => {})
      }
    } catch (error) {
      throw openError(error, this.path)
    }
    this.#made = true
  }

  /** After something vanished: look anew. */
  forget(): void {
    this.#made = false
  }

  /**
   * Throws when the folder that was there is missing, or another one of another disk is in its place: what is not found
   * then is not known to be missing, and what was written would be hidden once the disk is back.
   */
  async check(): Promise<void> {
    const seen = this.#seen
    if (seen === undefined) return
    const now = await stat(this.path, { bigint: true }).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') throw error
    })
    // A disk may get another number when it is mounted again, and a folder another one when it is made again.
    if (now !== undefined && (now.dev === seen.dev || now.ino === seen.ino)) return
    const what = now === undefined ? 'is not there any more' : 'is one of another disk than before'
    throw bucketError(
      '',
      `the folder ${JSON.stringify(this.path)} of the store ${what}: check that its disk is mounted`,
    )
  }
}

async function look(path: string): Promise<Seen> {
  const found = await stat(path, { bigint: true })
  if (!found.isDirectory()) throw notFolder(path)
  return found
}

function openError(error: unknown, path: string): unknown {
  if (codeOf(error) === 'EEXIST' || codeOf(error) === 'ENOTDIR') return notFolder(path)
  return folderError(error, '', `open the folder ${JSON.stringify(path)}`)
}

const notFolder = (root: string) => invalid('FOLDER', `${JSON.stringify(root)} is a file; a store needs a folder`)
