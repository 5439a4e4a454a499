// Which WAL files exist behind a point. One LIST answers it; ids above the replay point are gapless (WA-4), and a gap
// means that somebody removed what must still be there, so it is reported and never skipped (EP-11).

import { dataError } from '../errors.ts'
import type { Paths } from '../format/paths.ts'
import type { FenceForm } from '../manifest/generation.ts'
import type { ObjectInfo, ObjectStore } from '../objects/store.ts'

/**
 * The list of one who opens begins this many names before the replay point, to find the fence of the last owner although
 * it has flushed since. They fit into the page that is read anyway.
 */
const FENCE_LOOK_BACK = 100

/**
 * A table without rows has at most this many bytes: 106 to 140 were seen, with every codec and every release that writes
 * such fences. One with a single short row has 169 and more. A block transformer may make fences larger; they are then
 * taken for data.
 */
const ROWLESS_MAX_BYTES = 150

export interface WalTail {
  /** Greatest existing id; `after` when there is none behind it. */
  readonly lastId: number
  /** Object size by id: a fence of zero bytes needs no read. */
  readonly sizes: ReadonlyMap<number, number>
  /** First id missing between `after` and `lastId`; `undefined` = none. */
  readonly missing: number | undefined
  /** When the newest of the listed objects was written, ms since 1970; 0 when there is none. */
  readonly lastAt: number
  /** The form of the newest fence among what was listed; `undefined` when it is too far back. */
  readonly newestFence: FenceForm | undefined
}

export async function listWalTail(store: ObjectStore, paths: Paths, after: number): Promise<WalTail> {
  return tailOf(await store.list(paths.wals, { startAfter: paths.wal(after) }), paths, after)
}

/** The tail, and with it the fence of the last owner unless that is far behind. */
export async function listTailAndFence(store: ObjectStore, paths: Paths, after: number): Promise<WalTail> {
  const startAfter = paths.wal(Math.max(0, after - FENCE_LOOK_BACK))
  return tailOf(await store.list(paths.wals, { startAfter }), paths, after)
}

function tailOf(objects: readonly ObjectInfo[], paths: Paths, after: number): WalTail {
  const sizes = new Map<number, number>()
  let lastId = after
  let fenceId = 0
  let newestFence: FenceForm | undefined
  let lastAt = 0
  for (const { path, size, lastModified } of objects) {
    const id = paths.parseWal(path)
    if (id === undefined) continue
    lastAt = Math.max(lastAt, lastModified)
    // A log begins with a fence, whatever its size.
    if (id > fenceId && (size <= ROWLESS_MAX_BYTES || id === 1)) {
      fenceId = id
      newestFence = size === 0 ? 'zero-byte' : 'rowless'
    }
    if (id <= after) continue
    sizes.set(id, size)
    lastId = Math.max(lastId, id)
  }
  let missing: number | undefined
  for (let id = after + 1; id <= lastId && missing === undefined; id++) if (!sizes.has(id)) missing = id
  return { lastId, sizes, missing, lastAt, newestFence }
}

/**
 * A list of the log that is begun before anybody knows the replay point, so that it travels beside the read of the
 * manifest. What it may lack was written while it was under way, as with any list; a collector takes nothing behind the
 * replay point. A log of many pages is not worth waiting for: it is then listed again, from the replay point on.
 */
export class EarlyTail {
  readonly #store: ObjectStore
  readonly #paths: Paths
  readonly #abort = new AbortController()
  #objects: readonly ObjectInfo[] | undefined

  constructor(store: ObjectStore, paths: Paths) {
    this.#store = store
    this.#paths = paths
    store.list(paths.wals, { signal: this.#abort.signal }).then(
      (objects) => {
        this.#objects = objects
      },
      // Whoever asks for the tail lists again and gets the error of that.
      () => {},
    )
  }

  after(id: number): WalTail | Promise<WalTail> {
    if (this.#objects !== undefined) return tailOf(this.#objects, this.#paths, id)
    this.drop()
    return listTailAndFence(this.#store, this.#paths, id)
  }

  /** Nobody will ask. */
  drop(): void {
    this.#abort.abort(new Error('the list of the log is not needed any more'))
  }
}

export function walTruncated(paths: Paths, id: number) {
  return dataError(
    'WAL_TRUNCATED',
    `WAL object ${paths.wal(id)} is missing although later ones exist: rows that were acknowledged may be in it; restore it before opening the database`,
  )
}
