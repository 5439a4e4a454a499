// The settings of the official binding: one JSON document of a fixed shape. What it gives may be changed under its own
// names and read back, and what it accepts is accepted here.

import { expect, test } from 'vitest'
import { ours, type Programs, sameOn, theirs } from './same.ts'
import { type Binding, bytes } from './script.ts'

type Json = Record<string, unknown>
type Settings = ReturnType<Binding['Settings']['default']>

const documentOf = (settings: Settings): Json => JSON.parse(settings.to_json_string())
const at = (document: Json, path: string): unknown =>
  path.split('.').reduce<unknown>((value, key) => (value as Json | null | undefined)?.[key], document)

/** Every path of the document that ends in a value. */
function leaves(document: Json, prefix = ''): string[] {
  return Object.entries(document).flatMap(([key, value]) =>
    typeof value === 'object' && value !== null && Object.keys(value).length > 0
      ? leaves(value as Json, `${prefix}${key}.`)
      : `${prefix}${key}`,
  )
}

/** The document as text, after `change` of the object that holds the last key of `path`. */
function changed(document: Json, path: string, change: (parent: Json, key: string) => void): string {
  const copy = structuredClone(document)
  const keys = path.split('.')
  const last = keys.pop()!
  change(keys.length === 0 ? copy : (at(copy, keys.join('.')) as Json), last)
  return JSON.stringify(copy)
}

/** Another value that the field at `path` may have. */
function another(path: string, value: unknown): unknown {
  if (typeof value === 'number') return value + 1024
  if (typeof value === 'boolean') return !value
  if (typeof value === 'string') return '7s'
  const texts: Json = {
    compression_codec: 'Zstd',
    'object_store_cache_options.preload_disk_cache_on_startup': 'L0Sst',
    'object_store_cache_options.root_folder': 'folder',
    'compactor_options.scheduler_options': { min_compaction_sources: '3' },
    default_ttl: 5,
  }
  return texts[path]
}

const DURATIONS = ['0s', '1ms', '1us', '12ms', '1500ms', '1s+5ms', '1m30s', '1m+30', '100', '1month', '1y', '584y']
const NUMBERS = ['0', '1', '4294967295', '9007199254740991', '18446744073709551615']

const LITERALS: [string, string[]][] = [
  ['flush_interval', [...DURATIONS.map((text) => JSON.stringify(text)), 'null']],
  ['manifest_poll_interval', DURATIONS.map((text) => JSON.stringify(text))],
  ['garbage_collector_options.manifest_options.interval', ['"0s"', '"1us"', 'null']],
  ['min_filter_keys', NUMBERS.slice(0, 3)],
  ['filter_bits_per_key', NUMBERS.slice(0, 3)],
  ['l0_sst_size_bytes', NUMBERS],
  ['l0_max_ssts', NUMBERS],
  ['l0_flush_parallelism', NUMBERS],
  ['max_unflushed_bytes', NUMBERS],
  ['default_ttl', [...NUMBERS, 'null']],
  ['compactor_options.max_sst_size', NUMBERS],
  ['compactor_options.max_concurrent_compactions', NUMBERS],
  ['compactor_options.max_fetch_tasks', NUMBERS],
  ['object_store_cache_options.part_size_bytes', NUMBERS],
  ['object_store_cache_options.max_cache_size_bytes', [...NUMBERS, 'null']],
  ['garbage_collector_options', ['null', '{}', '{"x":1}']],
  ['garbage_collector_options.wal_options', ['null']],
  ['compactor_options.scheduler_options.a', ['"1"']],
]

const REFUSED: [string, string][] = [
  ['flush_interval', '100'],
  ['flush_interval', '"1.5s"'],
  ['flush_interval', '"1 second"'],
  ['flush_interval', '"585y"'],
  ['flush_interval', '""'],
  ['flush_interval', '"1s+"'],
  ['manifest_poll_interval', 'null'],
  ['min_filter_keys', '4294967296'],
  ['l0_max_ssts', '-1'],
  ['max_unflushed_bytes', '"64MiB"'],
  ['compression_codec', '"snappy"'],
  ['compactor_options', '{}'],
  ['compactor_options.scheduler_options.a', '1'],
  ['object_store_cache_options', 'null'],
  ['default_ttl.x', '1'],
]

const programs: Programs = {
  async 'the document of the defaults'({ Settings }, log) {
    const document = documentOf(Settings.default())
    await log.step('document', () => document)
    await log.step('order of keys', () => leaves(document))
    await log.step('from nothing', () => documentOf(Settings.load()))
    await log.step('from a file that is not there', () => documentOf(Settings.from_file('/nowhere/settings.toml')))
  },

  async 'every field is changed in the document and read back'({ Settings }, log) {
    const document = documentOf(Settings.default())
    for (const path of leaves(document)) {
      const value = another(path, at(document, path))
      const read = (change: (parent: Json, key: string) => void) =>
        at(documentOf(Settings.from_json_string(changed(document, path, change))), path)
      await log.step(`${path} changed`, () => read((parent, key) => void (parent[key] = value)))
      await log.fails(`${path} null`, () => read((parent, key) => void (parent[key] = null)))
      await log.fails(`${path} missing`, () => read((parent, key) => void delete parent[key]))
      await log.step(`${path} set`, () => {
        const settings = Settings.default()
        settings.set(path, JSON.stringify(value))
        settings.set('l0_max_ssts', '3')
        return at(documentOf(Settings.from_json_string(settings.to_json_string())), path)
      })
    }
  },

  async 'values that are accepted, and how they read afterwards'({ Settings }, log) {
    for (const [path, literals] of LITERALS) {
      for (const literal of literals) {
        await log.step(`${path} ${literal}`, () => {
          const settings = Settings.default()
          settings.set(path, literal)
          return at(documentOf(settings), path)
        })
      }
    }
    for (const [path, literal] of REFUSED) {
      await log.fails(`${path} ${literal}`, () => Settings.default().set(path, literal))
    }
    await log.fails('variables that are no values', () => {
      process.env.TEST_BAD_FLUSH_INTERVAL = 'soon'
      Settings.from_env('TEST_BAD_')
    })
    await log.step('a small limit from a variable', () => {
      process.env.TEST_SMALL_MAX_UNFLUSHED_BYTES = '5'
      process.env['TEST_SMALL_COMPACTOR_OPTIONS.MAX_SST_SIZE'] = '1000'
      const document = documentOf(Settings.from_env('TEST_SMALL_'))
      return [document.max_unflushed_bytes, at(document, 'compactor_options.max_sst_size')]
    })
  },

  async 'databases open with the values that were accepted'(slatedb, log) {
    for (const [key, literal] of [
      ['max_unflushed_bytes', '1000'],
      ['manifest_poll_interval', '"0s"'],
      ['manifest_update_timeout', '"0s"'],
      ['object_store_cache_options.part_size_bytes', '1000'],
      ['default_ttl', '18446744073709551615'],
      ['l0_max_ssts', '18446744073709551615'],
      ['l0_flush_parallelism', '0'],
    ] as const) {
      await log.step(`${key} ${literal}`, async () => {
        const settings = slatedb.Settings.default()
        settings.set('flush_interval', '"5ms"')
        settings.set('compactor_options', 'null')
        settings.set('garbage_collector_options', 'null')
        settings.set(key, literal)
        const builder = new slatedb.DbBuilder('db', slatedb.ObjectStore.resolve('memory:///'))
        builder.with_settings(settings)
        const db = await builder.build()
        for (let i = 0; i < 20; i++) await db.put(bytes(`key-${i}`), new Uint8Array(1000))
        await db.flush_with_options({ flush_type: 'MemTable' })
        const found = await db.get(bytes('key-7'))
        await db.shutdown()
        return found?.length
      })
    }
  },

  async 'a builder keeps the settings that it was given'(slatedb, log) {
    const build = async (prepare: (settings: Settings, give: () => void) => void) => {
      const builder = new slatedb.DbBuilder('db', slatedb.ObjectStore.resolve('memory:///'))
      const settings = slatedb.Settings.default()
      prepare(settings, () => builder.with_settings(settings))
      await (await builder.build()).shutdown()
      return 'opened'
    }
    await log.step('given, then changed', () =>
      build((settings, give) => {
        give()
        settings.set('l0_flush_parallelism', '0')
      }),
    )
    await log.step('given, then disposed of', () =>
      build((settings, give) => {
        give()
        settings.dispose()
      }),
    )
    await log.step('changed, then given', () =>
      build((settings, give) => {
        settings.set('l0_flush_parallelism', '0')
        give()
      }),
    )
    await log.step('disposed of, then given', () =>
      build((settings, give) => {
        settings.dispose()
        give()
      }),
    )
  },
}

sameOn(programs)

test('settings of this package only are kept in the document, and win over older names of the same setting', () => {
  const settings = ours.Settings.default()
  settings.set('format_generation', '"0.13"')
  settings.set('compactor_options.worker.max_sst_size', '77')
  settings.set('compactor_options.max_sst_size', '88')
  const again = documentOf(ours.Settings.from_json_string(settings.to_json_string()))
  expect(again.format_generation).toBe('0.13')
  expect(again.compactor_options).toMatchObject({ max_sst_size: 88, worker: { max_sst_size: 77 } })
  expect(() => settings.set('format_generation', '"0.1"')).toThrow(ours.ErrorInvalid)
  // The official binding reads such a document and drops what it does not know.
  expect(documentOf(theirs.Settings.from_json_string(settings.to_json_string()))).not.toHaveProperty(
    'format_generation',
  )
})
