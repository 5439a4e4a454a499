// WAL objects whose rows take far more memory than the bytes they are stored in.

import { expect, test, vi } from 'vitest'
import { concatBytes } from '../bytes/compare.ts'
import { type Codec, noCodec } from '../compress/codec.ts'
import { zstdDecompress } from '../compress/zstd.ts'
import { encodeZstd } from '../compress/zstd-encode.ts'
import { Row } from '../cursor/row.ts'
import { systemClock } from '../env/system.ts'
import { Turns } from '../env/turns.ts'
import { BlockBuilder } from './block.ts'
import { encodeTableEnd } from './footer.ts'
import { IndexBuilder } from './index.ts'
import { seal } from './seal.ts'
import { walMemoryLimit } from './wal-limits.ts'
import { openWalObject, type WalContents, WalRows } from './wal-object.ts'
import { WalTableBuilder } from './wal-table.ts'

const MIB = 1024 * 1024
const zstd: Codec = { name: 'zstd', compress: encodeZstd, decompress: zstdDecompress }

function rowOf(key: Uint8Array, value: Uint8Array, seq: number): Row {
  const row = new Row()
  row.key = key
  row.keyEnd = key.length
  row.value = value
  row.valueEnd = value.length
  row.seqLo = seq
  return row
}

const seqKey = (seq: number) => Uint8Array.of(0, 0, 0, 0, 0, 0, seq >> 8, seq & 0xff)

/** An object of these sealed blocks, all of whose checksums are right. */
function objectOf(blocks: readonly Uint8Array[], codec: Codec, gap = 0): Uint8Array {
  const index = new IndexBuilder()
  let size = 0
  for (const [i, block] of blocks.entries()) {
    index.add(size, seqKey(i + 1))
    size += block.length
  }
  const sealedIndex = seal(index.finish(), codec) as Uint8Array
  const end = encodeTableEnd(
    {
      firstEntry: seqKey(1),
      lastEntry: undefined,
      indexOffset: size + gap,
      indexLength: sealedIndex.length,
      filterOffset: size,
      filterLength: 0,
      codec: codec.name,
      type: 'wal',
      statsOffset: 0,
      statsLength: 0,
      filterFormat: 'legacy',
    },
    size + gap + sealedIndex.length,
  )
  return concatBytes([...blocks, new Uint8Array(gap), sealedIndex, end])
}

/** A sealed block of one row of 40 MiB. */
function largeBlock(): Uint8Array {
  const builder = new BlockBuilder(4096)
  builder.add(rowOf(Uint8Array.of(1), new Uint8Array(40 * MIB), 1))
  return seal(builder.finish(), zstd) as Uint8Array
}

async function rowCount(contents: WalContents): Promise<number> {
  const rows = new WalRows(contents)
  let count = 0
  while (await rows.next()) count++
  return count
}

const expands = expect.objectContaining({ kind: 'Data', code: 'SLATEDB_WAL_OBJECT_EXPANDS' })

test('decoded blocks beyond 64 MiB are let go and decoded again when their rows are read', async () => {
  const block = largeBlock()
  const object = objectOf([block, block, block], zstd)
  expect(object.length).toBeLessThan(64 * 1024)
  const contents = await openWalObject(object, 'w')
  const [once, again] = [0, 1].map(() => [0, 1].map((i) => contents.block(i)))
  // Compared here: a matcher would look at every byte of what differs.
  expect([0, 1].map((i) => once![i] === again![i])).toEqual([true, false])
  expect(await rowCount(contents)).toBe(3)
})

test('an object of some kilobytes whose rows would take gigabytes is a Data error that names it', async () => {
  const object = objectOf(new Array<Uint8Array>(50).fill(largeBlock()), zstd)
  const error: unknown = await openWalObject(object, 'wal/7.sst').catch((error: unknown) => error)
  expect(error).toEqual(expands)
  expect((error as Error).message).toMatch(/^wal\/7\.sst, at offset \d+: its rows take/)
})

test('so is one without a codec whose keys share almost everything with the one before', async () => {
  // No builder makes it: each row takes 14 bytes and stands for a key of 60,000.
  const key = 60_000
  const count = 20_000
  const first = [0, 0xe0, 0xd4, 0x03, 0, ...new Array<number>(key).fill(1), ...new Array<number>(8).fill(0), 0]
  const more = [0xe0, 0xd4, 0x03, 0, 0, ...new Array<number>(8).fill(0), 0]
  const rows = concatBytes([
    Uint8Array.from(first),
    ...new Array<Uint8Array>(count).fill(Uint8Array.from(more)),
    Uint8Array.of(0, 0, 0, 1),
  ])
  const object = objectOf([seal(rows, noCodec) as Uint8Array], noCodec)
  expect(object.length).toBeLessThan(400_000)
  await expect(openWalObject(object, 'w')).rejects.toEqual(expands)
})

/** Compresses anything to a few bytes, as zstd does with long runs, and in no time. */
const toNothing: Codec = { ...zstd, compress: () => new Uint8Array(50) }

/** The size of an object of `rows` rows of 8 MiB. */
async function sizeOf(rows: number): Promise<number> {
  const builder = new WalTableBuilder({ blockSize: 4096, codec: toNothing })
  const value = new Uint8Array(8 * MIB)
  for (let i = 1; i <= rows; i++) builder.add(rowOf(Uint8Array.of(i), value, i))
  const { body, size } = await builder.finish()
  expect(body.reduce((sum, part) => sum + part.length, 0)).toBe(size)
  return size
}

test('a writer gives rows that compress beyond all measure the size at which readers believe them', async () => {
  expect(await sizeOf(60)).toBeLessThan(10_000)
  const size = await sizeOf(70)
  expect(walMemoryLimit(size)).toBeGreaterThan(70 * 8 * MIB)
  expect(walMemoryLimit(size - 1000)).toBeLessThan(70 * 8 * MIB)
})

test('bytes between the blocks and the index are passed over', async () => {
  const builder = new BlockBuilder(4096)
  builder.add(rowOf(Uint8Array.of(1), Uint8Array.of(2), 1))
  const block = seal(builder.finish(), noCodec) as Uint8Array
  expect(await rowCount(await openWalObject(objectOf([block], noCodec, 5000), 'w'))).toBe(1)
})

test('a section of an index that decompresses to more than a thousand times its size is a Data error', async () => {
  const bomb = seal(new Uint8Array(37 * MIB), zstd) as Uint8Array
  const end = encodeTableEnd(
    {
      firstEntry: seqKey(1),
      lastEntry: undefined,
      indexOffset: 0,
      indexLength: bomb.length,
      filterOffset: 0,
      filterLength: 0,
      codec: 'zstd',
      type: 'wal',
      statsOffset: 0,
      statsLength: 0,
      filterFormat: 'legacy',
    },
    bomb.length,
  )
  const object = concatBytes([bomb, end])
  expect(object.length).toBeLessThan(4000)
  await expect(openWalObject(object, 'w')).rejects.toThrow(/w, at offset 0: zstd data claims \d+ bytes, at most/)
})

test('between blocks the event loop gets its turns', async () => {
  const builder = new BlockBuilder(4096)
  const blocks = Array.from({ length: 10 }, (_, i) => {
    builder.add(rowOf(Uint8Array.of(i), Uint8Array.of(i), i + 1))
    return seal(builder.finish(), noCodec) as Uint8Array
  })
  const turns = new Turns(systemClock)
  vi.spyOn(turns, 'spend').mockReturnValue(true)
  const give = vi.spyOn(turns, 'give')
  expect(await rowCount(await openWalObject(objectOf(blocks, noCodec), 'w', undefined, turns))).toBe(10)
  expect(give).toHaveBeenCalledTimes(10)
})
