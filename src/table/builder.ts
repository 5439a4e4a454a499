// One compacted SST from rows in order. Blocks are compressed and sealed as they fill up, so that a long table can be
// streamed: `drain` hands out what is finished. Without a block transformer nothing here waits.
//
//   table := block* filter? index stats info footer          (format.md section 3)

import { copyOf } from '../bytes/copy.ts'
import type { Codec } from '../compress/codec.ts'
import { noCodec } from '../compress/codec.ts'
import { MERGE, type Row, TOMBSTONE } from '../cursor/row.ts'
import { assert } from '../errors.ts'
import type { FilterPolicy } from '../filter/policy.ts'
import { BlockBuilder } from '../format/block.ts'
import { encodeFilterBlock, LEGACY_FILTER_NAME, type StoredFilter } from '../format/filter-block.ts'
import { encodeTableEnd } from '../format/footer.ts'
import { IndexBuilder, separator } from '../format/index.ts'
import { type BlockTransformer, CRC_LENGTH, putChecksum, seal } from '../format/seal.ts'
import { type BlockStats, encodeStats, type TableStats } from '../format/stats.ts'
import type { TableInfo } from '../format/table-info.ts'
import { FilterBuilders } from './filter-builders.ts'

export interface TableOptions {
  /** Raw bytes of a block: 1 to 64 KiB. */
  readonly blockSize: number
  readonly codec: Codec
  readonly transformer?: BlockTransformer | undefined
  readonly filterPolicies: readonly FilterPolicy[]
  /** Told about a filter that failed and is left out. */
  readonly onFilterError?: ((policy: string, error: unknown) => void) | undefined
  /** Tables with fewer rows get no filter (FT-3). */
  readonly minFilterKeys: number
  /** 'legacy' stores the policy named `_bf` only, the way format generation 0.12 reads it. */
  readonly filterFormat: 'legacy' | 'composite'
  /** Keeps the raw blocks, for the block cache (CA-4). */
  readonly keepBlocks?: boolean
}

export interface BuiltTable {
  /** The object, in parts that are written back to back; without what `drain` handed out before. */
  readonly body: readonly Uint8Array[]
  /** Bytes of the whole object. */
  readonly size: number
  readonly info: TableInfo
  readonly rowCount: number
  readonly stats: TableStats
  /** Raw sections, as a reader would find them: what the cache takes after the upload. */
  readonly index: Uint8Array
  readonly filters: readonly StoredFilter[]
  /** Empty unless `keepBlocks` was asked for. */
  readonly blocks: readonly Uint8Array[]
}

export class TableBuilder {
  readonly #options: TableOptions
  readonly #block: BlockBuilder
  readonly #filters: FilterBuilders
  /** Sealed blocks; those that a transformer still works on are promises. `undefined` once drained. */
  readonly #sealed: (Uint8Array | Promise<Uint8Array> | undefined)[] = []
  readonly #sizes: number[] = []
  readonly #blocks: Uint8Array[] = []
  readonly #separators: Uint8Array[] = []
  readonly #blockStats: BlockStats[] = []
  #firstKey: Uint8Array | undefined
  #lastKey: Uint8Array = new Uint8Array(0)
  #drained = 0
  #finishedSize = 0
  #pending = 0
  #failure: { error: unknown } | undefined
  #puts = 0
  #deletes = 0
  #merges = 0
  #totalPuts = 0
  #totalDeletes = 0
  #totalMerges = 0
  #keyBytes = 0
  #valueBytes = 0
  rowCount = 0

  constructor(options: TableOptions) {
    this.#options = options
    this.#block = new BlockBuilder(options.blockSize)
    const policies =
      options.filterFormat === 'composite'
        ? options.filterPolicies
        : options.filterPolicies.filter((policy) => policy.name === LEGACY_FILTER_NAME)
    this.#filters = new FilterBuilders(policies, options.onFilterError)
  }

  /**
   * Stored bytes of the blocks that are closed: a compaction rolls to the next table when this exceeds its limit
   * (CP-22). Counts the raw size of a block that the transformer still works on.
   */
  get finishedSize(): number {
    return this.#finishedSize
  }

  /** Rough size of the table if it ended here. */
  get estimatedSize(): number {
    return this.#finishedSize + this.#block.size
  }

  /** Rows come by key ascending and, within a key, sequence number descending. */
  add(row: Row): void {
    if (!this.#block.add(row)) {
      this.#endBlock()
      this.#block.add(row)
    }
    if (this.#block.rowCount === 1) this.#beginBlock(row)
    this.#filters.add(row.key, row.keyStart, row.keyEnd)
    this.#keyBytes += row.keyEnd - row.keyStart
    if (row.kind === TOMBSTONE) this.#deletes++
    else {
      this.#valueBytes += row.valueEnd - row.valueStart
      if (row.kind === MERGE) this.#merges++
      else this.#puts++
    }
    this.rowCount++
  }

  /** Something to await when a transformer has blocks in work; `undefined` otherwise. Rejects when it failed. */
  settle(): Promise<void> | undefined {
    if (this.#failure === undefined && this.#pending === 0) return undefined
    return this.#settled(this.#sealed.length)
  }

  /** The finished blocks that were not handed out yet. They leave the builder's memory. */
  drain(): Uint8Array[] {
    const out: Uint8Array[] = []
    for (; this.#drained < this.#sealed.length; this.#drained++) {
      const sealed = this.#sealed[this.#drained]
      if (!(sealed instanceof Uint8Array)) break
      out.push(sealed)
      this.#sealed[this.#drained] = undefined
    }
    return out
  }

  /** The rest of the table. There must be a row. */
  async finish(): Promise<BuiltTable> {
    assert(this.rowCount > 0, 'a table has rows')
    this.#endBlock()
    if (this.#pending > 0 || this.#failure !== undefined) await this.#settled(this.#sealed.length)
    const { codec, transformer, filterFormat, minFilterKeys } = this.#options
    const body: Uint8Array[] = this.drain()

    const indexBuilder = new IndexBuilder()
    let size = 0
    for (let i = 0; i < this.#sizes.length; i++) {
      indexBuilder.add(size, this.#separators[i]!)
      size += this.#sizes[i]!
    }
    const dataEnd = size
    const filters = this.rowCount >= minFilterKeys ? this.#filters.build() : []
    const put = async (raw: Uint8Array): Promise<number> => {
      const sealed = await seal(raw, codec, transformer)
      body.push(sealed)
      size += sealed.length
      return sealed.length
    }
    const filterLength = filters.length === 0 ? 0 : await put(encodeFilterBlock(filters, filterFormat))
    const indexOffset = size
    const index = indexBuilder.finish()
    const indexLength = await put(index)
    const statsOffset = size
    const stats = this.#stats()
    const statsLength = await put(encodeStats(stats))
    const info: TableInfo = {
      firstEntry: this.#firstKey,
      lastEntry: this.#lastKey,
      indexOffset,
      indexLength,
      filterOffset: dataEnd,
      filterLength,
      codec: codec.name,
      type: 'compacted',
      statsOffset,
      statsLength,
      filterFormat,
    }
    const end = encodeTableEnd(info, size)
    body.push(end)
    size += end.length
    return { body, size, info, rowCount: this.rowCount, stats, index, filters, blocks: this.#blocks }
  }

  #beginBlock(row: Row): void {
    if (this.#firstKey === undefined) {
      this.#firstKey = copyOf(row.key, row.keyStart, row.keyEnd)
      this.#separators.push(new Uint8Array(0))
    } else this.#separators.push(separator(this.#lastKey, this.#lastKey.length, row.key, row.keyStart, row.keyEnd))
  }

  #endBlock(): void {
    const { codec, transformer, keepBlocks } = this.#options
    this.#blockStats.push({ puts: this.#puts, deletes: this.#deletes, merges: this.#merges })
    this.#totalPuts += this.#puts
    this.#totalDeletes += this.#deletes
    this.#totalMerges += this.#merges
    this.#puts = this.#deletes = this.#merges = 0
    this.#lastKey = this.#block.lastKey()
    if (codec === noCodec && transformer === undefined) {
      const sealed = this.#block.finish(CRC_LENGTH)
      putChecksum(sealed)
      if (keepBlocks) this.#blocks.push(sealed.subarray(0, sealed.length - CRC_LENGTH))
      this.#keep(sealed)
      return
    }
    const raw = this.#block.finish()
    if (keepBlocks) this.#blocks.push(raw)
    const sealed = seal(raw, codec, transformer)
    if (sealed instanceof Promise) this.#wait(sealed, raw.length)
    else this.#keep(sealed)
  }

  #keep(sealed: Uint8Array): void {
    this.#sealed.push(sealed)
    this.#sizes.push(sealed.length)
    this.#finishedSize += sealed.length
  }

  #wait(sealed: Promise<Uint8Array>, rawLength: number): void {
    const i = this.#sealed.length
    this.#pending++
    this.#sizes.push(rawLength)
    this.#finishedSize += rawLength
    this.#sealed.push(
      sealed.then(
        (bytes) => {
          this.#pending--
          this.#sealed[i] = bytes
          this.#sizes[i] = bytes.length
          this.#finishedSize += bytes.length - rawLength
          return bytes
        },
        (error) => {
          // Kept for settle() and finish(): nobody may be listening now.
          this.#pending--
          this.#failure ??= { error }
          return new Uint8Array(0)
        },
      ),
    )
  }

  async #settled(count: number): Promise<void> {
    for (let i = this.#drained; i < count; i++) await this.#sealed[i]
    if (this.#failure !== undefined) throw this.#failure.error
  }

  #stats(): TableStats {
    return {
      puts: this.#totalPuts,
      deletes: this.#totalDeletes,
      merges: this.#totalMerges,
      rawKeyBytes: this.#keyBytes,
      rawValueBytes: this.#valueBytes,
      blocks: this.#blockStats,
    }
  }
}
