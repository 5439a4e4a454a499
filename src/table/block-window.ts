// The blocks that a table cursor needs next, in its direction: from the cache, or fetched in stretches of neighbours, some
// of them ahead of time (RD-26). Holds what was fetched until the cursor has passed it.

import type { Table, TableMeta } from './table.ts'
import type { Tables } from './tables.ts'

export interface ReadAhead {
  /** A fetch covers the fewest neighbouring blocks that have at least this many bytes. Default 1: one block. */
  readonly readAheadBytes?: number | undefined
  /** Fetches under way at once. With 1 (default) nothing is fetched before it is needed. */
  readonly maxFetchTasks?: number | undefined
  /** Whether fetched blocks go into the cache. Default false. */
  readonly cacheBlocks?: boolean | undefined
}

export class BlockWindow {
  readonly #tables: Tables
  readonly #table: Table
  readonly #meta: TableMeta
  readonly #readAheadBytes: number
  readonly #maxFetchTasks: number
  readonly #keep: boolean
  /** +1 or -1, and the last block in that direction that may be fetched. */
  readonly #direction: 1 | -1
  readonly #last: number
  readonly #held = new Map<number, Uint8Array>()
  readonly #loads = new Map<number, Promise<void>>()
  #fetches = 0
  /** The farthest block of every stretch that was fetched and not passed yet. */
  readonly #stretches: number[] = []
  /** The first block, in our direction, that no fetch was started for. */
  #ahead: number
  #error: { error: unknown } | undefined

  constructor(tables: Tables, table: Table, meta: TableMeta, first: number, last: number, options: ReadAhead) {
    this.#tables = tables
    this.#table = table
    this.#meta = meta
    this.#readAheadBytes = options.readAheadBytes ?? 1
    this.#maxFetchTasks = Math.max(1, options.maxFetchTasks ?? 1)
    this.#keep = options.cacheBlocks ?? false
    this.#direction = first <= last ? 1 : -1
    this.#last = last
    this.#ahead = first
  }

  /** The block, or `undefined` with a fetch for it under way: await `ready(block)`. Earlier blocks are let go of. */
  get(block: number): Uint8Array | undefined {
    if (this.#error !== undefined) return undefined
    const bytes = this.#held.get(block) ?? this.#tables.cachedBlock(this.#table, block)
    if (this.#held.size > 0 || this.#stretches.length > 0) this.#passTo(block)
    if (bytes === undefined && !this.#loads.has(block)) {
      this.#ahead = block
      this.#fetchStretch()
    } else if ((this.#ahead - block) * this.#direction <= 0) this.#ahead = block + this.#direction
    if (this.#maxFetchTasks > 1) this.#fetchAhead()
    return bytes
  }

  /** Resolves when `get(block)` can answer. Rejects with the first error of this window, again and again (RD-16). */
  async ready(block: number): Promise<void> {
    if ((this.#last - block) * this.#direction < 0) return
    if (this.get(block) === undefined) await this.#loads.get(block)
    if (this.#error !== undefined) throw this.#error.error
  }

  #passTo(block: number): void {
    for (const other of this.#held.keys()) {
      if ((block - other) * this.#direction >= 0) this.#held.delete(other)
    }
    while (this.#stretches.length > 0 && (block - this.#stretches[0]!) * this.#direction > 0) this.#stretches.shift()
  }

  /** As many stretches as may be fetched at once, and no more than that many ahead of the reader: memory is bounded. */
  #fetchAhead(): void {
    const direction = this.#direction
    while ((this.#last - this.#ahead) * direction >= 0) {
      if (!this.#isMissing(this.#ahead)) this.#ahead += direction
      else if (this.#fetches < this.#maxFetchTasks && this.#stretches.length <= this.#maxFetchTasks)
        this.#fetchStretch()
      else return
    }
  }

  /** From `#ahead` on. */
  #fetchStretch(): void {
    const direction = this.#direction
    const from = this.#ahead
    let size = 0
    do {
      size += this.#meta.index.end(this.#ahead) - this.#meta.index.start(this.#ahead)
      this.#ahead += direction
    } while (size < this.#readAheadBytes && (this.#last - this.#ahead) * direction >= 0 && this.#isMissing(this.#ahead))
    this.#stretches.push(this.#ahead - direction)
    if (direction > 0) this.#fetch(from, this.#ahead)
    else this.#fetch(this.#ahead + 1, from + 1)
  }

  #isMissing(block: number): boolean {
    return this.#table.slots[block] === undefined && !this.#held.has(block) && !this.#loads.has(block)
  }

  #fetch(from: number, to: number): void {
    this.#fetches++
    let left = to - from
    const loads =
      left === 1
        ? [this.#tables.block(this.#table, this.#meta, from, this.#keep)]
        : this.#tables.fetchBlocks(this.#table, this.#meta, from, to, this.#keep)
    for (let i = 0; i < loads.length; i++) {
      const block = from + i
      const done = () => {
        this.#loads.delete(block)
        if (--left === 0) this.#fetches--
      }
      const load = (async () => {
        try {
          this.#held.set(block, await loads[i]!)
        } catch (error) {
          this.#error ??= { error }
        }
        done()
      })()
      this.#loads.set(block, load)
    }
  }
}
