// One SST as a reader holds it: what is in memory of it, by block number. No I/O happens here (tables.ts does it), so a
// handle costs next to nothing and may be made for every table of a manifest.

import { compareRange } from '../bytes/compare.ts'
import type { Filter } from '../filter/policy.ts'
import type { BlockIndex } from '../format/index.ts'
import type { TableRef } from '../format/table-info.ts'
import type { Load } from './load.ts'
import { SieveEntry } from './sieve.ts'

/** Index and filters, always read together. Immutable: a reader may go on with it after the cache let it go. */
export interface TableMeta {
  readonly index: BlockIndex
  readonly filters: readonly Filter[]
  readonly byteSize: number
}

/** Neighbouring blocks, the first of them number `from`, that one request brings. */
export interface BlockLoad {
  readonly from: number
  readonly load: Load<readonly Uint8Array[]>
}

export class Table {
  readonly ref: TableRef
  /** The object's name. */
  readonly path: string
  /** Set while the cache holds it. */
  meta: MetaSlot | undefined
  /** Cached blocks by number; empty until the index was seen. */
  slots: (BlockSlot | undefined)[] = []
  /** Loads under way, so that concurrent ones collapse (CA-5). */
  metaLoad: Load<TableMeta> | undefined
  readonly blockLoads = new Map<number, BlockLoad>()

  constructor(ref: TableRef, path: string) {
    this.ref = ref
    this.path = path
  }

  /** Whether the key lies between the first and the last key of the table. */
  spans(key: Uint8Array): boolean {
    const { firstEntry, lastEntry } = this.ref.info
    const length = key.length
    return (
      (firstEntry === undefined || compareRange(key, 0, length, firstEntry, 0, firstEntry.length) >= 0) &&
      (lastEntry === undefined || compareRange(key, 0, length, lastEntry, 0, lastEntry.length) <= 0)
    )
  }
}

/** Object headers and the queue's pointers, roughly. */
const OVERHEAD = 160

export class BlockSlot extends SieveEntry {
  readonly bytes: Uint8Array
  readonly #table: Table
  readonly #block: number

  constructor(table: Table, block: number, bytes: Uint8Array) {
    super(bytes.length + OVERHEAD)
    this.bytes = bytes
    this.#table = table
    this.#block = block
  }

  override evicted(): void {
    this.#table.slots[this.#block] = undefined
  }
}

export class MetaSlot extends SieveEntry {
  readonly value: TableMeta
  readonly #table: Table

  constructor(table: Table, value: TableMeta) {
    super(value.byteSize + OVERHEAD)
    this.value = value
    this.#table = table
  }

  override evicted(): void {
    this.#table.meta = undefined
  }
}
