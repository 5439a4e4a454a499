// Who may replace or remove the file of an object now. Between processes of one machine, without kernel locks, and so
// that a process killed at any point leaves nothing that blocks the others.
//
// A claim is for one version of one file: `<file>#<hash of the version><turn>`, made with symlink(), which fails when
// the name is taken and writes the owner's identity in the same step. Only a holder changes the file from that version,
// and looks again, after it got the claim, that the version is still there. A version never returns (modification times
// of one name only grow), so claims for a version that is gone are litter, whoever made them.
//
// A claim whose owner is dead is never removed while its version is there: two processes could both mean to remove it,
// and the slower one would remove the faster one's new claim. The next turn is claimed instead, and a claim of turn n is
// valid because all turns before it are dead for good.

import { createHash } from 'node:crypto'
import { readFile, readlink, symlink, unlink, writeFile } from 'node:fs/promises'
import { unavailable } from '../errors.ts'
import { codeOf } from './folder-errors.ts'
import { describeSelf, isAlive } from './folder-owners.ts'

/** The right to change one version of a file. */
export interface Claim {
  /** `moved` says that the version is gone now, so that litter of earlier turns may go too. */
  release(moved: boolean): Promise<void>
}

/** Claims `version` of `file`, or says which claim of a living process is in the way. */
export async function claim(file: string, version: string): Promise<Claim | { readonly busy: string }> {
  const digest = createHash('sha256').update(version).digest()
  const stem = `${file}#${digest.readUIntBE(0, 6)}${digest.readUIntBE(6, 6)}`
  const dead: string[] = []
  for (let turn = 0; ; ) {
    const name = `${stem}${String(turn).padStart(3, '0')}`
    if (await make(name)) {
      return {
        async release(moved) {
          // A claim that stays behind blocks only this version, and only while this process lives.
          for (const litter of moved ? [...dead, name] : [name]) await unlink(litter).catch(() => {})
        },
      }
    }
    const owner = await ownerOf(name)
    // Released in this moment: try the same turn again.
    if (owner === undefined) continue
    if (isAlive(owner)) return { busy: name }
    dead.push(name)
    turn++
  }
}

export const busyError = (path: string, name: string): Error =>
  unavailable(
    'STORE_CLAIMED',
    `object ${JSON.stringify(path)}: another process is changing it and does not finish; if no such process runs ` +
      `(perhaps one in another container did), remove the file ${JSON.stringify(name)}`,
  )

async function make(name: string): Promise<boolean> {
  try {
    await symlink(describeSelf(), name)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    // Windows lets only some users make symbolic links. A plain file does it in two steps: a crash between them leaves
    // an owner that cannot be judged, which counts as alive.
    if (codeOf(error) !== 'EPERM' && codeOf(error) !== 'ENOSYS') throw error
  }
  try {
    await writeFile(name, describeSelf(), { flag: 'wx' })
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

async function ownerOf(name: string): Promise<string | undefined> {
  try {
    return await readlink(name)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    if (codeOf(error) !== 'EINVAL' && codeOf(error) !== 'UNKNOWN') throw error
  }
  try {
    return await readFile(name, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
