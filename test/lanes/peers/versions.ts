// The releases of the original that this lane knows, and how to have them: wheels of PyPI, each in a folder of its own.

import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FormatGeneration } from '../../../src/db/settings.ts'
import { cacheFolder, log, run } from '../lane.ts'

export interface Release {
  readonly version: string
  /**
   * What its wheel was seen to write: 'old' = legacy filters and fences of a table without rows; 'middle' = composite
   * filters and such fences; 'new' = composite filters and fences of zero bytes.
   */
  readonly writes: 'old' | 'middle' | 'new'
  /** Its surface offers `with_segment_extractor`. */
  readonly segments: boolean
  /** Its surface offers `Admin.run_gc_once` and `Admin.submit_compaction`. */
  readonly admin: boolean
}

/** What we are told when we make a database that the release is to own, too. All others show what they are. */
export function generationFor({ writes }: Release): FormatGeneration | undefined {
  return writes === 'old' ? '0.12' : writes === 'middle' ? '0.13' : undefined
}

const RELEASES: readonly Release[] = [
  { version: '0.12.0', writes: 'old', segments: false, admin: false },
  { version: '0.12.1', writes: 'old', segments: false, admin: false },
  { version: '0.13.0', writes: 'middle', segments: false, admin: false },
  { version: '0.13.1', writes: 'middle', segments: false, admin: false },
  { version: '0.14.0', writes: 'new', segments: true, admin: false },
  { version: '0.14.1', writes: 'new', segments: true, admin: false },
  { version: '0.15.0', writes: 'new', segments: true, admin: true },
  { version: '0.16.0', writes: 'new', segments: true, admin: true },
  { version: '0.17.0', writes: 'new', segments: true, admin: true },
]

const DEFAULT = ['0.13.1', '0.15.0', '0.17.0']

/** `PEERS=all`, or `PEERS=0.14.0,0.16.0`; without it three that stand for the rest. */
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

/** Installs the wheel once; gives the environment its driver needs. Fails where pip or the registry is missing. */
export async function install({ version }: Release): Promise<Readonly<Record<string, string>>> {
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
