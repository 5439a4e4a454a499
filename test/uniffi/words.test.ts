// Classes, kinds and words of errors, as programs of the official binding look for them, and how arguments are taken.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as peer from '@slatedb/uniffi'
import { expect, test } from 'vitest'
import { createEnv } from '../../src/env/system.ts'
import { Paths } from '../../src/format/paths.ts'
import { addCheckpoint } from '../../src/manifest/checkpoints.ts'
import { manifestVersions } from '../../src/manifest/records.ts'
import { openFolderStore } from '../../src/node/folder-store.ts'
import { ours, type Programs, sameOn, theirs } from './same.ts'
import { ALL, appender, type Binding, bytes, drain, open, READ, range, SCAN, settings } from './script.ts'

const MISSING = 'ffffffff-ffff-ffff-ffff-ffffffffffff'
const READER: peer.ReaderOptions = {
  manifest_poll_interval_ms: 1000n,
  checkpoint_lifetime_ms: 600_000n,
  max_memtable_bytes: 1_000_000n,
  skip_wal_replay: false,
}
const U64_MAX = 2n ** 64n - 1n

/** Runs `work` and answers which of `words` the error that it ends with has, beside its class. */
async function wordsOf(slatedb: Binding, words: readonly string[], work: () => unknown): Promise<unknown> {
  try {
    await work()
  } catch (error) {
    const { name, message } = error as Error
    return [name, error instanceof slatedb.Error, words.filter((word) => message.includes(word))]
  }
  return 'no error'
}

async function inFolder<T>(work: (root: string) => Promise<T>): Promise<T> {
  const root = mkdtempSync(join(tmpdir(), 'slatedb-words-'))
  try {
    return await work(root)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

const programs: Programs = {
  async 'what is missing is called missing, or not found'(slatedb, log) {
    const store = slatedb.ObjectStore.resolve('memory:///')
    const db = await open(slatedb, store)
    const words = [
      'Data error: ',
      'not found',
      'object store error',
      'checkpoint missing',
      MISSING,
      'failed to find latest',
    ]
    const step = (name: string, work: () => unknown) => log.step(name, () => wordsOf(slatedb, words, work))
    const wal = new slatedb.WalReader('db', store)
    await step('metadata of a WAL file', () => wal.get(999n).metadata())
    await step('rows of a WAL file', () => wal.get(999n).iterator())
    await step('metadata of a WAL file whose id no number holds', () => wal.get(2n ** 60n).metadata())
    await step('a database', () => new slatedb.DbReaderBuilder('nowhere', store).build())
    for (const id of [
      MISSING,
      MISSING.toUpperCase(),
      MISSING.replaceAll('-', ''),
      `{${MISSING}}`,
      `urn:uuid:${MISSING}`,
    ]) {
      await step(`checkpoint ${id}`, () => {
        const builder = new slatedb.DbReaderBuilder('db', store)
        builder.with_checkpoint_id(id)
        return builder.build()
      })
    }
    for (const id of ['x', '', 'ffff-ffffffffffffffffffffffffffff', '01ARZ3NDEKTSV4RRFFQ69G5FAV']) {
      await log.fails(`no UUID: ${id}`, () => new slatedb.DbReaderBuilder('db', store).with_checkpoint_id(id))
    }
    await db.shutdown()
  },

  async 'a damaged WAL file is a checksum mismatch'(slatedb, log) {
    await inFolder(async (root) => {
      const store = slatedb.ObjectStore.resolve(pathToFileURL(root).href)
      const db = await open(slatedb, store)
      await db.put(bytes('a'), bytes('1'))
      await db.shutdown()
      const files = await new slatedb.WalReader('db', store).list(undefined, undefined)
      await log.step('files', () => files.map((file) => file.id()))
      await log.step('sizes', async () => {
        const sizes = await Promise.all(files.map(async (file) => (await file.metadata()).size_bytes))
        return sizes.map((size) => Number(size) > 0)
      })
      for (const file of files.slice(1, 2)) {
        const { location, size_bytes } = await file.metadata()
        await log.step(`location of ${file.id()}`, () => [location, Number(size_bytes) > 0])
        const damaged = readFileSync(join(root, location))
        damaged[3]! ^= 255
        damaged[damaged.length - 3]! ^= 255
        writeFileSync(join(root, location), damaged)
        await log.step(`rows of ${file.id()}`, () =>
          wordsOf(slatedb, ['Data error: checksum mismatch'], async () => (await file.iterator()).next()),
        )
      }
    })
  },

  async 'stores that a URL does not name'(slatedb, log) {
    for (const url of ['s3://', 'gs://', 'az://', 'ftp://x/y', 'foo:///x', 's3:bucket']) {
      await log.step(url, () =>
        wordsOf(slatedb, ['Unavailable error: object store error (', 'Unable to recognise URL'], () =>
          slatedb.ObjectStore.resolve(url),
        ),
      )
    }
    await log.step('no text', () => slatedb.ObjectStore.resolve(5 as never))
    await log.step('spaces around it', () => typeof slatedb.ObjectStore.resolve('  memory:/// ').dispose())
  },

  async 'arguments of the wrong kind'(slatedb, log) {
    const store = slatedb.ObjectStore.resolve('memory:///')
    const db = await open(slatedb, store)
    const ttl = (value: unknown) =>
      log.step(`ttl ${JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? `${one}n` : one))}`, async () => {
        await db.put_with_options(bytes('t'), bytes('v'), { ttl: value as peer.Ttl }, { await_durable: true })
      })
    for (const value of [-1n, 1.5, '1', U64_MAX + 1n]) {
      await ttl({ tag: 'ExpireAfterTicks', '': value })
      await log.step(`seed ${value}`, () => new slatedb.DbBuilder('db', store).with_seed(value as never))
      await log.step(`WAL id ${value}`, () => new slatedb.WalReader('db', store).list(value as never, undefined))
    }
    await ttl({ tag: 'ExpireAt', '': 2n ** 63n })
    await ttl({ tag: 'ExpireAt', '': '5' })
    await ttl({ tag: 'ExpireAfterTicks', '': undefined })
    await ttl({ tag: 'Nope' })
    await ttl({})
    await log.step('no value', () => db.put(bytes('none'), undefined as never))
    await log.step('null value', () => db.put(bytes('none'), null as never))
    await log.step('which is empty', () => db.get(bytes('none')))
    await log.step('no prefix', async () => (await drain(await db.scan_prefix(undefined as never))).length)
    await log.step('no key to seek to', async () => (await db.scan(ALL)).seek(undefined as never))
    await log.step('no bounds at all', () => db.scan({} as never))
    await log.step('null bounds', async () =>
      (await drain(await db.scan({ ...ALL, start: null, end: null } as never))).map(({ key }) => key),
    )
    await log.step(
      'the largest read-ahead',
      async () =>
        (await drain(await db.scan_with_options(ALL, { ...SCAN, read_ahead_bytes: U64_MAX, max_fetch_tasks: U64_MAX })))
          .length,
    )
    for (const [name, batch] of Object.entries({
      none: undefined,
      'another object': {},
      disposed: new slatedb.WriteBatch(),
    })) {
      ;(batch as { dispose?(): boolean } | undefined)?.dispose?.()
      await log.step(`batch: ${name}`, () => db.write(batch as never))
    }
    await log.step('store: none', () => new slatedb.DbBuilder('db', undefined as never))
    await log.step('store: another object', () => new slatedb.WalReader('db', {} as never))
    await log.step('operator: no object', () =>
      new slatedb.DbBuilder('db', store).with_merge_operator(undefined as never),
    )
    await log.step('operator: no merge', () => new slatedb.DbBuilder('db', store).with_merge_operator({} as never))
    await log.step('recorder: no methods', () => new slatedb.DbBuilder('db', store).with_metrics_recorder({} as never))
    for (const options of [
      undefined,
      { ...READER, skip_wal_replay: undefined },
      { ...READER, manifest_poll_interval_ms: -1 },
    ]) {
      await log.step(`reader options ${String(options?.skip_wal_replay)}`, () =>
        new slatedb.DbReaderBuilder('db', store).with_options(options as never),
      )
    }
    await db.shutdown()
  },

  async 'objects go on after what they were made with is disposed of'(slatedb, log) {
    const store = slatedb.ObjectStore.resolve('memory:///')
    const builder = new slatedb.DbBuilder('a//b/', store)
    builder.with_settings(settings(slatedb))
    store.dispose()
    const db = await builder.build()
    builder.dispose()
    await log.step('put', () => db.put(bytes('a'), bytes('1')))
    await log.step('names', () => [db.uniffiTypeName, builder.uniffiTypeName, new slatedb.WriteBatch().uniffiTypeName])
    await log.step('shutdown', () => db.shutdown())
    await log.step('a builder for the store', () => new slatedb.DbBuilder('db', store))
    const wal = new slatedb.WalReader('db', slatedb.ObjectStore.resolve('memory:///'))
    await log.step('ids beyond what numbers hold', () => [wal.get(2n ** 60n).id(), wal.get(U64_MAX).next_id()])
    await log.step('list from there', () => wal.list(2n ** 60n, undefined))
  },

  async 'a reader of a checkpoint goes on showing what it holds'(slatedb, log) {
    await inFolder(async (root) => {
      const store = slatedb.ObjectStore.resolve(pathToFileURL(root).href)
      const db = await open(slatedb, store)
      await db.put(bytes('a'), bytes('in a table'))
      await db.flush_with_options({ flush_type: 'MemTable' })
      await db.put(bytes('b'), bytes('after it'))
      const versions = manifestVersions(await openFolderStore(root, { sync: 'none' }), createEnv(), new Paths('db'))
      await versions.readLatest()
      const id = '01234567-89ab-4cde-8f01-23456789abcd'
      await versions.update((manifest, base) =>
        addCheckpoint(manifest, base, { id, nowMs: Date.now(), lifetimeMs: undefined, name: undefined }),
      )
      await db.put(bytes('a'), bytes('later'))
      await db.flush_with_options({ flush_type: 'MemTable' })
      const builder = new slatedb.DbReaderBuilder('db', store)
      builder.with_checkpoint_id(id)
      builder.with_options({ ...READER, manifest_poll_interval_ms: 20 })
      const reader = await builder.build()
      const rows = async () => (await drain(await reader.scan(ALL))).map(({ key, value }) => [key, value])
      await log.step('rows', rows)
      await db.put(bytes('c'), bytes('later still'))
      await db.flush_with_options({ flush_type: 'MemTable' })
      await new Promise((resolve) => setTimeout(resolve, 100))
      await log.step('rows after more writes', rows)
      await log.step('get', () => reader.get(bytes('a')))
      await log.step('get with options', () => reader.get_with_options(bytes('c'), READ))
      await reader.shutdown()
      await db.shutdown()
    })
  },
}

sameOn(programs)

/** Each call gets its bytes as `make` gives them, and they are overwritten as soon as it has returned its promise. */
async function overwritten(slatedb: Binding, make: (text: string) => Uint8Array): Promise<unknown[]> {
  const seen: unknown[] = []
  const call = async <T>(texts: string[], work: (...bytes: Uint8Array[]) => Promise<T>): Promise<T> => {
    const given = texts.map(make)
    const promise = work(...given)
    given.forEach((one, i) => {
      expect(new TextDecoder().decode(one), 'an argument is never written to').toBe(texts[i])
      one.fill('~'.charCodeAt(0))
    })
    return promise
  }
  const keys = async (iterator: peer.DbIterator) =>
    (await drain(iterator)).map(({ key }) => new TextDecoder().decode(key))
  const store = slatedb.ObjectStore.resolve('memory:///')
  const db = await open(slatedb, store)
  for (const key of ['aa', 'ab1', 'ab2', 'ac']) await call([key, `v${key}`], (k, v) => db.put(k!, v!))
  await call(['m', 'x'], (k, v) => db.merge(k!, v!))
  await db.flush_with_options({ flush_type: 'MemTable' })
  const reader = new slatedb.DbReaderBuilder('db', store)
  reader.with_merge_operator(appender(slatedb))
  const handles = [db, await db.snapshot(), await db.begin('SerializableSnapshot'), await reader.build()]
  for (const handle of handles) {
    seen.push(await call(['ab1'], (k) => handle.get(k!)))
    seen.push(await call(['ab2'], (k) => handle.get_with_options(k!, READ)))
    seen.push(await keys(await call(['ab'], (p) => handle.scan_prefix(p!))))
    seen.push(
      await keys(await call(['ab'], (p) => handle.scan_prefix_with_options(p!, { ...SCAN, order: 'Descending' }))),
    )
    seen.push(
      await keys(
        await call(['ab', 'ac'], (start, end) =>
          handle.scan({ start, start_inclusive: true, end, end_inclusive: false }),
        ),
      ),
    )
    const iterator = await handle.scan(range('aa', 'ac', true))
    await call(['ab2'], (k) => iterator.seek(k!))
    seen.push(await keys(iterator))
  }
  const batch = new slatedb.WriteBatch()
  await call(['b1', 'v', 'b2', 'w'], async (a, v, b, w) => {
    batch.put(a!, v!)
    batch.merge(b!, w!)
  })
  await call(['ac'], async (k) => batch.delete(k!))
  await db.write(batch)
  const tx = await db.begin('SerializableSnapshot')
  await call(['t1', 'v', 'watched'], async (k, v, w) => {
    await tx.put(k!, v!)
    await tx.mark_read([w!])
  })
  seen.push(await tx.get(bytes('t1')))
  await db.put(bytes('watched'), bytes('1'))
  seen.push(await wordsOf(slatedb, ['transaction conflict'], () => tx.commit()))
  seen.push(await keys(await db.scan(ALL)))
  await db.shutdown()
  return seen
}

test.each([
  ['Buffer', (text: string): Uint8Array => Buffer.from(text)],
  ['Uint8Array', bytes],
])('a %s that is overwritten after the call changes nothing, as with the official binding', async (_, make) => {
  expect(await overwritten(ours, make)).toEqual(await overwritten(theirs, make))
})

test('a database made through this entry is of generation 0.12, unless its settings name another', async () => {
  await inFolder(async (root) => {
    const url = pathToFileURL(root).href
    const build = async (path: string, generation: string | undefined) => {
      const made = ours.Settings.default()
      made.set('compactor_options', 'null')
      made.set('garbage_collector_options', 'null')
      if (generation !== undefined) made.set('format_generation', JSON.stringify(generation))
      const builder = new ours.DbBuilder(path, ours.ObjectStore.resolve(url))
      builder.with_settings(made)
      const db = await builder.build()
      await db.put(bytes('a'), bytes('1'))
      await db.shutdown()
      // Generation 0.15 begins its log with a fence of no bytes, which the 0.12 line cannot read.
      return readdirSync(join(root, path, 'wal'))
        .sort()
        .map((file) => readFileSync(join(root, path, 'wal', file)).length > 0)
    }
    mkdirSync(root, { recursive: true })
    expect(await build('old', undefined)).toEqual([true, true])
    expect(await build('new', '0.15')).toEqual([false, true])
    expect(await build('new', undefined)).toEqual(
      [false, true, false, true].slice(0, (await build('new', undefined)).length),
    )
    const reader = await new theirs.DbReaderBuilder('old', theirs.ObjectStore.resolve(url)).build()
    expect(await reader.get(bytes('a'))).toEqual(bytes('1'))
    await reader.shutdown()
  })
})
