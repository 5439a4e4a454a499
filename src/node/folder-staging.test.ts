import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, symlink, unlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createEnv } from '../env/system.ts'
import { retrying } from '../objects/retrying.ts'
import { ownerDigits, sweepStaged } from './folder-staging.ts'
import { openFolderStore } from './folder-store.ts'

const text = (words: string) => new TextEncoder().encode(words)
const DAY_MS = 24 * 3_600_000
const FAR = Date.now() + 1000 * DAY_MS
/** Another machine, container or boot, and process 7 of it. */
const ELSEWHERE = `${'9'.repeat(12)}${'7'.padStart(10, '0')}${'5'.padStart(12, '0')}`
const LAST = '00000001'

let base: string
let root: string

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'folder-staging-'))
})
afterAll(() => rm(base, { recursive: true, force: true }))
beforeEach(async () => {
  root = await mkdtemp(join(base, 'root-'))
})

/** A process that has ended, by its number. */
const dead = (): number => spawnSync(process.execPath, ['-e', '']).pid!

async function staged(owner: string, ageMs = 0): Promise<string> {
  const name = `1.sst#${owner}${LAST}`
  await writeFile(join(root, name), 'a part')
  const changed = (Date.now() - ageMs) / 1000
  await utimes(join(root, name), changed, changed)
  return name
}

describe('what a sweep takes', () => {
  test('the file of a process that is gone, at once', async () => {
    await staged(ownerDigits(dead()))
    await sweepStaged(root, Date.now())
    expect(await readdir(root)).toEqual([])
  })

  test('the file of an earlier process of the same number', async () => {
    const own = ownerDigits(process.pid)
    await staged(`${own.slice(0, -12)}${'1'.padStart(12, '0')}`)
    await sweepStaged(root, Date.now())
    expect(await readdir(root)).toEqual([])
  })

  test('never that of a living process, however old', async () => {
    const name = await staged(ownerDigits(process.pid), 500 * DAY_MS)
    await sweepStaged(root, FAR)
    expect(await readdir(root)).toEqual([name])
  })

  test('that of a process which cannot be judged, a day after its last change', async () => {
    const name = await staged(ELSEWHERE)
    await sweepStaged(root, Date.now() + DAY_MS - 60_000)
    expect(await readdir(root)).toEqual([name])
    await sweepStaged(root, Date.now() + DAY_MS + 60_000)
    expect(await readdir(root)).toEqual([])
  })

  test('a time that somebody set does not make a file old', async () => {
    const name = await staged(ELSEWHERE, 500 * DAY_MS)
    await sweepStaged(root, Date.now())
    expect(await readdir(root)).toEqual([name])
  })

  test('nothing that is not ours: objects, files of the original, claims, folders, links', async () => {
    const ours = ownerDigits(dead()) + LAST
    const names = [
      '1.sst',
      '1.sst#1',
      '1.sst#42',
      `1.sst#${'1'.repeat(20)}`,
      `1.sst#${'1'.repeat(33)}`,
      `2.sst#x${ours}`,
    ]
    for (const name of names) await writeFile(join(root, name), 'x')
    await mkdir(join(root, `3.sst#${ours}`))
    await symlink('somebody', join(root, `4.sst#${ours}`))
    const before = await readdir(root)
    await sweepStaged(root, FAR)
    expect(await readdir(root)).toEqual(before)
  })
})

test('who writes into a folder clears it up; who reads does not', async () => {
  const name = await staged(ownerDigits(dead()))
  const store = await openFolderStore(root, { sync: 'none' })
  await store.list('')
  await expect(store.get('x')).rejects.toMatchObject({ storeReason: 'NotFound' })
  expect(await readdir(root)).toEqual([name])
  await store.put('x', text('x'), { mode: 'create' })
  await expect.poll(() => readdir(root)).toEqual(['x'])
})

test('a writer whose file was taken away fails that attempt, and only that', async () => {
  const inner = await openFolderStore(root, { sync: 'none' })
  const upload = await inner.startUpload('a')
  await upload.part(text('x'))
  const [name] = await readdir(root)
  await unlink(join(root, name!))
  await expect(upload.complete()).rejects.toMatchObject({ kind: 'Unavailable', storeReason: 'Generic' })
  expect(await inner.list('')).toEqual([])

  // The same in the middle of a put, which is tried again.
  let taken = 0
  const store = retrying(inner, createEnv({ seed: 1 }))
  const putting = store.put('b', new Uint8Array(8 << 20).fill(1), { mode: 'create' })
  const until = Date.now() + 5000
  while (taken === 0 && Date.now() < until) {
    for (const one of await readdir(root)) {
      if (!one.startsWith('b#')) continue
      await unlink(join(root, one)).then(
        () => taken++,
        () => {},
      )
    }
  }
  await putting
  expect(taken).toBe(1)
  expect((await inner.head('b')).size).toBe(8 << 20)
  expect(await readdir(root)).toEqual(['b'])
})

describe('beside other processes', () => {
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

  const heard = (child: ChildProcess) => new Promise((resolve) => child.once('message', resolve))
  const ended = (child: ChildProcess) => new Promise((resolve) => child.once('exit', resolve))

  test('a slow write survives every sweep, and a killed one does not', async () => {
    const slow = fork(runner, [root, 'upload', 'slow'], { stdio: 'inherit' })
    const killed = fork(runner, [root, 'upload', 'killed'], { stdio: 'inherit' })
    await Promise.all([heard(slow), heard(killed)])
    expect((await readdir(root)).length).toBe(2)
    await sweepStaged(root, FAR)
    expect((await readdir(root)).length, 'both live').toBe(2)

    const end = ended(killed)
    killed.kill('SIGKILL')
    await end
    const store = await openFolderStore(root, { sync: 'none' })
    await store.put('x', text('x'), { mode: 'create' })
    await expect
      .poll(async () => (await readdir(root)).map((name) => name.replace(/#.*/, '')).sort())
      .toEqual(['slow', 'x'])

    const done = Promise.all([heard(slow), ended(slow)])
    slow.send('go')
    await done
    expect(await readdir(root)).toEqual(['slow', 'x'])
    expect(new TextDecoder().decode((await store.get('slow')).bytes)).toBe('one two')
  })
})
