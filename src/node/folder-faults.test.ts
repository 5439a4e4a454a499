// Folders on a disk that fails: every error may come before or after the effect, and several writers share the folder.

import type * as fs from 'node:fs/promises'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { Random } from '../env/random.ts'
import { createEnv } from '../env/system.ts'
import { initialManifest } from '../format/manifest.ts'
import { Paths } from '../format/paths.ts'
import { encodeRowlessFence } from '../format/wal-table.ts'
import { type ManifestRecord, manifestVersions, writerManifest } from '../manifest/records.ts'
import { retrying } from '../objects/retrying.ts'
import { type FolderStore, openFolderStore } from './folder-store.ts'

/** What happens to a link or a rename instead: `act` does it. */
type Fault = (act: () => Promise<void>, to: string) => Promise<void>

const disk = vi.hoisted(() => ({
  link: undefined as Fault | undefined,
  rename: undefined as Fault | undefined,
  folderSyncs: 0,
  failedFolderSyncs: 0,
}))

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof fs>()
  return {
    ...real,
    link: async (from: string, to: string) => {
      const fault = disk.link
      const act = () => real.link(from, to)
      return fault === undefined ? act() : fault(act, to)
    },
    rename: async (from: string, to: string) => {
      const fault = disk.rename
      const act = () => real.rename(from, to)
      return fault === undefined ? act() : fault(act, to)
    },
    open: async (...args: Parameters<typeof real.open>) => {
      const handle = await real.open(...args)
      if (args[1] !== 'r') return handle
      const sync = handle.sync.bind(handle)
      handle.sync = async () => {
        disk.folderSyncs++
        if (disk.failedFolderSyncs > 0) {
          disk.failedFolderSyncs--
          throw broken()
        }
        await sync()
      }
      return handle
    },
  }
})

const broken = () => Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
const text = (words: string) => new TextEncoder().encode(words)

let base: string
let root: string

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'folder-faults-'))
})
afterAll(() => rm(base, { recursive: true, force: true }))
beforeEach(async () => {
  root = await mkdtemp(join(base, 'root-'))
  Object.assign(disk, { link: undefined, rename: undefined, folderSyncs: 0, failedFolderSyncs: 0 })
})

const open = (): Promise<FolderStore> => openFolderStore(root, { sync: 'none' })

/** The next call fails; `after` says whether it does its work first. */
function once(name: 'link' | 'rename', { after }: { after: boolean }): void {
  disk[name] = async (act) => {
    disk[name] = undefined
    if (after) await act()
    throw broken()
  }
}

test.each([true, false])(
  'an error of link() after its effect (%s) tells nothing: what is there does',
  async (after) => {
    const store = await open()
    once('link', { after })
    const put = store.put('a', text('x'), { mode: 'create' })
    if (after) expect((await put).etag).toBe((await store.head('a')).etag)
    else await expect(put).rejects.toMatchObject({ storeReason: 'Generic' })
    expect((await store.list('')).length).toBe(after ? 1 : 0)
    expect((await readdir(root)).length, 'nothing else is left').toBe(after ? 1 : 0)
  },
)

test.each([true, false])('an error of rename() after its effect (%s), too', async (after) => {
  const store = await open()
  const { etag } = await store.put('a', text('x'), { mode: 'create' })
  once('rename', { after })
  const put = store.put('a', text('y'), { mode: { ifMatch: etag! } })
  if (after) expect((await put).etag).toBe((await store.head('a')).etag)
  else await expect(put).rejects.toMatchObject({ storeReason: 'Generic' })
  expect((await store.head('a')).etag === etag).toBe(!after)
  expect(await readdir(root)).toEqual(['a'])
})

test('a create whose name could not be made durable is not acknowledged before it is', async () => {
  const store = retrying(await openFolderStore(root), createEnv({ seed: 1 }))
  await store.put('first', text('x'), { mode: 'create' })
  disk.folderSyncs = 0
  disk.failedFolderSyncs = 2
  await store.put('a', text('x'), { mode: 'create' })
  // The two that failed, and the one behind which the object was found to be ours.
  expect(disk.folderSyncs).toBe(3)
})

const paths = new Paths('db')

async function record(seed: number): Promise<ManifestRecord> {
  const env = createEnv({ seed })
  const versions = manifestVersions(retrying(await open(), env), env, paths)
  await versions.readLatest()
  return writerManifest(versions)
}

test('two that claim at once never hold one epoch, though they write the same bytes', async () => {
  const first = await record(1)
  await first.versions.create(initialManifest())
  const [ours, rival] = [await record(2), await record(3)]
  disk.link = async () => {
    // Our attempt fails without an effect, and the rival takes the name.
    disk.link = undefined
    await rival.claim()
    throw broken()
  }
  await ours.claim()
  expect([rival.epoch, ours.epoch]).toEqual([1, 2])
  await expect(rival.refresh()).rejects.toMatchObject({ kind: 'Closed', closeReason: 'Fenced' })
})

test('a claim of ours that we do not recognise is claimed over', async () => {
  const first = await record(1)
  await first.versions.create(initialManifest())
  const env = createEnv({ seed: 2 })
  const versions = manifestVersions(retrying(await openFolderStore(root), env), env, paths)
  await versions.readLatest()
  const ours = writerManifest(versions)
  disk.failedFolderSyncs = 1
  await ours.claim()
  expect(ours.epoch).toBe(2)
  await first.versions.refresh()
  expect(first.versions.current!.value.writerEpoch).toBe(2)
})

test('of two writers with the same fence one has it', async () => {
  const [ours, rival] = [retrying(await open(), createEnv({ seed: 1 })), await open()]
  const fence = encodeRowlessFence()
  disk.link = async () => {
    disk.link = undefined
    await rival.put(paths.wal(1), fence, { mode: 'create' })
    throw broken()
  }
  const put = ours.put(paths.wal(1), fence, { mode: 'create', anonymous: true })
  await expect(put).rejects.toMatchObject({ storeReason: 'AlreadyExists' })
})

test('in random faults and races every claim has an epoch of its own', async () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
  const random = new Random(seed)
  const first = await record(0)
  await first.versions.create(initialManifest())
  const fault: Fault = async (act) => {
    const kind = random.int(0, 3)
    if (kind === 0) throw broken()
    // The others get a turn first.
    await new Promise((resolve) => setTimeout(resolve, random.int(0, 2)))
    await act()
    if (kind === 1) throw broken()
  }
  disk.link = fault
  const epochs: number[] = []
  for (let round = 0; round < 15; round++) {
    const claimants = await Promise.all([1, 2, 3].map((n) => record(round * 10 + n)))
    await Promise.all(claimants.map((one) => one.claim()))
    epochs.push(...claimants.map((one) => one.epoch!))
  }
  expect(new Set(epochs).size, `seed ${seed}`).toBe(45)
}, 60_000)
