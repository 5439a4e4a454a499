// The demo's child processes: the same program started with a hidden role, talking over IPC.

import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { unavailable } from '../errors.ts'
import type { Digest } from './demo-peer.ts'
import type { WriterReport } from './demo-writer.ts'
import type { Shell } from './shell.ts'

const PROGRAM = fileURLToPath(new URL('./main.js', import.meta.url))

/** How the writer ended: what it had reported as durable, and which signal ended it. */
export interface WriterEnd {
  readonly last: WriterReport
  readonly signal: NodeJS.Signals | null
}

/** Starts the writer, reports its progress, and kills it with SIGKILL as soon as `killAt` rows are durable. */
export async function runAndKillWriter(
  shell: Shell,
  url: string,
  killAt: number,
  onReport: (report: WriterReport) => void,
): Promise<WriterEnd> {
  const child = start(shell, 'writer', url)
  let last: WriterReport = { durable: 0, requests: [] }
  child.on('message', (message: WriterReport) => {
    last = message
    onReport(message)
    if (message.durable >= killAt) child.kill('SIGKILL')
  })
  const [code, signal, stderr] = await ended(child)
  if (signal === null && code !== 0) throw unavailable('DEMO_WRITER', `the writer process failed: ${stderr.trim()}`)
  return { last, signal }
}

/** Lets the original engine read the database; `undefined` and a note when it cannot run on this machine. */
export async function digestInPeerProcess(shell: Shell, url: string): Promise<Digest | undefined> {
  const child = start(shell, 'peer', url)
  let digest: Digest | undefined
  child.on('message', (message: Digest) => {
    digest = message
  })
  const [code, signal, stderr] = await ended(child)
  if (digest === undefined) {
    shell.note(
      `the original engine did not run here (${signal ?? `exit code ${code}`}): ${stderr.trim().split('\n')[0]}`,
    )
  }
  return digest
}

function start(shell: Shell, role: string, url: string): ChildProcess {
  const child = fork(PROGRAM, ['demo', '--role', role, '--db', url], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...shell.streams.env, NO_COLOR: '1' },
    execArgv: [],
  })
  const stop = () => void child.kill('SIGKILL')
  shell.signal.addEventListener('abort', stop, { once: true })
  child.on('close', () => shell.signal.removeEventListener('abort', stop))
  return child
}

/** Resolves when the process is gone and everything it had sent has arrived. */
function ended(child: ChildProcess): Promise<[code: number | null, signal: NodeJS.Signals | null, stderr: string]> {
  let stderr = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const disconnected = new Promise((resolve) => child.once('disconnect', resolve))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      void disconnected.then(() => resolve([code, signal, stderr]))
    })
  })
}
