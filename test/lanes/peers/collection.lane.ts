// Its garbage collection beside us: under an open reader of ours, beside an open writer of ours, and against a writer
// that slept through a take-over.
//
// On a folder its collector can raise a boundary once only (the original's folder store cannot replace an object if it
// is unchanged), so whoever wants a pass that removes manifests opens it anew, or asks for one pass.

import { expect, test } from 'vitest'
import { createEnv } from '../../../src/env/system.ts'
import { decodeBoundary } from '../../../src/format/boundary.ts'
import { Paths } from '../../../src/format/paths.ts'
import { manifestVersions } from '../../../src/manifest/records.ts'
import { openFolderStore } from '../../../src/node/folder-store.ts'
import { check, settled } from '../../../src/sim/check.ts'
import { pause } from '../lane.ts'
import { seeded } from './history.ts'
import { COMPACTING, forEachRelease, newestManifest, QUIET, SEEDS, until } from './peers.ts'
import { isFenced, type OpenSide } from './side.ts'
import { generationFor, isRecent } from './versions.ts'

const EAGER = { interval: '20ms', min_age: '0s' }

/** Collects at once whatever is not needed. */
const COLLECTOR = {
  manifest_options: EAGER,
  wal_options: EAGER,
  compacted_options: EAGER,
  compactions_options: EAGER,
}

type Place = Pick<OpenSide, 'root' | 'path'>

async function objects({ root, path }: Place): Promise<string[]> {
  const store = await openFolderStore(root, { sync: 'none' })
  return (await store.list(`${path}/`)).map((object) => object.path)
}

/** The greatest manifest id that may have been deleted; `undefined` where no collector says so. */
async function boundaryOf({ root, path }: Place): Promise<number | undefined> {
  const store = await openFolderStore(root, { sync: 'none' })
  const name = new Paths(path).manifestBoundary
  const found = await settled(store.get(name))
  return found.ok ? decodeBoundary(found.value.bytes, name) : undefined
}

/** Its compactor protects its inputs by checkpoints of 15 minutes; a test ends them at once. */
async function dropCheckpoints({ root, path }: Place): Promise<void> {
  const versions = manifestVersions(await openFolderStore(root, { sync: 'none' }), createEnv(), new Paths(path))
  await versions.readLatest()
  await versions.update((manifest) =>
    manifest.checkpoints.length === 0 ? undefined : { ...manifest, checkpoints: [] },
  )
}

await forEachRelease('garbage collection', ({ release, peer, ours, place }) => {
  const generation = generationFor(release)

  test('it compacts and collects under a reader of ours', async () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      await seeded(
        `${release.version}/under-a-reader/${seed}`,
        async (history) => {
          const at = place()
          const { random } = history
          const mine = ours(generation)
          await mine.open({ ...at, settings: QUIET, blockSize: 1024 })
          for (let i = 0; i < 4; i++) {
            await history.write(mine, random.int(10, 25))
            await mine.flush('memtable')
          }
          await mine.close()
          const reader = ours()
          await reader.openReader(at)
          if (random.chance(0.5)) await history.check(reader, 'before')
          const before = await objects(at)
          const theirs = peer()
          await theirs.open({ ...at, settings: COMPACTING, blockSize: 1024 })
          await until('its compactor', async () => (await newestManifest(at)).tree.l0.length < 2)
          await theirs.close()
          await dropCheckpoints(at)
          await theirs.open({
            ...at,
            settings: { ...COMPACTING, garbage_collector_options: COLLECTOR },
            blockSize: 1024,
          })
          // The tables and manifests that the reader stands on go away under it.
          for (const folder of ['/compacted/', '/manifest/', '/wal/']) {
            await until(`its collector to remove from ${folder}`, async () => {
              const now = new Set(await objects(at))
              return before.some((path) => path.includes(folder) && !now.has(path))
            })
          }
          await reader.reader.refresh()
          await history.check(reader, 'after the collection')
          for (let i = 0; i < 4; i++) {
            await history.write(theirs, random.int(3, 10))
            await theirs.flush(random.chance(0.5) ? 'memtable' : 'wal')
            await until('the reader to catch up', async () => {
              await reader.reader.refresh()
              return Number(reader.reader.status.durableSeq) >= history.model.lastSeq
            })
            await history.check(reader, `during collections, step ${i}`)
          }
          await theirs.close()
          await reader.close()
        },
        { manyKeys: 300 },
      )
    }
  })

  if (release.admin) {
    test('one pass of it beside a writer of ours that is open and goes on', async () => {
      for (let seed = 0; seed < SEEDS; seed++) {
        await seeded(
          `${release.version}/beside-a-writer/${seed}`,
          async (history) => {
            const at = place()
            const { random } = history
            const mine = ours(generation)
            await mine.open({ ...at, settings: QUIET, blockSize: 1024 })
            const collector = peer()
            for (let round = 0; round < 4; round++) {
              for (let i = 0; i < 3; i++) {
                await history.write(mine, random.int(2, 15))
                if (i === 0 || random.chance(0.7)) await mine.flush('memtable')
              }
              const before = await objects(at)
              await collector.command('collect', { ...at, minAgeMs: 0 })
              const after = new Set(await objects(at))
              expect(before.some((path) => path.includes('/wal/') && !after.has(path))).toBe(true)
              // On a folder the boundary, and so the collection of manifests, moves once.
              if (round === 0) expect(before.some((path) => path.includes('/manifest/') && !after.has(path))).toBe(true)
              const boundary = await boundaryOf(at)
              expect(boundary).toBeGreaterThan(0)
              expect(boundary).toBeLessThan(mine.db.status.manifestId)
              await history.check(mine, `round ${round}, after the collection`)
            }
            await mine.close()
            const reader = peer()
            await reader.openReader(at)
            await history.check(reader, 'at the end')
          },
          { manyKeys: 100 },
        )
      }
    })
  }

  test('a writer of ours that slept while it took over and collected manifests publishes nothing', async () => {
    await seeded(`${release.version}/sleeper`, async (history) => {
      const at = place()
      const mine = ours(generation)
      // Without a WAL no fence can stop it: only the manifest can, and there its next id is a hole by then. Collectors
      // without boundaries are safe while everybody knows how soon they collect (AP-2).
      const known = isRecent(release) ? null : { manifest_options: { min_age: '0s' } }
      const asleep = { ...QUIET, wal_enabled: false, manifest_poll_interval: '60s', garbage_collector_options: known }
      await mine.open({ ...at, settings: asleep })
      const put = (key: string) => [[{ kind: 'put', key, value: key, ttl: 'none' } as const]]
      await mine.write(put('early'), false)
      await mine.flush('memtable')
      const nextId = mine.db.manifest.id + 1

      const theirs = peer()
      await theirs.open({ ...at, settings: QUIET })
      for (let i = 0; i < 5; i++) {
        await theirs.write(put(`theirs-${i}`), true)
        await theirs.flush('memtable')
      }
      await theirs.close()
      await theirs.open({ ...at, settings: { ...QUIET, garbage_collector_options: COLLECTOR } })
      const hole = new Paths(at.path).manifest(nextId)
      await until('the next manifest id of the sleeper to be a hole', async () => !(await objects(at)).includes(hole))
      const boundary = await boundaryOf(at)
      if (isRecent(release)) expect(boundary).toBeGreaterThanOrEqual(nextId)
      await pause(50)

      const before = await newestManifest(at)
      const publish = async () => {
        await mine.write(put('late'), false)
        await mine.flush('memtable')
      }
      const late = await settled(publish())
      check(!late.ok && isFenced(late.error), `the sleeper to be fenced, not ${late.ok ? 'acknowledged' : late.error}`)
      expect((await newestManifest(at)).writerEpoch).toBe(before.writerEpoch)
      const keys = ['early', 'theirs-0', 'theirs-1', 'theirs-2', 'theirs-3', 'theirs-4']
      expect((await theirs.scan({}, false)).map((row) => row.key)).toEqual(keys)
      await theirs.close()
      await settled(mine.close())
      const next = ours()
      await next.open({ ...at, settings: QUIET })
      expect((await next.scan({}, false)).map((row) => row.key)).toEqual(keys)
      await next.close()
      await theirs.open({ ...at, settings: QUIET })
      expect((await theirs.scan({}, false)).map((row) => row.key)).toEqual(keys)
      await history.write(theirs, 1, true)
    })
  })
})
