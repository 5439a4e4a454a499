// What every file of this lane begins with: the chosen releases installed, a fresh folder per test, sides that are ended
// when their test is over.

import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, afterEach, describe, test } from 'vitest'
import type { FormatGeneration } from '../../../src/db/settings.ts'
import { decodeManifest, type Manifest } from '../../../src/format/manifest.ts'
import { Paths } from '../../../src/format/paths.ts'
import { openFolderStore } from '../../../src/node/folder-store.ts'
import { cacheFolder, log, pause, provide } from '../lane.ts'
import { weaknessesOf } from './history.ts'
import { Ours } from './ours.ts'
import { type OpenSide, SideProcess, type SideSettings } from './side.ts'
import { chosenReleases, type Driver, install, type Release } from './versions.ts'

export const PATH = 'db'
export const SEEDS = Number(process.env.PEERS_SEEDS ?? 2)

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
export async function forEachRelease(
  what: string,
  suite: (bench: Bench) => void,
  applies: (release: Release) => boolean = () => true,
): Promise<void> {
  const releases = (await available()).filter(([release]) => applies(release))
  if (releases.length === 0) test.skip(`${what}: no chosen release is here that this is about`, () => {})
  for (const [release, driver] of releases) {
    describe(`slatedb ${release.version}: ${what}`, () => {
      afterAll(() => {
        for (const line of weaknessesOf(`slatedb ${release.version}`)) log(line)
      })
      suite(benchOf(release, driver))
    })
  }
}

/** Registers `suite` once, with all chosen releases that can be had here, oldest first. */
export async function forAllReleases(what: string, suite: (benches: readonly Bench[]) => void): Promise<void> {
  const releases = await available()
  if (releases.length > 0) {
    describe(what, () => suite(releases.map(([release, driver]) => benchOf(release, driver))))
  }
}

async function available(): Promise<(readonly [Release, Driver])[]> {
  const found: (readonly [Release, Driver])[] = []
  for (const release of chosenReleases()) {
    const driver = await provide(`slatedb ${release.version} from ${release.from ?? 'PyPI'}`, async () => {
      const driver = await install(release)
      await trial(release, driver)
      return driver
    })
    if (driver !== undefined) found.push([release, driver])
  }
  if (found.length > 0) {
    await bundled()
    afterAll(() => rmSync(program, { force: true }))
  }
  return found
}

/** Inside a describe: what it starts and makes is gone after each test. */
function benchOf(release: Release, driver: Driver): Bench {
  const processes: SideProcess[] = []
  const folders: string[] = []
  afterEach(async () => {
    for (const one of processes.splice(0)) await one.kill()
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
  })
  const started = (side: SideProcess) => {
    processes.push(side)
    return side
  }
  return {
    release,
    peer: () => started(peerProcess(release, driver)),
    oursProcess: (generation: FormatGeneration | '' = '') =>
      started(new SideProcess('ours', process.execPath, ['--enable-source-maps', program, generation], {})),
    ours: (generation) => new Ours(generation),
    place() {
      const root = mkdtempSync(join(cacheFolder('work'), 'peers-'))
      folders.push(root)
      return { root, path: PATH }
    },
  }
}

const peerProcess = ({ version }: Release, { command, args, env }: Driver) =>
  new SideProcess(`slatedb ${version}`, command, args, env)

/** A wheel must load on this machine: its library is made for one kind of system. */
async function trial(release: Release, driver: Driver): Promise<void> {
  const peer = peerProcess(release, driver)
  try {
    await peer.command('ready', {})
  } finally {
    await peer.kill()
  }
}

const program = join(cacheFolder('work'), `ours-process-${process.pid}.mjs`)

/** Node 20 runs no TypeScript, so our process is built. */
async function bundled(): Promise<void> {
  await build({
    entryPoints: [here('ours-process.ts')],
    outfile: program,
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
}

/** Quick flushes, small tables, filters everywhere, nothing in the background: a test adds what it wants. */
export const QUIET: SideSettings = {
  flush_interval: '5ms',
  min_filter_keys: 0,
  l0_sst_size_bytes: 64 * 1024,
  max_unflushed_bytes: 16 * 1024 * 1024,
  // Without a compactor nothing would make room.
  l0_max_ssts: 1000,
  l0_max_ssts_per_key: 1000,
  manifest_poll_interval: '50ms',
  compactor_options: null,
  garbage_collector_options: null,
}

/** Compacts as soon as there are two L0 tables, into tables of a few blocks. */
export const COMPACTING: SideSettings = {
  ...QUIET,
  compactor_options: {
    poll_interval: '20ms',
    commit_compacted_interval: '20ms',
    scheduler_options: { min_compaction_sources: '2', max_compaction_sources: '8' },
    worker: { compactions_poll_interval: '20ms', max_sst_size: 3000, min_filter_keys: 0 },
  },
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
