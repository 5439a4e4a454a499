// A service retries for ever, a command must not: somebody waits for it. This wrapper sees every request fail or succeed
// and gives the command up when the store refuses it for good, or has answered nothing but errors for too long.

import type { Clock } from '../env/env.ts'
import { isSlateDBError, type StoreReason, unavailable } from '../errors.ts'
import type { ObjectStore } from '../objects/store.ts'
import { BUCKET_REFUSED } from '../objects/store-bucket.ts'
import { duration } from './human.ts'

/** Trying again does not help against these. */
const REFUSED: ReadonlySet<StoreReason | undefined> = new Set(['Unauthenticated', 'PermissionDenied', 'InvalidPath'])
/** Answers like any other: the engine asked something whose answer is no. */
const ANSWERS: ReadonlySet<StoreReason | undefined> = new Set([
  'NotFound',
  'AlreadyExists',
  'Precondition',
  'NotModified',
])

export interface PatienceOptions {
  readonly clock: Clock
  readonly patienceMs: number
  /** Called once per failed request after the patience is used up; the first one counts. */
  readonly giveUp: (error: unknown) => void
}

/** The same store, watched. */
export function watched(store: ObjectStore, { clock, patienceMs, giveUp }: PatienceOptions): ObjectStore {
  let failingSince: number | undefined
  let answered = false
  const watch = async <T>(request: Promise<T>): Promise<T> => {
    try {
      const result = await request
      failingSince = undefined
      answered = true
      return result
    } catch (error) {
      const reason = isSlateDBError(error) ? error.storeReason : undefined
      if (ANSWERS.has(reason)) failingSince = undefined
      // A bucket that has answered exists: that it does not can only be said for a moment.
      else if (REFUSED.has(reason) && !(answered && isSlateDBError(error) && error.code === BUCKET_REFUSED))
        giveUp(error)
      else if (!isAbort(error)) {
        failingSince ??= clock.monotonic()
        if (clock.monotonic() - failingSince >= patienceMs) giveUp(tooLong(patienceMs, error))
      }
      throw error
    }
  }
  return {
    capabilities: store.capabilities,
    get: (path, options) => watch(store.get(path, options)),
    head: (path, options) => watch(store.head(path, options)),
    put: (path, body, options) => watch(store.put(path, body, options)),
    delete: (path, options) => watch(store.delete(path, options)),
    list: (prefix, options) => watch(store.list(prefix, options)),
    describe: () => store.describe(),
    ...(store.startUpload && { startUpload: (path, options) => watch(store.startUpload!(path, options)) }),
    ...(store.copy && { copy: (from, to, options) => watch(store.copy!(from, to, options)) }),
  }
}

function tooLong(ms: number, cause: unknown) {
  const detail = cause instanceof Error ? cause.message : String(cause)
  return unavailable(
    'GAVE_UP',
    `nothing but errors from the object store for ${duration(ms)}; the last one: ${detail}`,
    { cause },
  )
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}
