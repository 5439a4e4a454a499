// What a caller may say about a write, and what the engine makes of it.

import { parseDuration } from '../db/duration.ts'
import { invalid } from '../errors.ts'
import type { WriteHandle } from '../write/handle.ts'
import type * as engine from '../write/options.ts'
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
export function toEnginePut(options: ExpiryOptions & CommitOptions): engine.PutOptions {
  return { ttl: toTtl(options), seq: options.seq, signal: options.signal }
}

export function toTtl({ ttl, expireAt }: ExpiryOptions): engine.Ttl | undefined {
  if (expireAt !== undefined) {
    if (ttl !== undefined) throw invalid('INVALID_TTL', 'a write takes ttl or expireAt, not both')
    const at = typeof expireAt === 'number' ? expireAt : expireAt.getTime()
    if (!Number.isSafeInteger(at))
      throw invalid('INVALID_TTL', `expireAt must be a date or whole milliseconds, not ${at}`)
    return { at }
  }
  if (ttl === undefined || ttl === 'default' || ttl === 'none') return ttl
  const after = typeof ttl === 'string' ? parseDuration(ttl) : ttl
  if (after === undefined || !Number.isSafeInteger(after) || after < 0) {
    throw invalid(
      'INVALID_TTL',
      `ttl must be whole milliseconds, a text such as '30m', 'default' or 'none', not ${JSON.stringify(ttl)}`,
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
  const handle = write instanceof Promise ? await write : write
  if ((options.durability ?? byDefault) === 'remote') await handle.awaitDurable(options.signal)
  return handle
}
