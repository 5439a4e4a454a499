import { type ChildProcess, fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { claim } from './folder-claims.ts'
import { folderError } from './folder-errors.ts'
import { type FolderStore, openFolderStore } from './folder-store.ts'
import { statFile } from './folder-walk.ts'

const text = (words: string) => new TextEncoder().encode(words)
const read = async (store: FolderStore, path: string) => new TextDecoder().decode((await store.get(path)).bytes)

let base: string
let root: string
let store: FolderStore

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'folder-store-'))
})
afterAll(() => rm(base, { recursive: true, force: true }))
beforeEach(async () => {
  root = await mkdtemp(join(base, 'root-'))
  store = await openFolderStore(root, { sync: 'none' })
})

describe('files', () => {
  test('objects are plain files named like their keys, and nothing else is left', async () => {
    await store.put('db/wal/00000000000000000001.sst', text('wal'), { mode: 'create' })
    await store.put('db/wal/00000000000000000001.sst', text('x'), { mode: 'create' }).catch(() => {})
    const { etag } = await store.put('db/gc/manifest.boundary', text('1'), { mode: 'create' })
    await store.put('db/gc/manifest.boundary', text('2'), { mode: { ifMatch: etag! } })
    await store.put('db/gc/manifest.boundary', text('3'), { mode: 'overwrite' })
    await store.put('db/gc/manifest.boundary', text('4'), { mode: { ifMatch: etag! } }).catch(() => {})
    await store.put('db/gone', text('5'), { mode: 'create' })
    await store.delete('db/gone')
    const upload = await store.startUpload('db/part')
    await upload.part(text('x'))
    await upload.abort()
    expect((await readdir(root, { recursive: true })).sort()).toEqual([
      'db',
      'db/gc',
      'db/gc/manifest.boundary',
      'db/wal',
      'db/wal/00000000000000000001.sst',
    ])
    expect(await readFile(join(root, 'db/gc/manifest.boundary'), 'utf8')).toBe('3')
  })

  test('files of another writer are objects; its unfinished ones are not', async () => {
    await mkdir(join(root, 'db/wal'), { recursive: true })
    await writeFile(join(root, 'db/wal/1.sst'), 'one')
    await writeFile(join(root, 'db/wal/2.sst#1'), 'unfinished')
    expect((await store.list('db/')).map((info) => info.path)).toEqual(['db/wal/1.sst'])
    expect(await read(store, 'db/wal/1.sst')).toBe('one')
    await expect(store.put('db/wal/3.sst#12', text('x'), { mode: 'create' })).rejects.toMatchObject({
      storeReason: 'InvalidPath',
    })
  })

  test('a version never comes back, even with the clock and the size of an earlier one', async () => {
    const etags = new Set<string>()
    await store.put('a', text('x'), { mode: 'create' })
    // As if the version that is there came from a clock an hour ahead.
    await utimes(join(root, 'a'), Date.now() / 1000 + 3600, Date.now() / 1000 + 3600)
    let newest = 0
    for (let i = 0; i < 50; i++) {
      const { etag, lastModified } = await store.head('a')
      expect(etags.has(etag!)).toBe(false)
      expect(lastModified).toBeGreaterThanOrEqual(newest)
      newest = lastModified
      etags.add(etag!)
      await store.put('a', text('y'), { mode: { ifMatch: etag! } })
    }
    for (let i = 0; i < 300; i++) {
      await store.delete('a')
      const { etag } = await store.put('a', text('z'), { mode: 'create' })
      expect(etags.has(etag!)).toBe(false)
      etags.add(etag!)
    }
  })

  test('the whole suite of mistakes about folders and files', async () => {
    await store.put('db/file', text('x'), { mode: 'create' })
    await store.put('db/dir/file', text('x'), { mode: 'create' })
    const put = (path: string, mode: 'create' | 'overwrite') => store.put(path, text('y'), { mode })
    for (const mode of ['create', 'overwrite'] as const) {
      await expect(put('db/file/below', mode)).rejects.toMatchObject({ kind: 'Invalid', storeReason: 'InvalidPath' })
      await expect(put('db/dir', mode)).rejects.toMatchObject({ kind: 'Invalid', storeReason: 'InvalidPath' })
      await expect(put('x'.repeat(300), mode)).rejects.toMatchObject({ storeReason: 'InvalidPath' })
    }
    await expect(store.get('db/file/below')).rejects.toMatchObject({ storeReason: 'NotFound' })
    await store.delete('db/file/below')
    await store.delete('db/dir')
    expect(await store.list('db/file/')).toEqual([])
    expect(await read(store, 'db/dir/file')).toBe('x')
  })

  test('a folder that was removed behind our back is made anew', async () => {
    await store.put('db/a', text('x'), { mode: 'create' })
    await rm(join(root, 'db'), { recursive: true })
    await expect(store.put('db/b', text('x'), { mode: 'create' })).rejects.toMatchObject({ storeReason: 'Generic' })
    await store.put('db/b', text('x'), { mode: 'create' })
    expect(await read(store, 'db/b')).toBe('x')
  })

  test('symbolic links below the root lead nowhere; the root itself may be one', async () => {
    const outside = await mkdtemp(join(base, 'outside-'))
    await writeFile(join(outside, 'secret'), 'secret')
    await symlink(outside, join(root, 'db'))
    await symlink(join(outside, 'secret'), join(root, 'link'))
    for (const path of ['db/secret', 'link']) {
      await expect(store.get(path)).rejects.toMatchObject({ storeReason: 'InvalidPath' })
      await expect(store.put(path, text('x'), { mode: 'create' })).rejects.toMatchObject({ storeReason: 'InvalidPath' })
      await expect(store.put(path, text('x'), { mode: 'overwrite' })).rejects.toMatchObject({
        storeReason: 'InvalidPath',
      })
    }
    await expect(store.put('db/new/file', text('x'), { mode: 'create' })).rejects.toMatchObject({
      storeReason: 'InvalidPath',
    })
    await expect(store.list('db/')).rejects.toMatchObject({ storeReason: 'InvalidPath' })
    expect(await store.list('')).toEqual([])
    expect(await readdir(outside)).toEqual(['secret'])

    const alias = join(base, 'alias')
    await symlink(root, alias)
    const aliased = await openFolderStore(alias, { sync: 'none' })
    await aliased.put('through', text('x'), { mode: 'create' })
    expect(await read(store, 'through')).toBe('x')
  })

  test('a root that is no folder is refused with its name', async () => {
    await writeFile(join(root, 'file'), '')
    for (const path of [join(root, 'file'), join(root, 'file/below'), '']) {
      await expect(openFolderStore(path)).rejects.toMatchObject({ kind: 'Invalid', code: 'SLATEDB_FOLDER' })
    }
    await openFolderStore(join(root, 'made/on/demand'))
    expect(existsSync(join(root, 'made/on/demand'))).toBe(true)
  })

  test('metadata is refused, since no file can carry it', async () => {
    await expect(store.put('a', text('x'), { mode: 'create', metadata: { a: 'b' } })).rejects.toMatchObject({
      storeReason: 'NotSupported',
    })
  })

  test.each([
    ['ENOSPC', 'Generic', 'full'],
    ['EDQUOT', 'Generic', 'full'],
    ['EMFILE', 'Generic', 'open files'],
    ['EIO', 'Generic', 'EIO'],
    ['EACCES', 'PermissionDenied', 'owner and mode'],
    ['EROFS', 'PermissionDenied', 'read-only'],
    ['EXDEV', 'NotSupported', 'hard links'],
    ['ENAMETOOLONG', 'InvalidPath', 'longer'],
    ['ELOOP', 'InvalidPath', 'symbolic link'],
    ['ENOENT', 'NotFound', 'does not exist'],
  ])('%s is %s and says what to do', (code, reason, words) => {
    const error = folderError(Object.assign(new Error('no'), { code }), 'db/a', 'write it')
    expect(error).toMatchObject({ storeReason: reason, message: expect.stringContaining(words) })
    expect(error).toMatchObject({ message: expect.stringContaining('"db/a"') })
  })
})

describe('claims', () => {
  const versionOf = async (path: string) => (await statFile(join(root, path)))!.etag

  test('a claim of a living process blocks the version, and only that', async () => {
    const { etag } = await store.put('a', text('x'), { mode: 'create' })
    const held = await claim(join(root, 'a'), etag!)
    if ('busy' in held) throw new Error('nobody else claims it')
    const second = await claim(join(root, 'a'), etag!)
    expect(second).toHaveProperty('busy')
    const waiting = store.put('a', text('y'), { mode: { ifMatch: etag! } })
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await read(store, 'a')).toBe('x')
    await held.release(false)
    await waiting
    expect(await read(store, 'a')).toBe('y')
    expect(await readdir(root)).toEqual(['a'])
  })

  test('claims of dead processes are passed, however many there are', async () => {
    const { etag } = await store.put('a', text('x'), { mode: 'create' })
    // Claims are made to look abandoned by naming a start time that is not that of the process.
    for (let turn = 0; turn < 3; turn++) {
      const held = await claim(join(root, 'a'), etag!)
      if ('busy' in held) throw new Error('all before it are dead')
      await abandonNewest(root)
    }
    expect((await readdir(root)).length).toBe(4)
    await store.put('a', text('y'), { mode: { ifMatch: etag! } })
    expect(await read(store, 'a')).toBe('y')
    // The winner sweeps up after the dead, because their version is gone.
    expect(await readdir(root)).toEqual(['a'])
    expect(await versionOf('a')).not.toBe(etag)
  })

  test('a claim that comes after its version is gone changes nothing', async () => {
    const { etag } = await store.put('a', text('1'), { mode: 'create' })
    await store.put('a', text('2'), { mode: { ifMatch: etag! } })
    const late = await claim(join(root, 'a'), etag!)
    expect(late).not.toHaveProperty('busy')
    await store.put('a', text('3'), { mode: 'overwrite' })
    expect(await read(store, 'a')).toBe('3')
  })

  async function abandonNewest(folder: string): Promise<void> {
    const { readlink, unlink } = await import('node:fs/promises')
    const newest = (await readdir(folder))
      .filter((name) => name.includes('#'))
      .sort()
      .at(-1)!
    const owner = await readlink(join(folder, newest))
    await unlink(join(folder, newest))
    await symlink(owner.replace(/[^;]*$/, '1'), join(folder, newest))
  }
})

describe('several processes', () => {
  let runner: string

  beforeAll(async () => {
    runner = join(base, 'runner.mjs')
    await build({
      entryPoints: [fileURLToPath(new URL('../../test/runners/folder-store.ts', import.meta.url))],
      outfile: runner,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
    })
  })

  const start = (...args: string[]): ChildProcess => fork(runner, [root, ...args], { stdio: 'inherit' })

  /** What the process said at its end; undefined when it was killed. */
  const end = (child: ChildProcess): Promise<unknown> =>
    new Promise((resolve, reject) => {
      let said: unknown
      child.on('message', (message) => {
        said = message
      })
      child.on('error', reject)
      child.on('exit', () => resolve(said))
    })

  test('of creates that race, one wins each name', async () => {
    const won = (await Promise.all(['a', 'b', 'c'].map((name) => end(start('create', name, '40'))))) as number[]
    expect(won.reduce((sum, count) => sum + count, 0)).toBe(40)
    expect((await store.list('')).length).toBe(40)
  })

  test('a counter under compare-and-set loses no step', async () => {
    await store.put('counter', text('0'), { mode: 'create' })
    await Promise.all(['a', 'b', 'c'].map((name) => end(start('count', name, '30'))))
    expect(await read(store, 'counter')).toBe('90')
    expect(await readdir(root)).toEqual(['counter'])
  })

  test('processes killed at any point block nobody and lose no acknowledged step', async () => {
    await store.put('counter', text('0'), { mode: 'create' })
    let acknowledged = 0
    let killed = 0
    const steady = end(start('count', 'steady', '60'))
    const started = Date.now()
    while (Date.now() - started < 4000) {
      const child = start('count', `victim${killed}`, '100000')
      let heard = 0
      child.on('message', (message) => {
        heard = Number(message)
      })
      await new Promise((resolve) => child.once('message', resolve))
      await new Promise((resolve) => setTimeout(resolve, (killed % 10) * 3))
      child.kill('SIGKILL')
      await end(child)
      acknowledged += heard
      killed++
    }
    expect(await steady).toBe(60)
    acknowledged += 60
    const value = Number(await read(store, 'counter'))
    expect(killed).toBeGreaterThan(5)
    expect(value).toBeGreaterThanOrEqual(acknowledged)
    // Of each victim at most the step it was killed in counts without having been acknowledged.
    expect(value).toBeLessThanOrEqual(acknowledged + killed)
    const { etag } = await store.head('counter')
    await store.put('counter', text('end'), { mode: { ifMatch: etag! } })
    expect((await store.list('')).map((info) => info.path)).toEqual(['counter'])
  })
})
