// Cloudflare R2 through the binding of a Worker. The binding is described by its shape, so nothing of Cloudflare's is
// imported. A condition that does not hold is not an error there but `null`.

import { concatBytes } from '../bytes/compare.ts'
import type { Clock } from '../env/env.ts'
import { systemClock } from '../env/system.ts'
import { invalid, storeError } from '../errors.ts'
import type {
  Body,
  Capabilities,
  GetOptions,
  GetResult,
  HeadResult,
  ListOptions,
  ObjectInfo,
  ObjectStore,
  PutMode,
  PutOptions,
  PutResult,
  RequestOptions,
  Upload,
} from '../objects/store.ts'
import { checkPath, checkPrefix } from '../objects/store-path.ts'
import { checkRange, servedRange } from '../objects/store-range.ts'
import { listedObject, writtenVersion } from './answers.ts'
import { ChunkedUpload, type PartSink } from './chunked-upload.ts'
import { checkMetadata } from './endpoint.ts'
import { listPages } from './pages.ts'
import { bindingError, checkBinding } from './r2-answers.ts'

/** What this store uses of the `R2Bucket` of a Worker's `env`. */
export interface R2Binding {
  head(key: string): Promise<R2Head | null>
  get(key: string, options?: R2GetOptions): Promise<R2Head | (R2Head & R2Content) | null>
  put(key: string, value: Uint8Array, options?: R2PutOptions): Promise<R2Head | null>
  delete(key: string): Promise<void>
  list(options?: R2ListOptions): Promise<R2Page>
  createMultipartUpload(key: string, options?: { customMetadata?: Record<string, string> }): Promise<R2Multipart>
}

export interface R2Head {
  readonly key: string
  readonly size: number
  readonly etag: string
  readonly uploaded: Date
  readonly customMetadata?: Record<string, string>
}

export interface R2Content {
  arrayBuffer(): Promise<ArrayBuffer>
}

export interface R2GetOptions {
  range?: { offset: number; length?: number } | { suffix: number }
  onlyIf?: { etagDoesNotMatch?: string }
}

export interface R2PutOptions {
  onlyIf?: { etagMatches?: string; etagDoesNotMatch?: string }
  customMetadata?: Record<string, string>
}

export interface R2ListOptions {
  prefix?: string
  cursor?: string
  startAfter?: string
  limit?: number
}

export interface R2Page {
  readonly objects: readonly R2Head[]
  readonly truncated: boolean
  readonly cursor?: string
}

export interface R2Multipart {
  uploadPart(partNumber: number, value: Uint8Array): Promise<{ partNumber: number; etag: string }>
  complete(parts: { partNumber: number; etag: string }[]): Promise<R2Head>
  abort(): Promise<void>
}

export interface R2Options {
  readonly clock?: Clock | undefined
  /** A call that takes longer fails; the binding itself has no way to end it. Default 60 s. */
  readonly timeoutMs?: number | undefined
  readonly pageSize?: number | undefined
  /** Bytes of one part of an upload, at least 5 MiB; default 8 MiB. */
  readonly partSizeBytes?: number | undefined
}

export class R2Store implements ObjectStore {
  readonly capabilities: Capabilities = {
    createIfAbsent: true,
    compareAndSet: true,
    metadata: true,
    suffixRange: true,
    listStartAfter: true,
  }
  readonly #bucket: R2Binding
  readonly #options: R2Options
  readonly #clock: Clock

  constructor(bucket: R2Binding, options: R2Options = {}) {
    checkBinding(bucket)
    if (options.partSizeBytes !== undefined && options.partSizeBytes < 5 * 1024 * 1024) {
      throw invalid('PART_SIZE', 'parts of an upload to R2 need at least 5 MiB')
    }
    this.#bucket = bucket
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  async get(path: string, options: GetOptions = {}): Promise<GetResult> {
    checkPath(path)
    const { range, ifNoneMatch } = options
    checkRange(path, range)
    const request: R2GetOptions = {}
    if (range !== undefined) request.range = bindingRange(range)
    if (ifNoneMatch !== undefined) request.onlyIf = { etagDoesNotMatch: ifNoneMatch }
    const found = await this.#call('GET', path, options, async () => {
      const object = await this.#bucket.get(path, request)
      if (object === null) return undefined
      return { object, bytes: 'arrayBuffer' in object ? new Uint8Array(await object.arrayBuffer()) : undefined }
    }).catch(async (error: unknown) => {
      // The binding fails on a range behind the end, with a code or without: the size tells.
      if (range !== undefined && !options.signal?.aborted)
        servedRange(path, range, (await this.head(path, options)).size)
      throw error
    })
    if (found === undefined) throw storeError('NotFound', path, 'it does not exist')
    if (found.bytes === undefined) throw storeError('NotModified', path, 'the etag is unchanged')
    const { object, bytes } = found
    const [start, end] = servedRange(path, range, object.size)
    if (bytes.length !== end - start) {
      throw storeError('Generic', path, `asked for ${end - start} bytes, the bucket gave ${bytes.length}`)
    }
    return { bytes, size: object.size, etag: object.etag, lastModified: object.uploaded.getTime() }
  }

  async head(path: string, options: RequestOptions = {}): Promise<HeadResult> {
    checkPath(path)
    const found = await this.#call('HEAD', path, options, () => this.#bucket.head(path))
    if (found === null) throw storeError('NotFound', path, 'it does not exist')
    const metadata: Record<string, string> = {}
    for (const [name, value] of Object.entries(found.customMetadata ?? {})) metadata[name.toLowerCase()] = value
    return { ...objectInfo(found), metadata }
  }

  async put(path: string, body: Body, options: PutOptions): Promise<PutResult> {
    checkPath(path)
    const { mode } = options
    const request: R2PutOptions = { customMetadata: Object.fromEntries(checkMetadata(options.metadata)) }
    if (mode === 'create') request.onlyIf = { etagDoesNotMatch: '*' }
    else if (typeof mode === 'object') request.onlyIf = { etagMatches: mode.ifMatch }
    const bytes = body instanceof Uint8Array ? body : concatBytes(body)
    const stored = await this.#call('PUT', path, options, () => this.#bucket.put(path, bytes, request))
    if (stored !== null) return { etag: writtenVersion('PUT', path, 'etag', stored?.etag || undefined) }
    if (mode === 'create') throw storeError('AlreadyExists', path, 'it exists already')
    throw storeError('Precondition', path, 'the object has another etag, or does not exist')
  }

  async delete(path: string, options: RequestOptions = {}): Promise<void> {
    checkPath(path)
    await this.#call('DELETE', path, options, () => this.#bucket.delete(path))
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ObjectInfo[]> {
    checkPrefix(prefix)
    const { startAfter } = options
    return listPages(prefix, startAfter, async (cursor) => {
      const request: R2ListOptions = { limit: this.#options.pageSize ?? 1000 }
      if (prefix !== '') request.prefix = prefix
      if (cursor !== undefined) request.cursor = cursor
      else if (startAfter) request.startAfter = startAfter
      const page = await this.#call('LIST', '', options, () => this.#bucket.list(request))
      if (!Array.isArray(page?.objects)) throw storeError('Generic', '', 'LIST: the binding gave no list')
      return { objects: page.objects.map(objectInfo), next: page.truncated ? (page.cursor ?? '') : undefined }
    })
  }

  async startUpload(path: string, options: Omit<PutOptions, 'mode'> = {}): Promise<Upload> {
    checkPath(path)
    options.signal?.throwIfAborted()
    const { partSizeBytes: chunkBytes = 8 * 1024 * 1024 } = this.#options
    // A Worker has 128 MiB for everything.
    return new ChunkedUpload(this.#partSink(path, options), { path, chunkBytes, concurrency: 2 })
  }

  describe(): string {
    return 'r2 (binding)'
  }

  #partSink(path: string, { metadata }: { metadata?: PutOptions['metadata'] }): PartSink {
    const parts: { partNumber: number; etag: string }[] = []
    const mode: PutMode = 'overwrite'
    let upload!: R2Multipart
    return {
      single: (body, options) => this.put(path, body, { metadata, ...options, mode }),
      begin: async (options) => {
        const customMetadata = Object.fromEntries(checkMetadata(metadata))
        upload = await this.#call('multipart upload', path, options, () =>
          this.#bucket.createMultipartUpload(path, { customMetadata }),
        )
      },
      part: async (number, body, options) => {
        parts[number - 1] = await this.#call('multipart upload', path, options, () => upload.uploadPart(number, body))
      },
      complete: async (_parts, _last, options) => {
        const stored = await this.#call('multipart upload', path, options, () => upload.complete(parts))
        return { etag: stored.etag }
      },
      abort: () => this.#call('multipart upload', path, {}, () => upload.abort()),
    }
  }

  /** The binding knows neither signals nor deadlines: whoever waits is let go, the call itself goes on. */
  #call<T>(operation: string, path: string, options: RequestOptions, work: () => Promise<T>): Promise<T> {
    const { signal } = options
    const { timeoutMs = 60_000 } = this.#options
    return new Promise<T>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const abort = () => reject(signal!.reason)
      const late = () =>
        reject(
          storeError('Generic', path, `${operation} was not answered through the R2 binding within ${timeoutMs} ms`),
        )
      const cancel = this.#clock.schedule(timeoutMs, late, { idle: true, label: `${operation} deadline` })
      signal?.addEventListener('abort', abort, { once: true })
      work()
        .then(resolve, (error: unknown) => reject(bindingError(operation, path, error)))
        .finally(() => {
          cancel()
          signal?.removeEventListener('abort', abort)
        })
    })
  }
}

function bindingRange(range: NonNullable<GetOptions['range']>): NonNullable<R2GetOptions['range']> {
  if ('suffix' in range) return { suffix: range.suffix }
  return range.end === undefined ? { offset: range.start } : { offset: range.start, length: range.end - range.start }
}

function objectInfo(object: R2Head): ObjectInfo {
  const uploaded = object?.uploaded instanceof Date ? object.uploaded.getTime() : Number.NaN
  return listedObject(object?.key, object?.size, uploaded, object?.etag)
}
