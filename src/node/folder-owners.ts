// Whose a file is that a process left in a folder, and whether that process still lives.
//
// A process is `<where>;<pid>;<start>`: `where` names the machine's boot and the container, `start` tells a process from
// a later one with the same number. Only processes of the same `where` can be judged; all others may be alive.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { codeOf } from './folder-errors.ts'

export function describeSelf(): string {
  return `${here()};${process.pid};${startOf(process.pid) ?? '?'}`
}

/** False only when the owner is certainly gone. */
export function isAlive(owner: string): boolean {
  const [where, pidText, start] = owner.split(';')
  const pid = Number(pidText)
  if (!Number.isSafeInteger(pid) || pid <= 0) return true
  if (where !== here()) {
    // After a restart of the same machine none of its processes is left.
    const [host, boot] = where!.split('/')
    return !(host === hostname() && boot !== '?' && bootId() !== '?' && boot !== bootId())
  }
  return isRunning(pid, start!)
}

/** Of a process of this machine, boot and container. `start`: '?' when it is not known. */
export function isRunning(pid: number, start: string): boolean {
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

/** This machine's boot and container. */
export function here(): string {
  return `${hostname()}/${bootId()}/${pidNamespace()}`.replaceAll(';', '_')
}

/** Killed, not yet collected by its parent, and no thread of it is left that could finish a system call. */
function isZombie(pid: number): boolean {
  if (statOf(pid)?.[0] !== 'Z') return false
  return (tryRead(() => readdirSync(`/proc/${pid}/task`)) ?? []).length === 1
}

/** Linux: clock ticks between boot and the start of a process; unknown elsewhere. */
export const startOf = (pid: number): string | undefined => statOf(pid)?.[19]

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
