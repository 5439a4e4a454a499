import { expect, test } from 'vitest'
import { type TablePath, withField } from '../../test/support/later-release.ts'
import { type Compactions, decodeCompactions, encodeCompactions } from './compactions.ts'
import { FlatBuffer } from './flat.ts'
import { decodeManifest, EMPTY_TREE, encodeManifest, initialManifest, type Manifest } from './manifest.ts'
import type { TableRef } from './table-info.ts'

const UUID = '00000000-0000-4000-8000-000000000001'
const table: TableRef = {
  id: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
  formatVersion: 2,
  info: {
    firstEntry: Uint8Array.of(97),
    lastEntry: Uint8Array.of(99),
    indexOffset: 1,
    indexLength: 2,
    filterOffset: 3,
    filterLength: 4,
    codec: 'none',
    type: 'compacted',
    statsOffset: 5,
    statsLength: 6,
    filterFormat: 'composite',
  },
}
const bound = { key: Uint8Array.of(98), inclusive: true }
const view = { viewId: table.id, table, visibleRange: { start: bound, end: undefined } }
const tree = { ...EMPTY_TREE, l0: [view], runs: [{ id: 3, views: [view] }] }
const plain: Manifest = {
  ...initialManifest({ formatVersion: 1 }),
  tree,
  checkpoints: [{ id: UUID, manifestId: 1, createTime: 2, expireTime: 3, name: 'n' }],
  externalDbs: [{ path: 'p', sourceCheckpointId: UUID, finalCheckpointId: undefined, tableIds: [table.id] }],
}
const segmented: Manifest = {
  ...plain,
  formatVersion: 2,
  segmentExtractorName: 'x',
  segments: [{ prefix: Uint8Array.of(97), tree }],
}

const L0: TablePath = [[8, 0]]

test.each<[string, Manifest, TablePath, number]>([
  ['ManifestV1.16', plain, [], 16],
  ['ManifestV1.40', plain, [], 40],
  ['CompactedSsTable.4', plain, L0, 4],
  ['Ulid.2', plain, [...L0, 0], 2],
  ['SsTableInfo.11', plain, [...L0, 1], 11],
  ['BytesRange.2', plain, [...L0, 2], 2],
  ['BytesBound.2', plain, [...L0, 2, 0], 2],
  ['SortedRun.2', plain, [[9, 0]], 2],
  ['SsTableInfo.12', plain, [[9, 0], [1, 0], 1], 12],
  ['Checkpoint.7', plain, [[11, 0]], 7],
  ['Checkpoint.5', plain, [[11, 0]], 5],
  ['Uuid.2', plain, [[11, 0], 0], 2],
  ['ExternalDb.4', plain, [[1, 0]], 4],
  ['ManifestV2.18', segmented, [], 18],
  ['CompactedSsTableV2.3', segmented, [[8, 0]], 3],
  ['CompactedSsTableView.3', segmented, [[9, 0]], 3],
  ['Segment.4', segmented, [[16, 0]], 4],
])('%s is passed over when reading, and never written away', (name, manifest, path, slot) => {
  const bytes = encodeManifest(manifest)
  const known = decodeManifest(bytes, 'known')
  expect(known.unknownFields).toBeUndefined()
  const later = decodeManifest(withField(bytes, path, slot), 'later')
  expect(later).toEqual({ ...known, unknownFields: [name] })
  // Whatever is changed about it.
  const refused = expect.objectContaining({
    kind: 'Data',
    code: 'SLATEDB_UNKNOWN_FIELDS',
    message: expect.stringContaining(`(${name})`),
  })
  expect(() => encodeManifest({ ...later, writerEpoch: later.writerEpoch + 1 })).toThrow(refused)
})

const tiered: Compactions = {
  formatVersion: 2,
  compactorEpoch: 1,
  entries: [
    {
      id: table.id,
      spec: { kind: 'tiered', segment: new Uint8Array(0), l0: [table.id], runs: [1], destination: 1 },
      status: 'running',
      outputs: [table],
      claim: { workerId: 'w', lastHeartbeatMs: 1 },
      context: {
        subcompactions: [{ range: view.visibleRange, outputs: [table], status: 'completed' }],
        retentionMinSeq: 1n,
      },
    },
  ],
}
const drain: Compactions = {
  ...tiered,
  entries: [{ ...tiered.entries[0]!, spec: { kind: 'drain', segment: Uint8Array.of(97), l0: [], runs: [] } }],
}
const ENTRY: TablePath = [[1, 0]]

test.each<[string, Compactions, TablePath, number]>([
  ['CompactionsV1.2', tiered, [], 2],
  ['Compaction.8', tiered, ENTRY, 8],
  ['TieredCompactionSpec.5', tiered, [...ENTRY, 2], 5],
  ['DrainSegmentSpec.3', drain, [...ENTRY, 2], 3],
  ['WorkerSpec.2', tiered, [...ENTRY, 5], 2],
  ['TieredCompactionContext.2', tiered, [...ENTRY, 7], 2],
  ['Subcompaction.3', tiered, [...ENTRY, 7, [0, 0]], 3],
  ['SsTableInfo.11', tiered, [...ENTRY, [4, 0], 1], 11],
])('%s of a compactions record, too', (name, compactions, path, slot) => {
  const bytes = encodeCompactions(compactions)
  expect(decodeCompactions(bytes, 'known')).toEqual(compactions)
  const later = decodeCompactions(withField(bytes, path, slot), 'later')
  expect(later).toEqual({ ...compactions, unknownFields: [name] })
  expect(() => encodeCompactions({ ...later, compactorEpoch: 2 })).toThrow(
    expect.objectContaining({ kind: 'Data', code: 'SLATEDB_UNKNOWN_FIELDS' }),
  )
})

test('a plan of a kind that a later release added is passed over when reading, and never written away', () => {
  const bytes = encodeCompactions(tiered)
  const later = [...bytes.keys()]
    .map((at) => {
      try {
        return decodeCompactions(bytes.with(at, 7), 'later')
      } catch {
        return undefined
      }
    })
    .find((record) => record?.unknownFields?.includes('Compaction.6 = 7'))
  expect(later?.entries[0]).toMatchObject({ id: table.id, context: undefined })
  expect(() => encodeCompactions(later!)).toThrow('Compaction.6 = 7')
})

test('a longer vtable without more fields is nothing new', () => {
  const bytes = withField(encodeManifest(plain), [], 20)
  // The new vtable is the end of the record: its slots 16 to 20 are the last ten bytes.
  bytes.fill(0, bytes.length - 2)
  expect(decodeManifest(bytes, 'longer')).toEqual(decodeManifest(encodeManifest(plain), 'plain'))
})

/** A record with one vector of tables, all of one vtable with `slots` slots. */
function tablesOfOneVtable(tables: number, slots: number, isUsed: (slot: number) => boolean): Uint8Array {
  const vtableBytes = 4 + 2 * slots
  const bytes = new Uint8Array(64 + vtableBytes + 4 + 8 * tables)
  const view = new DataView(bytes.buffer)
  const vector = 60
  const vtable = vector + 4 + 4 * tables
  view.setUint32(0, 12, true)
  // The root's vtable at 4: one field, the vector.
  view.setUint16(4, 6, true)
  view.setUint16(6, 8, true)
  view.setUint16(8, 4, true)
  view.setInt32(12, 8, true)
  view.setUint32(16, vector - 16, true)
  view.setUint32(vector, tables, true)
  view.setUint16(vtable, vtableBytes, true)
  view.setUint16(vtable + 2, 4, true)
  for (let slot = 0; slot < slots; slot++) if (isUsed(slot)) view.setUint16(vtable + 4 + 2 * slot, 4, true)
  const first = vtable + vtableBytes
  for (let i = 0; i < tables; i++) {
    view.setUint32(vector + 4 + 4 * i, first + 4 * i - (vector + 4 + 4 * i), true)
    view.setInt32(first + 4 * i, first + 4 * i - vtable, true)
  }
  return bytes
}

test.each<[string, (slot: number) => boolean, string[]]>([
  ['none of them in use', () => false, []],
  ['the last one in use', (slot) => slot === 32_000, ['Ulid.32000']],
  ['all in use', () => true, Array.from({ length: 16 }, (_, i) => `Ulid.${32_000 - i}`)],
])('tables that share a vtable of 32,001 slots are looked through once, %s (P10)', (_, isUsed, unknown) => {
  const buffer = new FlatBuffer(tablesOfOneVtable(20_000, 32_001, isUsed), 'x')
  let looks = 0
  const { view } = buffer
  const getUint16 = view.getUint16.bind(view)
  view.getUint16 = (at, little) => {
    looks++
    return getUint16(at, little)
  }
  const tables = buffer.root().requiredTables(0, 'tables')
  for (const table of tables) table.knows(2, 'Ulid')
  expect(tables.length).toBe(20_000)
  expect([...buffer.unknown].sort()).toEqual(unknown.sort())
  // One for each table and one for each slot, not one for each slot of each table.
  expect(looks).toBeLessThan(60_000)
})

test('vtables that overlap are paid for like structures that overlap', () => {
  // Every u16 is 65,534: wherever a vtable begins, it has 32,765 slots, all in use.
  const bytes = new Uint8Array(400_000).fill(0xff)
  for (let at = 0; at < bytes.length; at += 2) bytes[at] = 0xfe
  const buffer = new FlatBuffer(bytes, 'x')
  const lookAtAll = () => {
    for (let at = 0; at < 300_000; at += 2) buffer.lastSlots(at, 32_765)
  }
  expect(lookAtAll).toThrow(/structures overlap/)
})
