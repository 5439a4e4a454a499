import { describe, expect, test } from 'vitest'
import { createEnv } from '../env/system.ts'
import { EMPTY_TREE, initialManifest, type Manifest } from '../format/manifest.ts'
import { Paths } from '../format/paths.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import { detectGeneration, type FenceForm, storedGeneration } from './generation.ts'
import { manifestVersions, writerManifest } from './records.ts'

const TABLE_ID = '01ARZ3NDEKTSV4RRFFQ69G5FAV'

/** A manifest with one table per filter format. */
function holding(...formats: readonly ('legacy' | 'composite')[]): Manifest {
  const info = { indexOffset: 0, indexLength: 0, filterOffset: 0, statsOffset: 0, statsLength: 0 }
  const l0 = formats.map((filterFormat) => ({
    viewId: TABLE_ID,
    visibleRange: undefined,
    table: {
      id: TABLE_ID,
      formatVersion: 2 as const,
      // The format is recorded where no filter is stored, too.
      info: {
        ...info,
        filterLength: 0,
        filterFormat,
        codec: 'none' as const,
        type: 'compacted' as const,
        firstEntry: Uint8Array.of(97),
        lastEntry: Uint8Array.of(98),
      },
    },
  }))
  return { ...initialManifest(), tree: { ...EMPTY_TREE, l0 } }
}

const LONG = new Uint8Array(65_536)
const WIDE = { seqs: [1n], times: [1], wide: true } as const

function withFirstKey(firstEntry: Uint8Array): Manifest {
  const { tree, ...rest } = holding('composite')
  const [view] = tree.l0
  const table = { ...view!.table, info: { ...view!.table.info, firstEntry } }
  return { ...rest, tree: { ...tree, l0: [{ ...view!, table }] } }
}

const nothing = initialManifest()
const rowless = { newestFence: 'rowless' } as const
const empty = { newestFence: 'zero-byte' } as const

describe('what the stored objects show (VX-3)', () => {
  test.each([
    ['nothing', { manifest: nothing }, undefined],
    ['a boundary alone', { manifest: nothing, boundary: true }, undefined],
    ['a fence without rows', { manifest: nothing, ...rowless }, '0.12'],
    ['a fence of zero bytes', { manifest: nothing, ...empty }, '0.15'],
    ['compactions of version 1', { manifest: nothing, compactionsVersion: 1 as const }, '0.12'],
    ['compactions of version 2', { manifest: nothing, compactionsVersion: 2 as const }, '0.13'],
    ['legacy filters', { manifest: holding('legacy') }, '0.12'],
    ['legacy filters behind a boundary', { manifest: holding('legacy'), boundary: true }, '0.12'],
    ['legacy filters and a fence of zero bytes', { manifest: holding('legacy'), ...empty }, '0.15'],
    ['composite filters', { manifest: holding('composite') }, '0.13'],
    ['composite filters and no boundary', { manifest: holding('composite'), boundary: false }, '0.13'],
    ['composite filters and a boundary', { manifest: holding('composite'), boundary: true }, '0.15'],
    ['composite filters and a fence of zero bytes', { manifest: holding('composite'), ...empty }, '0.15'],
    ['composite filters and a fence without rows', { manifest: holding('composite'), ...rowless }, '0.13'],
    [
      'a fence without rows, newer than the boundary',
      { manifest: holding('composite'), ...rowless, boundary: true },
      '0.13',
    ],
    ['both kinds of filters', { manifest: holding('composite', 'legacy'), ...rowless }, '0.13'],
    ['both kinds of filters, legacy first', { manifest: holding('legacy', 'composite'), ...rowless }, '0.13'],
    ['segments', { manifest: { ...nothing, segmentExtractorName: 'x' } }, '0.15'],
    ['a tracker of version 2 and no fence in sight', { manifest: { ...nothing, sequenceTracker: WIDE } }, '0.18'],
    ['a long key and no fence in sight', { manifest: withFirstKey(LONG) }, '0.17'],
    ['a long key', { manifest: withFirstKey(LONG), ...empty }, '0.17'],
    ['the longest short key', { manifest: withFirstKey(LONG.subarray(1)), ...empty }, '0.15'],
    ['a long key, and a fence without rows', { manifest: withFirstKey(LONG), ...rowless }, '0.13'],
    ['a tracker of version 2', { manifest: { ...nothing, sequenceTracker: WIDE }, ...empty }, '0.18'],
    [
      'a tracker of version 2 and a fence without rows',
      { manifest: { ...holding('composite'), sequenceTracker: WIDE }, ...rowless },
      '0.13',
    ],
  ])('%s', (_, marks, expected) => {
    expect(detectGeneration(marks)).toBe(expected)
  })
})

describe('the boundary is asked for only when the answer hangs on it', () => {
  test.each<[string, Manifest, FenceForm | undefined, boolean, string | undefined, number]>([
    ['a new database', nothing, undefined, false, undefined, 0],
    ['legacy filters', holding('legacy'), undefined, true, '0.12', 0],
    ['a fence in sight', holding('composite'), 'rowless', true, '0.13', 0],
    ['an empty fence in sight', holding('composite'), 'zero-byte', false, '0.15', 0],
    ['no fence in sight, and a boundary', holding('composite'), undefined, true, '0.15', 1],
    ['no fence in sight, and none', holding('composite'), undefined, false, '0.13', 1],
  ])('%s', async (_, manifest, fence, boundary, expected, gets) => {
    const store = new MemoryStore()
    const paths = new Paths('db')
    const record = writerManifest(manifestVersions(store, createEnv({ seed: 1 }), paths))
    await record.versions.readLatest()
    await record.versions.create(manifest)
    if (boundary) await store.put(paths.manifestBoundary, new TextEncoder().encode('0'), { mode: 'create' })
    let asked = 0
    const get = store.get.bind(store)
    store.get = (path, options) => {
      asked++
      return get(path, options)
    }
    expect(await storedGeneration(record, fence)).toBe(expected)
    expect(asked).toBe(gets)
  })
})
