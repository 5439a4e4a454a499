// All SSTs of one database: reading through the block cache, writing, looking up. What is in memory is answered
// synchronously; a Promise comes back only where bytes must be fetched. SST objects never change, so nothing here ever
// goes stale, and a table that storage no longer has fails with the store's NotFound.

import { inRange, type KeyRange } from '../bytes/range.ts'
import type { Row } from '../cursor/row.ts'
import type { Env } from '../env/env.ts'
import type { Filter, FilterPolicy, FilterQuery } from '../filter/policy.ts'
import { BEYOND, FOUND, findInBlock } from '../format/block-cursor.ts'
import type { StoredFilter } from '../format/filter-block.ts'
import { BlockIndex } from '../format/index.ts'
import type { BlockTransformer } from '../format/seal.ts'
import type { TableStats } from '../format/stats.ts'
import type { TableRef } from '../format/table-info.ts'
import type { ObjectStore, Upload } from '../objects/store.ts'
import type { BlockCache } from './block-cache.ts'
import type { BuiltTable } from './builder.ts'
import { decodeFilter, mightContain } from './filter-calls.ts'
import { ENDLESS, Load, type ReadScope, throwIfEnded } from './load.ts'
import { type BlockLoad, BlockSlot, MetaSlot, Table, type TableMeta } from './table.ts'
import { compact, TableFetch } from './table-fetch.ts'
import { type TableMeters, tableMeters } from './table-meters.ts'

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
  readonly #fetch: TableFetch
  readonly #cache: BlockCache
  readonly #tables = new Map<string, Table>()
  readonly #policies: ReadonlyMap<string, FilterPolicy>
  readonly #meters: TableMeters

  constructor(options: TablesOptions) {
    this.#options = options
    this.#fetch = new TableFetch(options)
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
    scope: ReadScope = ENDLESS,
  ): boolean | Promise<boolean> {
    if (!table.spans(query.key)) return false
    if (visibleRange !== undefined && !inRange(visibleRange, query.key)) return false
    const slot = table.meta
    if (slot === undefined) return this.#getAfterMeta(table, query, maxSeqHi, maxSeqLo, row, scope)
    slot.visited = true
    this.#meters.indexHit.value++
    const meta = slot.value
    if (meta.filters.length > 0 && !this.mightMatch(meta, query)) return false
    return this.#search(table, meta, meta.index.firstFor(query.key), query, maxSeqHi, maxSeqLo, row, scope)
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
  meta(table: Table, scope: ReadScope = ENDLESS): TableMeta | Promise<TableMeta> {
    const slot = table.meta
    if (slot !== undefined) {
      slot.visited = true
      this.#meters.indexHit.value++
      return slot.value
    }
    this.#meters.indexMiss.value++
    return this.#metaLoad(table, scope)
  }

  /** Begins to load index and filters of a table that may hold `key`, unless they are there; errors are for who reads. */
  askMeta(table: Table, key: Uint8Array, scope: ReadScope): void {
    // Without a cache they would be gone before anybody reads them.
    if (table.meta !== undefined || this.#cache.meta.capacity === 0 || !table.spans(key)) return
    this.#metaLoad(table, scope).catch(() => {})
  }

  async #metaLoad(table: Table, scope: ReadScope): Promise<TableMeta> {
    throwIfEnded(scope)
    if (table.metaLoad === undefined) {
      const load = new Load(
        scope,
        (signal) => this.#loadMeta(table, signal),
        () => {
          if (table.metaLoad === load) table.metaLoad = undefined
        },
      )
      table.metaLoad = load
    }
    return table.metaLoad.wait(scope)
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
  async block(
    table: Table,
    meta: TableMeta,
    block: number,
    keep: boolean,
    scope: ReadScope = ENDLESS,
  ): Promise<Uint8Array> {
    const cached = this.cachedBlock(table, block)
    if (cached !== undefined) return cached
    throwIfEnded(scope)
    const { load, from } = table.blockLoads.get(block) ?? this.#fetchBlocks(table, meta, block, block + 1, keep, scope)
    const blocks = await load.wait(scope)
    return blocks[block - from]!
  }

  /** Checked raw blocks [from, to) for a scan, with one ranged GET. A single one may come from the cache. */
  async blocks(
    table: Table,
    meta: TableMeta,
    from: number,
    to: number,
    keep: boolean,
    scope: ReadScope = ENDLESS,
  ): Promise<readonly Uint8Array[]> {
    if (to - from === 1) return [await this.block(table, meta, from, keep, scope)]
    throwIfEnded(scope)
    if (keep) return this.#fetchBlocks(table, meta, from, to, keep, scope).load.wait(scope)
    this.#meters.blockMiss.value += to - from
    // What is not kept is not shared either.
    const load = new Load(
      scope,
      (signal) => this.#fetch.blocks(table, meta.index, from, to, signal),
      () => {},
    )
    return load.wait(scope)
  }

  /** Fetches blocks [from, to) with one ranged GET, whether cached or not, for all reads that ask meanwhile. */
  #fetchBlocks(table: Table, meta: TableMeta, from: number, to: number, keep: boolean, scope: ReadScope): BlockLoad {
    this.#meters.blockMiss.value += to - from
    const loads = table.blockLoads
    const load = new Load(
      scope,
      async (signal) => {
        const blocks = await this.#fetch.blocks(table, meta.index, from, to, signal)
        return keep ? blocks.map((bytes, i) => this.#keepBlock(table, meta, from + i, bytes)) : blocks
      },
      () => {
        for (let i = from; i < to; i++) if (loads.get(i) === started) loads.delete(i)
      },
    )
    const started: BlockLoad = { from, load }
    for (let i = from; i < to; i++) loads.set(i, started)
    return started
  }

  /** What the table says about its rows; `undefined` when it was written without. Not cached. */
  stats(table: Table): Promise<TableStats | undefined> {
    return this.#fetch.stats(table)
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
      await this.blocks(table, meta, from, to, true)
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
    scope: ReadScope,
  ): boolean | Promise<boolean> {
    const { index } = meta
    const { key } = query
    // Versions of one key may go on in the next block, whose separator is then the key itself (format.md section 6).
    for (; block < index.length && index.startsAtOrBefore(block, key); block++) {
      const bytes = this.cachedBlock(table, block)
      if (bytes === undefined) return this.#searchAfterBlock(table, meta, block, query, maxSeqHi, maxSeqLo, row, scope)
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
    scope: ReadScope,
  ): Promise<boolean> {
    const meta = await this.meta(table, scope)
    if (!this.mightMatch(meta, query)) return false
    return this.#search(table, meta, meta.index.firstFor(query.key), query, maxSeqHi, maxSeqLo, row, scope)
  }

  async #searchAfterBlock(
    table: Table,
    meta: TableMeta,
    block: number,
    query: FilterQuery,
    maxSeqHi: number,
    maxSeqLo: number,
    row: Row,
    scope: ReadScope,
  ): Promise<boolean> {
    const bytes = await this.block(table, meta, block, true, scope)
    const found = findInBlock(bytes, query.key, maxSeqHi, maxSeqLo, row)
    if (found === FOUND) return true
    if (found === BEYOND) return this.#search(table, meta, block + 1, query, maxSeqHi, maxSeqLo, row, scope)
    if (meta.filters.length > 0) this.#meters.point.falsePositive.value++
    return false
  }

  async #loadMeta(table: Table, signal: AbortSignal | undefined): Promise<TableMeta> {
    const { index, filters } = await this.#fetch.meta(table, this.#policies.size > 0, signal)
    return this.#keepMeta(table, index, filters)
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

  #keepBlock(table: Table, meta: TableMeta, block: number, bytes: Uint8Array): Uint8Array {
    const there = table.slots[block]
    if (there !== undefined) return there.bytes
    if (table.slots.length !== meta.index.length) table.slots = new Array(meta.index.length).fill(undefined)
    const kept = compact(bytes)
    const slot = new BlockSlot(table, block, kept)
    if (this.#cache.data.insert(slot)) table.slots[block] = slot
    return kept
  }
}

const WARM_BYTES = 4 * 1024 * 1024
