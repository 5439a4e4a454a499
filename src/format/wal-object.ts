// Reading WAL objects (format.md section 11; wal-table.ts writes them). An object is fetched whole and checked whole
// before the first of its rows is handed out. Memory follows the size of the object, whatever it claims to hold: blocks
// that take more than they are stored in are let go again beyond a bound, and decoded a second time when their turn
// comes; an object whose rows would take more than any writer puts into so few bytes is refused (wal-limits.ts).

import { type Decompress, loadDecompress } from '../compress/codec.ts'
import type { Row } from '../cursor/row.ts'
import { type Turns, unitsOf } from '../env/turns.ts'
import { dataError, isSlateDBError } from '../errors.ts'
import { eachRow } from './block.ts'
import { BlockCursor } from './block-cursor.ts'
import { decodeTableEnd } from './footer.ts'
import { BlockIndex } from './index.ts'
import { openBlock } from './open-block.ts'
import { type BlockTransformer, sectionLimit, unseal } from './seal.ts'
import type { TableInfo } from './table-info.ts'
import { rowMemory, walMemoryLimit } from './wal-limits.ts'

/** Decoded blocks of one object that are kept for its rows to be read from. */
const MAX_KEPT = 64 * 1024 * 1024

export interface WalContents {
  /** No rows: written by a writer that opened the database. */
  readonly fence: boolean
  /** `undefined` for the fence of zero bytes. */
  readonly info: TableInfo | undefined
  readonly blockCount: number
  /** A checked raw block. */
  block(i: number): Uint8Array | Promise<Uint8Array>
}

/**
 * Opens a WAL object that was fetched whole. Throws a Data error that names it; one to ten bytes are damage (RC-6 FIX).
 * Between blocks the event loop gets its `turns`; one block, however large, is decoded without.
 */
export async function openWalObject(
  object: Uint8Array,
  what: string,
  transformer?: BlockTransformer | undefined,
  turns?: Turns | undefined,
): Promise<WalContents> {
  if (object.length === 0) return ZERO_BYTES
  const end = decodeTableEnd(object, object.length, what)
  if (typeof end === 'number') throw dataError('INVALID_SST_FOOTER', `${what}: the info is cut off`)
  const { info, formatVersion } = end
  const decompress = info.codec === 'none' ? undefined : await loadDecompress(info.codec)
  let at = info.indexOffset
  try {
    const index = await openIndex(object, info, decompress, transformer)
    const decode = (i: number) =>
      openBlock(object.subarray(index.start(i), index.sealedEnd(i)), formatVersion, decompress, transformer)
    const kept: (Uint8Array | undefined)[] = []
    const limit = walMemoryLimit(object.length)
    let memory = 0
    let keptBytes = 0
    for (let i = 0; i < index.length; i++) {
      at = index.start(i)
      const decoded = decode(i)
      const block = decoded instanceof Promise ? await decoded : decoded
      eachRow(block, (keyLength, valueLength) => {
        memory += rowMemory(keyLength, valueLength)
      })
      if (memory > limit) throw tooMuch(memory, object.length)
      // A block that is stored as it is takes no memory of its own.
      const isView = block.buffer === object.buffer
      if (!isView) keptBytes += block.length
      kept.push(isView || keptBytes <= MAX_KEPT ? block : undefined)
      if (turns?.spend(unitsOf(block.length))) await turns.give()
    }
    return { fence: kept.length === 0, info, blockCount: kept.length, block: (i) => kept[i] ?? decode(i) }
  } catch (error) {
    if (!isSlateDBError(error) || error.kind !== 'Data') throw error
    throw dataError(error.code, `${what}, at offset ${at}: ${error.message}`, { cause: error })
  }
}

const ZERO_BYTES: WalContents = {
  fence: true,
  info: undefined,
  blockCount: 0,
  block: () => {
    throw dataError('EMPTY_WAL', 'a fence has no blocks')
  },
}

async function openIndex(
  object: Uint8Array,
  info: TableInfo,
  decompress: Decompress | undefined,
  transformer: BlockTransformer | undefined,
): Promise<BlockIndex> {
  const { indexOffset, indexLength } = info
  const sealed = object.subarray(indexOffset, indexOffset + indexLength)
  const raw = await unseal(sealed, decompress, transformer, sectionLimit(indexLength))
  return new BlockIndex(raw, info.filterOffset, 'wal')
}

const tooMuch = (memory: number, size: number) =>
  dataError(
    'WAL_OBJECT_EXPANDS',
    `its rows take ${memory} bytes and more, at most ${walMemoryLimit(size)} are possible in an object of ${size} ` +
      'bytes: no writer makes such an object; find out who put it there, or restore it from a copy',
  )

/** The rows of a WAL object in the order they were written: block after block, row after row. */
export class WalRows {
  readonly row: Row
  readonly #contents: WalContents
  readonly #cursor = new BlockCursor()
  #next = 0

  constructor(contents: WalContents) {
    this.row = this.#cursor.row
    this.#contents = contents
  }

  /** Moves `row`; false after the last one. */
  async next(): Promise<boolean> {
    while (!this.#cursor.next()) {
      if (this.#next >= this.#contents.blockCount) return false
      const block = this.#contents.block(this.#next++)
      this.#cursor.open(block instanceof Promise ? await block : block)
    }
    return true
  }

  /** The same without a promise, as far as the block goes: false after its last row. */
  nextInBlock(): boolean {
    return this.#cursor.next()
  }
}
