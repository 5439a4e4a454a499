// The same program against the official binding and against ours: what it sees must be the same.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type * as peer from '@slatedb/uniffi'
import { type Programs, sameOn } from './same.ts'
import { ALL, bytes, drain, open, READ, range, SCAN, settings } from './script.ts'

const programs: Programs = {
  async 'reads and writes'(slatedb, log) {
    const db = await open(slatedb, slatedb.ObjectStore.resolve('memory:///'))
    await log.step('put', () => db.put(bytes('a'), bytes('1')))
    await log.step('get', () => db.get(bytes('a')))
    await log.step('missing', () => db.get(bytes('zz')))
    await log.step('row', () => db.get_key_value(bytes('a')))
    await log.step('missing row', () => db.get_key_value(bytes('zz')))
    await log.step('empty value', () => db.put(bytes('empty'), new Uint8Array(0)))
    await log.step('get empty value', () => db.get(bytes('empty')))
    await log.step('keys may be arrays', () => db.get([97] as unknown as Uint8Array))
    await log.step('keys may be buffers', () => db.get(new Uint8Array([97]).buffer as unknown as Uint8Array))
    const at = { ttl: slatedb.Ttl.ExpireAt(99_999_999_999_999n) }
    await log.step('put with options', () => db.put_with_options(bytes('t'), bytes('v'), at, { await_durable: false }))
    await log.step('expiry', () => db.get_key_value(bytes('t')))
    const past = { ttl: slatedb.Ttl.ExpireAt(1n) }
    await log.step('expired', () => db.put_with_options(bytes('t'), bytes('old'), past, { await_durable: true }))
    await log.step('expired rows still show', () => db.get(bytes('t')))
    await log.step('remote', () => db.get_with_options(bytes('a'), { ...READ, durability_filter: 'Remote' }))
    await log.step('row with options', () => db.get_key_value_with_options(bytes('a'), READ))
    await log.step('delete', () => db.delete(bytes('a')))
    await log.step('deleted', () => db.get(bytes('a')))
    await log.step('delete with options', () => db.delete_with_options(bytes('t'), { await_durable: true }))
    await log.step('flush', () => db.flush())
    await log.step('flush wal', () => db.flush_with_options({ flush_type: slatedb.FlushType.Wal }))
    await log.step('flush memtable', () => db.flush_with_options({ flush_type: slatedb.FlushType.MemTable }))
    await log.step('status', () => db.status())
    await log.step('after flush', async () => drain(await db.scan(ALL)))
    await log.step('shutdown', () => db.shutdown())
    await log.step('status after', () => db.status())
    for (const [name, call] of Object.entries({
      get: () => db.get(bytes('a')),
      put: () => db.put(bytes('a'), bytes('1')),
      scan: () => db.scan(ALL),
      begin: () => db.begin('Snapshot'),
      snapshot: () => db.snapshot(),
      flush: () => db.flush(),
      shutdown: () => db.shutdown(),
    })) {
      await log.step<unknown>(`${name} after shutdown`, call)
    }
  },

  async 'bad arguments'(slatedb, log) {
    const db = await open(slatedb, slatedb.ObjectStore.resolve('memory:///'))
    await log.step('empty key', () => db.put(bytes(''), bytes('1')))
    await log.step('empty key to get', () => db.get(bytes('')))
    await log.step('empty key to delete', () => db.delete(bytes('')))
    await log.step('long key', () => db.put(new Uint8Array(65_536), bytes('1')))
    await log.step('longest key', () => db.put(new Uint8Array(65_535), bytes('1')))
    await log.step('text key', () => db.get('a' as unknown as Uint8Array))
    await log.step('no options', () => db.get_with_options(bytes('a'), undefined as never))
    await log.step('half options', () => db.get_with_options(bytes('a'), { durability_filter: 'Memory' } as never))
    await log.step('bad enum', () => db.get_with_options(bytes('a'), { ...READ, durability_filter: 'Disk' as never }))
    await log.step('bad flag', () => db.get_with_options(bytes('a'), { ...READ, dirty: 1 as never }))
    await log.step('bad ttl', () => db.put_with_options(bytes('a'), bytes('1'), {} as never, { await_durable: true }))
    await log.step('bad isolation', () => db.begin('Strict' as never))
    await log.step('inverted range', () => db.scan(range('b', 'a')))
    await log.step('empty range', () => db.scan(range('b', 'b')))
    await log.step('point range', async () => drain(await db.scan(range('b', 'b', true))))
    await log.step('empty start', () => db.scan(range('', 'b')))
    await log.step('empty end', () => db.scan(range('a', '')))
    await log.step('bad url', () => slatedb.ObjectStore.resolve('nope'))
    await log.step('bad checkpoint, class', async () => {
      const builder = new slatedb.DbReaderBuilder('db', slatedb.ObjectStore.resolve('memory:///'))
      try {
        builder.with_checkpoint_id('x')
      } catch (error) {
        return (error as Error).name
      }
    })
    await db.shutdown()
  },

  async 'builders are used once'(slatedb, log) {
    const store = slatedb.ObjectStore.resolve('memory:///')
    const builder = new slatedb.DbBuilder('db', store)
    builder.with_settings(settings(slatedb))
    builder.with_seed(7n)
    builder.with_sst_block_size(slatedb.SstBlockSize.Block8Kib)
    builder.with_db_cache_disabled()
    builder.with_metrics_recorder(new slatedb.DefaultMetricsRecorder())
    const db = await builder.build()
    await log.step('build again', () => builder.build())
    await log.step('set again', () => builder.with_seed(1n))
    await log.step('put', () => db.put(bytes('a'), bytes('1')))
    await log.step('no database', () => new slatedb.DbReaderBuilder('nothing', store).build())
    const readers = new slatedb.DbReaderBuilder('db', store)
    readers.with_options({
      manifest_poll_interval_ms: 1000,
      checkpoint_lifetime_ms: 100n,
      max_memtable_bytes: 1_000_000,
      skip_wal_replay: false,
    })
    await log.step('short checkpoint lifetime', () => readers.build())
    await log.step('reader builder again', () => readers.build())
    await db.shutdown()
  },

  async batches(slatedb, log) {
    const db = await open(slatedb, slatedb.ObjectStore.resolve('memory:///'))
    await db.put(bytes('gone'), bytes('x'))
    const batch = new slatedb.WriteBatch()
    batch.put(bytes('a'), bytes('1'))
    batch.put(bytes('a'), bytes('2'))
    batch.delete(bytes('gone'))
    batch.merge(bytes('m'), bytes('x'))
    batch.merge(bytes('m'), bytes('y'))
    batch.put_with_options(bytes('t'), bytes('v'), { ttl: slatedb.Ttl.ExpireAt(99_999_999_999_999n) })
    await log.step('empty key', () => batch.put(bytes(''), bytes('x')))
    await log.step('write', () => db.write(batch))
    await log.step('write again', () => db.write(batch))
    await log.step('put after', () => batch.put(bytes('x'), bytes('y')))
    await log.step('rows', async () => drain(await db.scan(ALL)))
    const empty = new slatedb.WriteBatch()
    await log.step('empty', () => db.write(empty))
    await log.step('empty again', () => db.write(empty))
    const other = new slatedb.WriteBatch()
    other.put(bytes('z'), bytes('1'))
    await log.step('with options', () => db.write_with_options(other, { await_durable: false }))
    await db.shutdown()
  },

  async scans(slatedb, log) {
    const db = await open(slatedb, slatedb.ObjectStore.resolve('memory:///'))
    for (const key of ['p:1', 'p:2', 'p:3', 'q', 'o']) await db.put(bytes(key), bytes(`v${key}`))
    await log.step('all', async () => drain(await db.scan(ALL)))
    await log.step('range', async () => drain(await db.scan(range('p', 'q'))))
    await log.step('range, inclusive', async () => drain(await db.scan(range('p', 'q', true))))
    await log.step('prefix', async () => drain(await db.scan_prefix(bytes('p:'))))
    await log.step('empty prefix', async () => drain(await db.scan_prefix(bytes(''))))
    await log.step('descending', async () => drain(await db.scan_with_options(ALL, { ...SCAN, order: 'Descending' })))
    await log.step('descending prefix', async () =>
      drain(await db.scan_prefix_with_options(bytes('p:'), { ...SCAN, order: 'Descending' })),
    )
    const iterator = await db.scan(range('o', 'q', true))
    await log.step('first', () => iterator.next())
    await log.step('seek', () => iterator.seek(bytes('p:2')))
    await log.step('after seek', () => iterator.next())
    await log.step('seek back', () => iterator.seek(bytes('p:1')))
    await log.step('seek to the last', () => iterator.seek(bytes('p:2')))
    await log.fails('seek outside', () => iterator.seek(bytes('z')))
    await log.step('seek to nothing', () => iterator.seek(bytes('')))
    await log.step('goes on', async () => drain(iterator))
    await log.step('stays at the end', () => iterator.next())
    await db.shutdown()
  },

  async snapshots(slatedb, log) {
    const db = await open(slatedb, slatedb.ObjectStore.resolve('memory:///'))
    await db.put(bytes('a'), bytes('1'))
    const snapshot = await db.snapshot()
    await db.put(bytes('a'), bytes('2'))
    await db.put(bytes('b'), bytes('3'))
    await log.step('get', () => snapshot.get(bytes('a')))
    await log.step('row', () => snapshot.get_key_value(bytes('a')))
    await log.step('later row', () => snapshot.get(bytes('b')))
    await log.step('scan', async () => drain(await snapshot.scan(ALL)))
    await log.step('prefix', async () => drain(await snapshot.scan_prefix(bytes('a'))))
    await log.step('dispose', () => snapshot.dispose())
    await log.step('dispose again', () => snapshot.dispose())
    await log.step('use', () => snapshot.get(bytes('a')))
    const other = await db.snapshot()
    await db.shutdown()
    await log.step('after shutdown', () => other.get(bytes('a')))
  },

  async transactions(slatedb, log) {
    const db = await open(slatedb, slatedb.ObjectStore.resolve('memory:///'))
    await db.put(bytes('a'), bytes('1'))
    const tx = await db.begin(slatedb.IsolationLevel.Snapshot)
    await log.step('id', () => /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(tx.id()))
    await log.step('seqnum', () => tx.seqnum())
    await log.step('put', () => tx.put(bytes('x'), bytes('2')))
    await log.step('get own', () => tx.get(bytes('x')))
    await log.step('own row', () => tx.get_key_value(bytes('x')))
    await log.step('merge', () => tx.merge(bytes('a'), bytes('2')))
    await log.step('merged', () => tx.get(bytes('a')))
    await log.step('delete', () => tx.delete(bytes('b')))
    await log.step('scan', async () => (await drain(await tx.scan(ALL))).map(({ key, value }) => [key, value]))
    await log.step('unseen', () => db.get(bytes('x')))
    await log.step('commit', () => tx.commit())
    for (const [name, call] of Object.entries({
      commit: () => tx.commit(),
      rollback: () => tx.rollback(),
      get: () => tx.get(bytes('x')),
      put: () => tx.put(bytes('x'), bytes('y')),
    })) {
      await log.step<unknown>(`${name} after commit`, call)
    }
    await log.step('seen', () => db.get(bytes('x')))
    const loser = await db.begin('Snapshot')
    await loser.put(bytes('x'), bytes('mine'))
    await db.put(bytes('x'), bytes('theirs'))
    await log.step('conflict', () => loser.commit())
    await log.step('after conflict', () => loser.commit())
    const reader = await db.begin('SerializableSnapshot')
    await reader.get(bytes('watched'))
    await reader.put(bytes('r'), bytes('1'))
    await db.put(bytes('watched'), bytes('1'))
    await log.step('read conflict', () => reader.commit())
    const marked = await db.begin('Snapshot')
    await log.step('mark', () => marked.mark_read([bytes('m1')]))
    await marked.put(bytes('r'), bytes('1'))
    await db.put(bytes('m1'), bytes('1'))
    await log.step('marked conflict', () => marked.commit())
    const careless = await db.begin('Snapshot')
    await careless.put(bytes('c'), bytes('1'))
    await log.step('unmark', () => careless.unmark_write([bytes('c')]))
    await db.put(bytes('c'), bytes('2'))
    // The original burns a sequence number per conflict, ours does not: from here on numbers differ.
    await log.step(
      'no conflict',
      async () => typeof (await careless.commit_with_options({ await_durable: true }))!.seqnum,
    )
    const idle = await db.begin('Snapshot')
    await log.step('nothing to commit', () => idle.commit())
    const dropped = await db.begin('Snapshot')
    await dropped.put(bytes('d'), bytes('1'))
    await log.step('rollback', () => dropped.rollback())
    await log.step('rollback again', () => dropped.rollback())
    await log.step('rows', async () => (await drain(await db.scan(ALL))).map(({ key, value }) => [key, value]))
    await db.shutdown()
  },

  async merges(slatedb, log) {
    const db = await open(slatedb, slatedb.ObjectStore.resolve('memory:///'))
    await log.step('merge', () => db.merge(bytes('m'), bytes('x')))
    await log.step('merge again', () => db.merge(bytes('m'), bytes('y')))
    await log.step('get', () => db.get(bytes('m')))
    await log.step('row', () => db.get_key_value(bytes('m')))
    const at = { ttl: slatedb.Ttl.ExpireAt(99_999_999_999_999n) }
    await log.step('with options', () => db.merge_with_options(bytes('m'), bytes('z'), at, { await_durable: true }))
    await log.step('row with expiry', () => db.get_key_value(bytes('m')))
    await log.step('put over', () => db.put(bytes('m'), bytes('new')))
    await log.step('merge on a value', () => db.merge(bytes('m'), bytes('!')))
    await log.step('get', () => db.get(bytes('m')))
    await db.flush_with_options({ flush_type: 'MemTable' })
    await log.step('after flush', async () => drain(await db.scan(ALL)))
    await db.shutdown()
  },

  async 'a second writer'(slatedb, log) {
    const store = slatedb.ObjectStore.resolve('memory:///')
    const first = await open(slatedb, store)
    await first.put(bytes('a'), bytes('1'))
    const second = await open(slatedb, store)
    await log.step('put', () => first.put(bytes('b'), bytes('2')))
    await log.step('put again', () => first.put(bytes('b'), bytes('2')))
    await log.step('get', () => first.get(bytes('a')))
    await log.step('status', () => first.status().close_reason)
    await log.step('shutdown', () => first.shutdown())
    await log.step('the new one', () => second.get(bytes('a')))
    await second.shutdown()
  },

  async readers(slatedb, log) {
    const store = slatedb.ObjectStore.resolve('memory:///')
    const db = await open(slatedb, store)
    await db.put(bytes('a'), bytes('1'))
    await db.merge(bytes('a'), bytes('2'))
    const builder = new slatedb.DbReaderBuilder('db', store)
    builder.with_merge_operator({
      merge: (_key, existing, operand) => new Uint8Array([...(existing ?? []), ...operand]),
    })
    const reader = await builder.build()
    await log.step('get', () => reader.get(bytes('a')))
    await log.step('get with options', () => reader.get_with_options(bytes('a'), READ))
    await log.step('scan', async () => drain(await reader.scan(ALL)))
    await log.step('prefix', async () => drain(await reader.scan_prefix(bytes('a'))))
    await log.step('status', () => reader.status())
    await log.step('shutdown', () => reader.shutdown())
    await log.step('shutdown again', () => reader.shutdown())
    await log.step('get after', () => reader.get(bytes('a')))
    await log.step('status after', () => reader.status())
    await db.shutdown()
  },

  async 'WAL files'(slatedb, log) {
    const store = slatedb.ObjectStore.resolve('memory:///')
    const db = await open(slatedb, store)
    await db.put_with_options(
      bytes('a'),
      bytes('1'),
      { ttl: slatedb.Ttl.ExpireAt(99_999_999_999_999n) },
      { await_durable: true },
    )
    await db.delete(bytes('a'))
    await db.merge(bytes('a'), bytes('2'))
    const wal = new slatedb.WalReader('db', store)
    const files = await wal.list(undefined, undefined)
    await log.step('ids', () => files.map((file) => file.id()))
    await log.step('part of them', async () => (await wal.list(2n, 4)).map((file) => file.id()))
    await log.step('ids around', () => [wal.get(5).next_id(), wal.get(5n).next_file().id()])
    for (const file of files) {
      await log.step(`rows of ${file.id()}`, async () => {
        const iterator = await file.iterator()
        const rows: unknown[] = []
        for (let row = await iterator.next(); row !== undefined; row = await iterator.next()) rows.push(row)
        return rows
      })
    }
    await log.step('metadata', async () => {
      const { location, last_modified_seconds, last_modified_nanos, size_bytes } = await files[1]!.metadata()
      return [
        location,
        typeof last_modified_seconds,
        typeof last_modified_nanos,
        typeof size_bytes,
        Number(size_bytes) > 0,
      ]
    })
    await log.fails('missing file', () => wal.get(999n).metadata())
    await log.fails('rows of a missing file', () => wal.get(999n).iterator())
    await db.shutdown()
  },

  async settings(slatedb, log) {
    const value = (s: peer.Settings, path: string) =>
      path.split('.').reduce<unknown>((o, key) => (o as Record<string, unknown>)?.[key], JSON.parse(s.to_json_string()))
    const set = (key: string, literal: string) =>
      log.step(`set ${key} ${literal}`, () => {
        const s = slatedb.Settings.default()
        s.set(key, literal)
        return value(s, key)
      })
    await set('flush_interval', '"250ms"')
    await set('flush_interval', 'null')
    await set('flush_interval', '"1m 30s"')
    await set('flush_interval', '"1s+500ms"')
    await set('flush_interval', '"1500ms"')
    await set('flush_interval', '"0ms"')
    await set('nope', '1')
    await set('', '1')
    await set('a..b', '1')
    await set('flush_interval.x', '1')
    await set('compactor_options.max_sst_size', '33554432')
    await set('compactor_options', 'null')
    await set('compactor_options.nope', '1')
    await set('compactor_options.scheduler_options.min_compaction_sources', '"3"')
    await set('compression_codec', '"Snappy"')
    await set('default_ttl', '42')
    await set('default_ttl', 'null')
    await set('object_store_cache_options.root_folder', '"folder"')
    await set('object_store_cache_options.preload_disk_cache_on_startup', '"L0Sst"')
    await set('garbage_collector_options.wal_options.interval', '"5s"')
    await log.step('defaults', () => {
      const { garbage_collector_options: _, ...rest } = JSON.parse(slatedb.Settings.default().to_json_string())
      return Object.fromEntries(SHARED.map((key) => [key, rest[key]]))
    })
    for (const [key, literal] of [
      ['flush_interval', '"soon"'],
      ['compression_codec', '"brotli"'],
      ['default_ttl', '-1'],
      ['l0_max_ssts', '"5"'],
      ['flush_interval', 'nonsense'],
      ['wal_enabled', 'null'],
    ] as const) {
      await log.fails(`refused: ${key} ${literal}`, () => slatedb.Settings.default().set(key, literal))
    }
    await log.step('round trip', () => {
      const s = slatedb.Settings.default()
      s.set('l0_max_ssts', '77')
      return value(slatedb.Settings.from_json_string(s.to_json_string()), 'l0_max_ssts')
    })
    const json = JSON.parse(slatedb.Settings.default().to_json_string())
    for (const key of [
      'flush_interval',
      'wal_enabled',
      'compactor_options',
      'default_ttl',
      'object_store_cache_options',
    ]) {
      const { [key]: _, ...rest } = json
      const without = JSON.stringify({ ...rest, surprise: 1 })
      if (key.endsWith('_options') ? key === 'object_store_cache_options' : key !== 'default_ttl') {
        await log.fails(`without ${key}`, () => slatedb.Settings.from_json_string(without))
      } else {
        await log.step(`without ${key}`, () => value(slatedb.Settings.from_json_string(without), key))
      }
    }
    await log.fails('no JSON', () => slatedb.Settings.from_json_string('x'))
    process.env.TEST_UNIFFI_FLUSH_INTERVAL = '3s'
    process.env['TEST_UNIFFI_COMPACTOR_OPTIONS.POLL_INTERVAL'] = '4s'
    process.env.TEST_UNIFFI_NOPE = '1'
    await log.step('from env', () => {
      const s = slatedb.Settings.from_env('TEST_UNIFFI_')
      return [value(s, 'flush_interval'), value(s, 'compactor_options.poll_interval')]
    })
    await log.step('from env over a base', () => {
      const base = slatedb.Settings.default()
      base.set('l0_max_ssts', '77')
      const s = slatedb.Settings.from_env_with_default('TEST_UNIFFI_', base)
      return [value(s, 'flush_interval'), value(s, 'l0_max_ssts')]
    })
  },

  async 'settings files'(slatedb, log) {
    const folder = mkdtempSync(join(tmpdir(), 'slatedb-settings-'))
    const read = (name: string, text: string) =>
      log.step(name, () => {
        writeFileSync(join(folder, name), text)
        const s = JSON.parse(slatedb.Settings.from_file(join(folder, name)).to_json_string())
        return [s.flush_interval, s.l0_max_ssts, s.compactor_options.poll_interval, s.compactor_options.max_sst_size]
      })
    try {
      await read('a.toml', 'flush_interval = "1s"\n[compactor_options]\npoll_interval = "9s"\n')
      await read('a.json', '{"l0_max_ssts": 5, "surprise": 1, "compactor_options": {"max_sst_size": 1000000}}')
      await read('a.yaml', 'flush_interval: 250ms\ncompactor_options:\n  poll_interval: 1m\n')
      await read('a.yml', 'l0_max_ssts: 6\n')
      await log.fails('unknown ending', () => {
        writeFileSync(join(folder, 'a.ini'), '')
        slatedb.Settings.from_file(join(folder, 'a.ini'))
      })
      await log.fails('not TOML', () => {
        writeFileSync(join(folder, 'b.toml'), 'flush_interval')
        slatedb.Settings.from_file(join(folder, 'b.toml'))
      })
    } finally {
      rmSync(folder, { recursive: true })
    }
  },

  async environments(slatedb, log) {
    const folder = mkdtempSync(join(tmpdir(), 'slatedb-env-'))
    const before = { ...process.env }
    const from = (step: string, variables: Record<string, string>) =>
      log.step(step, async () => {
        for (const name of ['CLOUD_PROVIDER', 'LOCAL_PATH']) delete process.env[name]
        Object.assign(process.env, variables)
        const db = await open(slatedb, slatedb.ObjectStore.from_env(undefined))
        await db.put(bytes('a'), bytes('1'))
        const found = await db.get(bytes('a'))
        await db.shutdown()
        return found
      })
    try {
      await from('memory', { CLOUD_PROVIDER: 'Memory' })
      await from('a folder', { CLOUD_PROVIDER: 'local', LOCAL_PATH: folder })
      await log.step('in the folder', () => readdirSync(join(folder, 'db')).includes('manifest'))
      await from('no folder named', { CLOUD_PROVIDER: 'local' })
      await from('no such provider', { CLOUD_PROVIDER: 'abacus' })
      await from('nothing', {})
    } finally {
      for (const name of ['CLOUD_PROVIDER', 'LOCAL_PATH']) {
        if (before[name] === undefined) delete process.env[name]
        else process.env[name] = before[name]
      }
      rmSync(folder, { recursive: true })
    }
  },

  async 'the recorder'(slatedb, log) {
    const recorder = new slatedb.DefaultMetricsRecorder()
    const counter = recorder.register_counter('a.b', 'a counter', [
      { key: 'z', value: '1' },
      { key: 'k', value: 'v' },
    ])
    counter.increment(3n)
    counter.increment(2)
    recorder.register_gauge('g', 'a gauge', []).set(5n)
    recorder.register_up_down_counter('u', 'both ways', []).increment(-2n)
    const histogram = recorder.register_histogram('h', 'a histogram', [], [1, 2])
    for (const value of [0.5, 1, 1.5, 9]) histogram.record(value)
    await log.step('snapshot', () => recorder.snapshot())
    await log.step('by name', () => recorder.metrics_by_name('h'))
    const label = (key: string, value: string) => ({ key, value })
    await log.step('by labels', () => recorder.metric_by_name_and_labels('a.b', [label('k', 'v'), label('z', '1')]))
    await log.step('other labels', () => recorder.metric_by_name_and_labels('a.b', []))
  },
}

/** Settings that mean the same in both generations. */
const SHARED = [
  'flush_interval',
  'wal_enabled',
  'manifest_poll_interval',
  'manifest_update_timeout',
  'min_filter_keys',
  'filter_bits_per_key',
  'l0_sst_size_bytes',
  'l0_max_ssts',
  'l0_flush_parallelism',
  'max_unflushed_bytes',
  'compression_codec',
  'default_ttl',
]

sameOn(programs)
