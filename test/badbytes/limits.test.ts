// The edges of what may be stored, and bad days: each ends in the right answer or in one typed error.

import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EVERYTHING } from '../../src/bytes/range.ts'
import { openDb } from '../../src/db/open.ts'
import { openReader } from '../../src/db/reader.ts'
import { parseSettings, type SettingsInput } from '../../src/db/settings.ts'
import { encodeManifest, initialManifest } from '../../src/format/manifest.ts'
import { openFolderStore } from '../../src/node/folder-store.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'
import type { ObjectStore } from '../../src/objects/store.ts'
import { simulate } from '../../src/sim/simulate.ts'
import { WriteBatch } from '../../src/write/batch.ts'
import { scanAll } from '../compat/read-all.ts'
import { append } from '../model/append.ts'
import { toBytes, toText } from '../model/bytes.ts'

const QUIET: SettingsInput = { compactorOptions: null, garbageCollectorOptions: null }
const open = (store: ObjectStore, more: SettingsInput = {}, path = 'db') =>
  openDb({ store, path, settings: parseSettings({ ...QUIET, ...more }), mergeOperator: append })

/** A call that may throw at once, as a promise. */
const attempt = async <T>(call: () => T | Promise<T>): Promise<T> => call()

describe('keys and values', () => {
  test('keys of 0, 65,535 and 65,536 bytes', async () => {
    const store = new MemoryStore()
    const db = await open(store)
    const longest = new Uint8Array(65_535).fill(7)
    await expect(attempt(() => db.put(new Uint8Array(0), toBytes('v')))).rejects.toMatchObject({
      kind: 'Invalid',
      code: 'SLATEDB_EMPTY_KEY',
    })
    await expect(attempt(() => db.get(new Uint8Array(0)))).rejects.toMatchObject({
      kind: 'Invalid',
      code: 'SLATEDB_EMPTY_KEY',
    })
    await expect(attempt(() => db.put(new Uint8Array(65_536), toBytes('v')))).rejects.toMatchObject({
      kind: 'Invalid',
      code: 'SLATEDB_KEY_TOO_LARGE',
    })
    await db.put(longest, toBytes('long'))
    await db.put(new Uint8Array([0]), toBytes('short'))
    await db.flush('memtable')
    await db.put(longest, toBytes('long again'))
    expect(toText((await db.get(longest))!)).toBe('long again')
    await db.close()
    const again = await open(store)
    expect((await scanAll(again)).map((row) => [row.key.length, row.value])).toEqual([
      [1, 'short'],
      [65_535, 'long again'],
    ])
    expect(await again.get(new Uint8Array(65_536))).toBeUndefined()
    await again.close()
  })

  test('a value of 64 MiB through the log and through a table', { timeout: 120_000 }, () => largeValue(64 << 20))

  const { HUGE_VALUES } = process.env
  test.skipIf(HUGE_VALUES === undefined)('a value of 512 MiB less its key (HUGE_VALUES=1)', { timeout: 600_000 }, () =>
    largeValue((512 << 20) - 'large'.length),
  )

  async function largeValue(size: number): Promise<void> {
    const store = new MemoryStore()
    const value = new Uint8Array(size)
    for (let i = 0; i < size; i += 4093) value[i] = i
    const same = (got: Uint8Array | undefined) =>
      expect(got !== undefined && Buffer.compare(got, value) === 0).toBe(true)
    const db = await open(store, { flushInterval: null, maxUnflushedBytes: 4 * size, l0SstSizeBytes: 3 * size })
    await db.put(toBytes('large'), value)
    await db.flush('wal')
    await db.close({ flush: false })
    const replayed = await open(store, { flushInterval: null })
    same(await replayed.get(toBytes('large')))
    await replayed.close()
    const flushed = await open(store, { flushInterval: null })
    same(await flushed.get(toBytes('large')))
    await flushed.close()
  }

  test('a batch of a million operations', { timeout: 120_000 }, async () => {
    const store = new MemoryStore()
    const db = await open(store)
    const batch = new WriteBatch()
    const count = 1_000_000
    for (let i = 0; i < count; i++) batch.put(toBytes(`k${(i * 7919) % 600_000}`), toBytes(`${i}`))
    const handle = await db.write(batch)
    await handle.durable
    expect(handle.seq).toBe(1n)
    await db.close()
    const again = await open(store)
    let rows = 0
    for (const scan = again.scan(EVERYTHING); ; ) {
      const part = await scan.nextBatch(10_000)
      if (part.length === 0) break
      rows += part.length
    }
    expect(rows).toBe(600_000)
    // The last operation of a key wins (W-1).
    expect(toText((await again.get(toBytes(`k${(999_999 * 7919) % 600_000}`)))!)).toBe('999999')
    await again.close()
  })

  test('an empty batch, merges with several TTLs, merges without an operator, bad sequence numbers', async () => {
    const db = await open(new MemoryStore())
    await expect(attempt(() => db.write(new WriteBatch()))).rejects.toMatchObject({
      kind: 'Invalid',
      code: 'SLATEDB_EMPTY_BATCH',
    })
    const mixed = new WriteBatch()
    mixed.merge(toBytes('m'), toBytes('1'), { ttl: { at: 1e15 } })
    mixed.merge(toBytes('m'), toBytes('2'), { ttl: 'none' })
    await expect(attempt(() => db.write(mixed))).rejects.toMatchObject({ kind: 'Invalid' })
    await db.put(toBytes('k'), toBytes('v'), { seq: 10n })
    await expect(attempt(() => db.put(toBytes('k'), toBytes('v'), { seq: 10n }))).rejects.toMatchObject({
      kind: 'Invalid',
    })
    expect(db.status.lastSeq).toBe(10n)
    await db.close()
    const plain = await openDb({ store: new MemoryStore(), path: 'db' })
    await expect(attempt(() => plain.merge(toBytes('k'), toBytes('v')))).rejects.toMatchObject({
      kind: 'Invalid',
      code: 'SLATEDB_MERGE_OPERATOR_MISSING',
    })
    await plain.close()
  })
})

describe('places', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'places-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test.each(['..', 'a/../b', '%2e%2e/b', 'a\0b', 'a//b', './a', 'a/.', '\u00e9', 'a'.repeat(5000)])(
    'the path %j is refused',
    async (path) => {
      await expect(attempt(() => open(new MemoryStore(), {}, path))).rejects.toMatchObject({ kind: 'Invalid' })
      await expect(attempt(() => openReader({ store: new MemoryStore(), path }))).rejects.toMatchObject({
        kind: 'Invalid',
      })
    },
  )

  test('strangers in every folder are ignored and left alone', async () => {
    const store = await openFolderStore(join(folder, 'strangers'), { sync: 'none' })
    const db = await open(store)
    await db.put(toBytes('k'), toBytes('v'))
    await db.close()
    const strangers = [
      'manifest/99.manifest',
      'manifest/readme.txt',
      'wal/7.sst',
      'wal/x.sst',
      'compacted/no-ulid.sst',
      'notes',
      'wal/00000000000000000009.txt',
    ]
    for (const name of strangers) await writeFile(join(folder, 'strangers/db', name), 'strange')
    const again = await open(store)
    expect(toText((await again.get(toBytes('k')))!)).toBe('v')
    await again.put(toBytes('k'), toBytes('w'))
    await again.close()
    const reader = await openReader({ store, path: 'db' })
    expect(toText((await reader.get(toBytes('k')))!)).toBe('w')
    await reader.close()
    const left = await readdir(join(folder, 'strangers/db/manifest'))
    expect(left).toEqual(expect.arrayContaining(['99.manifest', 'readme.txt']))
  })

  test.skipIf(process.platform === 'win32')('a folder that is not writable', async () => {
    const path = join(folder, 'locked')
    await (await open(await openFolderStore(path, { sync: 'none' }))).close()
    await chmod(join(path, 'db/manifest'), 0o555)
    await asSomebody([folder, path], async () => {
      const store = await openFolderStore(path, { sync: 'none' })
      await expect(open(store, { objectStoreMaxRetries: 1 })).rejects.toMatchObject({
        kind: expect.stringMatching(/Unavailable|Invalid/),
        message: expect.stringMatching(/EACCES|permission/),
      })
    })
    await chmod(join(path, 'db/manifest'), 0o755)
    await (await open(await openFolderStore(path, { sync: 'none' }))).close()
  })

  /** Root may write everywhere: it runs `body` as a user without rights, who may enter `folders`. */
  async function asSomebody(folders: readonly string[], body: () => Promise<void>): Promise<void> {
    if (process.geteuid!() !== 0) return body()
    for (const one of folders) await chmod(one, 0o755)
    process.seteuid!(65_534)
    try {
      await body()
    } finally {
      process.seteuid!(0)
    }
  }

  test('a file where the folder should be', async () => {
    await writeFile(join(folder, 'file'), 'not a folder')
    const call = attempt(async () => open(await openFolderStore(join(folder, 'file')), { objectStoreMaxRetries: 1 }))
    await expect(call).rejects.toMatchObject({ kind: expect.stringMatching(/Unavailable|Invalid/) })
  })

  test('there is no database: a reader says so and creates nothing', async () => {
    const store = new MemoryStore()
    await expect(openReader({ store, path: 'db' })).rejects.toMatchObject({
      kind: 'Data',
      code: 'SLATEDB_MANIFEST_MISSING',
    })
    expect(await store.list('')).toEqual([])
  })
})

describe('manifests', () => {
  test.each([
    ['of an unknown version', (bytes: Uint8Array) => bytes.map((byte, at) => (at < 2 ? [0, 9][at]! : byte))],
    ['that is empty', () => new Uint8Array(0)],
    ['of one byte', () => new Uint8Array(1)],
    ['of random bytes', (bytes: Uint8Array) => bytes.map((_, at) => (at * 89) & 255)],
  ])('a manifest %s: a Data error that names it, nothing is written', async (_, damage) => {
    const store = new MemoryStore()
    await (await open(store)).close()
    const name = 'db/manifest/00000000000000000099.manifest'
    await store.put(name, damage(encodeManifest(initialManifest())), { mode: 'create' })
    const before = await store.list('')
    for (const call of [() => open(store), () => openReader({ store, path: 'db' })]) {
      const error = await attempt<unknown>(call).then(
        () => undefined,
        (failure) => failure,
      )
      expect(error).toMatchObject({ kind: 'Data', message: expect.stringContaining('00000000000000000099.manifest') })
    }
    expect(await store.list('')).toEqual(before)
  })

  test('a clone that was never finished', async () => {
    const store = new MemoryStore()
    const unfinished = encodeManifest({ ...initialManifest(), initialized: false })
    await store.put('db/manifest/00000000000000000001.manifest', unfinished, { mode: 'create' })
    await expect(open(store)).rejects.toMatchObject({ kind: 'Data', code: 'SLATEDB_NOT_INITIALIZED' })
    expect((await store.list('')).length).toBe(1)
  })
})

describe('bad days', () => {
  test('a second writer: the first one ends with Closed(Fenced), and all of its waiters settle', async () => {
    const store = new MemoryStore()
    const first = await open(store, { flushInterval: null })
    const kept = await first.put(toBytes('k'), toBytes('kept'))
    await first.flush('wal')
    await kept.durable
    const lost = await first.put(toBytes('k'), toBytes('lost'))
    const second = await open(store)
    const fenced = { kind: 'Closed', closeReason: 'Fenced' }
    await expect(first.flush('wal')).rejects.toMatchObject(fenced)
    await expect(lost.durable).rejects.toMatchObject(fenced)
    await expect(attempt(() => first.put(toBytes('k'), toBytes('again')))).rejects.toMatchObject(fenced)
    await expect(attempt(() => first.get(toBytes('k')))).rejects.toMatchObject(fenced)
    expect(first.status.closeReason).toBe('Fenced')
    // Rows that it took are lost with it, and its close says so.
    await expect(first.close()).rejects.toMatchObject({ closeReason: 'Fenced' })
    expect(toText((await second.get(toBytes('k')))!)).toBe('kept')
    await second.close()
  })

  test.each([-1, -86_400_000, 86_400_000])(
    'a wall clock that jumps by %i ms: time stays monotone, nothing fails',
    (jumpMs) =>
      simulate(`jump ${jumpMs}`, async (sim) => {
        const store = sim.store({ latencyMs: [1, 2] })
        const options = { store, path: 'db', env: sim.env, settings: parseSettings(QUIET) }
        const db = await openDb(options)
        const before = await db.put(toBytes('a'), toBytes('1'))
        sim.main.skew(jumpMs)
        const after = await db.put(toBytes('b'), toBytes('2'))
        expect(after.createTs).toBeGreaterThanOrEqual(before.createTs)
        if (jumpMs < 0) expect(db.status.clockHeldMs).toBeGreaterThan(0)
        await db.flush('memtable')
        await db.close()
        sim.main.skew(-jumpMs)
        const again = await openDb(options)
        const last = await again.put(toBytes('c'), toBytes('3'))
        expect(last.createTs).toBeGreaterThanOrEqual(after.createTs)
        await last.durable
        expect((await scanAll(again)).map((row) => row.value)).toEqual(['1', '2', '3'])
        await again.close()
      }).then(() => {}),
  )

  test('a store that is down for a minute: nothing hangs, nothing acknowledged is lost, it shows in the status', () =>
    simulate('outage', async (sim) => {
      const store = sim.store({ latencyMs: [1, 10] })
      const options = { store, path: 'db', env: sim.env, settings: parseSettings({ ...QUIET, flushInterval: 100 }) }
      const db = await openDb(options)
      await (await db.put(toBytes('before'), toBytes('1'))).durable
      sim.world.outage(60_000)
      let settled = 0
      const handles = []
      for (let i = 0; i < 20; i++) {
        const handle = await db.put(toBytes(`k${i}`), toBytes('2'))
        handles.push(handle)
        void handle.durable.then(() => settled++)
        expect(toText((await db.get(toBytes(`k${i}`)))!)).toBe('2')
        await sim.sleep(1000)
      }
      expect(settled).toBe(0)
      await sim.sleep(45_000)
      expect(settled).toBe(20)
      expect(db.status.degraded).toBeUndefined()
      expect(db.status.closeReason).toBeUndefined()
      await db.close({ flush: false })
      const again = await openDb(options)
      expect((await scanAll(again)).length).toBe(21)
      await again.close()
    }).then(() => {}))

  test.each([true, false])(
    'a full L0 that nobody compacts, WAL %s: close still ends and keeps every row',
    (walEnabled) =>
      simulate(`full ${walEnabled}`, async (sim) => {
        const settings = parseSettings({ ...QUIET, walEnabled, flushInterval: 10, l0MaxSsts: 2 })
        const options = { store: sim.store(), path: 'db', env: sim.env, settings }
        const db = await openDb(options)
        const flushes = []
        for (let i = 0; i < 5; i++) {
          await db.put(toBytes(`k${i}`), toBytes('v'))
          // From the third on it waits for a compaction (FL-4), which never comes.
          const flushed = db.flush('memtable')
          flushes.push(
            flushed.then(
              () => 'flushed',
              () => 'ended',
            ),
          )
          if (i < 2) await flushed
          await sim.sleep(50)
        }
        await db.close()
        expect((await Promise.all(flushes)).slice(0, 2)).toEqual(['flushed', 'flushed'])
        const again = await openDb(options)
        expect((await scanAll(again)).length).toBe(5)
        await again.close()
      }).then(() => {}),
  )

  test('a store that is down while a database opens, with bounded retries: Unavailable; without: it opens in the end', () =>
    simulate('opening in an outage', async (sim) => {
      const store = sim.store({ latencyMs: [1, 1] })
      sim.world.outage(60_000)
      const bounded = parseSettings({ ...QUIET, objectStoreMaxRetries: 3 })
      const failed = openDb({ store, path: 'db', env: sim.env, settings: bounded })
      await expect(failed).rejects.toMatchObject({ kind: 'Unavailable' })
      const db = await openDb({ store, path: 'db', env: sim.env, settings: parseSettings(QUIET) })
      expect(sim.clock.monotonic()).toBeGreaterThan(60_000)
      await db.close()
    }).then(() => {}))
})
