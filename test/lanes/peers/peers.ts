// What every file of this lane begins with: the chosen releases installed, a fresh folder per test, sides that are ended
// when their test is over.

import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, afterEach, describe } from 'vitest'
import type { FormatGeneration } from '../../../src/db/settings.ts'
import { decodeManifest, type Manifest } from '../../../src/format/manifest.ts'
import { Paths } from '../../../src/format/paths.ts'
import { openFolderStore } from '../../../src/node/folder-store.ts'
import { cacheFolder, log, pause, provide } from '../lane.ts'
import { weaknessesOf } from './history.ts'
import { Ours } from './ours.ts'
import { type OpenSide, SideProcess, type SideSettings } from './side.ts'
import { chosenReleases, install, type Release } from './versions.ts'

export const PATH = 'db'
export const SEEDS = Number(process.env.PEERS_SEEDS ?? 3)

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** What a test of one release works with. */
export interface Bench {
  readonly release: Release
  /** A driver of that release, in a process. */
  peer(): SideProcess
  /** Our engine in a process, to be killed. */
  oursProcess(generation?: FormatGeneration): SideProcess
  /** Our engine in this process. */
  ours(generation?: FormatGeneration): Ours
  /** Where a new database is to be. */
  place(): Pick<OpenSide, 'root' | 'path'>
}

/** Registers `suite` for every chosen release that can be had here. */
export async function forEachRelease(what: string, suite: (bench: Bench) => void): Promise<void> {
  for (const release of chosenReleases()) {
    const environment = await provide(`slatedb ${release.version} from PyPI`, async () => {
      const environment = await install(release)
      await trial(release, environment)
      return environment
    })
    if (environment === undefined) continue
    const program = await bundled()
    describe(`slatedb ${release.version}: ${what}`, () => {
      const processes: SideProcess[] = []
      const folders: string[] = []
      afterEach(async () => {
        for (const one of processes.splice(0)) await one.kill()
        for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
      })
      afterAll(() => {
        for (const line of weaknessesOf(`slatedb ${release.version}`)) log(line)
      })
      const started = (side: SideProcess) => {
        processes.push(side)
        return side
      }
      suite({
        release,
        peer: () => started(peerProcess(release, environment)),
        oursProcess: (generation: FormatGeneration | '' = '') =>
          started(new SideProcess('ours', process.execPath, ['--enable-source-maps', program, generation], {})),
        ours: (generation) => new Ours(generation),
        place() {
          const root = mkdtempSync(join(cacheFolder('work'), 'peers-'))
          folders.push(root)
          return { root, path: PATH }
        },
      })
    })
  }
}

const peerProcess = ({ version }: Release, environment: Readonly<Record<string, string>>) =>
  new SideProcess(`slatedb ${version}`, 'python3', [here('driver.py')], environment)

/** The wheel must load on this machine: its library is made for one kind of system. */
async function trial(release: Release, environment: Readonly<Record<string, string>>): Promise<void> {
  const peer = peerProcess(release, environment)
  try {
    await peer.command('ready', {})
  } finally {
    await peer.kill()
  }
}

let bundle: Promise<string> | undefined

/** Node 20 runs no TypeScript, so the process is built. */
function bundled(): Promise<string> {
  bundle ??= (async () => {
    const outfile = join(cacheFolder('work'), `ours-process-${process.pid}.mjs`)
    await build({
      entryPoints: [here('ours-process.ts')],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      packages: 'external',
      sourcemap: 'inline',
      plugins: [
        {
          name: 'internal',
          setup: ({ onResolve }) =>
            onResolve({ filter: /^#(native|host)$/ }, ({ path }) => ({
              path: here(`../../../src/node/${path.slice(1)}.ts`),
            })),
        },
      ],
    })
    process.once('exit', () => rmSync(outfile, { force: true }))
    return outfile
  })()
  return bundle
}

/** Quick flushes, small tables, filters everywhere, nothing in the background: a test adds what it wants. */
export const QUIET: SideSettings = {
  flush_interval: '5ms',
  min_filter_keys: 0,
  l0_sst_size_bytes: 64 * 1024,
  max_unflushed_bytes: 16 * 1024 * 1024,
  manifest_poll_interval: '50ms',
  compactor_options: null,
  garbage_collector_options: null,
}

/** What stands in the store as the newest manifest. */
export async function newestManifest({ root, path }: Pick<OpenSide, 'root' | 'path'>): Promise<Manifest> {
  const store = await openFolderStore(root, { sync: 'none' })
  const paths = new Paths(path)
  for (;;) {
    const newest = (await store.list(paths.manifests)).at(-1)!
    try {
      return decodeManifest((await store.get(newest.path)).bytes, newest.path)
    } catch (error) {
      // Collected since the list: there is a newer one.
      if ((await store.list(paths.manifests)).at(-1)!.path === newest.path) throw error
    }
  }
}

/** Waits until `condition` gives something; fails with `what` after `seconds`. */
export async function until<T>(
  what: string,
  condition: () => Promise<T | undefined | false>,
  seconds = 20,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000
  for (;;) {
    const found = await condition()
    if (found !== undefined && found !== false) return found
    if (Date.now() > deadline) throw new Error(`waited ${seconds} s in vain for ${what}`)
    await pause(20)
  }
}
