// A file on its way to a name: `<name>#<digits>` beside its final place, the form the original's local store uses and
// both hide from listings. The digits of ours say whose it is, so that what a crash left behind can be told from what
// another process is writing:
//
//   digits := where:12 pid:10 start:12 random:8        where and start as in folder-owners.ts, cut to fit
//
// 42 digits are more than a claim has, and far more than the original's counter.

import { createHash } from 'node:crypto'
import { type FileHandle, lstat, open, readdir, unlink } from 'node:fs/promises'
import { concatBytes } from '../bytes/compare.ts'
import type { Random } from '../env/random.ts'
import { type Body, bodySize } from '../objects/store.ts'
import { codeOf } from './folder-errors.ts'
import { here, isRunning, startOf } from './folder-owners.ts'
import { etagOf } from './folder-walk.ts'

/** Many small pieces are cheaper to join than to write one by one. */
const JOIN_BELOW_BYTES = 1 << 20
const STAGED_BY_US = /#(\d{12})(\d{10})(\d{12})\d{8}$/
/** A file whose owner cannot be judged is left alone this long after its last change. */
const SWEEP_AFTER_MS = 24 * 3_600_000

export class Staged {
  readonly name: string
  readonly handle: FileHandle

  private constructor(name: string, handle: FileHandle) {
    this.name = name
    this.handle = handle
  }

  /** `owner`: what `ownerDigits` says. */
  static async create(file: string, owner: string, random: Random): Promise<Staged> {
    for (;;) {
      const name = `${file}#${owner}${digits(random.int(0, 99_999_999), 8)}`
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

  /** Whether `file` is this very file: a link or rename that reported an error may have taken effect. */
  async isAt(file: string): Promise<boolean> {
    const own = await this.handle.stat({ bigint: true })
    const there = await lstat(file, { bigint: true }).catch(() => undefined)
    return there !== undefined && there.ino === own.ino && there.dev === own.dev
  }

  /** Removes the staging name, if it is still there. The file lives on under the name it was given. */
  async end(): Promise<void> {
    await this.handle.close().catch(() => {})
    await unlink(this.name).catch(() => {})
  }
}

/**
 * Removes what writers that died left in `folder`. A file goes when its process is known to be gone, or when its process
 * cannot be judged (another container or machine, an earlier boot) and nothing has touched it for a day; files of living
 * processes and files that are not of our making stay, however old. A writer that sleeps for a day in another container
 * and finds its file gone fails that attempt, and the next one begins with a new file: names are given by link() and
 * rename() only, which need the file, and no two files of one name ever get the same digits.
 */
export async function sweepStaged(folder: string, nowMs: number): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    // Claims of Windows are plain files, too, but have fewer digits.
    const match = entry.isFile() ? STAGED_BY_US.exec(entry.name) : null
    if (match === null) continue
    const file = `${folder}/${entry.name}`
    if (await isLeftBehind(file, match[1]!, Number(match[2]), Number(match[3]), nowMs))
      await unlink(file).catch(() => {})
  }
}

async function isLeftBehind(file: string, where: string, pid: number, start: number, nowMs: number): Promise<boolean> {
  if (where === whereDigits()) return !isRunning(pid, start === 0 ? '?' : String(start))
  const stat = await lstat(file).catch(() => undefined)
  return stat !== undefined && nowMs - Math.max(stat.mtimeMs, stat.ctimeMs) > SWEEP_AFTER_MS
}

/** What the digits of a file begin with that the process `pid` stages: one of this machine, boot and container. */
export const ownerDigits = (pid: number): string =>
  whereDigits() + digits(pid, 10) + digits(Number(startOf(pid) ?? 0), 12)

const whereDigits = (): string => digits(createHash('sha256').update(here()).digest().readUIntBE(0, 6), 12)
const digits = (value: number, length: number): string => String(value % 10 ** length).padStart(length, '0')
