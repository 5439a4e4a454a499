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
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { readFile, readlink, symlink, unlink, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { unavailable } from '../errors.ts'
import { codeOf } from './folder-errors.ts'

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

// An owner is `<where>;<pid>;<start>`: `where` names the machine's boot and the container, `start` tells a process from
// a later one with the same number. Only owners of the same `where` can be judged; all others count as alive.

function describeSelf(): string {
  return `${here()};${process.pid};${startOf(process.pid) ?? '?'}`
}

function here(): string {
  return `${hostname()}/${bootId()}/${pidNamespace()}`.replaceAll(';', '_')
}

function isAlive(owner: string): boolean {
  const [where, pidText, start] = owner.split(';')
  const pid = Number(pidText)
  if (!Number.isSafeInteger(pid) || pid <= 0) return true
  if (where !== here()) {
    // After a restart of the same machine none of its processes is left.
    const [host, boot] = where!.split('/')
    return !(host === hostname() && boot !== '?' && bootId() !== '?' && boot !== bootId())
  }
  if (pid === process.pid) return start === (startOf(pid) ?? '?')
  try {
    process.kill(pid, 0)
  } catch (error) {
    return codeOf(error) !== 'ESRCH'
  }
  const startNow = startOf(pid)
  if (startNow !== undefined && start !== '?' && startNow !== start) return false
  return !isZombie(pid)
}

/** Killed, not yet collected by its parent, and no thread of it is left that could finish a system call. */
function isZombie(pid: number): boolean {
  if (statOf(pid)?.[0] !== 'Z') return false
  return (tryRead(() => readdirSync(`/proc/${pid}/task`)) ?? []).length === 1
}

/** Linux: clock ticks between boot and the start of a process; unknown elsewhere. */
const startOf = (pid: number): string | undefined => statOf(pid)?.[19]

/** The fields of `/proc/<pid>/stat` from the third on: the second, the program's name, may hold spaces and brackets. */
function statOf(pid: number): string[] | undefined {
  const stat = tryRead(() => readFileSync(`/proc/${pid}/stat`, 'latin1'))
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
}

const bootId = (): string => tryRead(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()) ?? '?'
const pidNamespace = (): string => tryRead(() => readlinkSync('/proc/self/ns/pid')) ?? '?'

function tryRead<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
