// Which generation of the format a database is in, when nobody says so; upgrades through the releases with us in between;
// and what only newer releases write: segments.

import { expect, test } from 'vitest'
import { settled } from '../../../src/sim/check.ts'
import { seeded } from './history.ts'
import { COMPACTING, forAllReleases, forEachRelease, newestManifest, QUIET, SEEDS, until } from './peers.ts'
import { generationFor, isRecent } from './versions.ts'

await forEachRelease('generations', ({ release, peer, ours, place }) => {
  test('a database that it made stays open for it after we wrote, without a setting', async () => {
    await seeded(`${release.version}/kept-generation`, async (history) => {
      const at = place()
      for (let round = 0; round < 3; round++) {
        const theirs = peer()
        await theirs.open({ ...at, settings: QUIET })
        await history.check(theirs, `round ${round}`)
        await history.write(theirs, 10)
        if (round !== 1) await theirs.flush('memtable')
        await history.write(theirs, 2)
        // We take over while it lives, and it takes over while we live: fences lie in the range that is replayed.
        const mine = ours()
        await mine.open({ ...at, settings: QUIET })
        await history.check(mine, `round ${round}`)
        await history.write(mine, 10)
        if (round === 1) await mine.flush('memtable')
        await history.write(mine, 2)
        await theirs.kill()
      }
      const reader = peer()
      await reader.openReader(at)
      await history.check(reader, 'at the end')
    })
  })

  if (!isRecent(release)) {
    test('a database of generation 0.15 with rows behind our fence: it refuses, it does not answer wrongly', async () => {
      const at = place()
      const mine = ours('0.15')
      await mine.open({ ...at, settings: QUIET })
      await mine.write([[{ kind: 'put', key: 'a', value: '1', ttl: 'none' }]], true)
      const opened = await settled(peer().open({ ...at, settings: QUIET }))
      expect(opened).toMatchObject({ ok: false, error: { kind: 'Data' } })
    })
  }

  if (release.segments) {
    test('segments: we read all of them, and our writer refuses what it cannot keep', async () => {
      for (let seed = 0; seed < SEEDS; seed++) {
        await seeded(
          `${release.version}/segments/${seed}`,
          async (history) => {
            const at = { ...place(), segment: 1 }
            const theirs = peer()
            await theirs.open({ ...at, settings: COMPACTING, blockSize: 1024 })
            for (let i = 0; i < 4; i++) {
              await history.write(theirs, 15)
              await theirs.flush('memtable')
            }
            const manifest = await until('a segment to be compacted', async () => {
              const manifest = await newestManifest(at)
              return manifest.segments.some(({ tree }) => tree.runs.length > 0) && manifest
            })
            expect(manifest.segments.length).toBeGreaterThan(1)
            await history.write(theirs, 5)
            await history.check(theirs, 'itself')
            const reader = ours()
            await reader.openReader(at)
            await history.check(reader, 'with rows in the WAL')
            await theirs.close()
            await reader.reader.refresh()
            await history.check(reader, 'after its close')
            await reader.close()
            const refused = await settled(ours().open({ ...at, settings: QUIET }))
            expect(refused).toMatchObject({ ok: false, error: { code: 'SLATEDB_SEGMENT_EXTRACTOR_MISMATCH' } })
            await theirs.open({ ...at, settings: QUIET })
            await history.check(theirs, 'after we were refused')
          },
          { manyKeys: 200 },
        )
      }
    })
  }
})

await forAllReleases('an upgrade', (benches) => {
  test(`through ${benches.map(({ release }) => release.version).join(', ')}, with us before each of them and after the last`, async () => {
    await seeded(
      'upgrade',
      async (history) => {
        const at = benches[0]!.place()
        for (const [i, { release, peer, ours }] of benches.entries()) {
          const mine = ours(i === 0 ? generationFor(release) : undefined)
          await mine.open({ ...at, settings: QUIET, blockSize: 1024 })
          await history.check(mine, `before ${release.version}`)
          await history.write(mine, 20)
          await mine.flush('memtable')
          await history.write(mine, 5)
          await mine.close()
          const theirs = peer()
          await theirs.open({ ...at, settings: COMPACTING, blockSize: 1024 })
          await history.check(theirs, 'after us')
          await history.write(theirs, 20)
          await theirs.flush('memtable')
          await history.write(theirs, 5)
          await until('its compactor', async () => (await newestManifest(at)).tree.runs.length > 0)
          await history.check(theirs, 'compacted')
          await theirs.close()
        }
        const mine = benches[0]!.ours()
        await mine.open({ ...at, settings: QUIET })
        await history.check(mine, 'after the last')
        await mine.close()
      },
      { manyKeys: 200 },
    )
  })
})
