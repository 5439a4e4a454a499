// The package as a user gets it: built from the sources in a folder of its own (`dist` belongs to whoever builds there),
// packed by npm, unpacked into the node_modules of an app. Its dependencies are found further up, in the repository.

import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const PACKAGE = 'slatedb-ts'
export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url))

const SOURCES = [
  'src',
  'scripts',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'NOTICE',
  'CHANGELOG.md',
  'README.md',
  'docs',
]

/** Makes `<place>/app` with the package in it, and gives its name. `place` must be inside the repository. */
export async function packedApp(place: string, type: 'module' | 'commonjs'): Promise<string> {
  const source = join(place, 'source')
  for (const name of SOURCES) cpSync(join(REPOSITORY, name), join(source, name), { recursive: true })
  symlinkSync(join(REPOSITORY, 'node_modules'), join(source, 'node_modules'))
  await run('npm', ['run', '--silent', 'build'], source)
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', place], source)

  const app = join(place, 'app')
  const installed = join(app, 'node_modules', PACKAGE)
  mkdirSync(installed, { recursive: true })
  const { version } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as { version: string }
  await run('tar', ['-xzf', join(place, `${PACKAGE}-${version}.tgz`), '-C', installed, '--strip-components=1'], app)
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type }))
  return app
}

/** A folder in the repository's cache, which git ignores: what is tried there finds the dependencies. */
export function placeFor(name: string): string {
  const parent = join(REPOSITORY, '.cache', 'package')
  mkdirSync(parent, { recursive: true })
  return mkdtempSync(join(parent, `${name}-`))
}

/** Runs a command to its end; what it printed is in the error when it fails. */
export async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    const { stdout, stderr } = await promisify(execFile)(command, [...args], { cwd, maxBuffer: 1 << 26 })
    return stdout + stderr
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: error })
  }
}
