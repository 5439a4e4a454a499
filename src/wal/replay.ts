// Reads WAL files back in order, several ahead, one GET each (RC-1..RC-6). Files are fetched by exact id.

import { compareU64 } from '../bytes/u64.ts'
import type { Row } from '../cursor/row.ts'
import type { Turns } from '../env/turns.ts'
import { dataError, isSlateDBError, isStoreError } from '../errors.ts'
import type { Paths } from '../format/paths.ts'
import type { BlockTransformer } from '../format/seal.ts'
import { openWalObject, type WalContents, WalRows } from '../format/wal-object.ts'
import type { GetResult, ObjectStore } from '../objects/store.ts'
import { walTruncated } from './tail.ts'

/** Files that replay fetches ahead. */
export const REPLAY_AHEAD = 16
/** Enough for the files of any ordinary log; larger ones come one or two at a time, as they are. */
export const REPLAY_AHEAD_BYTES = 64 * 1024 * 1024

export interface ReplayOptions {
  readonly store: ObjectStore
  readonly paths: Paths
  /** First and last id, both included. */
  readonly from: number
  readonly to: number
  /** Known sizes: a file of zero bytes is a fence and is not fetched. */
  readonly sizes: ReadonlyMap<number, number>
  readonly transformer: BlockTransformer | undefined
  /** Files hold hundreds of thousands of rows: the event loop gets its turns between them. */
  readonly turns?: Turns | undefined
  /** Files that are here or on their way, and their bytes: at most so many of each, but always the next file. */
  readonly ahead: number
  readonly aheadBytes: number
  /** A file has rows, which come next. May wait, for room. */
  readonly onRows?: (() => Promise<void>) | undefined
  /** One row of a file; valid during the call only. */
  readonly onRow: (row: Row) => void
  /** All rows of the file were handed over. */
  readonly onFile: (id: number) => void
}

/**
 * Applies the files `from` to `to` in order. Rows before a missing or damaged file have been handed over when it throws.
 * @throws Data WAL_TRUNCATED for a missing file; Data naming the object for a damaged one.
 */
export async function replayWal(options: ReplayOptions): Promise<void> {
  const { from, to, ahead, aheadBytes, sizes, onFile } = options
  const pending = new Map<number, Promise<Uint8Array>>()
  // A listing that lacks a file was older than the file; it is rare, so what it costs does not matter.
  const sizeOf = (id: number): number => sizes.get(id) ?? aheadBytes
  let next = from
  let heldBytes = 0
  const last: LastSeq = { hi: 0, lo: 0, any: false }
  for (let id = from; id <= to; id++) {
    while (next <= to && next < id + ahead && (next === id || heldBytes + sizeOf(next) <= aheadBytes)) {
      heldBytes += sizeOf(next)
      const fetched = fetchFile(options, next)
      // A later file may fail while an earlier one is applied; its turn comes, and the error with it.
      fetched.catch(() => {})
      pending.set(next++, fetched)
    }
    const bytes = await pending.get(id)!
    pending.delete(id)
    if (bytes.length > 0) await apply(options, id, bytes, last)
    onFile(id)
    heldBytes -= sizeOf(id)
  }
}

/** Greatest sequence number of the files applied so far. */
interface LastSeq {
  hi: number
  lo: number
  any: boolean
}

async function fetchFile({ store, paths, sizes }: ReplayOptions, id: number): Promise<Uint8Array> {
  if (sizes.get(id) === 0) return new Uint8Array(0)
  try {
    return (await getTwice(store, paths.wal(id))).bytes
  } catch (error) {
    throw isStoreError(error, 'NotFound') ? walTruncated(paths, id) : error
  }
}

/** An object that must be there: one answer that it is not may be wrong, and much is concluded from two. */
export async function getTwice(store: ObjectStore, path: string): Promise<GetResult> {
  try {
    return await store.get(path)
  } catch (error) {
    if (!isStoreError(error, 'NotFound')) throw error
    return store.get(path, { refetch: true })
  }
}

/** RC-6: what does not check out is read once more, past every cache on the way (CA-9); then the opening fails. */
async function openFile(options: ReplayOptions, path: string, bytes: Uint8Array): Promise<WalContents> {
  const { store, transformer, turns } = options
  try {
    return await openWalObject(bytes, path, transformer, turns)
  } catch (error) {
    if (!isSlateDBError(error) || error.kind !== 'Data') throw error
    return openWalObject((await store.get(path, { refetch: true })).bytes, path, transformer, turns)
  }
}

async function apply(options: ReplayOptions, id: number, bytes: Uint8Array, last: LastSeq): Promise<void> {
  const path = options.paths.wal(id)
  const { onRow, turns } = options
  const rows = new WalRows(await openFile(options, path, bytes))
  const { row } = rows
  if (!(await rows.next())) return
  // RC-4: the files of one log never go back in sequence. Inside a file only the original's own tests hold.
  if (last.any && compareU64(row.seqHi, row.seqLo, last.hi, last.lo) <= 0) {
    throw dataError('WAL_ORDER', `WAL object ${path}: its first sequence number is not above those of earlier objects`)
  }
  await options.onRows?.()
  do {
    do {
      if (compareU64(row.seqHi, row.seqLo, last.hi, last.lo) > 0) {
        last.hi = row.seqHi
        last.lo = row.seqLo
      }
      onRow(row)
      if (turns?.spend()) await turns.give()
    } while (rows.nextInBlock())
  } while (await rows.next())
  last.any = true
}
