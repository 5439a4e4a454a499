// What every lane needs: servers installed into a cache folder that git ignores, started on loopback at a free port,
// waited for, and stopped by process id. A server that cannot be had is a loud skip that counts as skipped, never as
// passed; with LANES_REQUIRED=1 it is a failure.

import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'vitest'

export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url))
/** Says what an installation was made from. */
const STAMP = '.installed'
const CACHE = join(REPOSITORY, '.cache', 'lanes')

export const log = (line: string): void => {
  process.stdout.write(`[lane] ${line}\n`)
}

/** Starts a server; when it cannot be had, registers a skipped test that says why and gives undefined. */
export async function provide<T>(name: string, start: () => Promise<T>): Promise<T | undefined> {
  try {
    return await start()
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    if (process.env.LANES_REQUIRED === '1') throw new Error(`${name} is required here: ${why}`, { cause: error })
    log(`!!!!!!!! SKIPPED: ${name} cannot be had here: ${why}`)
    test.skip(`${name}: NOT TESTED, the server cannot be had here`, () => {})
    return undefined
  }
}

export interface Running {
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
}

export interface StartOptions {
  readonly name: string
  readonly command: string
  readonly args: (port: number) => readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

const running = new Set<ChildProcess>()
// The servers are ours, so they must not outlive us, whatever ended us.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Runs a server process on a free port of 127.0.0.1 until it accepts connections. Its output goes to a log file. */
export async function startServer(options: StartOptions): Promise<Running> {
  const port = await freePort()
  const out = openSync(join(cacheFolder('logs'), `${options.name}-${port}.log`), 'w')
  const child = spawn(options.command, [...options.args(port)], {
    cwd: options.cwd ?? cacheFolder('work'),
    env: { ...process.env, ...options.env },
    stdio: ['ignore', out, out],
  })
  closeSync(out)
  running.add(child)
  let ended: string | undefined
  child.once('error', (error) => (ended = error.message))
  child.once('exit', (code, signal) => {
    running.delete(child)
    ended ??= `it ended with ${signal ?? code}`
  })
  for (const deadline = Date.now() + 60_000; ; ) {
    if (ended !== undefined) throw new Error(`${options.name} did not start: ${ended}`)
    if (await accepts(port)) break
    if (Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`${options.name} did not open its port within a minute`)
    }
    await pause(50)
  }
  return { port, pid: child.pid!, stop: () => stopped(child) }
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const patience = setTimeout(() => child.kill('SIGKILL'), 5000)
  await gone
  clearTimeout(patience)
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export function cacheFolder(...names: string[]): string {
  const folder = join(CACHE, ...names)
  mkdirSync(folder, { recursive: true })
  return folder
}

/** Runs a command to its end; the output is in the error when it fails. */
export async function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Readonly<Record<string, string>>; timeoutMs?: number } = {},
): Promise<string> {
  const child = spawn(command, [...args], {
    cwd: options.cwd ?? REPOSITORY,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? 600_000,
  })
  let output = ''
  child.stdout.on('data', (data) => (output += data))
  child.stderr.on('data', (data) => (output += data))
  const code = await new Promise<number | string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (status, signal) => resolve(status ?? String(signal)))
  })
  if (code !== 0) throw new Error(`${command} failed (${code}): ${output.trim().slice(-400)}`)
  return output.trim()
}

/** Installs what the lane's own package.json pins, once; gives the folder that holds node_modules. */
export async function npmPackages(lane: string): Promise<string> {
  const source = join(REPOSITORY, 'test', 'lanes', lane)
  const folder = cacheFolder('npm', lane)
  const files = ['package.json', 'package-lock.json'].map((name) => [name, readFileSync(join(source, name))] as const)
  await once(folder, files, async () => {
    log(`installing the packages of lane ${lane}`)
    for (const [name, content] of files) writeFileSync(join(folder, name), content)
    await run('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: folder })
  })
  return folder
}

/** Installs what the lane's requirements.txt pins, once; gives the environment its programs need. */
export async function pythonPackages(lane: string): Promise<Readonly<Record<string, string>>> {
  const requirements = join(REPOSITORY, 'test', 'lanes', lane, 'requirements.txt')
  const folder = cacheFolder('python', lane)
  await once(folder, [['requirements.txt', readFileSync(requirements)]], async () => {
    log(`installing the Python packages of lane ${lane}`)
    await run('python3', ['-m', 'pip', 'install', '--quiet', '--upgrade', '--target', folder, '-r', requirements])
  })
  return { PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: '1' }
}

/** Builds a pinned Go program from the module proxy, once; gives its path. The first build takes minutes. */
export async function goProgram(module: string, version: string): Promise<string> {
  const folder = cacheFolder('go', version)
  const program = join(folder, module.split('/').pop()!)
  if (existsSync(program)) return program
  log(`building ${module}@${version}: this takes some minutes, once`)
  await run('go', ['install', `${module}@${version}`], {
    cwd: cacheFolder('work'),
    env: { GOBIN: folder, GOFLAGS: '-buildvcs=false' },
    timeoutMs: 1_800_000,
  })
  return program
}

/**
 * Builds a Rust program of the lane's own, once; gives its path. It is built without optimisation, and kept outside the
 * clone, so that the next clone finds it again.
 */
export async function rustProgram(source: string, name: string, version: string): Promise<string> {
  const caches = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
  const folder = join(caches, 'slatedb-ts', `${name}-${version}`)
  const target = join(folder, 'target')
  const program = join(target, 'debug', name)
  const files = ['Cargo.toml', 'Cargo.lock', join('src', 'main.rs')]
  const pins = files.map((file) => [file, readFileSync(join(source, file))] as const)
  mkdirSync(folder, { recursive: true })
  if (!existsSync(program)) rmSync(join(folder, STAMP), { force: true })
  await once(folder, pins, async () => {
    log(`building ${name} ${version} in ${target}: this takes some minutes, once`)
    const from = Date.now()
    await run('cargo', ['build', '--locked'], { cwd: source, env: { CARGO_TARGET_DIR: target }, timeoutMs: 1_500_000 })
    log(`built ${name} ${version} in ${Math.round((Date.now() - from) / 1000)} s`)
  })
  return program
}

/** Runs `install` unless it succeeded before with the same pins. */
async function once(
  folder: string,
  pins: readonly (readonly [string, Buffer])[],
  install: () => Promise<void>,
): Promise<void> {
  const hash = createHash('sha256')
  for (const [name, content] of pins) hash.update(name).update(content)
  const stamp = join(folder, STAMP)
  const wanted = hash.digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  await install()
  writeFileSync(stamp, wanted)
}
