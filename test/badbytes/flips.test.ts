// Every object of small databases, our own and the original's, truncated and flipped: the right answer or one typed error
// that names the object; never a wrong answer, a hang, a crash or an unhandled rejection.
//
// Two things no reader can notice, because the format has no checksum over them: a flipped manifest that still decodes
// (only that it ends well is asked for), and a WAL object cut to zero bytes, which is what a fence looks like.

import { beforeAll, describe, expect, test } from 'vitest'
import { Random } from '../../src/env/random.ts'
import { commaJoin, loadFixture, memoryCopy } from '../compat/fixtures.ts'
import { loadCodecs } from '../sim/seeds.ts'
import { bucketOf, judge, mutantsOf, ownDatabase, type Subject } from './damage.ts'

const FLIPS = 16

const OWN = {
  'own, no codec': { formatGeneration: '0.15' },
  'own, 0.12, snappy': { formatGeneration: '0.12', compressionCodec: 'snappy' },
  'own, zlib': { compressionCodec: 'zlib' },
  'own, lz4': { compressionCodec: 'lz4' },
  'own, zstd': { compressionCodec: 'zstd' },
} as const

const FIXTURES = [
  'slatedb-0.12.1/puts-wal',
  'slatedb-0.12.1/puts-l0',
  'slatedb-0.12.1/merges',
  'slatedb-0.12.1/wal-multiblock',
  'slatedb-0.12.1/compression-zstd',
  'slatedb-0.12.1/compression-lz4',
  'slatedb-0.18.0/blocks-aligned',
  'synthetic/composite-filter',
  'synthetic/manifest-v2',
  'synthetic/sst-v1',
  'synthetic/restart-interval-4',
]

async function fixtureSubject(name: string): Promise<Subject> {
  const fixture = loadFixture(name)
  const bucket = await bucketOf(await memoryCopy(fixture))
  return { ...fixture, bucket, mergeOperator: fixture.usesMerges ? commaJoin : undefined }
}

beforeAll(loadCodecs)

describe.each([
  ...Object.entries(OWN).map(([name, settings]) => [name, () => ownDatabase(name, settings)] as const),
  ...FIXTURES.map((name) => [name, () => fixtureSubject(name)] as const),
])('%s', (name, make) => {
  test.each(['reader', 'writer'] as const)('read by our %s', { timeout: 120_000 }, async (as) => {
    const subject = await make()
    expect(await judge(subject, 'nothing', new Uint8Array(1), as), 'undamaged').toBeUndefined()
    const wrong: string[] = []
    for (const [path, bytes] of subject.bucket) {
      const random = new Random(`${name}/${path.split('/').at(-2)}/${bytes.length}`)
      const isManifest = path.includes('/manifest/')
      const isWal = path.includes('/wal/')
      for (const { what, bytes: damaged } of mutantsOf(bytes, random, FLIPS)) {
        if (isWal && damaged.length === 0) continue
        const complaint = await judge(subject, path, damaged, as, isManifest).catch((error: Error) => error.message)
        if (complaint !== undefined) wrong.push(`${path}, ${what}: ${complaint}`)
      }
    }
    expect(wrong.slice(0, 5)).toEqual([])
  })
})

test.each(['reader', 'writer'] as const)('objects that are gone, seen by our %s', async (as) => {
  const subject = await ownDatabase('gone', {})
  const wal = [...subject.bucket.keys()].filter((path) => path.includes('/wal/'))
  const tables = [...subject.bucket.keys()].filter((path) => path.includes('/compacted/'))
  expect(tables.length).toBe(2)
  for (const path of tables) expect(await judge(subject, path, undefined, as), path).toBeUndefined()
  // A reader takes a gap for an object that is still to come and shows the state before it (DR-5). For a writer, the last
  // object may be gone without a trace, and those at or before the replay point are not needed.
  if (as === 'reader') return
  for (const path of wal.slice(0, -1)) expect(await judge(subject, path, undefined, as), path).toBeUndefined()
})
