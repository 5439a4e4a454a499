// The folders below a store's root: made on demand, and never left. A symbolic link below the root is not followed, so
// no name leads outside, whatever lies in the folder already.

import { lstat, mkdir } from 'node:fs/promises'
import { codeOf, linkError, underObjectError } from './folder-errors.ts'

export const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')))

export class Folders {
  readonly #root: string
  readonly #made: (parent: string) => Promise<void>
  /** Looked at once: real folders inside the root. */
  readonly #known = new Set<string>([''])

  /** `made` makes the names in `parent` durable, before anything is written into a folder of one. */
  constructor(root: string, made: (parent: string) => Promise<void>) {
    this.#root = root
    this.#made = made
  }

  /** True when the folder of `path` is there. */
  async has(path: string): Promise<boolean> {
    return (await this.#look(parentOf(path), path)) === 'folder'
  }

  /** Makes the folder of `path` and those above it. */
  async make(path: string): Promise<void> {
    await this.#makeFolder(parentOf(path), path)
  }

  /** After something vanished that was known: look anew. */
  forget(): void {
    this.#known.clear()
    this.#known.add('')
  }

  async #makeFolder(folder: string, path: string): Promise<void> {
    if (this.#known.has(folder)) return
    await this.#makeFolder(parentOf(folder), path)
    try {
      await mkdir(`${this.#root}/${folder}`)
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
    // Also when it was there already: who made it may not have come to make its name durable.
    await this.#made(parentOf(`${this.#root}/${folder}`))
    if ((await this.#look(folder, path)) === 'file') throw underObjectError(path)
  }

  async #look(folder: string, path: string): Promise<'folder' | 'file' | 'nothing'> {
    if (this.#known.has(folder)) return 'folder'
    const above = await this.#look(parentOf(folder), path)
    if (above !== 'folder') return above
    try {
      const stat = await lstat(`${this.#root}/${folder}`)
      if (stat.isSymbolicLink()) throw linkError(path)
      if (!stat.isDirectory()) return 'file'
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return 'nothing'
      throw error
    }
    this.#known.add(folder)
    return 'folder'
  }
}
