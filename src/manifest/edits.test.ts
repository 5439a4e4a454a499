import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mintUlid } from '../bytes/ids.ts'
import { encodeUtf8 } from '../bytes/text.ts'
import { isSlateDBError } from '../errors.ts'
import { initialManifest, type Manifest, type TableView, type Tree } from '../format/manifest.ts'
import { EMPTY_TRACKER, trackerInsert } from '../format/sequence-tracker.ts'
import {
  addCheckpoint,
  expireCheckpoints,
  findCheckpoint,
  refreshCheckpoint,
  removeCheckpoint,
  replaceCheckpoint,
} from './checkpoints.ts'
import { pruneExternal } from './external.ts'
import { cutL0, mergeAsCoordinator, mergeAsWriter } from './merge.ts'
import { peakOverlap } from './overlap.ts'
import { type L0Publication, newestL0Time, publishL0 } from './publish.ts'
import { tableIdsOf, treeOf, treesOf, withTree } from './trees.ts'

/** Table n: minted at n seconds, so that the order of ids is the order of n. */
const id = (n: number) => mintUlid(n * 1000, new Uint8Array(10).fill(n))

function view(n: number, more: { viewId?: string; first?: string; last?: string | undefined } = {}): TableView {
  const { first = 'a', last = 'z' } = more
  return {
    viewId: more.viewId ?? id(n),
    visibleRange: undefined,
    table: {
      id: id(n),
      formatVersion: 2,
      info: {
        firstEntry: encodeUtf8(first),
        lastEntry: 'last' in more && more.last === undefined ? undefined : encodeUtf8(last),
        indexOffset: 0,
        indexLength: 0,
        filterOffset: 0,
        filterLength: 0,
        codec: 'none',
        type: 'compacted',
        statsOffset: 0,
        statsLength: 0,
        filterFormat: 'legacy',
      },
    },
  }
}

/** l0 newest first; runs as [id, ...tables]; marker = number of the newest compacted table. */
function tree(l0: number[], runs: number[][] = [], marker?: number): Tree {
  const mark = marker === undefined ? undefined : id(marker)
  return {
    l0: l0.map((n) => view(n)),
    runs: runs.map(([run, ...tables]) => ({ id: run!, views: tables.map((n) => view(n)) })),
    lastCompactedViewId: mark,
    lastCompactedTableId: mark,
  }
}

const manifest = (over: Partial<Manifest>): Manifest => ({ ...initialManifest(), ...over })
const segment = (prefix: string, inner: Tree) => ({ prefix: encodeUtf8(prefix), tree: inner })
const names = (views: readonly TableView[]) => views.map((one) => nameOf(one.viewId))
const nameOf = (ulid: string) => Array.from({ length: 60 }, (_, n) => n).find((n) => id(n) === ulid)
const codeOf = (work: () => unknown) => {
  try {
    work()
  } catch (error) {
    if (isSlateDBError(error)) return `${error.kind} ${error.code}`
    throw error
  }
  return 'ok'
}

describe('cutting L0 at the marker (MF-3)', () => {
  const l0 = [5, 4, 3, 2, 1].map((n) => view(n))
  const marks = (viewId: string | undefined, tableId: string | undefined) => ({
    lastCompactedViewId: viewId,
    lastCompactedTableId: tableId,
  })

  test.each([
    ['no marker', undefined, undefined, [5, 4, 3, 2, 1]],
    ['by view', id(3), undefined, [5, 4]],
    ['by table', undefined, id(4), [5]],
    ['the view wins over the table', id(2), id(4), [5, 4, 3]],
    ['the table helps when the view is unknown', id(50), id(4), [5]],
    ['unknown', id(50), id(51), [5, 4, 3, 2, 1]],
    ['the newest', id(5), id(5), []],
  ])('%s', (_, viewId, tableId, left) => {
    expect(names(cutL0(l0, marks(viewId, tableId)))).toEqual(left)
  })

  test('views with names of their own, cut by a record of version 1 that knows only tables', () => {
    const named = [5, 4, 3].map((n) => view(n, { viewId: id(n + 30) }))
    expect(cutL0(named, marks(id(4), id(4)))).toEqual(named.slice(0, 1))
  })
})

test('a marked table that several views show cuts nothing, since nothing tells which of them was meant (MF-3)', () => {
  const shown = [5, 4, 3].map((n) => view(n, { viewId: id(n + 30) }))
  const twice = [shown[0]!, { ...shown[1]!, viewId: id(50) }, shown[1]!, shown[2]!]
  const byTable = { lastCompactedViewId: undefined, lastCompactedTableId: id(4) }
  expect(cutL0(twice, byTable)).toEqual(twice)
  expect(cutL0(twice, { ...byTable, lastCompactedViewId: id(34) })).toEqual(twice.slice(0, 2))
})

describe("the writer's merge (MF-1)", () => {
  const checkpoint = { id: 'c', manifestId: 3, createTime: 1, expireTime: undefined, name: undefined }
  const own = manifest({
    tree: tree([5, 4, 3], [[0, 1]], 2),
    nextWalId: 20,
    replayAfterWalId: 10,
    lastL0Seq: 500n,
    recentSnapshotMinSeq: 450n,
    lastL0ClockTick: 99,
    sequenceTracker: trackerInsert(EMPTY_TRACKER, 7n, 70),
    writerEpoch: 4,
    walStoreUri: '',
  })
  const stored = manifest({
    tree: tree(
      [4, 3],
      [
        [1, 31],
        [0, 1],
      ],
      3,
    ),
    nextWalId: 12,
    replayAfterWalId: 8,
    lastL0Seq: 400n,
    recentSnapshotMinSeq: 400n,
    lastL0ClockTick: 80,
    writerEpoch: 4,
    compactorEpoch: 9,
    checkpoints: [checkpoint],
    externalDbs: [{ path: 'p', sourceCheckpointId: 's', finalCheckpointId: 'f', tableIds: [id(1), id(2)] }],
  })

  test('keeps what the writer owns and takes the rest', () => {
    const merged = mergeAsWriter(own, stored)
    expect(names(merged.tree.l0)).toEqual([5, 4])
    expect(merged.tree.runs).toEqual(stored.tree.runs)
    expect(merged.tree.lastCompactedViewId).toBe(id(3))
    const { nextWalId, replayAfterWalId, lastL0Seq, recentSnapshotMinSeq, lastL0ClockTick, sequenceTracker } = own
    expect(merged).toMatchObject({
      ...{ nextWalId, replayAfterWalId, lastL0Seq, recentSnapshotMinSeq, lastL0ClockTick, sequenceTracker },
      walStoreUri: '',
      compactorEpoch: 9,
      checkpoints: [checkpoint],
    })
    // MF-6: table 2 is in no tree any more.
    expect(merged.externalDbs[0]!.tableIds).toEqual([id(1)])
  })

  test('segments: only the writer removes, and only empty ones (MF-5)', () => {
    const mine = manifest({
      segments: [
        segment('a', tree([3])),
        segment('b', tree([4])),
        segment('d', tree([])),
        segment('e', tree([6, 5], [[2, 9]])),
      ],
    })
    const theirs = manifest({
      segments: [
        segment('b', tree([], [[7, 30]], 4)),
        segment('c', tree([], [[8, 31]])),
        segment('d', tree([], [], 2)),
        segment('e', tree([], [[3, 32]], 5)),
      ],
    })
    const merged = mergeAsWriter(mine, theirs)
    expect(merged.segments).toEqual([
      segment('a', tree([3])),
      segment('b', tree([], [[7, 30]], 4)),
      segment('c', tree([], [[8, 31]])),
      segment('e', tree([6], [[3, 32]], 5)),
    ])
  })
})

describe("the coordinator's merge (MF-2)", () => {
  test('keeps runs and markers, takes L0 and everything else', () => {
    const own = manifest({
      tree: tree(
        [4, 3],
        [
          [1, 30],
          [0, 1],
        ],
        4,
      ),
      compactorEpoch: 2,
      lastL0Seq: 10n,
    })
    const stored = manifest({
      tree: tree([6, 5, 4, 3], [[0, 1]], 2),
      compactorEpoch: 2,
      writerEpoch: 8,
      lastL0Seq: 60n,
      nextWalId: 44,
    })
    const merged = mergeAsCoordinator(own, stored)
    expect(names(merged.tree.l0)).toEqual([6, 5])
    expect(merged.tree.runs).toEqual(own.tree.runs)
    expect(merged.tree.lastCompactedTableId).toBe(id(4))
    expect(merged).toMatchObject({ writerEpoch: 8, lastL0Seq: 60n, nextWalId: 44 })
  })

  test('segments: adopts new ones, keeps drain markers, follows the writer in removing (MF-5)', () => {
    const own = manifest({
      segments: [segment('a', tree([], [], 3)), segment('b', tree([], [], 2)), segment('c', tree([], [[5, 40]], 4))],
    })
    const stored = manifest({
      segments: [segment('a', tree([3])), segment('c', tree([6, 4])), segment('d', tree([7]))],
    })
    expect(mergeAsCoordinator(own, stored).segments).toEqual([
      segment('a', tree([], [], 3)),
      segment('c', tree([6], [[5, 40]], 4)),
      segment('d', tree([7])),
    ])
  })

  test('a segment that vanished with data in it is a broken protocol', () => {
    const own = manifest({ segments: [segment('a', tree([], [[5, 40]]))] })
    expect(codeOf(() => mergeAsCoordinator(own, manifest({})))).toBe('Data SLATEDB_INVALID_DB_STATE')
  })
})

test('borrowed tables are forgotten when nothing refers to them (MF-6)', () => {
  const borrowed = { path: 'p', sourceCheckpointId: 's', finalCheckpointId: undefined, tableIds: [id(1), id(2), id(3)] }
  const before = manifest({
    tree: tree([1], [[0, 9]]),
    segments: [segment('a', tree([3]))],
    externalDbs: [borrowed, { ...borrowed, tableIds: [id(2)] }],
  })
  const after = pruneExternal(before)
  expect(after.externalDbs.map((external) => external.tableIds)).toEqual([[id(1), id(3)], []])
  expect(pruneExternal(after)).toBe(after)
})

describe('publishing L0 (FL-12)', () => {
  const publication = (over: Partial<L0Publication> & { n?: number }): L0Publication => ({
    views: [{ prefix: encodeUtf8(''), view: view(over.n ?? 10) }],
    replayAfterWalId: 5,
    lastTick: 1000,
    lastSeq: 100n,
    tracker: EMPTY_TRACKER,
    ...over,
  })

  test('newest in front, in one version', () => {
    const base = manifest({ tree: tree([2, 1]), nextWalId: 4 })
    const next = publishL0(base, [
      publication({ n: 10, tracker: trackerInsert(EMPTY_TRACKER, 100n, 60) }),
      publication({ n: 11, lastSeq: 200n, lastTick: 1000, replayAfterWalId: 9 }),
    ])
    expect(names(next.tree.l0)).toEqual([11, 10, 2, 1])
    expect(next).toMatchObject({
      replayAfterWalId: 9,
      nextWalId: 10,
      lastL0Seq: 200n,
      lastL0ClockTick: 1000,
    })
    expect(next.sequenceTracker.seqs).toEqual([100n])
    expect(names(base.tree.l0)).toEqual([2, 1])
  })

  test('a memtable without tables still moves the marks', () => {
    const next = publishL0(manifest({}), [publication({ views: [] })])
    expect(next.tree.l0).toEqual([])
    expect(next).toMatchObject({ lastL0Seq: 100n, replayAfterWalId: 5 })
  })

  test('segments are created at their place', () => {
    const base = manifest({ segments: [segment('b', tree([2]))], segmentExtractorName: 'x' })
    const views = ['c', 'a', 'b'].map((prefix, i) => ({ prefix: encodeUtf8(prefix), view: view(20 + i) }))
    const next = publishL0(base, [publication({ views })])
    expect(next.segments.map((one) => [new TextDecoder().decode(one.prefix), names(one.tree.l0)])).toEqual([
      ['a', [21]],
      ['b', [22, 2]],
      ['c', [20]],
    ])
  })

  test.each([
    ['a tick behind the manifest', { lastTick: 499 }, 'Invalid SLATEDB_INVALID_CLOCK_TICK'],
    ['the same tick', { lastTick: 500 }, 'ok'],
    ['a sequence number that is taken', { lastSeq: 50n }, 'Invalid SLATEDB_INVALID_SEQUENCE_ORDER'],
    ['a table minted before the newest L0 (FL-17)', { n: 8 }, 'Invalid SLATEDB_INVALID_CLOCK_TICK'],
    ['a table minted in the same millisecond', { n: 9 }, 'ok'],
    ['a replay point that goes back', { replayAfterWalId: 2 }, 'Internal SLATEDB_ASSERTION'],
  ])('%s', (_, over, expected) => {
    const base = manifest({
      tree: tree([9, 3]),
      lastL0ClockTick: 500,
      lastL0Seq: 50n,
      replayAfterWalId: 3,
      nextWalId: 4,
    })
    expect(codeOf(() => publishL0(base, [publication(over)]))).toBe(expected)
  })

  test('a second memtable is tested against the first', () => {
    const base = manifest({})
    const first = publication({ n: 10 })
    expect(codeOf(() => publishL0(base, [first, publication({ n: 11 })]))).toContain('SEQUENCE_ORDER')
    expect(codeOf(() => publishL0(base, [first, publication({ n: 9, lastSeq: 101n })]))).toContain('CLOCK_TICK')
    expect(codeOf(() => publishL0(base, [first, publication({ n: 11, lastSeq: 101n })]))).toBe('ok')
  })
})

describe('publishing what a lost answer hid', () => {
  const publication = (n: number, lastSeq: bigint): L0Publication => ({
    views: [{ prefix: encodeUtf8(''), view: view(n) }],
    replayAfterWalId: n,
    lastTick: n,
    lastSeq,
    tracker: EMPTY_TRACKER,
  })
  const first = publishL0(manifest({}), [publication(10, 100n)])

  test('nothing is published twice', () => {
    expect(publishL0(first, [publication(10, 100n)])).toBe(first)
    const next = publishL0(first, [publication(10, 100n), publication(11, 200n)])
    expect(names(next.tree.l0)).toEqual([11, 10])
  })

  test('also after compaction took it', () => {
    const compacted = { ...first, tree: tree([], [[0, 30]], 10) }
    expect(publishL0(compacted, [publication(10, 100n)])).toBe(compacted)
  })

  test('a table that is nowhere with a sequence number that is taken stays an error', () => {
    expect(codeOf(() => publishL0(first, [publication(12, 100n)]))).toBe('Invalid SLATEDB_INVALID_SEQUENCE_ORDER')
  })
})

describe('time of the newest L0 (GC-11)', () => {
  test.each([
    ['nothing', tree([]), 0],
    ['L0 counts by table id', { ...tree([]), l0: [view(4, { viewId: id(50) }), view(7)] }, 7000],
    ['else the marker', tree([], [[0, 1]], 6), 6000],
    ['of two marks the earlier one', { ...tree([]), lastCompactedViewId: id(9), lastCompactedTableId: id(8) }, 8000],
    ['a marker behind L0 is not asked', tree([3], [], 6), 3000],
  ])('%s', (_, one, expected) => {
    expect(newestL0Time(manifest({ tree: one as Tree }))).toBe(expected)
  })

  test('the newest of all trees', () => {
    const segments = [segment('a', tree([5])), segment('b', tree([], [], 8))]
    expect(newestL0Time(manifest({ segments }))).toBe(8000)
  })
})

describe('checkpoints', () => {
  const base = manifest({})
  const one = { id: 'one', nowMs: 5999, lifetimeMs: 2000 }

  test('pin the version that records them, in whole seconds (CK-2, CK-3)', () => {
    const next = addCheckpoint(base, 7, { ...one, name: 'n' })
    expect(next.checkpoints).toEqual([{ id: 'one', manifestId: 8, createTime: 5, expireTime: 7, name: 'n' }])
    expect(addCheckpoint(base, 7, { id: 'p', nowMs: 0 }).checkpoints[0]!.expireTime).toBeUndefined()
    expect(addCheckpoint(base, 7, { id: 'p', nowMs: 0, lifetimeMs: 1e18 }).checkpoints[0]!.expireTime).toBe(0xffffffff)
    // 0 would mean never.
    expect(addCheckpoint(base, 7, { id: 'p', nowMs: 0, lifetimeMs: 0 }).checkpoints[0]!.expireTime).toBe(1)
  })

  test('of another checkpoint', () => {
    const first = addCheckpoint(base, 7, one)
    const next = addCheckpoint(first, 20, { id: 'two', nowMs: 0, sourceId: 'one' })
    expect(findCheckpoint(next, 'two')!.manifestId).toBe(8)
    expect(codeOf(() => addCheckpoint(first, 20, { id: 'two', nowMs: 0, sourceId: 'x' }))).toBe(
      'Data SLATEDB_CHECKPOINT_MISSING',
    )
  })

  test('need an initialized database', () => {
    expect(codeOf(() => addCheckpoint(manifest({ initialized: false }), 1, one))).toBe('Data SLATEDB_INVALID_DB_STATE')
  })

  test('refresh, remove, replace, expire (CK-5, CK-6, GC-3)', () => {
    const two = addCheckpoint(addCheckpoint(base, 7, one), 8, { id: 'two', nowMs: 0 })
    expect(findCheckpoint(refreshCheckpoint(two, 'one', { nowMs: 10_000, lifetimeMs: 5500 }), 'one')!.expireTime).toBe(
      15,
    )
    expect(
      findCheckpoint(refreshCheckpoint(two, 'one', { nowMs: 10_000, lifetimeMs: undefined }), 'one')!.expireTime,
    ).toBeUndefined()
    expect(codeOf(() => refreshCheckpoint(two, 'x', { nowMs: 0, lifetimeMs: 1 }))).toBe(
      'Data SLATEDB_CHECKPOINT_MISSING',
    )
    expect(removeCheckpoint(two, 'one')!.checkpoints.map((c) => c.id)).toEqual(['two'])
    // Nothing to remove: nothing is written.
    expect(removeCheckpoint(two, 'x')).toBeUndefined()
    expect(
      replaceCheckpoint(two, 30, 'one', { id: 'three', nowMs: 0 }).checkpoints.map((c) => [c.id, c.manifestId]),
    ).toEqual([
      ['two', 9],
      ['three', 31],
    ])
    expect(replaceCheckpoint(two, 30, 'gone', { id: 'three', nowMs: 0 }).checkpoints).toHaveLength(3)
    expect(expireCheckpoints(two, 6999)).toBeUndefined()
    expect(expireCheckpoints(two, 7000)!.checkpoints.map((c) => c.id)).toEqual(['two'])
  })
})

describe('peak overlap (FL-5)', () => {
  const bounded = (first: string, last: string) => view(1, { first, last })

  test.each([
    ['none', [], 0],
    ['apart', [bounded('a', 'b'), bounded('c', 'd')], 1],
    ['inclusive bounds touch', [bounded('a', 'c'), bounded('c', 'd')], 2],
    ['nested', [bounded('a', 'z'), bounded('c', 'd'), bounded('d', 'e'), bounded('f', 'g')], 3],
    ['an unknown end reaches everything', [view(1, { first: 'b', last: undefined }), bounded('x', 'y')], 2],
    [
      'an excluded end does not touch',
      [
        {
          ...bounded('a', 'z'),
          visibleRange: { start: undefined, end: { key: encodeUtf8('c'), inclusive: false } },
        },
        bounded('c', 'd'),
      ],
      1,
    ],
  ])('%s', (_, views, expected) => {
    expect(peakOverlap(views)).toBe(expected)
  })

  test('is what counting at every key says', () => {
    const letter = fc.integer({ min: 97, max: 105 })
    const range = fc.tuple(letter, letter, fc.boolean(), fc.boolean()).map(([a, b, cut, open]) => {
      const [low, high] = a < b ? [a, b] : [b, a]
      const one = view(1, { first: String.fromCharCode(low), last: open ? undefined : String.fromCharCode(high) })
      const end = { key: encodeUtf8(String.fromCharCode(high)), inclusive: false }
      return {
        low,
        high,
        cut: cut && high > low,
        open,
        view: cut && high > low ? { ...one, visibleRange: { start: undefined, end } } : one,
      }
    })
    fc.assert(
      fc.property(fc.array(range, { maxLength: 10 }), (ranges) => {
        let expected = 0
        for (let key = 97; key <= 106; key++) {
          const holds = ranges.filter((r) => r.low <= key && (r.cut ? key < r.high : r.open || key <= r.high))
          expected = Math.max(expected, holds.length)
        }
        expect(peakOverlap(ranges.map((r) => r.view))).toBe(expected)
      }),
    )
  })
})

test('trees: all of them, by prefix, replaced and added', () => {
  const one = manifest({ tree: tree([1]), segments: [segment('b', tree([2], [[0, 3]]))] })
  expect(treesOf(one).map((entry) => new TextDecoder().decode(entry.prefix))).toEqual(['', 'b'])
  expect([...tableIdsOf(one)].sort()).toEqual([1, 2, 3].map(id))
  expect(treeOf(one, encodeUtf8(''))).toBe(one.tree)
  expect(treeOf(one, encodeUtf8('a'))).toBeUndefined()
  const added = withTree(one, encodeUtf8('a'), tree([9]))
  expect(added.segments.map((entry) => new TextDecoder().decode(entry.prefix))).toEqual(['a', 'b'])
  expect(treeOf(withTree(added, encodeUtf8('b'), tree([])), encodeUtf8('b'))).toEqual(tree([]))
  expect(withTree(one, encodeUtf8(''), tree([])).tree).toEqual(tree([]))
})
