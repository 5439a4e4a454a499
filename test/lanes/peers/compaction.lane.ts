// It compacts between our turns, and while we take over: L0 lists are trimmed under us, runs of several tables, rows on
// top of them. Everything is read in both directions by us.

import { expect, test } from 'vitest'
import type { Manifest } from '../../../src/format/manifest.ts'
import { pause } from '../lane.ts'
import { seeded } from './history.ts'
import { COMPACTING, forEachRelease, newestManifest, QUIET, SEEDS, until } from './peers.ts'
import { generationFor } from './versions.ts'

const longest = (manifest: Manifest): number => Math.max(0, ...manifest.tree.runs.map((run) => run.views.length))

await forEachRelease('compaction', ({ release, peer, ours, place }) => {
  test('it compacts between our turns', async () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      await seeded(
        `${release.version}/compaction/${seed}`,
        async (history) => {
          const at = place()
          const { random } = history
          for (let round = 0; round < 3; round++) {
            const mine = ours(round === 0 ? generationFor(release) : undefined)
            await mine.open({ ...at, settings: QUIET, blockSize: 1024 })
            await history.check(mine, `round ${round}, ours`)
            for (let i = 0; i < 3; i++) {
              await history.write(mine, random.int(10, 30))
              await mine.flush('memtable')
            }
            await history.write(mine, random.int(0, 5))
            await history.check(mine, `round ${round}, ours with new tables on top`)
            await mine.close()
            const before = await newestManifest(at)
            expect(before.tree.l0.length).toBeGreaterThan(1)

            const theirs = peer()
            await theirs.open({ ...at, settings: COMPACTING, blockSize: 1024 })
            await history.write(theirs, random.int(1, 10))
            await theirs.flush('memtable')
            const after = await until('its compactor', async () => {
              const manifest = await newestManifest(at)
              return manifest.tree.l0.length < 2 && manifest.tree.runs.length > 0 && manifest
            })
            expect(longest(after)).toBeGreaterThan(2)
            const old = new Set(before.tree.l0.map((view) => view.table.id))
            expect(after.tree.l0.filter((view) => old.has(view.table.id))).toEqual([])
            await history.check(theirs, `round ${round}, compacted`)
            const reader = ours()
            await reader.openReader(at)
            await history.check(reader, `round ${round}, compacted`)
            await reader.close()
            await theirs.close()
          }
          const mine = ours()
          await mine.open({ ...at, settings: QUIET })
          await history.check(mine, 'at the end')
          await mine.close()
        },
        { manyKeys: 300 },
      )
    }
  })

  test('we take over while its compactor works, and go on writing while it finishes', async () => {
    let trimmed = 0
    for (let seed = 0; seed < SEEDS; seed++) {
      await seeded(
        `${release.version}/take-over/${seed}`,
        async (history) => {
          const at = place()
          const { random } = history
          for (let round = 0; round < 3; round++) {
            const theirs = peer()
            await theirs.open({ ...at, settings: COMPACTING, blockSize: 1024 })
            await history.check(theirs, `round ${round}, theirs`)
            for (let i = 0; i < 4; i++) {
              await history.write(theirs, random.int(5, 20))
              await theirs.flush('memtable')
            }
            await pause(random.int(0, 60))
            const mine = ours()
            await mine.open({ ...at, settings: QUIET, blockSize: 1024 })
            const first = mine.db.manifest.value.compactorEpoch
            await history.check(mine, `round ${round}, ours`)
            for (let i = 0; i < 3; i++) {
              await history.write(mine, random.int(5, 20))
              await mine.flush('memtable')
              await history.check(mine, `round ${round}, ours after flush ${i}`)
            }
            const manifest = await newestManifest(at)
            expect(manifest.compactorEpoch).toBe(first)
            if (manifest.tree.runs.length > 0) trimmed++
            await history.check(mine, `round ${round}, ours at its end`)
            await mine.close()
            await theirs.kill()
          }
          const reader = peer()
          await reader.openReader(at)
          await history.check(reader, 'at the end')
        },
        { manyKeys: 300 },
      )
    }
    expect(trimmed).toBeGreaterThan(0)
  })
})
