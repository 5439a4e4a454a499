// Every SST that the original wrote (and the hand-made ones) against what an independent decoder saw in it, and back.

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { toHex } from '../bytes/text.ts'
import { toBigInt } from '../bytes/u64.ts'
import { loadDecompress, noCodec } from '../compress/codec.ts'
import { NO_TS, type Row, rowKey, rowValue, TOMBSTONE } from '../cursor/row.ts'
import { BlockBuilder } from './block.ts'
import { BlockCursor } from './block-cursor.ts'
import { decodeTableEnd, encodeTableEnd } from './footer.ts'
import { BlockIndex, IndexBuilder, separator } from './index.ts'
import { flagsOf } from './rows.ts'
import { CRC_LENGTH, unseal } from './seal.ts'
import { decodeStats, encodeStats } from './stats.ts'
import { openWalObject, WalRows } from './wal-object.ts'
import { encodeRowlessFence, WalTableBuilder } from './wal-table.ts'

const ROOT = new URL('../../test/fixtures/', import.meta.url).pathname
const CASES = ['slatedb-0.12.1', 'slatedb-0.18.0'].flatMap((family) =>
  readdirSync(join(ROOT, family), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${family}/${entry.name}`),
)

// biome-ignore lint/suspicious/noExplicitAny: what JSON.parse gives
type Json = any

for (const name of CASES) {
  describe(name, () => {
    const folder = join(ROOT, name)
    const objects: Json[] = JSON.parse(readFileSync(join(folder, 'objects.json'), 'utf8'))
    const expected: Json = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'))
    const tables = objects.filter((object) => object.path.endsWith('.sst'))
    const blockSize = 1024 * Number(/^Block(\d+)Kib/.exec(expected.sst_block_size)![1])
    // 0.18 writes its log in blocks of 64 KiB, whatever the setting says.
    const walBlockSize = name.startsWith('slatedb-0.18') ? 64 * 1024 : blockSize
    const isAligned = expected.sst_block_alignment === true

    test.each(tables.map((object) => [object.path, object]))('%s', async (path, object) => {
      const bytes = new Uint8Array(readFileSync(join(folder, path)))
      if (object.fence === true) {
        expect(await openWalObject(bytes, path)).toMatchObject({ fence: true, blockCount: 0 })
        return
      }
      const end = decodeTableEnd(bytes, bytes.length, path)
      if (typeof end === 'number') throw new Error('the whole object is not enough')
      const { info } = end
      expect(end.formatVersion).toBe(object.format_version)
      expect(info).toEqual(infoOf(object.info))
      const infoAt = Number(bytes.length - encodeTableEnd(info, 0).length)
      same(encodeTableEnd(info, infoAt), bytes.subarray(infoAt))

      const decompress = info.codec === 'none' ? undefined : await loadDecompress(info.codec)
      const section = (start: number, length: number) => unseal(bytes.subarray(start, start + length), decompress)
      const rawIndex = await section(info.indexOffset, info.indexLength)
      const index = new BlockIndex(rawIndex, info.filterOffset, info.type)
      const entries = Array.from({ length: index.length }, (_, i) => indexEntry(index, i))
      expect(entries).toEqual(object.index)
      const stats = info.statsLength === 0 ? undefined : await section(info.statsOffset, info.statsLength)
      if (stats === undefined) expect(object.stats ?? null).toBeNull()
      else {
        expect(decodeStats(stats, path)).toEqual(statsOf(object.stats))
        same(encodeStats(decodeStats(stats, path)), stats)
      }
      if (index.length === 0) return

      const contents = await openWalObject(bytes, path)
      const blocks = await Promise.all(Array.from({ length: contents.blockCount }, (_, i) => contents.block(i)))
      // Aligned blocks leave room for the checksum (format.md 4.3); those of the log are never aligned.
      const tableBlockSize = isAligned ? blockSize - CRC_LENGTH : blockSize
      const again = new BlockBuilder(info.type === 'wal' ? walBlockSize : tableBlockSize)
      const indexAgain = new IndexBuilder()
      let rowCount = 0
      let lastKey: Uint8Array = new Uint8Array(0)
      const rebuilt: Uint8Array[] = []
      const addIndex = (key: Uint8Array, first: string) => {
        const entry =
          info.type === 'wal'
            ? seq(first)
            : rowCount === 0
              ? key.slice(0, 0)
              : separator(lastKey, lastKey.length, key, 0, key.length)
        const block = rebuilt.length
        const padded = index.sealedEnd(block) < index.end(block)
        indexAgain.add(index.start(block), entry, padded ? index.sealedEnd(block) - index.start(block) : 0)
      }
      for (const [i, block] of blocks.entries()) {
        const expectedBlock = object.blocks[i]
        expect(block.length).toBe(expectedBlock.raw_len)
        const cursor = new BlockCursor()
        cursor.open(block)
        const rows: Json[] = []
        while (cursor.next()) {
          const { row } = cursor
          if (!again.add(row)) {
            rebuilt.push(again.finish())
            again.add(row)
          }
          if (again.rowCount === 1) addIndex(rowKey(row), toBigInt(row.seqHi, row.seqLo).toString(16))
          rows.push(jsonRow(row))
          lastKey = rowKey(row)
          rowCount++
        }
        if (expectedBlock.row_count === undefined) expect(rows).toEqual(expectedBlock.rows)
        else {
          expect(rows.length).toBe(expectedBlock.row_count)
          const wanted = [...expectedBlock.rows]
          const last = wanted.pop()
          expect(rows.at(-1)).toEqual(last)
          expect(rows.slice(0, wanted.length)).toEqual(wanted)
        }
      }
      rebuilt.push(again.finish())
      expect(rowCount).toBe(object.rows)
      expect(rebuilt.length).toBe(blocks.length)
      for (const [i, block] of rebuilt.entries()) same(block, blocks[i]!)
      same(indexAgain.finish(), rawIndex)

      if (info.type === 'wal' && info.codec === 'none') {
        const wal = new WalTableBuilder({ blockSize: walBlockSize, codec: noCodec, filterFormat: info.filterFormat })
        const source = new WalRows(await openWalObject(bytes, path))
        while (await source.next()) wal.add(source.row)
        const built = await wal.finish()
        same(Buffer.concat(built.body), bytes)
      }
    })
  })
}

test('the fence of old writers is written as they wrote it', async () => {
  const fence = readFileSync(join(ROOT, 'slatedb-0.12.1/puts-wal/store/db/wal/00000000000000000001.sst'))
  same(encodeRowlessFence(), fence)
  expect((await openWalObject(new Uint8Array(fence), 'fence')).fence).toBe(true)
})

/** Equality that stays readable when it fails. */
function same(actual: Uint8Array, expected: Uint8Array): void {
  const n = Math.min(actual.length, expected.length)
  let at = 0
  while (at < n && actual[at] === expected[at]) at++
  if (at === n && actual.length === expected.length) return
  const near = (bytes: Uint8Array) => `${bytes.length} bytes, at ${at}: ${toHex(bytes.slice(at, at + 16))}`
  expect(near(actual)).toBe(near(expected))
}

/** Offset, separator, and, where padding follows, the length without it. */
function indexEntry(index: BlockIndex, block: number): Json {
  const [start, sealedEnd] = [index.start(block), index.sealedEnd(block)]
  const entry = [start, toHex(index.separator(block))]
  return sealedEnd === index.end(block) ? entry : [...entry, sealedEnd - start]
}

function seq(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.padStart(16, '0'), 'hex'))
}

function infoOf(json: Json): Json {
  const bytes = (hex: string | undefined) => (hex === undefined ? undefined : new Uint8Array(Buffer.from(hex, 'hex')))
  const codec = json.compression_format ?? 0
  return {
    firstEntry: bytes(json.first_entry),
    lastEntry: bytes(json.last_entry),
    indexOffset: Number(json.index_offset ?? 0),
    indexLength: Number(json.index_len ?? 0),
    filterOffset: Number(json.filter_offset ?? 0),
    filterLength: Number(json.filter_len ?? 0),
    codec: typeof codec === 'string' ? codec.toLowerCase() : ['none', 'snappy', 'zlib', 'lz4', 'zstd'][codec],
    type: json.sst_type === undefined || json.sst_type === 0 || json.sst_type === 'Compacted' ? 'compacted' : 'wal',
    statsOffset: Number(json.stats_offset ?? 0),
    statsLength: Number(json.stats_len ?? 0),
    filterFormat: json.filter_format === 1 ? 'composite' : 'legacy',
  }
}

function statsOf(json: Json): Json {
  const counts = (of: Json) => ({
    puts: of.num_puts ?? 0,
    deletes: of.num_deletes ?? 0,
    merges: of.num_merges ?? 0,
  })
  return {
    ...counts(json),
    rawKeyBytes: json.raw_key_size ?? 0,
    rawValueBytes: json.raw_val_size ?? 0,
    blocks: (json.block_stats ?? []).map(counts),
  }
}

function jsonRow(row: Row): Json {
  const stamp = (ts: number) => (ts === NO_TS ? null : ts)
  return [
    brief(rowKey(row)),
    row.kind === TOMBSTONE ? null : brief(rowValue(row)),
    Number(toBigInt(row.seqHi, row.seqLo)),
    flagsOf(row),
    stamp(row.expireTs),
    stamp(row.createTs),
  ]
}

function brief(bytes: Uint8Array): Json {
  if (bytes.length <= 256) return toHex(bytes)
  return { len: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}
