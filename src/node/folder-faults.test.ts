// Folders on a disk that fails: every error may come before or after the effect, and several writers share the folder.

import type * as fs from 'node:fs/promises'
import { mkdir, mkdtemp, readdir, rename, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
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
  /** What reached the disk, in its order: `write`, `sync file`, `link`, `rename`, `mkdir x`, `sync x`, `unlink x`. */
  events: [] as string[],
  /** What `stat` says of the disk and the number of a folder instead of the truth. */
  otherDisk: undefined as string | undefined,
}))

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof fs>()
  const done = (event: string) => void disk.events.push(event)
  return {
    ...real,
    mkdir: async (...args: Parameters<typeof real.mkdir>) => {
      const made = await real.mkdir(...args)
      // Of a recursive one `made` is the topmost that is new.
      if (made !== undefined || args[1] === undefined) done(`mkdir ${args[0]}`)
      return made
    },
    stat: async (...args: Parameters<typeof real.stat>) => {
      const found = await real.stat(...args)
      return args[0] === disk.otherDisk ? Object.assign(found, { dev: 99n, ino: 99n }) : found
    },
    unlink: async (file: string) => {
      await real.unlink(file)
      done(`unlink ${file}`)
    },
    link: async (from: string, to: string) => {
      const fault = disk.link
      const act = async () => {
        await real.link(from, to)
        done('link')
      }
      return fault === undefined ? act() : fault(act, to)
    },
    rename: async (from: string, to: string) => {
      const fault = disk.rename
      const act = async () => {
        await real.rename(from, to)
        done('rename')
      }
      return fault === undefined ? act() : fault(act, to)
    },
    open: async (...args: Parameters<typeof real.open>) => {
      const handle = await real.open(...args)
      const sync = handle.sync.bind(handle)
      if (args[1] === 'wx') {
        const write = handle.write.bind(handle) as (...given: unknown[]) => Promise<unknown>
        const utimes = handle.utimes.bind(handle)
        Object.assign(handle, {
          write: (...given: unknown[]) => write(...given).finally(() => done('write')),
          utimes: (...given: Parameters<typeof utimes>) => utimes(...given).finally(() => done('stamp')),
          sync: () => sync().finally(() => done('sync file')),
        })
      }
      if (args[1] !== 'r') return handle
      handle.sync = async () => {
        done(`sync ${args[0]}`)
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
  Object.assign(disk, {
    link: undefined,
    rename: undefined,
    folderSyncs: 0,
    failedFolderSyncs: 0,
    otherDisk: undefined,
  })
  disk.events.length = 0
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

describe('what is acknowledged is on the disk', () => {
  /** Names below the root of this test; what claims and sweeps do is left out. */
  const events = () =>
    disk.events.filter((event) => !/#\d+$/.test(event)).map((event) => event.replace(root, '.').replace('./', ''))

  async function folder() {
    const store = await openFolderStore(root)
    await store.put('a/first', text('x'), { mode: 'create' })
    disk.events.length = 0
    return store
  }

  test('a create writes and syncs the bytes, then gives the name, then syncs the folder', async () => {
    const store = await folder()
    await store.put('a/b', text('x'), { mode: 'create' })
    expect(events()).toEqual(['write', 'stamp', 'sync file', 'link', 'sync a'])
  })

  test('a replacement syncs the bytes and their stamp before it takes the name, and the folder after', async () => {
    const store = await folder()
    const { etag } = await store.head('a/first')
    await store.put('a/first', text('y'), { mode: { ifMatch: etag! } })
    await store.put('a/first', text('z'), { mode: 'overwrite' })
    const replaced = events().join(' ').split('sync a')
    expect(replaced.length).toBe(3)
    for (const one of replaced.slice(0, 2))
      expect(one.trim()).toMatch(/^write stamp sync file( stamp sync file)* rename$/)
  })

  test('a stamp that has to move behind that of the version before is synced again', async () => {
    const store = await folder()
    const later = Date.now() / 1000 + 3600
    await utimes(join(root, 'a/first'), later, later)
    await store.put('a/first', text('y'), { mode: 'overwrite' })
    expect(events()).toEqual(['write', 'stamp', 'sync file', 'stamp', 'sync file', 'rename', 'sync a'])
  })

  test('an upload and a copy sync their bytes before the name, too', async () => {
    const store = await folder()
    const upload = await store.startUpload('a/up')
    await upload.part(text('one'))
    await upload.part(text('two'))
    await upload.complete()
    expect(events()).toEqual(['write', 'write', 'stamp', 'sync file', 'link', 'sync a'])
    disk.events.length = 0
    await store.copy('a/up', 'a/copy')
    // Copied on its way to the staging name by the system.
    expect(events()).toEqual(['stamp', 'sync file', 'link', 'sync a'])
  })

  test('a delete syncs the folder', async () => {
    const store = await folder()
    await store.delete('a/first')
    expect(events()).toEqual([`unlink a/first`, 'sync a'])
  })

  test('the names of all folders are synced, from the topmost that is new, before anything is written into them', async () => {
    const above = root
    root = join(root, 'new/deeper')
    const store = await openFolderStore(root)
    const names = disk.events.map((event) => event.replace(above, '^'))
    expect(names).toEqual(['mkdir ^/new/deeper', 'sync ^/new', 'sync ^'])
    disk.events.length = 0
    await store.put('db/wal/1', text('x'), { mode: 'create' })
    expect(events()).toEqual([
      'mkdir db',
      'sync .',
      'mkdir db/wal',
      'sync db',
      'write',
      'stamp',
      'sync file',
      'link',
      'sync db/wal',
    ])
  })

  test('the names of folders that another process made are synced as well', async () => {
    await mkdir(join(root, 'db/wal'), { recursive: true })
    const store = await openFolderStore(root)
    disk.events.length = 0
    await store.put('db/wal/1', text('x'), { mode: 'create' })
    expect(events().filter((event) => event.startsWith('sync '))).toEqual([
      'sync .',
      'sync db',
      'sync file',
      'sync db/wal',
    ])
  })

  test('a folder whose name could not be made durable is not written into before it is', async () => {
    const store = await openFolderStore(root)
    disk.failedFolderSyncs = 1
    await expect(store.put('db/1', text('x'), { mode: 'create' })).rejects.toMatchObject({ storeReason: 'Generic' })
    expect(events()).not.toContain('link')
    disk.events.length = 0
    await store.put('db/1', text('x'), { mode: 'create' })
    expect(events()[0]).toBe('sync .')
  })
})

describe('a root that was there and is not any more', () => {
  const refusal = { kind: 'Invalid', code: 'SLATEDB_STORE_BUCKET', message: expect.stringMatching(/is mounted/) }

  async function expectRefused(store: FolderStore): Promise<void> {
    await expect(store.get('db/a')).rejects.toMatchObject(refusal)
    await expect(store.head('db/a')).rejects.toMatchObject(refusal)
    await expect(store.list('db/')).rejects.toMatchObject(refusal)
    await expect(store.list('')).rejects.toMatchObject(refusal)
    // The first try meets the folder that it knew.
    await store.put('db/b', text('x'), { mode: 'create' }).catch(() => {})
    await expect(store.put('db/b', text('x'), { mode: 'create' })).rejects.toMatchObject(refusal)
  }

  test('is no empty store, whether it is missing or an unmounted disk left an empty folder', async () => {
    const store = await open()
    await store.put('db/a', text('x'), { mode: 'create' })
    await rename(root, `${root}-away`)
    await expectRefused(store)
    await mkdir(root)
    disk.otherDisk = root
    await expectRefused(store)
    expect(await readdir(root)).toEqual([])
    await rm(root, { recursive: true })
    await rename(`${root}-away`, root)
    disk.otherDisk = undefined
    expect((await store.get('db/a')).size).toBe(1)
    await store.put('db/b', text('x'), { mode: 'create' })
  })

  test('is waited for by a database that has used it', async () => {
    const store = retrying(await open(), createEnv({ seed: 1 }))
    await store.put('db/a', text('x'), { mode: 'create' })
    await rename(root, `${root}-away`)
    const read = store.get('db/a')
    await new Promise((resolve) => setTimeout(resolve, 50))
    await rename(`${root}-away`, root)
    expect((await read).size).toBe(1)
  })
})

test('a store that makes its folder on the first write leaves none behind when it only reads', async () => {
  const lazy = await openFolderStore(join(root, 'no/such'), { sync: 'none', create: 'on write' })
  await expect(lazy.get('db/a')).rejects.toMatchObject({ storeReason: 'NotFound' })
  expect(await lazy.list('')).toEqual([])
  await lazy.delete('db/a')
  expect(await readdir(root)).toEqual([])
  await lazy.put('db/a', text('x'), { mode: 'create' })
  expect((await lazy.list('')).map(({ path }) => path)).toEqual(['db/a'])
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
