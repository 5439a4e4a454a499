// WAL objects (format.md section 11): an SST whose rows stand in the order they were written, with an index on sequence
// numbers, and neither filter nor stats. An object without rows is a fence: zero bytes, or an SST with an empty index.
// wal-object.ts reads them.

import { concatBytes, EMPTY } from '../bytes/compare.ts'
import { putU32 } from '../bytes/writer.ts'
import { type Codec, noCodec } from '../compress/codec.ts'
import type { Row } from '../cursor/row.ts'
import { dataError } from '../errors.ts'
import { BlockBuilder } from './block.ts'
import { encodeTableEnd } from './footer.ts'
import { IndexBuilder } from './index.ts'
import { type BlockTransformer, CRC_LENGTH, putChecksum, seal } from './seal.ts'
import { encodeStats, type TableStats } from './stats.ts'
import type { TableInfo } from './table-info.ts'
import { leastWalSize, rowMemory } from './wal-limits.ts'

export interface WalTableOptions {
  readonly blockSize: number
  readonly codec: Codec
  readonly transformer?: BlockTransformer | undefined
  /** What the info says although there is no filter; nothing depends on it. Default 'legacy', which every version reads. */
  readonly filterFormat?: 'legacy' | 'composite'
}

/** Blocks of a large object share buffers of up to this size: one for each costs more than filling it. */
const LARGEST_SLAB = 256 * 1024

export interface WalObject {
  /** The object, in parts that are written back to back. */
  readonly body: readonly Uint8Array[]
  readonly size: number
  readonly info: TableInfo
  readonly rowCount: number
}

/** Builds one WAL object; reusable after `finish`. */
export class WalTableBuilder {
  readonly #options: WalTableOptions
  readonly #block: BlockBuilder
  #sealed: (Uint8Array | Promise<Uint8Array>)[] = []
  #firstSeqs: Uint8Array[] = []
  #rawSize = 0
  #rowMemory = 0
  // Where blocks are written that are stored as they are. It belongs to the object under construction.
  #slab = EMPTY
  #slabUsed = 0
  rowCount = 0

  constructor(options: WalTableOptions) {
    this.#options = options
    this.#block = new BlockBuilder(options.blockSize)
  }

  /** Bytes of rows so far, before compression: what size triggers look at. */
  get rawSize(): number {
    return this.#rawSize + this.#block.size
  }

  /** Rows of one batch come by key; sequence numbers never go down. */
  add(row: Row): void {
    if (!this.#block.add(row)) {
      this.#endBlock()
      this.#block.add(row)
    }
    if (this.#block.rowCount === 1) this.#firstSeqs.push(seqBytes(row))
    this.#rowMemory += rowMemory(row.keyEnd - row.keyStart, row.valueEnd - row.valueStart)
    this.rowCount++
  }

  async finish(): Promise<WalObject> {
    if (this.rowCount === 0) throw dataError('EMPTY_WAL', 'a WAL object needs a row')
    this.#endBlock()
    const { codec, transformer, filterFormat = 'legacy' } = this.#options
    const sealed = this.#sealed
    const firstSeqs = this.#firstSeqs
    const rowCount = this.rowCount
    const least = leastWalSize(this.#rowMemory)
    this.#sealed = []
    this.#firstSeqs = []
    this.#rawSize = 0
    this.#rowMemory = 0
    this.#slab = EMPTY
    this.#slabUsed = 0
    this.rowCount = 0

    const body: Uint8Array[] = []
    const index = new IndexBuilder()
    let size = 0
    for (let i = 0; i < sealed.length; i++) {
      const entry = sealed[i]!
      const block = entry instanceof Promise ? await entry : entry
      index.add(size, firstSeqs[i]!)
      pushPart(body, block)
      size += block.length
    }
    const dataEnd = size
    // Rows that compress beyond all measure are given the size that readers believe them at: the index begins later.
    if (size < least) {
      body.push(new Uint8Array(least - size))
      size = least
    }
    const indexOffset = size
    const sealedIndex = await seal(index.finish(), codec, transformer)
    body.push(sealedIndex)
    size += sealedIndex.length
    const info: TableInfo = {
      ...EMPTY_INFO,
      firstEntry: firstSeqs[0]!,
      indexOffset,
      indexLength: sealedIndex.length,
      filterOffset: dataEnd,
      codec: codec.name,
      type: 'wal',
      filterFormat,
    }
    const end = encodeTableEnd(info, size)
    body.push(end)
    return { body, size: size + end.length, info, rowCount }
  }

  #endBlock(): void {
    const { codec, transformer } = this.#options
    this.#rawSize += this.#block.size
    if (codec === noCodec && transformer === undefined) {
      const block = this.#place(this.#block.size + CRC_LENGTH)
      this.#block.finishInto(block, 0)
      putChecksum(block)
      this.#sealed.push(block)
      return
    }
    const sealed = seal(this.#block.finish(), codec, transformer)
    // A transformer that fails before finish() is awaited must not count as an unhandled rejection.
    if (sealed instanceof Promise) sealed.catch(() => {})
    this.#sealed.push(sealed)
  }

  /** Room for a block: slabs grow with the object, since most objects are small. */
  #place(size: number): Uint8Array {
    if (this.#slabUsed + size > this.#slab.length) {
      this.#slab = new Uint8Array(Math.max(size, Math.min(LARGEST_SLAB, this.#rawSize)))
      this.#slabUsed = 0
    }
    const start = this.#slabUsed
    this.#slabUsed += size
    return this.#slab.subarray(start, start + size)
  }
}

/** Adds a part; one that directly follows the last one in memory makes that one longer. */
function pushPart(body: Uint8Array[], part: Uint8Array): void {
  const last = body[body.length - 1]
  if (last !== undefined && last.buffer === part.buffer && last.byteOffset + last.length === part.byteOffset) {
    body[body.length - 1] = new Uint8Array(last.buffer, last.byteOffset, last.length + part.length)
  } else body.push(part)
}

const EMPTY_INFO: TableInfo = {
  firstEntry: undefined,
  lastEntry: undefined,
  indexOffset: 0,
  indexLength: 0,
  filterOffset: 0,
  filterLength: 0,
  codec: 'none',
  type: 'compacted',
  statsOffset: 0,
  statsLength: 0,
  filterFormat: 'legacy',
}

/**
 * The fence that every version reads: a whole SST without rows (the newer form is an object of zero bytes). A database
 * with a block transformer must pass it, or its own readers could not open the fence.
 */
export function encodeRowlessFence(): Uint8Array
export function encodeRowlessFence(transformer: BlockTransformer | undefined): Uint8Array | Promise<Uint8Array>
export function encodeRowlessFence(transformer?: BlockTransformer | undefined): Uint8Array | Promise<Uint8Array> {
  const index = seal(new IndexBuilder().finish(), noCodec, transformer)
  const stats = seal(encodeStats(NO_ROWS), noCodec, transformer)
  if (index instanceof Uint8Array && stats instanceof Uint8Array) return fenceOf(index, stats)
  return Promise.all([index, stats]).then(([sealedIndex, sealedStats]) => fenceOf(sealedIndex, sealedStats))
}

const NO_ROWS: TableStats = { puts: 0, deletes: 0, merges: 0, rawKeyBytes: 0, rawValueBytes: 0, blocks: [] }

function fenceOf(index: Uint8Array, stats: Uint8Array): Uint8Array {
  const info: TableInfo = {
    ...EMPTY_INFO,
    indexLength: index.length,
    statsOffset: index.length,
    statsLength: stats.length,
  }
  return concatBytes([index, stats, encodeTableEnd(info, index.length + stats.length)])
}

/** The fence of 0.14 and later. */
export const ZERO_BYTE_FENCE = EMPTY

function seqBytes(row: Row): Uint8Array {
  const bytes = new Uint8Array(8)
  putU32(bytes, 0, row.seqHi)
  putU32(bytes, 4, row.seqLo)
  return bytes
}
