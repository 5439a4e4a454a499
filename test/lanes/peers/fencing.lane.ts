// Two live writers: whoever opened last owns the database, the other learns of it, and nothing acknowledged is lost.

import { expect, test } from 'vitest'
import { check, settled } from '../../../src/sim/check.ts'
import type { Op } from '../../model/model.ts'
import { seeded } from './history.ts'
import { forEachRelease, QUIET, SEEDS } from './peers.ts'
import { isFenced, type Side } from './side.ts'
import { generationFor } from './versions.ts'

const put = (key: string): Op => ({ kind: 'put', key, value: `value of ${key}`, ttl: 'none' })

await forEachRelease('fencing', ({ release, peer, ours, place }) => {
  const generation = generationFor(release)

  test('it opens while we live: our next durable write fails as Fenced', async () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      await seeded(`${release.version}/it-takes-over/${seed}`, async (history) => {
        const at = place()
        const mine = ours(generation)
        await mine.open({ ...at, settings: QUIET })
        await history.write(mine, history.random.int(1, 20))
        if (history.random.chance(0.5)) await mine.flush('memtable')
        const theirs = peer()
        await theirs.open({ ...at, settings: QUIET })
        await history.check(theirs, 'after taking over')
        const late = await settled(mine.write([[put('late')]], true))
        check(!late.ok && isFenced(late.error), `us to be fenced, not ${late.ok ? 'acknowledged' : late.error}`)
        expect(mine.db.status.closeReason).toBe('Fenced')
        await history.write(theirs, 10)
        await history.check(theirs, 'after our late write')
        // Tearing down what was fenced writes nothing.
        await settled(mine.close())
        await history.write(theirs, 5)
        await history.check(theirs, 'after our close')
        await theirs.close()
        await mine.open({ ...at, settings: QUIET })
        await history.check(mine, 'after taking it back')
        await mine.close()
      })
    }
  })

  test('we open while it lives: its next durable write fails as Fenced', async () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      await seeded(`${release.version}/we-take-over/${seed}`, async (history) => {
        const at = place()
        const theirs = peer()
        await theirs.open({ ...at, settings: QUIET })
        await history.write(theirs, history.random.int(1, 20))
        if (history.random.chance(0.5)) await theirs.flush('memtable')
        const mine = ours()
        await mine.open({ ...at, settings: QUIET })
        await history.check(mine, 'after taking over')
        const late = await settled(theirs.write([[put('late')]], true))
        check(!late.ok && isFenced(late.error), `it to be fenced, not ${late.ok ? 'acknowledged' : late.error}`)
        await history.write(mine, 10)
        await settled(theirs.close())
        await history.write(mine, 5)
        await history.check(mine, 'after its close')
        await mine.close()
        const reader = peer()
        await reader.openReader(at)
        await history.check(reader, 'a reader at the end')
      })
    }
  })

  test('both write while ownership changes under them: every acknowledged write survives', async () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      await seeded(`${release.version}/rivals/${seed}`, async (history) => {
        const at = place()
        const acknowledged = new Set<string>()
        // Both learn of their fate from the WAL. Original releases whose poll of the manifest finds it first sometimes
        // leave the write that is under way without an answer for ever (seen in 0.14.1).
        const settings = { ...QUIET, manifest_poll_interval: '60s' }
        /** Writes until it is fenced, or told to stop. */
        const writeOn = async (side: Side, name: string, stop: () => boolean): Promise<'stopped' | 'fenced'> => {
          for (let i = 0; !stop(); i++) {
            const key = `${name}-${i}`
            const outcome = await settled(side.write([[put(key)]], true))
            if (outcome.ok) acknowledged.add(key)
            else if (isFenced(outcome.error)) return 'fenced'
            else throw outcome.error
          }
          return 'stopped'
        }
        let owner: { side: Side; writing: Promise<'stopped' | 'fenced'>; stop: () => void } | undefined
        for (let turn = 0; turn < 6; turn++) {
          const before = owner
          const side = (turn + seed) % 2 === 0 ? peer() : ours(turn === 0 ? generation : undefined)
          await side.open({ ...at, settings })
          if (before !== undefined) expect(await before.writing).toBe('fenced')
          let stopped = false
          owner = {
            side,
            writing: writeOn(side, `${turn}`, () => stopped),
            stop: () => {
              stopped = true
            },
          }
          await new Promise((resolve) => setTimeout(resolve, history.random.int(5, 60)))
        }
        owner!.stop()
        expect(await owner!.writing).toBe('stopped')
        await owner!.side.close()
        for (const side of [peer(), ours()]) {
          await side.open({ ...at, settings: QUIET })
          const keys = new Set((await side.scan({}, false)).map((row) => row.key))
          const lost = [...acknowledged].filter((key) => !keys.has(key))
          check(lost.length === 0, `${side.name} to show every acknowledged write; missing: ${lost}`)
          check(acknowledged.size > 0, 'some writes to be acknowledged')
          await history.write(side, 1)
          await side.close()
        }
      })
    }
  })
})
