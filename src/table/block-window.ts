// The blocks that a table cursor needs next, in its direction: from the cache, or fetched in stretches of neighbours, some
// of them ahead of time (RD-26). Holds what was fetched until the cursor has passed it.

import type { ReadScope } from './load.ts'
import type { Pace } from './read-ahead.ts'
import type { Table, TableMeta } from './table.ts'
import type { Tables } from './tables.ts'

/** Neighbouring blocks [from, to) that one request brings. */
interface Stretch {
  readonly from: number
  readonly to: number
  readonly bytes: number
  blocks: readonly Uint8Array[] | undefined
  load: Promise<void> | undefined
  error: { error: unknown } | undefined
  /** The reader is in it. */
  entered: boolean
}

export class BlockWindow {
  readonly #tables: Tables
  readonly #table: Table
  readonly #meta: TableMeta
  readonly #pace: Pace
  readonly #keep: boolean
  readonly #scope: ReadScope | undefined
  /** Told when everything up to the last block is asked for, and there is room for more. */
  readonly #onRoom: (() => void) | undefined
  /** +1 or -1, and the last block in that direction that may be fetched. */
  readonly #direction: 1 | -1
  readonly #last: number
  /** In our direction; the reader is in the first one, or before it. */
  readonly #stretches: Stretch[] = []
  /** The first block, in our direction, that no fetch was started for. */
  #ahead: number
  /** The block that was asked for last. */
  #position: number
  #fetches = 0
  #error: { error: unknown } | undefined

  constructor(
    tables: Tables,
    table: Table,
    meta: TableMeta,
    blocks: { readonly first: number; readonly last: number; readonly direction: 1 | -1 },
    pace: Pace,
    options: {
      readonly cacheBlocks?: boolean | undefined
      readonly scope?: ReadScope | undefined
      readonly onRoom?: (() => void) | undefined
    },
  ) {
    this.#tables = tables
    this.#table = table
    this.#meta = meta
    this.#pace = pace
    this.#keep = options.cacheBlocks ?? false
    this.#scope = options.scope
    this.#onRoom = options.onRoom
    this.#direction = blocks.direction
    this.#last = blocks.last
    this.#ahead = blocks.first
    this.#position = blocks.first
  }

  /** The block, or `undefined` with a fetch for it under way: await `ready(block)`. Earlier blocks are let go of. */
  get(block: number): Uint8Array | undefined {
    if (this.#error !== undefined) return undefined
    this.#passTo(block)
    const jumped = (block - this.#position) * this.#direction > 1
    this.#position = block
    let stretch = this.#stretches[0]
    if (stretch === undefined || !covers(stretch, block)) {
      const cached = this.#tables.cachedBlock(this.#table, block)
      if (cached !== undefined) {
        if ((this.#ahead - block) * this.#direction <= 0) this.#ahead = block + this.#direction
        this.#fetchAhead()
        return cached
      }
      if (jumped) this.#pace.jumps()
      stretch = this.#fetch(block, this.#pace.demand())
      this.#stretches.unshift(stretch)
    }
    if (!stretch.entered) {
      stretch.entered = true
      this.#pace.reads(stretch.bytes)
    }
    this.#fetchAhead()
    return stretch.blocks?.[block - stretch.from]
  }

  /** Resolves when `get(block)` can answer. Rejects with the first error that was reached, again and again (RD-16). */
  async ready(block: number): Promise<void> {
    if ((this.#last - block) * this.#direction < 0) return
    if (this.get(block) !== undefined) return
    const stretch = this.#stretches[0]
    await stretch?.load
    this.#error ??= stretch?.error
    if (this.#error !== undefined) throw this.#error.error
  }

  /** Begins to fetch before anybody reads, as far as there is room; true when everything is asked for. */
  prefetch(): boolean {
    while (!this.#skipToMissing()) {
      const size = this.#aheadBytes()
      if (size === 0 || size > this.#pace.budget.left) return false
      this.#stretches.push(this.#fetch(this.#ahead, size))
    }
    return true
  }

  /** Nobody will read on: gives the budget back. */
  release(): void {
    for (const { entered, bytes } of this.#stretches) if (!entered) this.#pace.drops(bytes)
    this.#stretches.length = 0
  }

  #passTo(block: number): void {
    const stretches = this.#stretches
    while (stretches.length > 0) {
      const first = stretches[0]!
      if (this.#direction > 0 ? block < first.to : block >= first.from) return
      if (!first.entered) this.#pace.drops(first.bytes)
      stretches.shift()
    }
  }

  #fetchAhead(): void {
    for (;;) {
      const size = this.#aheadBytes()
      if (size === 0) return
      if (this.#skipToMissing()) {
        this.#onRoom?.()
        return
      }
      this.#stretches.push(this.#fetch(this.#ahead, size))
    }
  }

  #aheadBytes(): number {
    const ahead = this.#stretches.length
    return this.#pace.ahead(ahead > 0 && this.#stretches[0]!.entered ? ahead - 1 : ahead, this.#fetches)
  }

  /** Passes over what is here, or under way; true when nothing is left to ask for. */
  #skipToMissing(): boolean {
    const direction = this.#direction
    while ((this.#last - this.#ahead) * direction >= 0) {
      if (this.#isMissing(this.#ahead)) return false
      this.#ahead += direction
    }
    return true
  }

  #isMissing(block: number): boolean {
    if (this.#table.slots[block] !== undefined) return false
    for (const stretch of this.#stretches) if (covers(stretch, block)) return false
    return true
  }

  /** From `first` on, in our direction, until there are `size` bytes or something that is there already. */
  #fetch(first: number, size: number): Stretch {
    const direction = this.#direction
    const { index } = this.#meta
    let bytes = 0
    let end = first
    do {
      bytes += index.end(end) - index.start(end)
      end += direction
    } while (bytes < size && (this.#last - end) * direction >= 0 && this.#isMissing(end))
    if ((end - this.#ahead) * direction > 0) this.#ahead = end
    const [from, to] = direction > 0 ? [first, end] : [end + 1, first + 1]
    const stretch: Stretch = {
      from,
      to,
      bytes,
      blocks: undefined,
      load: undefined,
      error: undefined,
      entered: false,
    }
    this.#pace.asks(bytes)
    this.#fetches++
    stretch.load = this.#load(stretch)
    return stretch
  }

  async #load(stretch: Stretch): Promise<void> {
    const { from, to } = stretch
    try {
      stretch.blocks = await this.#tables.blocks(this.#table, this.#meta, from, to, this.#keep, this.#scope)
    } catch (error) {
      // Told when the reader gets there.
      stretch.error = { error }
    }
    this.#fetches--
  }
}

function covers({ from, to }: Stretch, block: number): boolean {
  return from <= block && block < to
}
