// What a caller may say about a write, and what the engine makes of it.

import { hasMethods } from '../checks.ts'
import { parseDuration } from '../db/duration.ts'
import { invalid, isSlateDBError, messageOf, repeated, type SlateDBError, show } from '../errors.ts'
import type { WriteHandle } from '../write/handle.ts'
import {
  CheckedPut,
  type PutOptions as EnginePut,
  type RowOptions,
  type Ttl,
  type WriteOptions,
} from '../write/options.ts'
import type { EncodingOptions, MaybeEncoding, MaybePromise } from './source.ts'

/**
 * `'remote'`: the promise settles once the write is in the object store. `'memory'`: once it is committed in this
 * process; `handle.durable` says when it is safe.
 */
export type Durability = 'remote' | 'memory'

export interface CommitOptions {
  /** Default: as the handle was opened, which is `'remote'` unless said otherwise. */
  readonly durability?: Durability | undefined
  /** A sequence number of your own; greater than every one so far. Default: the next. */
  readonly seq?: bigint | undefined
  /** Ends the waiting with the signal's reason. The write itself may still be applied. */
  readonly signal?: AbortSignal | undefined
}

export interface ExpiryOptions {
  /** How long the row lives: milliseconds or `'30m'`; `'none'` = for ever; `'default'` = as the settings say. */
  readonly ttl?: number | string | undefined
  /** When the row expires: a date, or milliseconds since 1970. Instead of `ttl`. */
  readonly expireAt?: number | Date | undefined
}

export interface DeleteOptions<KE extends MaybeEncoding = undefined> extends CommitOptions, EncodingOptions<KE> {}

export interface PutOptions<KE extends MaybeEncoding = undefined, VE extends MaybeEncoding = undefined>
  extends CommitOptions,
    ExpiryOptions,
    EncodingOptions<KE, VE> {}

/** What the engine's put takes; `undefined` when nothing was said. */
export function toEnginePut(options: ExpiryOptions & CommitOptions): EnginePut | undefined {
  const ttl = toTtl(options)
  const { seq, signal } = options
  return ttl === undefined && seq === undefined && signal === undefined ? undefined : new CheckedPut(ttl, seq, signal)
}

/** What an operation of an engine batch takes. */
export function toRowOptions(options: ExpiryOptions): RowOptions | undefined {
  const ttl = toTtl(options)
  return ttl === undefined ? undefined : { ttl }
}

/** What the engine's other writes take. */
export function toEngineWrite({ seq, signal }: CommitOptions): WriteOptions | undefined {
  return seq === undefined && signal === undefined ? undefined : { seq, signal }
}

export function toTtl({ ttl, expireAt }: ExpiryOptions): Ttl | undefined {
  if (expireAt !== undefined) {
    if (ttl !== undefined) throw invalid('INVALID_TTL', 'a write takes ttl or expireAt, not both')
    // By what it does: a date of another realm is a date, too.
    const date = typeof expireAt !== 'number' && hasMethods(expireAt, ['getTime']) ? expireAt : undefined
    const at = date === undefined ? (expireAt as number) : date.getTime()
    if (!Number.isSafeInteger(at)) {
      const given = date === undefined ? show(expireAt) : 'an invalid date'
      throw invalid('INVALID_TTL', `expireAt must be a date, or whole milliseconds since 1970, not ${given}`)
    }
    return { at }
  }
  if (ttl === undefined || ttl === 'default' || ttl === 'none') return ttl
  const after = typeof ttl === 'string' ? parseDuration(ttl) : ttl
  if (after === undefined || !Number.isSafeInteger(after) || after < 0) {
    throw invalid(
      'INVALID_TTL',
      `ttl must be whole milliseconds, a text such as '30m', 'default' or 'none', not ${show(ttl)}`,
    )
  }
  return { after }
}

/** The engine returns right after the commit; waiting for durability is this one step (D3). */
export async function settled(
  write: MaybePromise<WriteHandle>,
  options: CommitOptions,
  byDefault: Durability,
): Promise<WriteHandle> {
  try {
    const handle = write instanceof Promise ? await write : write
    if ((options.durability ?? byDefault) !== 'memory') await handle.awaitDurable(options.signal)
    return handle
  } catch (error) {
    throw ofThisCall(error)
  }
}

/** Workers tie every promise, timer and connection to the request that made it. */
function acrossRequests(cause: unknown): SlateDBError {
  return invalid(
    'REQUEST_SCOPE',
    'this runtime lets no request use what another one began: a database that is open for writing belongs to a Durable Object, which the requests of a Worker call; a Worker itself opens a reader for each request',
    { cause },
  )
}

/** Many writes share the error that ended their handle; each call gets one with a stack of its own. */
export function ofThisCall(error: unknown): unknown {
  if (/on behalf of a different request/i.test(messageOf(error))) return acrossRequests(error)
  return isSlateDBError(error) && error.kind === 'Closed' ? repeated(error) : error
}
