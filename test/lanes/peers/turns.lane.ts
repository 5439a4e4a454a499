// Ownership changes hands: six rounds in turns, each ended by a clean close or by SIGKILL in the middle of writing, of
// their process and of ours. Every owner reads all of the history first.

import { expect, test } from 'vitest'
import { openFolderStore } from '../../../src/node/folder-store.ts'
import { checkBucket } from '../../model/bucket-invariants.ts'
import { pause } from '../lane.ts'
import { seeded } from './history.ts'
import { forEachRelease, QUIET, SEEDS } from './peers.ts'
import { generationFor } from './versions.ts'

const ROUNDS = 6

await forEachRelease('turns', ({ release, peer, oursProcess, ours, place }) => {
  test('six rounds in turns, with kills', async () => {
    let survived = 0
    let lost = 0
    for (let seed = 0; seed < SEEDS; seed++) {
      await seeded(`${release.version}/turns/${seed}`, async (history) => {
        const at = place()
        const { random } = history
        const first = random.int(0, 1)
        for (let round = 0; round < ROUNDS; round++) {
          const side =
            (round + first) % 2 === 0 ? peer() : oursProcess(round === 0 ? generationFor(release) : undefined)
          await side.open({ ...at, settings: QUIET })
          survived += await history.settle(side)
          await history.check(side, `round ${round}`)
          await history.write(side, random.int(3, 25))
          if (random.chance(0.4)) await side.flush('memtable')
          await history.write(side, random.int(1, 10))
          if (random.chance(0.3)) {
            await side.close()
          } else {
            const begun = random.int(5, 120)
            lost += begun
            history.begin(side, begun)
            if (random.chance(0.5)) side.flush('memtable').catch(() => {})
            await pause(random.int(0, 40))
          }
          await side.kill()
        }
        const last = ours()
        await last.open({ ...at, settings: QUIET })
        survived += await history.settle(last)
        await history.check(last, 'at the end')
        await last.close()
        const reader = peer()
        await reader.openReader(at)
        await history.check(reader, 'at the end')
        await reader.close()
        await checkBucket(await openFolderStore(at.root, { sync: 'none' }), at.path)
      })
    }
    // The kills came in the middle: some of what was under way is there, some is not.
    expect(survived).toBeGreaterThan(0)
    expect(survived).toBeLessThan(lost)
  })
})
