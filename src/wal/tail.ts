// Which WAL files exist behind a point. One LIST answers it; ids above the replay point are gapless (WA-4), and a gap
// means that somebody removed what must still be there, so it is reported and never skipped (EP-11).

import { dataError } from '../errors.ts'
import type { Paths } from '../format/paths.ts'
import type { ObjectStore } from '../objects/store.ts'

export interface WalTail {
  /** Greatest existing id; `after` when there is none behind it. */
  readonly lastId: number
  /** Object size by id: a fence of zero bytes needs no read. */
  readonly sizes: ReadonlyMap<number, number>
  /** First id missing between `after` and `lastId`; `undefined` = none. */
  readonly missing: number | undefined
}

export async function listWalTail(store: ObjectStore, paths: Paths, after: number): Promise<WalTail> {
  const objects = await store.list(paths.wals, { startAfter: paths.wal(after) })
  const sizes = new Map<number, number>()
  let lastId = after
  for (const { path, size } of objects) {
    const id = paths.parseWal(path)
    if (id === undefined || id <= after) continue
    sizes.set(id, size)
    lastId = Math.max(lastId, id)
  }
  let missing: number | undefined
  for (let id = after + 1; id <= lastId && missing === undefined; id++) if (!sizes.has(id)) missing = id
  return { lastId, sizes, missing }
}

export function walTruncated(paths: Paths, id: number) {
  return dataError(
    'WAL_TRUNCATED',
    `WAL object ${paths.wal(id)} is missing although later ones exist: rows that were acknowledged may be in it; restore it before opening the database`,
  )
}
