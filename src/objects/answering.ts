// Bounds how long one request may go without an answer. A store over HTTP has timeouts of its own; a store of the user's,
// or a file system that hangs, may never answer, and a call that waits for it would never end. What comes late anyway is
// as with any answer that got lost: the retries above find out whether a write took effect.

import type { Clock } from '../env/env.ts'
import { isSlateDBError, type SlateDBError, storeError, unavailable } from '../errors.ts'
import { Limits } from './limits.ts'
import { objectClass } from './request-counts.ts'
import {
  type Body,
  type ByteRange,
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
  type Upload,
} from './store.ts'

export interface AnsweringOptions {
  /** How long a request without a body may take; asked for each. */
  readonly silenceMs: () => number
  /** Told whenever a request ended, however. */
  readonly onAnswer?: (() => void) | undefined
}

/** Bodies get time on top, as over HTTP: 256 KB a second. */
const BYTES_PER_MS = 256
/** Log objects are read whole, and may be large; whatever else is read whole is a small record. */
const LOG_OBJECT_BYTES = 32 * 1024 * 1024

const STORE_SILENT = 'STORE_SILENT'

/** The request was given up because the store did not answer it. */
export function isSilence(error: unknown): error is SlateDBError {
  return isSlateDBError(error) && error.code === `SLATEDB_${STORE_SILENT}`
}

export function answering(store: ObjectStore, clock: Clock, options: AnsweringOptions): ObjectStore {
  return new AnsweringStore(store, clock, options)
}

class AnsweringStore implements ObjectStore {
  readonly capabilities: Capabilities
  readonly startUpload?: NonNullable<ObjectStore['startUpload']>
  readonly copy?: NonNullable<ObjectStore['copy']>
  readonly #store: ObjectStore
  readonly #clock: Clock
  readonly #options: AnsweringOptions

  constructor(store: ObjectStore, clock: Clock, options: AnsweringOptions) {
    this.#store = store
    this.#clock = clock
    this.#options = options
    this.capabilities = store.capabilities
    if (store.startUpload !== undefined) this.startUpload = (path, request) => this.#startUpload(path, request)
    if (store.copy !== undefined) {
      this.copy = (from, to, request) => this.#call('copy', to, 0, request, (more) => this.#store.copy!(from, to, more))
    }
  }

  async get(path: string, options?: GetOptions): Promise<GetResult> {
    const result = await this.#call('get', path, bytesOf(path, options?.range), options, (more) =>
      this.#store.get(path, more),
    )
    if (ArrayBuffer.isView(result?.bytes)) return result
    throw storeError('Generic', path, 'the store answered a get without bytes')
  }

  head(path: string, options?: RequestOptions): Promise<HeadResult> {
    return this.#call('head', path, 0, options, (more) => this.#store.head(path, more))
  }

  put(path: string, body: Body, options: PutOptions): Promise<PutResult> {
    return this.#call('put', path, bodySize(body), options, (more) =>
      this.#store.put(path, body, { ...options, ...more }),
    )
  }

  delete(path: string, options?: RequestOptions): Promise<void> {
    return this.#call('delete', path, 0, options, (more) => this.#store.delete(path, more))
  }

  async list(prefix: string, options?: ListOptions): Promise<ObjectInfo[]> {
    const found = await this.#call('list', prefix, 0, options, (more) => this.#store.list(prefix, more))
    if (Array.isArray(found)) return found
    throw storeError('Generic', prefix, 'the store answered a list with something else')
  }

  describe(): string {
    return this.#store.describe()
  }

  async #startUpload(path: string, options?: Omit<PutOptions, 'mode'>): Promise<Upload> {
    const start = (more: RequestOptions) => this.#store.startUpload!(path, { ...options, ...more })
    const upload = await this.#call('start upload', path, 0, options, start)
    return {
      part: (body, request) =>
        this.#call('upload part', path, bodySize(body), request, (more) => upload.part(body, more)),
      complete: (request) => this.#call('complete upload', path, 0, request, (more) => upload.complete(more)),
      abort: () => this.#call('abort upload', path, 0, undefined, () => upload.abort()),
    }
  }

  /** `request` gets the caller's options with a signal that also fires when the time is up. */
  async #call<O extends RequestOptions, T>(
    name: string,
    path: string,
    bytes: number,
    options: O | undefined,
    request: (options: O & RequestOptions) => Promise<T>,
  ): Promise<T> {
    const ms = this.#options.silenceMs() + bytes / BYTES_PER_MS
    const error = () =>
      unavailable(
        STORE_SILENT,
        `object ${JSON.stringify(path)}: ${name} had no answer for ${Math.round(ms / 1000)} s; whether it took effect is unknown`,
      )
    const limits = new Limits(this.#clock, { ms, error }, options?.signal === undefined ? [] : [options.signal])
    try {
      // A store that throws at once, or answers without a promise, is one that does either later.
      const answer = (async () => request({ ...options, signal: limits.signal } as O & RequestOptions))()
      return await limits.race(answer)
    } finally {
      limits.release()
      this.#options.onAnswer?.()
    }
  }
}

function bytesOf(path: string, range: ByteRange | undefined): number {
  if (range === undefined) return objectClass(path) === 'wal' ? LOG_OBJECT_BYTES : 0
  return 'suffix' in range ? range.suffix : (range.end ?? LOG_OBJECT_BYTES) - range.start
}
