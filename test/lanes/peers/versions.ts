// The releases of the original that this lane knows, and how to have them: wheels of PyPI, each in a folder of its own,
// and for a release without a wheel a program of this lane over its crate.

import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type FormatGeneration, GENERATIONS } from '../../../src/manifest/generation.ts'
import { cacheFolder, log, run, rustProgram } from '../lane.ts'

export interface Release {
  readonly version: string
  /**
   * The newest generation whose databases it can share. It was seen to write: '0.12' = legacy filters and fences of a
   * table without rows; '0.13' = composite filters and such fences; '0.15' and newer = composite filters and fences of
   * zero bytes; '0.17' and newer = keys of more than 65,535 bytes.
   */
  readonly newest: FormatGeneration
  /** Its surface offers `with_segment_extractor`. */
  readonly segments?: boolean
  /** Its surface offers `Admin.run_gc_once` and `Admin.submit_compaction`. */
  readonly admin?: boolean
  /** It was seen to write manifests of version 2 where there are no segments. */
  readonly writesV2?: boolean
  /** Its surface offers data blocks that are padded to the block size. */
  readonly alignedBlocks?: boolean
  /** Where it comes from, if not as a wheel. */
  readonly from?: 'crates.io'
}

/** Generations that the release can live with beside itself, newest first. */
export function generationsOf({ newest }: Release): readonly FormatGeneration[] {
  const oldestFirst = Object.keys(GENERATIONS) as FormatGeneration[]
  return oldestFirst.slice(0, oldestFirst.indexOf(newest) + 1).reverse()
}

/** From 0.14 on: fences of zero bytes, and collectors that keep boundary objects. */
export function isRecent({ newest }: Release): boolean {
  return newest !== '0.12' && newest !== '0.13'
}

/** What we are told when we make a database that the release is to own, too. All others show what they are. */
export function generationFor(release: Release): FormatGeneration | undefined {
  return isRecent(release) ? undefined : release.newest
}

const RELEASES: readonly Release[] = [
  { version: '0.12.0', newest: '0.12' },
  { version: '0.12.1', newest: '0.12' },
  { version: '0.13.0', newest: '0.13' },
  { version: '0.13.1', newest: '0.13' },
  { version: '0.14.0', newest: '0.15', segments: true },
  { version: '0.14.1', newest: '0.15', segments: true },
  { version: '0.15.0', newest: '0.15', segments: true, admin: true },
  { version: '0.16.0', newest: '0.15', segments: true, admin: true, writesV2: true },
  { version: '0.17.0', newest: '0.17', segments: true, admin: true, writesV2: true },
  {
    version: '0.18.0',
    newest: '0.18',
    segments: true,
    admin: true,
    writesV2: true,
    alignedBlocks: true,
    from: 'crates.io',
  },
]

const DEFAULT = ['0.13.1', '0.15.0', '0.17.0', '0.18.0']

/** `PEERS=all`, or `PEERS=0.14.0,0.16.0`; without it some that stand for the rest. */
export function chosenReleases(): readonly Release[] {
  const wanted = process.env.PEERS ?? ''
  if (wanted === 'all') return RELEASES
  const names = wanted === '' ? DEFAULT : wanted.split(',').map((name) => name.trim())
  return names.map((name) => {
    const release = RELEASES.find((one) => one.version === name)
    if (release === undefined) throw new Error(`PEERS names ${name}; known are ${RELEASES.map((one) => one.version)}`)
    return release
  })
}

/** How to start a process that drives a release. */
export interface Driver {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** Installs or builds the release once. Fails where what that needs is missing: pip or cargo, or their registry. */
export async function install(release: Release): Promise<Driver> {
  const { version, from } = release
  if (from === undefined) return { command: 'python3', args: [here('driver.py')], env: await wheel(version) }
  return { command: await rustProgram(here('driver-rs'), 'peer', version), args: [], env: {} }
}

async function wheel(version: string): Promise<Driver['env']> {
  const folder = cacheFolder('python', 'slatedb', version)
  const stamp = join(folder, '.installed')
  if (!existsSync(stamp)) {
    log(`installing slatedb ${version}`)
    rmSync(folder, { recursive: true, force: true })
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps']
    const what = ['--only-binary', ':all:', '--target', folder, `slatedb==${version}`]
    await run('python3', [...pip, ...what], { timeoutMs: 120_000 })
    writeFileSync(stamp, version)
  }
  return { PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '1' }
}
