// Objects in memory: for tests, examples and databases that may vanish. It is also the yardstick of the contract:
// conditions, ranges and names behave as on the strictest real store.

import { invalid, storeError } from '../errors.ts'
import { copyBody, KeptBody } from './body.ts'
import type {
  Body,
  Capabilities,
  GetOptions,
  GetResult,
  HeadResult,
  ListOptions,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  PutResult,
  RequestOptions,
  Upload,
} from './store.ts'
import { checkPath, checkPrefix, lowerBound } from './store-path.ts'
import { checkRange, servedRange } from './store-range.ts'

type Metadata = Readonly<Record<string, string>> | undefined

interface Stored {
  /** Never changed. */
  readonly body: KeptBody
  readonly etag: string
  readonly lastModified: number
  readonly metadata: Metadata
}

export interface MemoryStoreOptions {
  /** Tells `lastModified`; without it every object was modified at 0. */
  readonly clock?: { now(): number } | undefined
}

/** An object store that lives as long as this object does. Share it between handles as one would share a bucket. */
export class MemoryStore implements ObjectStore {
  readonly capabilities: Capabilities = {
    createIfAbsent: true,
    compareAndSet: true,
    metadata: true,
    suffixRange: true,
    listStartAfter: true,
  }

  readonly #objects = new Map<string, Stored>()
  // Inserting into the middle moves 8 bytes per later name, 20 us at 100,000 names; most names arrive at the end.
  readonly #names: string[] = []
  readonly #clock: { now(): number }
  #writes = 0

  constructor(options: MemoryStoreOptions = {}) {
    this.#clock = options.clock ?? { now: () => 0 }
  }

  async get(path: string, options: GetOptions = {}): Promise<GetResult> {
    begin(path, options)
    checkRange(path, options.range)
    const { body, etag, lastModified } = this.#find(path)
    if (options.ifNoneMatch === etag) throw storeError('NotModified', path, 'the etag is unchanged')
    const [start, end] = servedRange(path, options.range, body.size)
    return { bytes: body.read(start, end), size: body.size, etag, lastModified }
  }

  async head(path: string, options: RequestOptions = {}): Promise<HeadResult> {
    begin(path, options)
    const { body, etag, lastModified, metadata } = this.#find(path)
    return { path, size: body.size, etag, lastModified, metadata }
  }

  async put(path: string, body: Body, options: PutOptions): Promise<PutResult> {
    begin(path, options)
    const { mode } = options
    const there = this.#objects.get(path)
    if (mode === 'create' && there !== undefined) throw storeError('AlreadyExists', path, 'it exists already')
    if (typeof mode === 'object' && there?.etag !== mode.ifMatch) {
      throw storeError('Precondition', path, `its etag is ${there?.etag ?? 'none'}, expected ${mode.ifMatch}`)
    }
    return this.#store(path, new KeptBody(options.owned ? body : copyBody(body)), options.metadata)
  }

  async delete(path: string, options: RequestOptions = {}): Promise<void> {
    begin(path, options)
    if (this.#objects.delete(path)) this.#names.splice(lowerBound(this.#names, path), 1)
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ObjectInfo[]> {
    options.signal?.throwIfAborted()
    checkPrefix(prefix)
    const { startAfter = '' } = options
    const found: ObjectInfo[] = []
    let at = Math.max(lowerBound(this.#names, prefix), lowerBound(this.#names, startAfter))
    if (this.#names[at] === startAfter) at++
    for (; at < this.#names.length; at++) {
      const path = this.#names[at]!
      if (!path.startsWith(prefix)) break
      const { body, etag, lastModified } = this.#objects.get(path)!
      found.push({ path, size: body.size, etag, lastModified })
    }
    return found
  }

  async startUpload(path: string, options: Omit<PutOptions, 'mode'> = {}): Promise<Upload> {
    begin(path, options)
    const parts: Uint8Array[] = []
    let open = true
    const check = (request?: RequestOptions) => {
      request?.signal?.throwIfAborted()
      if (!open) throw invalid('UPLOAD_ENDED', `object ${JSON.stringify(path)}: this upload was completed or aborted`)
    }
    return {
      part: async (body, request) => {
        check(request)
        parts.push(copyBody(body))
      },
      complete: async (request) => {
        check(request)
        open = false
        return this.#store(path, new KeptBody([...parts]), options.metadata)
      },
      abort: async () => {
        open = false
        parts.length = 0
      },
    }
  }

  async copy(from: string, to: string, options: RequestOptions = {}): Promise<void> {
    begin(from, options)
    checkPath(to)
    const { body, metadata } = this.#find(from)
    // Stored bytes never change, so both names may share them.
    this.#store(to, body, metadata)
  }

  describe(): string {
    return 'memory'
  }

  #find(path: string): Stored {
    const stored = this.#objects.get(path)
    if (stored === undefined) throw storeError('NotFound', path, 'it does not exist')
    return stored
  }

  #store(path: string, body: KeptBody, metadata: Metadata): PutResult {
    const etag = `"${++this.#writes}"`
    if (!this.#objects.has(path)) this.#names.splice(lowerBound(this.#names, path), 0, path)
    this.#objects.set(path, { body, etag, lastModified: this.#clock.now(), metadata: lowerKeys(metadata) })
    return { etag }
  }
}

function begin(path: string, options: RequestOptions): void {
  options.signal?.throwIfAborted()
  checkPath(path)
}

function lowerKeys(metadata: Metadata): Metadata {
  if (metadata === undefined) return undefined
  return Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key.toLowerCase(), value]))
}
