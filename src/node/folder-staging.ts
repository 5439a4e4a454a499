// A file on its way to a name: `<name>#<digits>` beside its final place, the form the original's local store uses and
// both hide from listings.

import { type FileHandle, open, unlink } from 'node:fs/promises'
import { concatBytes } from '../bytes/compare.ts'
import type { Random } from '../env/random.ts'
import { type Body, bodySize } from '../objects/store.ts'
import { codeOf } from './folder-errors.ts'
import { etagOf } from './folder-walk.ts'

/** Many small pieces are cheaper to join than to write one by one. */
const JOIN_BELOW_BYTES = 1 << 20

export class Staged {
  readonly name: string
  readonly handle: FileHandle

  private constructor(name: string, handle: FileHandle) {
    this.name = name
    this.handle = handle
  }

  static async create(file: string, random: Random): Promise<Staged> {
    for (;;) {
      const name = `${file}#${random.u32()}${random.u32()}`
      try {
        return new Staged(name, await open(name, 'wx'))
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error
      }
    }
  }

  async write(body: Body, position: number): Promise<void> {
    const pieces = body instanceof Uint8Array ? [body] : bodySize(body) < JOIN_BELOW_BYTES ? [concatBytes(body)] : body
    for (const piece of pieces) {
      // A disk that runs full takes a part of the bytes first, and complains on the next write.
      for (let done = 0; done < piece.length; ) {
        const { bytesWritten } = await this.handle.write(piece, done, piece.length - done, position)
        done += bytesWritten
        position += bytesWritten
      }
    }
  }

  /** Sets the modification time to a whole microsecond, and tells what the etag will be under whatever name. */
  async stamp(timeUs: number): Promise<{ etag: string; mtimeNs: bigint }> {
    // Cut down to microseconds on its way to the system, after roundings of its own: aim at the middle.
    const seconds = (timeUs + 0.5) / 1e6
    await this.handle.utimes(seconds, seconds)
    const stat = await this.handle.stat({ bigint: true })
    return { etag: etagOf(stat), mtimeNs: stat.mtimeNs }
  }

  /** Removes the staging name, if it is still there. The file lives on under the name it was given. */
  async end(): Promise<void> {
    await this.handle.close().catch(() => {})
    await unlink(this.name).catch(() => {})
  }
}
