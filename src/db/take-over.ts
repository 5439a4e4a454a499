// Whether an opening may take a database from the writer that may still have it. There is no lease: only what a writer
// has written lately tells that it is at work, and one that has been silent for a minute cannot be seen.

import type { Clock } from '../env/env.ts'
import type { Logger } from '../env/logger.ts'
import { invalid, unavailable } from '../errors.ts'
import type { ManifestRecord } from '../manifest/records.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { WalTail } from '../wal/tail.ts'

/**
 * - `'always'`: the newest opener owns the database, an older writer is fenced
 * - `'idle'`: not from a writer that has written within the last minute and has not closed
 * - `'never'`: only a new database, or one that was closed cleanly and has been silent for a minute
 */
export type TakeOver = 'always' | 'idle' | 'never'

const MODES: readonly unknown[] = ['always', 'idle', 'never'] satisfies TakeOver[]
/** A writer that has written nothing for so long counts as idle. */
const IDLE_MS = 60_000

export interface Place {
  readonly store: ObjectStore
  readonly path: string
}

/** @throws Unavailable WRITER_ACTIVE when the mode forbids to take the database over now. Nothing is written before. */
export function checkTakeOver(
  mode: TakeOver,
  place: Place,
  { manifest, tail, clock }: { readonly manifest: ManifestRecord; readonly tail: WalTail; readonly clock: Clock },
): void {
  const { value } = manifest.current
  if (mode === 'always' || value.writerEpoch === 0) return
  const lastAt = Math.max(manifest.versions.writtenAt ?? 0, tail.lastAt)
  // The store's clock may be ahead of this one: what seems to come from the future is new.
  const isActive = clock.now() - lastAt < IDLE_MS
  const isClosed = tail.lastId <= value.replayAfterWalId
  if (mode === 'idle' ? !isActive || isClosed : !isActive && isClosed) return
  const written = `it was written last at ${new Date(lastAt).toISOString()}`
  const left = isClosed ? '' : `, and its writer, of epoch ${value.writerEpoch}, has not closed it`
  throw unavailable(
    'WRITER_ACTIVE',
    `the database at ${JSON.stringify(place.path)} may be in use: ${written}${left}. End that writer, or wait until it has ` +
      `been silent for a minute; opening with takeOver: 'always' would fence it`,
  )
}

/** Databases that handles of this process have open for writing, by where they are. */
const openHere = new Map<string, number>()
const identities = new WeakMap<ObjectStore, number>()
let stores = 0

/** A process that opens a database twice fences itself: mostly a mistake, such as a module that is loaded twice. */
export function checkOpenHere(mode: TakeOver, place: Place, logger: Logger): void {
  if (!MODES.includes(mode)) {
    throw invalid('INVALID_OPTION', `takeOver must be 'always', 'idle' or 'never', not ${JSON.stringify(mode)}`)
  }
  if (!keysOf(place).some((key) => openHere.has(key))) return
  if (mode !== 'always') {
    throw unavailable(
      'WRITER_ACTIVE',
      `this process has the database at ${JSON.stringify(place.path)} open for writing already: close that handle first, ` +
        'or share it',
    )
  }
  logger.warn('this process has this database open for writing already: the older handle is fenced now; share one', {
    store: place.store.describe(),
    path: place.path,
  })
}

/** Notes that the database is open; the returned function notes the end. */
export function noteOpen(place: Place): () => void {
  const keys = keysOf(place)
  for (const key of keys) openHere.set(key, (openHere.get(key) ?? 0) + 1)
  let isNoted = true
  return () => {
    if (!isNoted) return
    isNoted = false
    for (const key of keys) {
      const left = openHere.get(key)! - 1
      if (left === 0) openHere.delete(key)
      else openHere.set(key, left)
    }
  }
}

/** Two stores are one place when they are the same object, or when both say the same about where they are. */
function keysOf({ store, path }: Place): string[] {
  let identity = identities.get(store)
  if (identity === undefined) identities.set(store, (identity = ++stores))
  const description = store.describe()
  // 'memory' or 'r2 (binding)' names a kind, not a place.
  return [`#${identity} ${path}`, ...(description.includes('/') ? [`${description} ${path}`] : [])]
}
