import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Bound } from '../bytes/range.ts'
import { fromHex, toHex } from '../bytes/text.ts'
import { isSlateDBError } from '../errors.ts'
import {
  type Checkpoint,
  decodeManifest,
  EMPTY_TREE,
  type ExternalDb,
  encodeManifest,
  initialManifest,
  type Manifest,
  MIN_TICK,
  type SortedRun,
  type TableView,
  type Tree,
} from './manifest.ts'
import { encodeTracker, type SequenceTracker } from './sequence-tracker.ts'
import { CODECS, type TableRef } from './table-info.ts'

const FIXTURES = join(import.meta.dirname, '../../test/fixtures')

/** Every object of the fixtures whose name ends in `suffix`. */
function objects(suffix: string): { name: string; bytes: Uint8Array }[] {
  return readdirSync(FIXTURES, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(suffix))
    .sort()
    .map((name) => ({ name, bytes: new Uint8Array(readFileSync(join(FIXTURES, name))) }))
}

const manifests = objects('.manifest')

// biome-ignore lint/suspicious/noExplicitAny: the shape of objects.json, written by an independent decoder.
type Json = any

const tableJson = ({ id, info, formatVersion }: TableRef): Json => ({
  id,
  info: sparse({
    first_entry: info.firstEntry && toHex(info.firstEntry),
    index_offset: info.indexOffset,
    index_len: info.indexLength,
    filter_offset: info.filterOffset,
    filter_len: info.filterLength,
    compression_format: CODECS.indexOf(info.codec),
    sst_type: info.type === 'wal' ? 1 : 0,
    last_entry: info.lastEntry && toHex(info.lastEntry),
    stats_offset: info.statsOffset,
    stats_len: info.statsLength,
    filter_format: info.filterFormat === 'composite' ? 1 : 0,
  }),
  format_version: formatVersion,
})

/** A manifest in the shape of objects.json, where a field equal to its default is absent. */
function asJson(manifest: Manifest): Json {
  const { tree } = manifest
  const { formatVersion } = manifest
  return sparse({
    ...(formatVersion === 1 ? treeJson(tree) : { ...viewsJson(tree), ssts: tablesJson(manifest) }),
    segments:
      formatVersion === 1
        ? undefined
        : manifest.segments.map((one) => ({ prefix: toHex(one.prefix), ...viewsJson(one.tree) })),
    segment_extractor_name: manifest.segmentExtractorName,
    external_dbs:
      manifest.externalDbs.length === 0
        ? undefined
        : manifest.externalDbs.map((one) => ({
            path: one.path,
            source_checkpoint_id: one.sourceCheckpointId,
            final_checkpoint_id: one.finalCheckpointId,
            sst_ids: one.tableIds,
          })),
    initialized: manifest.initialized,
    writer_epoch: manifest.writerEpoch,
    compactor_epoch: manifest.compactorEpoch,
    replay_after_wal_id: manifest.replayAfterWalId,
    wal_id_last_seen: manifest.nextWalId - 1,
    last_l0_clock_tick: manifest.lastL0ClockTick === MIN_TICK ? '-9223372036854775808' : manifest.lastL0ClockTick,
    checkpoints: manifest.checkpoints.map((checkpoint) =>
      sparse({
        id: checkpoint.id,
        manifest_id: checkpoint.manifestId,
        checkpoint_expire_time_s: checkpoint.expireTime ?? 0,
        checkpoint_create_time_s: checkpoint.createTime,
        metadata_type: 'NONE',
        name: checkpoint.name,
      }),
    ),
    last_l0_seq: Number(manifest.lastL0Seq),
    wal_object_store_uri: manifest.walStoreUri,
    recent_snapshot_min_seq: Number(manifest.recentSnapshotMinSeq),
    sequence_tracker: toHex(encodeTracker(manifest.sequenceTracker)),
  })
}

/** A tree of version 1, where entries carry their tables. */
const treeJson = (tree: Tree): Json => ({
  l0_last_compacted: tree.lastCompactedTableId,
  l0: tree.l0.map((view) => tableJson(view.table)),
  compacted: tree.runs.map((run) => sparse({ id: run.id, ssts: run.views.map((view) => tableJson(view.table)) })),
})

/** A tree of version 2: views, whose tables are listed apart. */
const viewsJson = (tree: Tree): Json =>
  sparse({
    last_compacted_l0_sst_view_id: tree.lastCompactedViewId,
    l0: tree.l0.map(viewJson),
    compacted: tree.runs.map((run) => sparse({ id: run.id, ssts: run.views.map(viewJson) })),
  })

const viewJson = ({ viewId, table, visibleRange }: TableView): Json =>
  sparse({
    id: viewId,
    sst_id: table.id,
    visible_range: visibleRange && {
      start_bound: boundJson(visibleRange.start),
      end_bound: boundJson(visibleRange.end),
    },
  })

const boundJson = (bound: Bound | undefined): Json =>
  bound === undefined ? { bound_type: 1 } : { key: toHex(bound.key), bound_type: bound.inclusive ? 2 : 3 }

function tablesJson({ tree, segments }: Manifest): Json {
  const tables = new Map<string, TableRef>()
  for (const one of [tree, ...segments.map((segment) => segment.tree)]) {
    for (const view of [...one.l0, ...one.runs.flatMap((run) => run.views)]) tables.set(view.table.id, view.table)
  }
  return [...tables.values()].sort((a, b) => (a.id < b.id ? -1 : 1)).map(tableJson)
}

function sparse(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== 0 && value !== false),
  )
}

describe.each([
  ['slatedb-0.12.1', 1],
  ['slatedb-0.18.0', 2],
] as const)('manifests written by %s', (family, formatVersion) => {
  const cases = readdirSync(join(FIXTURES, family)).filter((name) => !name.includes('.'))
  test.each(cases)('%s: every field', (name) => {
    const folder = join(FIXTURES, family, name)
    const listed: Json[] = JSON.parse(readFileSync(join(folder, 'objects.json'), 'utf8'))
    const expected = listed.filter((one) => one.path.endsWith('.manifest'))
    expect(expected.length).toBeGreaterThan(0)
    for (const one of expected) {
      const manifest = decodeManifest(new Uint8Array(readFileSync(join(folder, one.path))), one.path)
      expect(manifest.formatVersion).toBe(formatVersion)
      expect(asJson(manifest)).toEqual(one.manifest)
      const { seqs, times } = manifest.sequenceTracker
      expect(seqs.map((seq, i) => [Number(seq), times[i]])).toEqual(one.sequence_tracker_points)
      if (formatVersion === 2) continue
      expect(manifest.tree.lastCompactedViewId).toBe(manifest.tree.lastCompactedTableId)
      expect(manifest.tree.l0.every((view) => view.viewId === view.table.id)).toBe(true)
    }
  })
})

describe('hand-built manifests', () => {
  const load = (name: string) => {
    const path = join(FIXTURES, 'synthetic', name, 'store/db/manifest/00000000000000000001.manifest')
    return decodeManifest(new Uint8Array(readFileSync(path)), name)
  }

  test('version 2 lists tables once and views apart', () => {
    const manifest = load('manifest-v2')
    expect(manifest.tree.l0).toHaveLength(1)
    const [view] = manifest.tree.l0
    expect(view!.viewId).not.toBe(view!.table.id)
    expect(manifest.segmentExtractorName).toBeUndefined()
    // Every rewrite keeps the version and the view ids (MF-7).
    expect(encodeManifest(manifest)[1]).toBe(2)
    expect(decodeManifest(encodeManifest({ ...manifest, writerEpoch: 9 }), 'again').tree).toEqual(manifest.tree)
  })

  test('segments and the extractor name', () => {
    const manifest = load('manifest-v2-segments')
    expect(manifest.segmentExtractorName).toBeDefined()
    expect(manifest.segments.length).toBeGreaterThan(0)
    expect(manifest.tree.l0).toEqual([])
    expect(encodeManifest(manifest)[1]).toBe(2)
  })

  test('external databases', () => {
    const manifest = load('clone-external-db')
    expect(manifest.externalDbs).toHaveLength(1)
    const [external] = manifest.externalDbs
    expect(manifest.tree.l0.map((view) => view.table.id)).toEqual(external!.tableIds)
    expect(external!.path).not.toMatch(/^\//)
  })

  test('visible ranges: two views of one table', () => {
    const views = load('visible-range').tree.l0
    expect(new Set(views.map((view) => view.table.id)).size).toBe(1)
    expect(views.length).toBeGreaterThan(1)
    for (const view of views) expect(view.visibleRange?.start?.inclusive).toBe(true)
  })

  test('named checkpoints', () => {
    const { checkpoints } = load('checkpoints-named')
    expect(checkpoints.some((checkpoint) => checkpoint.name !== undefined)).toBe(true)
    expect(checkpoints.some((checkpoint) => checkpoint.expireTime === undefined)).toBe(true)
  })

  test('a missing format version means 1, a missing last key an unknown bound', () => {
    expect(load('sst-v1-no-format-version').tree.l0[0]!.table.formatVersion).toBe(1)
    expect(load('sst-v1').tree.l0[0]!.table.formatVersion).toBe(1)
    expect(load('no-stats-no-filter-no-last').tree.l0[0]!.table.info.lastEntry).toBeUndefined()
    expect(load('composite-filter').tree.l0[0]!.table.info.filterFormat).toBe('composite')
  })
})

test('every fixture survives a round trip', () => {
  expect(manifests.length).toBeGreaterThan(150)
  for (const { name, bytes } of manifests) {
    const manifest = decodeManifest(bytes, name)
    const again = decodeManifest(encodeManifest(manifest), name)
    expect(again, name).toEqual(manifest)
  }
})

test('the initial manifest is what 0.12.1 writes first', () => {
  const first = manifests.find(({ name }) => name.includes('puts-wal') && name.endsWith('1.manifest'))!
  const initial = initialManifest({ formatVersion: 1 })
  expect(decodeManifest(first.bytes, first.name)).toEqual(initial)
  expect(decodeManifest(encodeManifest(initial), 'initial')).toEqual(initial)
  expect(encodeManifest(initial)[1]).toBe(1)
})

test('the initial manifest is what 0.18.0 writes first', () => {
  const first = manifests.find(({ name }) => name.includes('0.18.0/baseline') && name.endsWith('1.manifest'))!
  expect(decodeManifest(first.bytes, first.name)).toEqual(initialManifest())
  expect(encodeManifest(initialManifest())[1]).toBe(2)
})

test('segments make it version 2, whatever it was before', () => {
  const segmented = initialManifest({ formatVersion: 1, segmentExtractorName: 'x' })
  expect(encodeManifest(segmented)[1]).toBe(2)
})

describe('damage', () => {
  const data = (bytes: Uint8Array, code?: string) => {
    try {
      decodeManifest(bytes, 'object x')
    } catch (error) {
      if (!isSlateDBError(error) || error.kind !== 'Data') throw error
      expect(error.message).toContain('object x')
      if (code !== undefined) expect(error.code).toBe(code)
      return true
    }
    return false
  }

  test('not a manifest', () => {
    expect(data(new Uint8Array(0), 'SLATEDB_EMPTY_MANIFEST')).toBe(true)
    expect(data(Uint8Array.of(0), 'SLATEDB_EMPTY_MANIFEST')).toBe(true)
    expect(data(Uint8Array.of(0, 3, 0, 0, 0, 0), 'SLATEDB_INVALID_VERSION')).toBe(true)
    expect(data(Uint8Array.of(0, 1), 'SLATEDB_INVALID_FLATBUFFER')).toBe(true)
  })

  test.each([0, 3, 65535])('a table of format version %i', (formatVersion) => {
    const ref = { ...tableRef('a', 'b'), formatVersion: formatVersion as 1 }
    const bytes = encodeManifest({ ...initialManifest(), tree: { ...EMPTY_TREE, l0: [identity(ref)] } })
    expect(data(bytes, 'SLATEDB_INVALID_VERSION')).toBe(true)
  })

  test('a table without a first key', () => {
    const ref = tableRef('a', 'b')
    const bad = { ...ref, info: { ...ref.info, firstEntry: undefined } }
    const bytes = encodeManifest({ ...initialManifest(), tree: { ...EMPTY_TREE, l0: [identity(bad)] } })
    expect(data(bytes, 'SLATEDB_INVALID_FLATBUFFER')).toBe(true)
  })

  test('visible ranges that peers crash on', () => {
    const bound = (key: string, inclusive: boolean) => ({ key: fromHex(key), inclusive })
    const withRange = (start: TableView['visibleRange']) =>
      encodeManifest({
        ...initialManifest(),
        tree: { ...EMPTY_TREE, l0: [{ ...identity(tableRef('10', '20')), visibleRange: start }] },
      })
    expect(data(withRange({ start: bound('11', true), end: bound('12', false) }))).toBe(false)
    expect(data(withRange({ start: bound('11', false), end: undefined }), 'SLATEDB_INVALID_RANGE')).toBe(true)
    expect(data(withRange({ start: bound('12', true), end: bound('11', true) }), 'SLATEDB_INVALID_RANGE')).toBe(true)
    expect(data(withRange({ start: bound('21', true), end: undefined }), 'SLATEDB_INVALID_DB_STATE')).toBe(true)
    expect(data(withRange({ start: undefined, end: bound('10', false) }), 'SLATEDB_INVALID_DB_STATE')).toBe(true)
  })

  test('numbers beyond 2^53', () => {
    const bytes = encodeManifest({ ...initialManifest(), writerEpoch: 2 ** 60 })
    expect(data(bytes, 'SLATEDB_NUMBER_TOO_LARGE')).toBe(true)
    expect(data(encodeManifest({ ...initialManifest(), lastL0ClockTick: -(2 ** 60) }))).toBe(true)
  })

  test('segments inside one another', () => {
    const segments = ['61', '6162'].map((prefix) => ({ prefix: fromHex(prefix), tree: EMPTY_TREE }))
    const bytes = encodeManifest({ ...initialManifest({ segmentExtractorName: 'x' }), segments })
    expect(data(bytes, 'SLATEDB_INVALID_DB_STATE')).toBe(true)
  })

  test('every truncation, and flips of every byte, of every kind of manifest', { timeout: 120_000 }, () => {
    const seen = new Set<string>()
    let refused = 0
    for (const { name, bytes } of manifests) {
      // One object of each shape: sizes tell them apart well enough.
      if (seen.has(`${name.split('/')[1]} ${bytes.length}`)) continue
      seen.add(`${name.split('/')[1]} ${bytes.length}`)
      for (let length = 0; length < bytes.length; length += 1 + (bytes.length >> 8)) {
        if (data(bytes.slice(0, length))) refused++
      }
      for (let at = 0; at < bytes.length; at += 1 + (bytes.length >> 9)) {
        for (const mask of [0x01, 0x80, 0xff]) {
          const copy = bytes.slice()
          copy[at]! ^= mask
          if (data(copy)) refused++
        }
      }
    }
    expect(refused).toBeGreaterThan(1000)
  })

  test('random damage', () => {
    const property = fc.property(
      fc.nat(manifests.length - 1),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      (index, edits) => {
        const copy = manifests[index]!.bytes.slice()
        for (const [at, value] of edits) copy[at % copy.length] = value
        data(copy)
      },
    )
    fc.assert(property, { numRuns: 5000 })
  })
})

test('whatever a manifest can say survives a round trip', () => {
  fc.assert(
    fc.property(anyManifest(), (manifest) => {
      expect(decodeManifest(encodeManifest(manifest), 'random')).toEqual(manifest)
    }),
    { numRuns: 300 },
  )
})

function tableRef(first: string, last: string): TableRef {
  return {
    id: '01M81T94MX179YPTY251JGQ7AB',
    formatVersion: 2,
    info: {
      firstEntry: fromHex(first.padStart(2, '0')),
      lastEntry: fromHex(last.padStart(2, '0')),
      indexOffset: 10,
      indexLength: 20,
      filterOffset: 10,
      filterLength: 0,
      codec: 'none',
      type: 'compacted',
      statsOffset: 30,
      statsLength: 16,
      filterFormat: 'legacy',
    },
  }
}

function identity(table: TableRef): TableView {
  return { viewId: table.id, table, visibleRange: undefined }
}

function anyManifest(): fc.Arbitrary<Manifest> {
  const id = fc.ulid()
  const size = fc.nat(2 ** 30)
  const key = fc.uint8Array({ maxLength: 12 })
  const ref: fc.Arbitrary<TableRef> = fc.record({
    id,
    formatVersion: fc.constantFrom(1 as const, 2 as const),
    info: fc.record({
      firstEntry: key,
      lastEntry: fc.constant(undefined),
      indexOffset: size,
      indexLength: size,
      filterOffset: size,
      filterLength: size,
      codec: fc.constantFrom(...CODECS),
      type: fc.constantFrom('compacted' as const, 'wal' as const),
      statsOffset: size,
      statsLength: size,
      filterFormat: fc.constantFrom('legacy' as const, 'composite' as const),
    }),
  })
  // Ranges that hold the first key, so that the view is not empty.
  const view = (named: boolean): fc.Arbitrary<TableView> =>
    fc.tuple(ref, fc.boolean(), fc.boolean(), id).map(([table, from, to, viewId]) => {
      const bound = { key: table.info.firstEntry!, inclusive: true }
      const visibleRange = from || to ? { start: from ? bound : undefined, end: to ? bound : undefined } : undefined
      return { viewId: named ? viewId : table.id, table, visibleRange }
    })
  const tree = (named: boolean): fc.Arbitrary<Tree> =>
    fc
      .record({
        l0: fc.array(view(named), { maxLength: 4 }),
        runs: fc.array(
          fc.record({
            id: fc.nat(0xffffffff),
            views: fc.array(view(named), { maxLength: 3 }),
          }) as fc.Arbitrary<SortedRun>,
          { maxLength: 3 },
        ),
        marker: fc.option(id, { nil: undefined }),
      })
      .map(({ l0, runs, marker }) => ({
        l0,
        runs,
        lastCompactedViewId: marker,
        lastCompactedTableId: named ? undefined : marker,
      }))
  const uuid = fc.uuid()
  const checkpoint: fc.Arbitrary<Checkpoint> = fc.record({
    id: uuid,
    manifestId: fc.maxSafeNat(),
    expireTime: fc.option(fc.integer({ min: 1, max: 0xffffffff }), { nil: undefined }),
    createTime: fc.nat(0xffffffff),
    name: fc.option(fc.string({ unit: 'grapheme' }), { nil: undefined }),
  })
  const external: fc.Arbitrary<ExternalDb> = fc.record({
    path: fc.string(),
    sourceCheckpointId: uuid,
    finalCheckpointId: fc.option(uuid, { nil: undefined }),
    tableIds: fc.array(id, { maxLength: 3 }),
  })
  const tracker: fc.Arbitrary<SequenceTracker> = fc
    .array(fc.tuple(fc.nat(1000), fc.nat(100_000)), { maxLength: 20 })
    .map((steps) => {
      const seqs: bigint[] = []
      const times: number[] = []
      let seq = 0n
      let time = 1_700_000_000
      for (const [more, later] of steps) {
        seqs.push((seq += BigInt(more)))
        times.push((time += later))
      }
      return { seqs, times }
    })
  const seq = fc.bigInt({ min: 0n, max: 0xffffffffffffffffn })
  const kinds = [
    { formatVersion: 1, segmented: false },
    { formatVersion: 2, segmented: false },
    { formatVersion: 2, segmented: true },
  ] as const
  return fc.constantFrom(...kinds).chain(({ formatVersion, segmented }) =>
    fc
      .record({
        externalDbs: fc.array(external, { maxLength: 2 }),
        initialized: fc.boolean(),
        writerEpoch: fc.maxSafeNat(),
        compactorEpoch: fc.maxSafeNat(),
        replayAfterWalId: fc.maxSafeNat(),
        nextWalId: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        tree: tree(formatVersion === 2),
        segments: segmented
          ? fc
              .uniqueArray(fc.nat(255), { maxLength: 3 })
              .chain((prefixes) =>
                fc.tuple(
                  ...prefixes
                    .sort((a, b) => a - b)
                    .map((prefix) => tree(true).map((inner) => ({ prefix: Uint8Array.of(prefix), tree: inner }))),
                ),
              )
          : fc.constant([]),
        formatVersion: fc.constant(formatVersion),
        segmentExtractorName: segmented ? fc.string() : fc.constant(undefined),
        lastL0ClockTick: fc.oneof(fc.constant(MIN_TICK), fc.maxSafeInteger()),
        lastL0Seq: seq,
        recentSnapshotMinSeq: seq,
        checkpoints: fc.array(checkpoint, { maxLength: 3 }),
        walStoreUri: formatVersion === 2 ? fc.constant(undefined) : fc.constantFrom(undefined, ''),
        sequenceTracker: tracker,
      })
      .map((manifest) => oneRefPerId(manifest)),
  )
}

/** Version 2 stores a table once: views of one id share it. Random ids meet rarely, but they may. */
function oneRefPerId(manifest: Manifest): Manifest {
  const ids = new Set<string>()
  const distinct = (view: TableView) => !ids.has(view.table.id) && ids.add(view.table.id) !== undefined
  const tree = (one: Tree): Tree => ({
    ...one,
    l0: one.l0.filter(distinct),
    runs: one.runs.map((run) => ({ ...run, views: run.views.filter(distinct) })),
  })
  const segments = manifest.segments.map((segment) => ({ ...segment, tree: tree(segment.tree) }))
  return { ...manifest, tree: tree(manifest.tree), segments }
}
