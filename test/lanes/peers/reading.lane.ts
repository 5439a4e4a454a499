// It writes and we read; we write and it reads: every kind of row, every codec, several block sizes, as writer and as
// reader, before and after flushes and reopening.

import { expect, test } from 'vitest'
import { type History, seeded } from './history.ts'
import { forEachRelease, newestManifest, QUIET, SEEDS } from './peers.ts'
import type { OpenSide, Side } from './side.ts'
import { generationsOf } from './versions.ts'

const CODECS = [undefined, 'Snappy', 'Zlib', 'Lz4', 'Zstd'] as const

type Place = Pick<OpenSide, 'root' | 'path'>

/** `writer` makes a history in two lives; after every step `reader` agrees with the model. */
async function life(
  history: History,
  place: Place,
  writer: Side,
  settings: OpenSide['settings'],
  reader: Side,
): Promise<void> {
  const { random } = history
  const blockSize = random.pick([1024, 4096, 65536])
  const readAll = async (what: string) => {
    await reader.openReader(place)
    await history.check(reader, what)
    await reader.close()
  }
  for (const turn of [1, 2]) {
    await writer.open({ ...place, settings: { ...QUIET, ...settings }, blockSize })
    if (turn === 2) await history.check(writer, 'after reopening')
    await history.write(writer, random.int(10, 40))
    if (turn === 1) await readAll('a reader of rows in the WAL only')
    await writer.flush('memtable')
    await history.write(writer, random.int(5, 20))
    await history.check(writer, 'the writer itself')
    if (random.chance(0.5)) await writer.flush('memtable')
    await writer.close()
  }
  await readAll('a reader at the end')
  await reader.open({ ...place, settings: { ...QUIET, ...settings } })
  await history.check(reader, 'the next writer')
  await history.write(reader, 5, true)
  await history.check(reader, 'what the next writer adds')
  await reader.close()
}

await forEachRelease('reading', ({ release, peer, ours, place }) => {
  for (const codec of CODECS) {
    const compression = codec === undefined ? {} : { compression_codec: codec }

    test(`it writes with ${codec ?? 'no codec'}, we read`, async () => {
      for (let seed = 0; seed < SEEDS; seed++) {
        await seeded(`${release.version}/it-writes/${codec}/${seed}`, (history) =>
          life(history, place(), peer(), compression, ours()),
        )
      }
    })

    for (const generation of generationsOf(release)) {
      test(`we write generation ${generation} with ${codec ?? 'no codec'}, it reads`, async () => {
        for (let seed = 0; seed < SEEDS; seed++) {
          await seeded(`${release.version}/we-write/${generation}/${codec}/${seed}`, async (history) => {
            const at = place()
            await life(history, at, ours(generation), compression, peer())
            const { tree } = await newestManifest(at)
            expect(tree.l0.length).toBeGreaterThan(1)
          })
        }
      })
    }
  }
})
