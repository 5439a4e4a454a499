// One run of the suite in a runtime: started, listened to, and stopped.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { cacheFolder, npmPackages, run } from '../lane.ts'
import { webBundle } from './package.ts'
import type { Program } from './programs.ts'
import { servePage } from './servers.ts'
import type { Report, WorldKind } from './suite/world.ts'

/** What a run said. */
export interface Outcome {
  /** By check: undefined when it passed, else the error. */
  readonly checks: Map<string, string | undefined>
  notes: Readonly<Record<string, string>>
  rejections: readonly string[] | undefined
  /** How it ended; 'by itself' is the only good one. */
  ended: string
  /** What it printed besides its reports. */
  output: string
}

export interface Runtime {
  readonly name: string
  readonly kind: WorldKind
  /** For processes: runs scripts of the app. */
  readonly program?: Program
  run(app: string, server: string): Promise<Outcome>
}

/** The whole suite takes seconds; a busy machine takes longer. */
const LIMIT_MS = 150_000
/** From the last report to the end of the process. */
const GRACE_MS = 5000

const emptyOutcome = (): Outcome => ({
  checks: new Map(),
  notes: {},
  rejections: undefined,
  ended: 'not at all',
  output: '',
})

/** Takes a line; true when it was the last one. */
function take(outcome: Outcome, line: string): boolean {
  if (!line.startsWith('{')) {
    outcome.output += `${line}\n`
    return false
  }
  const report = JSON.parse(line) as Report
  if ('check' in report) {
    outcome.checks.set(report.check, report.error)
    return false
  }
  outcome.notes = report.notes
  outcome.rejections = report.rejections
  return true
}

const children = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

function start({ command, args, env }: Program, more: readonly string[], cwd: string): ChildProcess {
  const child = spawn(command, [...args, ...more], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}

/** How the process ended: by itself with 0, by itself with another code, or by us. */
function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, signal) => resolve(code === 0 ? 'by itself' : `with ${signal ?? `exit code ${code}`}`))
  })
}

export function processRuntime(name: string, program: Program): Runtime {
  return {
    name: `${name} (${program.version})`,
    kind: 'process',
    program,
    async run(app, server) {
      const outcome = emptyOutcome()
      const folder = mkdtempSync(join(cacheFolder('work'), 'runtime-'))
      const child = start(program, [join(app, 'process.js'), server, folder], app)
      let patience = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS)
      createInterface({ input: child.stdout! }).on('line', (line) => {
        if (!take(outcome, line)) return
        clearTimeout(patience)
        patience = setTimeout(() => child.kill('SIGKILL'), GRACE_MS)
      })
      child.stderr!.on('data', (data) => (outcome.output += data))
      outcome.ended = await endOf(child)
      clearTimeout(patience)
      rmSync(folder, { recursive: true, force: true })
      return outcome
    },
  }
}

export function pageRuntime(program: Program): Runtime {
  return {
    name: program.version.trim(),
    kind: 'page',
    async run(app, server) {
      const outcome = emptyOutcome()
      let done = () => {}
      const last = new Promise<void>((resolve) => (done = resolve))
      const page = await servePage(await webBundle(app, 'page', ['browser']), (line) => {
        if (take(outcome, line)) done()
      })
      const profile = mkdtempSync(join(cacheFolder('work'), 'profile-'))
      const address = `${page.url}/?server=${encodeURIComponent(server)}`
      const child = start(program, [`--user-data-dir=${profile}`, '--remote-debugging-port=0', address], app)
      child.stdout!.resume()
      child.stderr!.on('data', (data) => (outcome.output += data))
      const patience = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS)
      const ended = endOf(child)
      outcome.ended = await Promise.race([ended, last.then(() => 'by itself')])
      clearTimeout(patience)
      child.kill('SIGKILL')
      await ended
      await page.stop()
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
      return outcome
    },
  }
}

interface Miniflare {
  dispatchFetch(
    url: string,
    init: { method: string; body: string },
  ): Promise<{ readonly body: ReadableStream<Uint8Array> }>
  dispose(): Promise<void>
}

/** The Workers runtime: the one that the lane of R2 installs. */
export async function workerRuntime(): Promise<Runtime> {
  const load = createRequire(join(await npmPackages('r2'), 'package.json'))
  const { Miniflare } = load('miniflare') as { Miniflare: new (options: object) => Miniflare }
  const { version } = load('workerd/package.json') as { version: string }
  return {
    name: `workerd ${version}`,
    kind: 'worker',
    async run(app, server) {
      const outcome = emptyOutcome()
      const folder = await webBundle(app, 'worker', ['workerd', 'browser'])
      const miniflare = new Miniflare({
        host: '127.0.0.1',
        modules: true,
        script: readFileSync(join(folder, 'worker.js'), 'utf8'),
        compatibilityDate: '2025-01-01',
      })
      try {
        const answer = await miniflare.dispatchFetch('http://worker/', { method: 'POST', body: server })
        const patience = setTimeout(() => void miniflare.dispose(), LIMIT_MS)
        const lines = createInterface({ input: Readable.fromWeb(answer.body as never) })
        for await (const line of lines) if (take(outcome, line)) outcome.ended = 'by itself'
        clearTimeout(patience)
      } finally {
        await miniflare.dispose()
      }
      return outcome
    },
  }
}

/** Runs a script of the app to its end, and gives what it printed. */
export const runScript = ({ command, args, env }: Program, cwd: string, more: readonly string[]): Promise<string> =>
  run(command, [...args, ...more], { cwd, env, timeoutMs: 60_000 })

/** A script that goes on: its lines as they come. */
export function startScript(program: Program, cwd: string, more: readonly string[]) {
  const child = start(program, more, cwd)
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  let errors = ''
  child.stderr!.on('data', (data) => (errors += data))
  const ended = endOf(child)
  return {
    /** The next line; fails with what it printed to stderr when there is none. */
    async line(): Promise<string> {
      const next = await lines.next()
      if (next.done) throw new Error(`it ended ${await ended}: ${errors.slice(-800)}`)
      return next.value
    },
    ended,
    kill: () => child.kill('SIGKILL'),
  }
}
