// Parts of tables from the object store, checked and decoded. What was fetched is forgotten here; tables.ts keeps it.

import { copyOf } from '../bytes/copy.ts'
import { type Decompress, loadDecompress } from '../compress/codec.ts'
import type { Env } from '../env/env.ts'
import { dataError, isSlateDBError, isStoreError } from '../errors.ts'
import { decodeFilterBlock, type StoredFilter } from '../format/filter-block.ts'
import { BlockIndex } from '../format/index.ts'
import { openBlock } from '../format/open-block.ts'
import { type BlockTransformer, sectionLimit, unseal } from '../format/seal.ts'
import { decodeStats, type TableStats } from '../format/stats.ts'
import type { TableRef } from '../format/table-info.ts'
import type { GetResult, ObjectStore } from '../objects/store.ts'
import type { Table } from './table.ts'

export interface TableFetchOptions {
  readonly store: ObjectStore
  readonly env: Env
  readonly transformer?: BlockTransformer | undefined
}

/** A part of an object; the signal ends its requests. */
interface Part {
  readonly start: number
  readonly end: number
  readonly signal: AbortSignal | undefined
}

export class TableFetch {
  readonly #options: TableFetchOptions

  constructor(options: TableFetchOptions) {
    this.#options = options
  }

  /** The index, and the filters where they are wanted: one ranged GET where they are neighbours. */
  async meta(
    table: Table,
    wantsFilters: boolean,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly index: BlockIndex; readonly filters: readonly StoredFilter[] }> {
    const { filterOffset, filterLength, filterFormat, indexOffset, indexLength, codec } = table.ref.info
    const decompress = await decompressorOf(codec)
    const { transformer } = this.#options
    // FT-3: length 0 means none; a filter that no policy reads is not fetched (CA-6).
    const wanted = filterLength > 0 && wantsFilters
    const together = filterOffset + filterLength === indexOffset
    const start = wanted && together ? filterOffset : indexOffset
    const filtersOf = async (sealed: Uint8Array): Promise<StoredFilter[]> =>
      decodeFilterBlock(await unseal(sealed, decompress, transformer, sectionLimit(sealed.length)), filterFormat)
    const loaded = await this.#read(table, { start, end: indexOffset + indexLength, signal }, async (bytes) => {
      const filters = wanted && together ? await filtersOf(bytes.subarray(0, filterLength)) : []
      const raw = await unseal(bytes.subarray(indexOffset - start), decompress, transformer, sectionLimit(indexLength))
      return { filters, index: new BlockIndex(compact(raw), filterOffset, 'compacted') }
    })
    if (!wanted || together) return loaded
    const part = { start: filterOffset, end: filterOffset + filterLength, signal }
    return { index: loaded.index, filters: await this.#read(table, part, filtersOf) }
  }

  /** Raw blocks [from, to) with one ranged GET. */
  async blocks(
    table: Table,
    index: BlockIndex,
    from: number,
    to: number,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array[]> {
    const { codec } = table.ref.info
    const { transformer } = this.#options
    const decompress = await decompressorOf(codec)
    const start = index.start(from)
    return this.#read(table, { start, end: index.sealedEnd(to - 1), signal }, async (bytes) => {
      const blocks: Uint8Array[] = []
      for (let i = from; i < to; i++) {
        const sealed = bytes.subarray(index.start(i) - start, index.sealedEnd(i) - start)
        try {
          const opened = openBlock(sealed, table.ref.formatVersion, decompress, transformer)
          blocks.push(plain(opened instanceof Promise ? await opened : opened))
        } catch (error) {
          throw isSlateDBError(error) ? dataError(error.code, `block ${i}: ${error.message}`, { cause: error }) : error
        }
      }
      return blocks
    })
  }

  /** What the table says about its rows; `undefined` when it was written without. */
  async stats(table: Table): Promise<TableStats | undefined> {
    const { statsOffset, statsLength, codec } = table.ref.info
    if (statsLength === 0) return undefined
    const decompress = await decompressorOf(codec)
    const part = { start: statsOffset, end: statsOffset + statsLength, signal: undefined }
    return this.#read(table, part, async (bytes) =>
      decodeStats(await unseal(bytes, decompress, this.#options.transformer, sectionLimit(bytes.length)), table.path),
    )
  }

  /** A table of the manifest is there: one answer that it is not may be wrong, and much is concluded from two. */
  async #fetch(path: string, { start, end, signal }: Part, refetch: boolean): Promise<GetResult> {
    const { store } = this.#options
    const range = { start, end }
    signal?.throwIfAborted()
    try {
      return await store.get(path, { range, refetch, signal })
    } catch (error) {
      if (!isStoreError(error, 'NotFound')) throw error
      signal?.throwIfAborted()
      return store.get(path, { range, refetch: true, signal })
    }
  }

  /**
   * Reads a part of the object and decodes it. What does not check out is read once more, past every cache on the
   * way (CA-9), and then fails with a Data error that names the object. Errors of the store stay what they are.
   */
  async #read<T>(table: Table, part: Part, decode: (bytes: Uint8Array) => Promise<T>): Promise<T> {
    const { path } = table
    const { start, end } = part
    for (let attempt = 0; ; attempt++) {
      const { bytes, size } = await this.#fetch(path, part, attempt > 0)
      try {
        // OS-17: a body that is too short must not pass for the data.
        if (bytes.length !== end - start) {
          throw dataError('SHORT_READ', `${bytes.length} bytes instead of ${end - start}, the object has ${size}`)
        }
        return await decode(bytes)
      } catch (error) {
        if (!isSlateDBError(error) || error.kind !== 'Data') throw error
        if (attempt > 0) {
          throw dataError(error.code, `table ${path}, offset ${start}: ${error.message}`, { cause: error })
        }
        this.#options.env.logger.warn('a table did not check out, reading it once more', { path, start, end, error })
      }
    }
  }
}

function decompressorOf(codec: TableRef['info']['codec']): Promise<Decompress> | undefined {
  return codec === 'none' ? undefined : loadDecompress(codec)
}

/** Stores may answer with Buffers; two kinds of array in one loop cost more than this view. */
function plain(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** CA-8: what is kept must not hold on to a larger buffer. */
export function compact(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array && bytes.buffer.byteLength - bytes.length <= 64 ? bytes : copyOf(bytes)
}
