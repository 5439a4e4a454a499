// What only the newest releases write: keys of more than 65,535 bytes (0.17), data blocks padded to the block size (0.18),
// and manifests of version 2 (0.16), which stay what they are under us.

import { expect, test } from 'vitest'
import { BlockIndex } from '../../../src/format/index.ts'
import { Paths } from '../../../src/format/paths.ts'
import { openFolderStore } from '../../../src/node/folder-store.ts'
import { check, same } from '../../../src/sim/check.ts'
import type { Op } from '../../model/model.ts'
import { pause } from '../lane.ts'
import { seeded } from './history.ts'
import { type Bench, COMPACTING, forEachRelease, newestManifest, QUIET, SEEDS, until } from './peers.ts'
import type { OpenSide, Side } from './side.ts'
import { generationsOf } from './versions.ts'

/** Keys around the old limit, which prefix compression must not shorten below it in a later block. */
const LENGTHS = [1, 65_534, 65_535, 65_536, 70_000, 200_000]

/** The rows of a store of long keys, beside what is expected of them. */
class LongKeys {
  readonly #values = new Map<string, string>()

  async write(side: Side, round: number): Promise<void> {
    const ops = LENGTHS.flatMap((length, i): Op[] => {
      const key = `${round % 2}${'k'.repeat(length - 1)}`
      const value = `${round}-${length}`
      if (i === round % LENGTHS.length && this.#values.has(key)) {
        this.#values.delete(key)
        return [{ kind: 'delete', key, value: '', ttl: 'none' }]
      }
      const merged = round > 1 && i % 2 === 0
      this.#values.set(key, merged ? `${this.#values.get(key) ?? ''}${value}` : value)
      return [{ kind: merged ? 'merge' : 'put', key, value, ttl: 'none' }]
    })
    // Some alone, some in one batch.
    await side.write([...ops.slice(0, 3).map((op) => [op]), ops.slice(3)], true)
  }

  async check(side: Side, what: string): Promise<void> {
    const shown = (key: string) => `${key.slice(0, 3)} of ${key.length}`
    const rows = [...this.#values].sort(([a], [b]) => (a < b ? -1 : 1))
    const expected = rows.map(([key, value]) => `${shown(key)} = ${value}`)
    const scanned = await side.scan({}, false)
    same(scanned.map(({ key, value }) => `${shown(key)} = ${value}`).join(), expected.join(), `${what}: a scan`)
    check(
      scanned.every(({ key }, i) => key === rows[i]![0]),
      `${what}: the keys of a scan to be whole`,
    )
    const got = await side.get(rows.map(([key]) => key))
    same(got.map((row) => row?.value).join(), rows.map(([, value]) => value).join(), `${what}: points`)
    const [absent] = await side.get([`0${'k'.repeat(65_536)}absent`])
    same(absent, undefined, `${what}: a key that is not there`)
  }
}

/** Blocks of the newest table that padding follows. The table has no codec, so that its index can be read as it lies. */
async function paddedBlocks(at: Pick<OpenSide, 'root' | 'path'>): Promise<number> {
  const store = await openFolderStore(at.root, { sync: 'none' })
  const { id, info } = (await newestManifest(at)).tree.l0[0]!.table
  const { bytes } = await store.get(new Paths(at.path).table(id))
  const index = new BlockIndex(
    bytes.subarray(info.indexOffset, info.indexOffset + info.indexLength),
    info.filterOffset,
    'compacted',
  )
  return Array.from({ length: index.length }, (_, i) => i).filter((i) => index.sealedEnd(i) < index.end(i)).length
}

const suite = ({ release, peer, ours, oursProcess, place }: Bench) => {
  if (generationsOf(release).includes('0.17')) {
    test('long keys in the log and in tables: six owners in turns, each ended by a kill, and its compactor', async () => {
      const at = place()
      const keys = new LongKeys()
      for (let round = 0; round < 6; round++) {
        const side = round % 2 === 0 ? oursProcess(round === 0 ? '0.17' : undefined) : peer()
        await side.open({ ...at, settings: round === 3 ? COMPACTING : QUIET, blockSize: 4096 })
        await keys.check(side, `round ${round}, as ${side.name} finds it`)
        await keys.write(side, round)
        if (round !== 2) await side.flush('memtable')
        if (round === 3) {
          await until('its compactor', async () => (await newestManifest(at)).tree.runs.length > 0)
        }
        await keys.check(side, `round ${round}, as ${side.name} left it`)
        await side.kill()
      }
      for (const reader of [ours(), peer()]) {
        await reader.openReader(at)
        await keys.check(reader, `${reader.name} as a reader`)
        await reader.close()
      }
    })
  }

  if (release.alignedBlocks) {
    test('aligned blocks: it writes and compacts, we read, go on and are read', async () => {
      for (let seed = 0; seed < SEEDS; seed++) {
        await seeded(
          `${release.version}/aligned/${seed}`,
          async (history) => {
            const at = place()
            const { random } = history
            // Of this engine's turns only: the original aligns no blocks that it compresses.
            const codec = random.pick([undefined, 'Zstd', 'Lz4'])
            const compression = codec === undefined ? {} : { compression_codec: codec }
            const blockSize = random.pick([1024, 4096])
            const first = peer()
            await first.open({ ...at, settings: QUIET, blockSize: 1024, aligned: true })
            await history.write(first, 30)
            await first.flush('memtable')
            await first.close()
            expect(await paddedBlocks(at)).toBeGreaterThan(1)
            for (let round = 0; round < 3; round++) {
              const theirs = peer()
              await theirs.open({ ...at, settings: COMPACTING, blockSize, aligned: true })
              await history.check(theirs, `round ${round}, the original`)
              for (let i = 0; i < 3; i++) {
                await history.write(theirs, random.int(10, 25))
                await theirs.flush('memtable')
              }
              if (round === 1) {
                await until('its compactor', async () => (await newestManifest(at)).tree.runs.length > 0)
              } else {
                await pause(random.int(0, 60))
              }
              if (random.chance(0.5)) await theirs.close()
              await theirs.kill()
              const mine = ours()
              await mine.open({ ...at, settings: { ...QUIET, ...compression }, blockSize })
              await history.check(mine, `round ${round}, this engine`)
              await history.write(mine, random.int(5, 15))
              await mine.flush('memtable')
              await history.check(mine, `round ${round}, this engine with a table of its own on top`)
              await mine.close()
            }
            const reader = ours()
            await reader.openReader(at)
            await history.check(reader, 'a reader of this engine')
            await reader.close()
            const last = peer()
            await last.openReader(at)
            await history.check(last, 'a reader of the original')
          },
          { manyKeys: 300 },
        )
      }
    })
  }

  if (release.writesV2) {
    test('a manifest of version 2 stays one, with its view ids, when either engine writes the next', async () => {
      await seeded(`${release.version}/version-2`, async (history) => {
        const at = place()
        const views = async () => {
          const { formatVersion, tree } = await newestManifest(at)
          expect(formatVersion).toBe(2)
          return tree.l0.map((view) => view.viewId)
        }
        const theirs = peer()
        await theirs.open({ ...at, settings: QUIET })
        await history.write(theirs, 10)
        await theirs.flush('memtable')
        const first = await views()
        expect(first.length).toBeGreaterThan(0)
        await theirs.kill()
        const mine = ours()
        await mine.open({ ...at, settings: QUIET })
        expect(await views()).toEqual(first)
        await history.write(mine, 10)
        await mine.flush('memtable')
        const second = await views()
        expect(second.slice(-first.length)).toEqual(first)
        expect(second.length).toBeGreaterThan(first.length)
        await mine.close()
        const next = peer()
        await next.open({ ...at, settings: QUIET })
        expect(await views()).toEqual(second)
        await history.check(next, 'at the end')
      })
    })
  }
}

// Releases before 0.16 write none of these forms.
await forEachRelease('the newest forms', suite, (release) => release.writesV2 === true)
