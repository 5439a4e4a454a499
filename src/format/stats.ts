// What an SST says about its rows (format.md section 8), a FlatBuffer.
//
//   TableStats := 0 puts:u64 1 deletes:u64 2 merges:u64 3 rawKeyBytes:u64 4 rawValueBytes:u64 5 blocks:[BlockStats]
//   BlockStats := 0 puts:u16 1 deletes:u16 2 merges:u16

import { Builder, FlatBuffer } from './flat.ts'

export interface BlockStats {
  readonly puts: number
  readonly deletes: number
  readonly merges: number
}

export interface TableStats extends BlockStats {
  readonly rawKeyBytes: number
  readonly rawValueBytes: number
  readonly blocks: readonly BlockStats[]
}

export function encodeStats(stats: TableStats): Uint8Array {
  const builder = new Builder(256 + 8 * stats.blocks.length)
  let blocks = 0
  if (stats.blocks.length > 0) {
    const entries = stats.blocks.map((block) => {
      builder.startObject(3)
      builder.addFieldInt16(2, wrap(block.merges), 0)
      builder.addFieldInt16(1, wrap(block.deletes), 0)
      builder.addFieldInt16(0, wrap(block.puts), 0)
      return builder.endObject()
    })
    builder.startVector(4, entries.length, 4)
    for (let i = entries.length - 1; i >= 0; i--) builder.addOffset(entries[i]!)
    blocks = builder.endVector()
  }
  builder.startObject(6)
  builder.addFieldInt64(4, BigInt(stats.rawValueBytes), 0n)
  builder.addFieldInt64(3, BigInt(stats.rawKeyBytes), 0n)
  builder.addFieldInt64(2, BigInt(stats.merges), 0n)
  builder.addFieldInt64(1, BigInt(stats.deletes), 0n)
  builder.addFieldInt64(0, BigInt(stats.puts), 0n)
  builder.addFieldOffset(5, blocks, 0)
  builder.finish(builder.endObject())
  return builder.asUint8Array().slice()
}

/** Throws a Data error; `what` names the object. */
export function decodeStats(bytes: Uint8Array, what: string): TableStats {
  const table = new FlatBuffer(bytes, what).root()
  return {
    puts: table.safe(0, 'num_puts'),
    deletes: table.safe(1, 'num_deletes'),
    merges: table.safe(2, 'num_merges'),
    rawKeyBytes: table.safe(3, 'raw_key_size'),
    rawValueBytes: table.safe(4, 'raw_val_size'),
    blocks: (table.tables(5) ?? []).map((block) => ({
      puts: block.u16(0),
      deletes: block.u16(1),
      merges: block.u16(2),
    })),
  }
}

/** The builder takes signed numbers; a block of more rows than u16 counts saturates. */
const wrap = (count: number): number => (Math.min(count, 0xffff) << 16) >> 16
