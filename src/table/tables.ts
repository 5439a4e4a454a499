// All SSTs of one database: reading through the block cache, writing, looking up. What is in memory is answered
// synchronously; a Promise comes back only where bytes must be fetched. SST objects never change, so nothing here ever
// goes stale, and a table that storage no longer has fails with the store's NotFound.

import { copyOf } from '../bytes/copy.ts'
import { inRange, type KeyRange } from '../bytes/range.ts'
import { type Decompress, loadDecompress } from '../compress/codec.ts'
import type { Row } from '../cursor/row.ts'
import type { Env } from '../env/env.ts'
import type { Meter } from '../env/metrics.ts'
import { dataError, isSlateDBError, isStoreError } from '../errors.ts'
import type { Filter, FilterPolicy, FilterQuery } from '../filter/policy.ts'
import { BEYOND, FOUND, findInBlock } from '../format/block-cursor.ts'
import { decodeFilterBlock, type StoredFilter } from '../format/filter-block.ts'
import { BlockIndex } from '../format/index.ts'
import { openBlock } from '../format/open-block.ts'
import { type BlockTransformer, sectionLimit, unseal } from '../format/seal.ts'
import { decodeStats, type TableStats } from '../format/stats.ts'
import type { TableRef } from '../format/table-info.ts'
import type { GetResult, ObjectStore, Upload } from '../objects/store.ts'
import type { BlockCache } from './block-cache.ts'
import type { BuiltTable } from './builder.ts'
import { decodeFilter, mightContain } from './filter-calls.ts'
import { BlockSlot, MetaSlot, Table, type TableMeta } from './table.ts'

export interface TablesOptions {
  readonly store: ObjectStore
  /** Where the objects are: a clone's tables may lie under its parents' roots (OB-3). */
  readonly paths: { table(id: string): string }
  readonly cache: BlockCache
  readonly env: Env
  readonly filterPolicies: readonly FilterPolicy[]
  readonly transformer?: BlockTransformer | undefined
}

export class Tables {
  readonly #options: TablesOptions
  readonly #cache: BlockCache
  readonly #tables = new Map<string, Table>()
  readonly #policies: ReadonlyMap<string, FilterPolicy>
  readonly #meters: TableMeters

  constructor(options: TablesOptions) {
    this.#options = options
    this.#cache = options.cache
    this.#policies = new Map(options.filterPolicies.map((policy) => [policy.name, policy]))
    this.#meters = tableMeters(options.env)
  }

  /** The handle of a table; the same one until `keepOnly` drops it. No I/O. */
  table(ref: TableRef): Table {
    let table = this.#tables.get(ref.id)
    if (table === undefined) {
      table = new Table(ref, this.#options.paths.table(ref.id))
      this.#tables.set(ref.id, table)
    }
    return table
  }

  /** Drops the handles, and the cached bytes, of all other tables. Readers that still hold such a handle are not hurt. */
  keepOnly(ids: ReadonlySet<string>): void {
    for (const [id, table] of this.#tables) {
      if (ids.has(id)) continue
      this.#tables.delete(id)
      this.evict(table)
    }
  }

  /**
   * The newest version of `query.key` with a sequence number <= max. True: `row` is that row, its key being
   * `query.key`. Answers at once when the bytes are in memory; otherwise `query` and `row` belong to this call until the
   * promise settles.
   */
  get(
    table: Table,
    visibleRange: KeyRange | undefined,
    query: FilterQuery,
    maxSeqHi: number,
    maxSeqLo: number,
    row: Row,
  ): boolean | Promise<boolean> {
    if (!table.spans(query.key)) return false
    if (visibleRange !== undefined && !inRange(visibleRange, query.key)) return false
    const slot = table.meta
    if (slot === undefined) return this.#getAfterMeta(table, query, maxSeqHi, maxSeqLo, row)
    slot.visited = true
    this.#meters.indexHit.value++
    const meta = slot.value
    if (meta.filters.length > 0 && !this.mightMatch(meta, query)) return false
    return this.#search(table, meta, meta.index.firstFor(query.key), query, maxSeqHi, maxSeqLo, row)
  }

  /** Asks the table's filters, all of which must agree (FT-2), and counts their answer. */
  mightMatch(meta: TableMeta, query: FilterQuery): boolean {
    if (meta.filters.length === 0) return true
    const meters = query.kind === 'point' ? this.#meters.point : this.#meters.prefix
    for (const filter of meta.filters) {
      if (!mightContain(filter, query)) {
        meters.negative.value++
        return false
      }
    }
    meters.positive.value++
    return true
  }

  /** To be told when filters had said "maybe" and nothing was found. */
  countFalsePositive(kind: 'point' | 'prefix'): void {
    this.#meters[kind].falsePositive.value++
  }

  /** Index and filters: one ranged GET, or none. */
  meta(table: Table): TableMeta | Promise<TableMeta> {
    const slot = table.meta
    if (slot !== undefined) {
      slot.visited = true
      this.#meters.indexHit.value++
      return slot.value
    }
    this.#meters.indexMiss.value++
    return this.#metaLoad(table)
  }

  /** Begins to load index and filters of a table that may hold `key`, unless they are there; errors are for who reads. */
  askMeta(table: Table, key: Uint8Array): void {
    // Without a cache they would be gone before anybody reads them.
    if (table.meta !== undefined || this.#cache.meta.capacity === 0 || !table.spans(key)) return
    this.#metaLoad(table).catch(() => {})
  }

  #metaLoad(table: Table): Promise<TableMeta> {
    table.metaLoad ??= this.#loadMeta(table).finally(() => {
      table.metaLoad = undefined
    })
    return table.metaLoad
  }

  /** The block when the cache has it. */
  cachedBlock(table: Table, block: number): Uint8Array | undefined {
    const slot = table.slots[block]
    if (slot === undefined) return undefined
    slot.visited = true
    this.#meters.blockHit.value++
    return slot.bytes
  }

  /** One checked raw block. `keep`: into the cache when it had to be fetched. */
  block(table: Table, meta: TableMeta, block: number, keep: boolean): Uint8Array | Promise<Uint8Array> {
    return (
      this.cachedBlock(table, block) ??
      table.blockLoads.get(block) ??
      this.fetchBlocks(table, meta, block, block + 1, keep)[0]!
    )
  }

  /** Checked raw blocks [from, to) for a scan, with one ranged GET. A single one may come from the cache. */
  async blocks(table: Table, meta: TableMeta, from: number, to: number, keep: boolean): Promise<Uint8Array[]> {
    if (to - from === 1) return [await this.block(table, meta, from, keep)]
    if (keep) return Promise.all(this.fetchBlocks(table, meta, from, to, keep))
    this.#meters.blockMiss.value += to - from
    return this.#loadBlocks(table, meta, from, to, keep)
  }

  /**
   * Fetches blocks [from, to) with one ranged GET, whether cached or not; one promise per block, all settling together.
   */
  fetchBlocks(table: Table, meta: TableMeta, from: number, to: number, keep: boolean): Promise<Uint8Array>[] {
    this.#meters.blockMiss.value += to - from
    const all = this.#loadBlocks(table, meta, from, to, keep)
    const loads = table.blockLoads
    return Array.from({ length: to - from }, (_, i) => {
      const one = all.then(
        (blocks) => {
          loads.delete(from + i)
          return blocks[i]!
        },
        (error) => {
          loads.delete(from + i)
          throw error
        },
      )
      // Whoever asked may have gone; the ones that wait get the error from this same promise.
      one.catch(() => {})
      loads.set(from + i, one)
      return one
    })
  }

  /** What the table says about its rows; `undefined` when it was written without. Not cached. */
  async stats(table: Table): Promise<TableStats | undefined> {
    const { statsOffset, statsLength, codec } = table.ref.info
    if (statsLength === 0) return undefined
    const decompress = await decompressorOf(codec)
    return this.#read(table, statsOffset, statsOffset + statsLength, async (bytes) =>
      decodeStats(await unseal(bytes, decompress, this.#options.transformer, sectionLimit(bytes.length)), table.path),
    )
  }

  /**
   * Uploads a table, then puts index, filters and the kept blocks into the cache (CA-4). The id is new, so a plain PUT
   * is enough; a repeated one writes the same bytes.
   */
  async write(id: string, built: BuiltTable): Promise<TableRef> {
    await this.#options.store.put(this.#options.paths.table(id), built.body, { mode: 'overwrite', owned: true })
    return this.adopt(id, built)
  }

  /** For a table that is uploaded in parts, `adopt` follows; `undefined` where the store has no such uploads. */
  startUpload(id: string): Promise<Upload> | undefined {
    const { store, paths } = this.#options
    return store.startUpload?.(paths.table(id))
  }

  /** Whether the blocks of a new table of this size go into the cache: one that would wash it out does not. */
  admits(tableBytes: number): boolean {
    return tableBytes <= this.#cache.data.capacity / 4
  }

  /** Takes over a table that was uploaded by other means. */
  adopt(id: string, built: BuiltTable): TableRef {
    const ref: TableRef = { id, info: built.info, formatVersion: 2 }
    const table = this.table(ref)
    const index = new BlockIndex(built.index, built.info.filterOffset, 'compacted')
    let meta: TableMeta
    try {
      meta = this.#keepMeta(table, index, built.filters)
    } catch (error) {
      // A filter of the user's that does not take its own bytes: the table is stored, and reads will say so.
      this.#options.env.logger.warn('a filter of a new table cannot be read', { path: table.path, error })
      return ref
    }
    for (let i = 0; i < built.blocks.length; i++) this.#keepBlock(table, meta, i, built.blocks[i]!)
    return ref
  }

  /** Loads what is asked for into the cache (CA-7). `range` is clipped to the view by the caller. */
  async warm(table: Table, range?: KeyRange | undefined): Promise<void> {
    const meta = await this.meta(table)
    if (range === undefined || meta.index.length === 0) return
    const first = range.start === undefined ? 0 : meta.index.firstFor(range.start.key)
    const last = range.end === undefined ? meta.index.length - 1 : meta.index.lastFor(range.end.key)
    for (let from = first; from <= last; ) {
      let to = from + 1
      while (to <= last && meta.index.end(to) - meta.index.start(from) <= WARM_BYTES) to++
      await Promise.all(this.fetchBlocks(table, meta, from, to, true))
      from = to
    }
  }

  /** Takes everything of the table out of the cache. */
  evict(table: Table): void {
    if (table.meta !== undefined) this.#cache.meta.remove(table.meta)
    for (const slot of table.slots) if (slot !== undefined) this.#cache.data.remove(slot)
  }

  #search(
    table: Table,
    meta: TableMeta,
    block: number,
    query: FilterQuery,
    maxSeqHi: number,
    maxSeqLo: number,
    row: Row,
  ): boolean | Promise<boolean> {
    const { index } = meta
    const { key } = query
    // Versions of one key may go on in the next block, whose separator is then the key itself (format.md section 6).
    for (; block < index.length && index.startsAtOrBefore(block, key); block++) {
      const bytes = this.cachedBlock(table, block)
      if (bytes === undefined) return this.#searchAfterBlock(table, meta, block, query, maxSeqHi, maxSeqLo, row)
      const found = findInBlock(bytes, key, maxSeqHi, maxSeqLo, row)
      if (found === FOUND) return true
      if (found !== BEYOND) break
    }
    if (meta.filters.length > 0) this.#meters.point.falsePositive.value++
    return false
  }

  async #getAfterMeta(
    table: Table,
    query: FilterQuery,
    maxSeqHi: number,
    maxSeqLo: number,
    row: Row,
  ): Promise<boolean> {
    const meta = await this.meta(table)
    if (!this.mightMatch(meta, query)) return false
    return this.#search(table, meta, meta.index.firstFor(query.key), query, maxSeqHi, maxSeqLo, row)
  }

  async #searchAfterBlock(
    table: Table,
    meta: TableMeta,
    block: number,
    query: FilterQuery,
    maxSeqHi: number,
    maxSeqLo: number,
    row: Row,
  ): Promise<boolean> {
    const bytes = await this.block(table, meta, block, true)
    const found = findInBlock(bytes, query.key, maxSeqHi, maxSeqLo, row)
    if (found === FOUND) return true
    if (found === BEYOND) return this.#search(table, meta, block + 1, query, maxSeqHi, maxSeqLo, row)
    if (meta.filters.length > 0) this.#meters.point.falsePositive.value++
    return false
  }

  async #loadMeta(table: Table): Promise<TableMeta> {
    const { filterOffset, filterLength, filterFormat, indexOffset, indexLength, codec } = table.ref.info
    const decompress = await decompressorOf(codec)
    const { transformer } = this.#options
    // FT-3: length 0 means none; a filter nobody understands is not fetched (CA-6).
    const wanted = filterLength > 0 && this.#policies.size > 0
    const together = filterOffset + filterLength === indexOffset
    const start = wanted && together ? filterOffset : indexOffset
    const filtersOf = async (sealed: Uint8Array): Promise<StoredFilter[]> =>
      decodeFilterBlock(await unseal(sealed, decompress, transformer, sectionLimit(sealed.length)), filterFormat)
    const loaded = await this.#read(table, start, indexOffset + indexLength, async (bytes) => {
      const filters = wanted && together ? await filtersOf(bytes.subarray(0, filterLength)) : []
      const raw = await unseal(bytes.subarray(indexOffset - start), decompress, transformer, sectionLimit(indexLength))
      return { filters, index: new BlockIndex(compact(raw), filterOffset, 'compacted') }
    })
    const filters =
      wanted && !together
        ? await this.#read(table, filterOffset, filterOffset + filterLength, filtersOf)
        : loaded.filters
    return this.#keepMeta(table, loaded.index, filters)
  }

  #keepMeta(table: Table, index: BlockIndex, stored: readonly StoredFilter[]): TableMeta {
    const filters: Filter[] = []
    let byteSize = index.byteSize
    for (const { name, data } of stored) {
      const policy = this.#policies.get(name)
      if (policy === undefined) continue
      filters.push(decodeFilter(policy, compact(data)))
      byteSize += data.length
    }
    const meta = { index, filters, byteSize }
    if (table.slots.length !== index.length) table.slots = new Array(index.length).fill(undefined)
    if (table.meta === undefined) {
      const slot = new MetaSlot(table, meta)
      if (this.#cache.meta.insert(slot)) table.meta = slot
    }
    return meta
  }

  async #loadBlocks(table: Table, meta: TableMeta, from: number, to: number, keep: boolean): Promise<Uint8Array[]> {
    const { index } = meta
    const { codec } = table.ref.info
    const { transformer } = this.#options
    const decompress = await decompressorOf(codec)
    const start = index.start(from)
    return this.#read(table, start, index.sealedEnd(to - 1), async (bytes) => {
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
      if (keep) {
        for (let i = 0; i < blocks.length; i++) blocks[i] = this.#keepBlock(table, meta, from + i, blocks[i]!)
      }
      return blocks
    })
  }

  #keepBlock(table: Table, meta: TableMeta, block: number, bytes: Uint8Array): Uint8Array {
    const there = table.slots[block]
    if (there !== undefined) return there.bytes
    if (table.slots.length !== meta.index.length) table.slots = new Array(meta.index.length).fill(undefined)
    const kept = compact(bytes)
    const slot = new BlockSlot(table, block, kept)
    if (this.#cache.data.insert(slot)) table.slots[block] = slot
    return kept
  }

  /** A table of the manifest is there: one answer that it is not may be wrong, and much is concluded from two. */
  async #fetch(path: string, range: { start: number; end: number }, refetch: boolean): Promise<GetResult> {
    const { store } = this.#options
    try {
      return await store.get(path, { range, refetch })
    } catch (error) {
      if (!isStoreError(error, 'NotFound')) throw error
      return store.get(path, { range, refetch: true })
    }
  }

  /**
   * Reads [start, end) of the object and decodes it. What does not check out is read once more, past every cache on the
   * way (CA-9), and then fails with a Data error that names the object. Errors of the store stay what they are.
   */
  async #read<T>(table: Table, start: number, end: number, decode: (bytes: Uint8Array) => Promise<T>): Promise<T> {
    const { path } = table
    for (let attempt = 0; ; attempt++) {
      const { bytes, size } = await this.#fetch(path, { start, end }, attempt > 0)
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

const WARM_BYTES = 4 * 1024 * 1024

function decompressorOf(codec: TableRef['info']['codec']): Promise<Decompress> | undefined {
  return codec === 'none' ? undefined : loadDecompress(codec)
}

/** Stores may answer with Buffers; two kinds of array in one loop cost more than this view. */
function plain(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** CA-8: what is kept must not hold on to a larger buffer. */
function compact(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array && bytes.buffer.byteLength - bytes.length <= 64 ? bytes : copyOf(bytes)
}

interface FilterMeters {
  readonly positive: Meter
  readonly negative: Meter
  readonly falsePositive: Meter
}

interface TableMeters {
  readonly point: FilterMeters
  readonly prefix: FilterMeters
  readonly indexHit: Meter
  readonly indexMiss: Meter
  readonly blockHit: Meter
  readonly blockMiss: Meter
}

/** Index and filters come together, so they count as one access, of kind `index`. */
function tableMeters({ metrics }: Env): TableMeters {
  const filter = (kind: string): FilterMeters => ({
    positive: metrics.counter('slatedb.db.sst_filter_positive_count', { kind }),
    negative: metrics.counter('slatedb.db.sst_filter_negative_count', { kind }),
    falsePositive: metrics.counter('slatedb.db.sst_filter_false_positive_count', { kind }),
  })
  const access = (entry_kind: string, result: string): Meter =>
    metrics.counter('slatedb.db_cache.access_count', { entry_kind, result })
  return {
    point: filter('point'),
    prefix: filter('prefix'),
    indexHit: access('index', 'hit'),
    indexMiss: access('index', 'miss'),
    blockHit: access('data_block', 'hit'),
    blockMiss: access('data_block', 'miss'),
  }
}
