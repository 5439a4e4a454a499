// Makes an object store dependable: asks again after failures that may pass (OS-12, OS-13), finds out whether a write
// whose answer got lost took effect (OS-14, OS-15), and checks that a read brought every byte (OS-17). Every role of the
// engine talks to its store through this wrapper; a store itself never retries.

import { mintUlid } from '../bytes/ids.ts'
import type { Env } from '../env/env.ts'
import { sleep } from '../env/env.ts'
import type { Random } from '../env/random.ts'
import { dataError, isSlateDBError, isStoreError, messageOf, storeError, unavailable } from '../errors.ts'
import { isSilence } from './answering.ts'
import { equalBodies } from './body.ts'
import { Limits } from './limits.ts'
import {
  type Body,
  bodySize,
  type Capabilities,
  type GetOptions,
  type GetResult,
  type HeadResult,
  type ListOptions,
  type ObjectInfo,
  type ObjectStore,
  type PutOptions,
  type PutResult,
  type RequestOptions,
  resolveRange,
  type Upload,
} from './store.ts'
import { BUCKET_REFUSED } from './store-bucket.ts'
import { checkRange, RANGE_BEHIND_END, RANGE_IGNORED } from './store-range.ts'

/** The metadata key that tells a writer its own object from another's (OS-14): never rename. */
export const PUT_ID = 'slatedbputid'

const FIRST_DELAY_MS = 100
const LONGEST_DELAY_MS = 1000
/**
 * A store that asks for a longer rest gets this one. A maintenance page or a date of a clock that is off may ask for
 * hours, which would stand still with every call in them; and a worker that says nothing for 30 s loses its jobs (CP-17),
 * so that no single wait may come near that.
 */
const LONGEST_ASKED_MS = 10_000
/** Answers that claim to be whole and are not: a few may be a broken way, more are a damaged object. */
const MAX_WRONG_ANSWERS = 4
/** Requests of one call that the store has not answered at all: one may be a lost connection, a second is a store that hangs. */
const MAX_SILENT = 2

export interface RetryOptions {
  /** Retries per call; without it a call is retried until it succeeds, its deadline passes or a signal ends it. */
  readonly maxRetries?: number | undefined
  /** Every call ends after this many milliseconds, retries and waiting included. */
  readonly deadlineMs?: number | undefined
  /** Ends every call, for example when the database closes. */
  readonly signal?: AbortSignal | undefined
  /** Told what an attempt failed with before the next one, and `undefined` once a call has got through after that. */
  readonly onTrouble?: ((error: unknown) => void) | undefined
}

export function retrying(store: ObjectStore, env: Env, options: RetryOptions = {}): ObjectStore {
  return new RetryingStore(store, env, options)
}

/** One attempt; `signal` ends it early. */
type Attempt<T> = (signal: AbortSignal | undefined) => Promise<T>

class RetryingStore implements ObjectStore {
  readonly capabilities: Capabilities
  readonly startUpload?: NonNullable<ObjectStore['startUpload']>
  readonly copy?: NonNullable<ObjectStore['copy']>
  readonly #store: ObjectStore
  readonly #env: Env
  readonly #random: Random
  readonly #options: RetryOptions
  #metadata: boolean
  /** Some call was answered, so the bucket exists: that it does not can only be a failure that passes. */
  #answered = false

  constructor(store: ObjectStore, env: Env, options: RetryOptions) {
    this.#store = store
    this.#env = env
    this.#random = env.random.fork('retrying')
    this.#options = options
    this.capabilities = store.capabilities
    this.#metadata = store.capabilities.metadata
    if (store.startUpload !== undefined) this.startUpload = (path, request) => this.#startUpload(path, request)
    if (store.copy !== undefined) {
      this.copy = (from, to, request) =>
        this.#call('copy', to, request, (signal) => this.#store.copy!(from, to, { signal }))
    }
  }

  get(path: string, options: GetOptions = {}): Promise<GetResult> {
    const { range } = options
    let wrong = 0
    return this.#call('get', path, options, async (signal) => {
      checkRange(path, range)
      let result: GetResult
      try {
        result = await this.#store.get(path, { ...options, signal })
      } catch (error) {
        // A range behind the end may come from a copy on the way that was cut: ask once more, then believe it.
        if (isSlateDBError(error) && error.code === RANGE_BEHIND_END && wrong++ === 0) throw new Passing(error)
        // A cache that fetches the object anew may send all of it for once; a server that always does never stops.
        if (isSlateDBError(error) && error.code === RANGE_IGNORED && ++wrong < MAX_WRONG_ANSWERS)
          throw new Passing(error)
        throw error
      }
      const [start, end] = resolveRange(range, result.size)
      if (result.bytes.length === end - start) return result
      const error = dataError(
        'STORE_WRONG_LENGTH',
        `object ${JSON.stringify(path)}: asked for bytes [${start}, ${end}) of ${result.size}, got ${result.bytes.length}`,
      )
      throw ++wrong < MAX_WRONG_ANSWERS ? new Passing(error) : error
    })
  }

  head(path: string, options?: RequestOptions): Promise<HeadResult> {
    return this.#call('head', path, options, (signal) => this.#store.head(path, { signal }))
  }

  put(path: string, body: Body, options: PutOptions): Promise<PutResult> {
    if (options.mode === 'overwrite') {
      // Writing the same bytes twice changes nothing, so neither put id nor check is needed (OS-16).
      return this.#call('put', path, options, (signal) => this.#store.put(path, body, { ...options, signal }))
    }
    return this.#limited('put', path, options, (limits) => this.#conditionalPut(path, body, options, limits))
  }

  delete(path: string, options?: RequestOptions): Promise<void> {
    return this.#call('delete', path, options, async (signal) => {
      try {
        await this.#store.delete(path, { signal })
      } catch (error) {
        if (!isStoreError(error, 'NotFound')) throw error
      }
    })
  }

  list(prefix: string, options: ListOptions = {}): Promise<ObjectInfo[]> {
    // The store collects all pages in one call, so a retry starts from the first page (OS-18).
    return this.#call('list', prefix, options, (signal) => this.#store.list(prefix, { ...options, signal }))
  }

  describe(): string {
    return this.#store.describe()
  }

  async #conditionalPut(path: string, body: Body, options: PutOptions, limits: Limits | undefined): Promise<PutResult> {
    const putId = this.#mintPutId()
    let attempts = 0
    try {
      return await this.#attempts('put', path, limits, (signal) => {
        attempts++
        return this.#withPutId(options.metadata, putId, (metadata) =>
          this.#store.put(path, body, { ...options, metadata, signal }),
        )
      })
    } catch (error) {
      if (!isStoreError(error, 'AlreadyExists') && !isStoreError(error, 'Precondition')) throw error
      const author = this.#metadata ? await this.#authorOf(path, limits) : undefined
      if (author?.putId === putId) return { etag: author.etag }
      // Metadata may also be lost on the way; an object that names another author, or cannot be looked at, is another's.
      const unsigned = !this.#metadata || (author !== undefined && author.putId === undefined)
      const mine = unsigned && attempts > 1 && !options.anonymous ? await this.#holds(path, body, limits) : undefined
      if (mine === undefined) throw error
      return mine
    }
  }

  /** OS-15: a store that turns out to refuse metadata gets the write again without. */
  async #withPutId<T>(
    given: PutOptions['metadata'],
    putId: string,
    write: (metadata: PutOptions['metadata']) => Promise<T>,
  ): Promise<T> {
    if (!this.#metadata) return write(given)
    try {
      return await write({ ...given, [PUT_ID]: putId })
    } catch (error) {
      if (!isStoreError(error, 'NotSupported')) throw error
      const result = await write(given)
      // Only now it is known that the metadata was the trouble.
      this.#metadata = false
      return result
    }
  }

  /**
   * OS-14: the object is ours when it carries our put id. A compare-and-set that took effect, lost its answer and was
   * replaced by another writer since then looks like a lost race: its caller reads again, as after any lost race.
   */
  async #authorOf(
    path: string,
    limits: Limits | undefined,
  ): Promise<{ readonly putId: string | undefined; readonly etag: string | undefined } | undefined> {
    try {
      const info = await this.#attempts('head', path, limits, (signal) => this.#store.head(path, { signal }))
      return { putId: info.metadata?.[PUT_ID], etag: info.etag }
    } catch {
      return undefined
    }
  }

  /**
   * Without metadata, equal bytes after a failed attempt must do. Empty bodies say nothing about their author, so those
   * stay conflicts, as do writes that are called anonymous.
   */
  async #holds(path: string, body: Body, limits: Limits | undefined): Promise<PutResult | undefined> {
    if (bodySize(body) === 0) return undefined
    try {
      const { bytes, etag } = await this.#attempts('get', path, limits, (signal) => this.#store.get(path, { signal }))
      return equalBodies(bytes, body) ? { etag } : undefined
    } catch {
      return undefined
    }
  }

  async #startUpload(path: string, options: Omit<PutOptions, 'mode'> = {}): Promise<Upload> {
    const putId = this.#mintPutId()
    const upload = await this.#call('start upload', path, options, (signal) =>
      this.#withPutId(options.metadata, putId, (metadata) =>
        this.#store.startUpload!(path, { ...options, metadata, signal }),
      ),
    )
    // Parts are numbered by call order, so a part cannot be sent again here; its caller starts the upload over (OS-16).
    return {
      part: (body, request) =>
        this.#limited('upload part', path, request, (limits) =>
          upload.part(body, { signal: limits?.signal }).catch((error) => {
            throw this.#judged(error)
          }),
        ),
      complete: (request) =>
        this.#limited('complete upload', path, request, async (limits) => {
          try {
            return await upload.complete({ signal: limits?.signal })
          } catch (error) {
            // The answer may have got lost after the object appeared; starting over would cost the whole object again.
            const author = this.#metadata && !limits?.over ? await this.#authorOf(path, limits) : undefined
            if (author?.putId !== putId) throw this.#judged(error)
            return { etag: author.etag }
          }
        }),
      abort: () => this.#call('abort upload', path, undefined, () => upload.abort()),
    }
  }

  #mintPutId(): string {
    return mintUlid(this.#env.clock.now(), this.#random.bytes(10))
  }

  #call<T>(name: string, path: string, request: RequestOptions | undefined, attempt: Attempt<T>): Promise<T> {
    return this.#limited(name, path, request, (limits) => this.#attempts(name, path, limits, attempt))
  }

  /** Runs `work` under the deadline and signals that apply to this call; all its attempts and checks share them. */
  async #limited<T>(
    name: string,
    path: string,
    request: RequestOptions | undefined,
    work: (limits: Limits | undefined) => Promise<T>,
  ): Promise<T> {
    const { deadlineMs } = this.#options
    const signals = [request?.signal, this.#options.signal].filter((one) => one !== undefined)
    if (deadlineMs === undefined && signals.length === 0) return work(undefined)
    const deadline =
      deadlineMs === undefined
        ? undefined
        : { ms: deadlineMs, error: (trouble: unknown) => deadlineError(name, path, deadlineMs, trouble) }
    const limits = new Limits(this.#env.clock, deadline, signals)
    try {
      return await limits.race(work(limits))
    } finally {
      limits.release()
    }
  }

  async #attempts<T>(name: string, path: string, limits: Limits | undefined, attempt: Attempt<T>): Promise<T> {
    const { maxRetries = Number.POSITIVE_INFINITY } = this.#options
    for (let retries = 0, silent = 0; ; retries++) {
      try {
        // An aborted call makes no further request.
        limits?.signal.throwIfAborted()
        const result = await attempt(limits?.signal)
        this.#answered = true
        if (retries > 0) this.#options.onTrouble?.(undefined)
        return result
      } catch (thrown) {
        const error = this.#judged(thrown)
        if (limits?.over) throw error instanceof Passing ? error.error : error
        // The setting bounds retries of what was answered; without it a call to a store that hangs would never end.
        if (isSilence(error) && ++silent >= MAX_SILENT) {
          this.#options.onTrouble?.(error)
          throw error
        }
        if (!mayPass(error)) {
          // A HEAD has no document that says which of the two is missing, the object or the bucket.
          if (isAnswer(error) && name !== 'head') this.#answered = true
          // A definitive answer is an answer: the trouble is over.
          if (retries > 0) this.#options.onTrouble?.(undefined)
          throw error
        }
        // A body that is too short is asked for again, whatever the number of retries: `wrong` bounds that.
        if (retries >= maxRetries && !(error instanceof Passing)) throw givenUp(error, name, path)
        await this.#backOff(name, path, retries, error, limits)
      }
    }
  }

  /** The error as it is to be taken here: of a bucket that has answered, "there is no such bucket" is an outage. */
  #judged(error: unknown): unknown {
    if (!this.#answered || !isSlateDBError(error) || error.code !== BUCKET_REFUSED) return error
    const { cause, retryAfterMs } = error
    return storeError('Generic', '', error.message, { cause, retryAfterMs })
  }

  async #backOff(name: string, path: string, retries: number, error: unknown, limits?: Limits): Promise<void> {
    const trouble = error instanceof Passing ? error.error : error
    if (limits !== undefined) limits.trouble = trouble
    this.#options.onTrouble?.(trouble)
    const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(retries, 10))
    // Downwards only: many clients that failed together must not come back together, and none later than the original.
    const ownMs = longest * (1 - this.#random.float() / 2)
    // On top of what the store asked for, because it asks everybody for the same.
    const askedMs = isSlateDBError(trouble) ? Math.min(trouble.retryAfterMs ?? 0, LONGEST_ASKED_MS) : 0
    const delayMs = askedMs + ownMs
    // An outage of an hour must not fill the log.
    const level = retries % 30 === 3 ? 'warn' : 'debug'
    this.#env.logger[level](`object store: ${name} failed, trying again`, {
      path,
      attempt: retries + 1,
      delayMs: Math.round(delayMs),
      error: messageOf(error),
    })
    await sleep(this.#env.clock, delayMs, { signal: limits?.signal, label: `retry of ${name} ${path}` })
  }
}

/** What the last attempt failed with. A store of the user's may throw anything: to the engine that is an outage, too. */
function givenUp(error: unknown, name: string, path: string): unknown {
  return isSlateDBError(error) ? error : storeError('Generic', path, `${name} failed`, { cause: error })
}

/** Wraps an error that is worth another attempt although its class is not. */
class Passing extends Error {
  readonly error: unknown

  constructor(error: Error) {
    super(error.message)
    this.error = error
  }
}

/** True when the store said something about the object. */
function isAnswer(error: unknown): boolean {
  return ANSWERS.some((reason) => isStoreError(error, reason))
}

const ANSWERS = ['NotFound', 'AlreadyExists', 'Precondition', 'NotModified'] as const

/** OS-12: everything is asked again, except what would be answered the same way for ever. */
function mayPass(error: unknown): boolean {
  if (!isSlateDBError(error)) return true
  if (error.storeReason === undefined) return error.kind === 'Unavailable'
  return (
    error.code !== RANGE_BEHIND_END &&
    (error.storeReason === 'Generic' ||
      error.storeReason === 'PermissionDenied' ||
      error.storeReason === 'Unauthenticated')
  )
}

function deadlineError(name: string, path: string, deadlineMs: number, trouble: unknown): Error {
  const late = `object ${JSON.stringify(path)}: ${name} did not succeed within ${deadlineMs} ms`
  // What a store of the user's throws may say anything, also secrets: its message stays in the cause.
  const why = isSlateDBError(trouble) ? `; the last try failed: ${trouble.message}` : ''
  return unavailable('STORE_DEADLINE', `${late}; whether it took effect is unknown${why}`, { cause: trouble })
}
