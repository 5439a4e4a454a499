// Google Cloud Storage over its JSON API. An etag of this store is the object's generation: conditions on it are
// exact, and a missing object is generation 0.

import { concatBytes } from '../bytes/compare.ts'
import { encodeUtf8, toHex } from '../bytes/text.ts'
import { type Random, systemRandom } from '../env/random.ts'
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
import { checkRange, rangeError } from '../objects/store-range.ts'
import { modifiedOf, refuseWebPage, refuseWebPageBody } from './answers.ts'
import { ChunkedUpload, type PartSink } from './chunked-upload.ts'
import type { Bearer, CredentialSource } from './credentials.ts'
import { checkMetadata, type Endpoint, encodeStrict, parseEndpoint, queryString } from './endpoint.ts'
import { gcsHead, gcsListPage, gcsRefused, isGeneration, writtenGeneration } from './gcs-answers.ts'
import { type GoogleCredentials, googleToken, jsonObject } from './google-credentials.ts'
import { HttpClient, type HttpOptions, type HttpReply } from './http-client.ts'
import { notSent, type Place, parseRetryAfter } from './http-errors.ts'
import { listPages } from './pages.ts'
import { rangedReply, rangeHeader, WHOLE_OBJECT_LIMIT } from './ranges.ts'

export interface GcsOptions extends HttpOptions {
  readonly bucket: string
  /** Without them requests are anonymous. */
  readonly credentials?: GoogleCredentials | undefined
  /** Default `https://storage.googleapis.com`. */
  readonly endpoint?: string | undefined
  readonly allowHttp?: boolean | undefined
  readonly random?: Random | undefined
  readonly pageSize?: number | undefined
  /** Bytes of one part of an upload, a multiple of 256 KiB; default 8 MiB. */
  readonly partSizeBytes?: number | undefined
}

interface GcsRequest extends RequestOptions {
  readonly operation: string
  readonly path: string
  readonly method: string
  /** Path and query behind the endpoint. */
  readonly target: string
  readonly headers?: Record<string, string>
  readonly body?: Uint8Array
  readonly limitBytes?: number
  /** An upload session's own URL is its credential. */
  readonly session?: boolean
}

export class GcsStore implements ObjectStore {
  readonly capabilities: Capabilities = {
    createIfAbsent: true,
    compareAndSet: true,
    metadata: true,
    suffixRange: true,
    listStartAfter: true,
  }
  readonly #client: HttpClient
  readonly #options: GcsOptions
  readonly #endpoint: Endpoint
  readonly #token: CredentialSource<Bearer> | undefined
  readonly #random: Random
  readonly #bucketPath: string
  readonly #place: Place

  constructor(options: GcsOptions) {
    if (options.bucket === '' || /[/?#\s]/.test(options.bucket))
      throw invalid('BUCKET', 'the bucket needs a plain name')
    const { partSizeBytes, credentials } = options
    if (partSizeBytes !== undefined && (partSizeBytes <= 0 || partSizeBytes % (256 * 1024) !== 0)) {
      throw invalid('PART_SIZE', 'parts of an upload to GCS must be a multiple of 256 KiB')
    }
    this.#client = new HttpClient(options)
    this.#options = options
    this.#endpoint = parseEndpoint(
      'the endpoint',
      options.endpoint ?? 'https://storage.googleapis.com',
      !!options.allowHttp,
    )
    this.#token = credentials === undefined ? undefined : googleToken(this.#client, credentials)
    this.#random = (options.random ?? systemRandom()).fork('gcs')
    this.#place = {
      where: `in bucket ${JSON.stringify(options.bucket)} at ${this.#endpoint.origin}`,
      settings: 'the endpoint (GOOGLE_BASE_URL)',
    }
    this.#bucketPath = `storage/v1/b/${encodeStrict(options.bucket)}/o`
  }

  async get(path: string, options: GetOptions = {}): Promise<GetResult> {
    checkPath(path)
    const { range, ifNoneMatch, refetch, signal } = options
    checkRange(path, range)
    const headers: Record<string, string> = {}
    if (range !== undefined) headers.range = rangeHeader(range)
    if (refetch) headers['cache-control'] = 'no-cache'
    const known = ifNoneMatch !== undefined && isGeneration(ifNoneMatch) ? ifNoneMatch : undefined
    const target = `${this.#objectPath(path)}?${queryString({ alt: 'media', ifGenerationNotMatch: known })}`
    const limit = range === undefined ? {} : { limitBytes: WHOLE_OBJECT_LIMIT }
    const reply = await this.#send({ operation: 'GET', path, method: 'GET', target, headers, signal, ...limit })
    if (reply.status === 416 && range !== undefined) throw rangeError(path, range)
    if (reply.status !== 200 && reply.status !== 206) throw this.#refused(reply, 'GET', path)
    refuseWebPage('GET', path, reply)
    const etag = reply.headers.get('x-goog-generation') ?? undefined
    // Emulators ignore the condition on a download.
    if (known !== undefined && etag === known) throw storeError('NotModified', path, 'the generation is unchanged')
    return { ...rangedReply(path, range, reply), etag, lastModified: modifiedOf(reply) }
  }

  async head(path: string, options: RequestOptions = {}): Promise<HeadResult> {
    checkPath(path)
    const target = `${this.#objectPath(path)}?${queryString({ fields: 'name,size,generation,updated,metadata' })}`
    const reply = await this.#send({ operation: 'HEAD', path, method: 'GET', target, signal: options.signal })
    if (reply.status !== 200) throw this.#refused(reply, 'HEAD', path)
    return gcsHead(path, reply)
  }

  async put(path: string, body: Body, options: PutOptions): Promise<PutResult> {
    checkPath(path)
    const metadata = checkMetadata(options.metadata)
    const media = metadata.length === 0
    const bytes = body instanceof Uint8Array ? body : concatBytes(body)
    const wrapped = media
      ? { contentType: 'application/octet-stream', body: bytes }
      : this.#related({ name: path, metadata: Object.fromEntries(metadata) }, bytes)
    const query = queryString({
      uploadType: media ? 'media' : 'multipart',
      name: media ? path : undefined,
      ifGenerationMatch: condition(path, options.mode),
      fields: 'generation',
    })
    const target = `upload/${this.#bucketPath}?${query}`
    const headers = { 'content-type': wrapped.contentType }
    const { signal } = options
    const reply = await this.#send({
      operation: 'PUT',
      path,
      method: 'POST',
      target,
      headers,
      body: wrapped.body,
      signal,
    })
    if (reply.status !== 200) throw this.#refused(reply, 'PUT', path, options.mode)
    return { etag: writtenGeneration('PUT', path, reply) }
  }

  async delete(path: string, options: RequestOptions = {}): Promise<void> {
    checkPath(path)
    const target = this.#objectPath(path)
    const reply = await this.#send({ operation: 'DELETE', path, method: 'DELETE', target, signal: options.signal })
    if (reply.status === 200 || reply.status === 204) return refuseWebPageBody('DELETE', path, reply)
    const error = this.#refused(reply, 'DELETE', path)
    if (error.storeReason !== 'NotFound') throw error
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ObjectInfo[]> {
    checkPrefix(prefix)
    const { startAfter, signal } = options
    return listPages(prefix, startAfter, async (pageToken) => {
      const query = queryString({
        fields: 'kind,nextPageToken,items(name,size,generation,updated)',
        maxResults: String(this.#options.pageSize ?? 1000),
        prefix: prefix === '' ? undefined : prefix,
        // Inclusive, unlike S3's: the name itself is dropped below.
        startOffset: startAfter || undefined,
        pageToken,
      })
      const target = `${this.#bucketPath}?${query}`
      const reply = await this.#send({ operation: 'LIST', path: '', method: 'GET', target, signal })
      if (reply.status !== 200) throw this.#refused(reply, 'LIST', '')
      return gcsListPage(reply.bytes)
    })
  }

  async startUpload(
    path: string,
    options: Omit<PutOptions, 'mode'> & { readonly mode?: PutMode } = {},
  ): Promise<Upload> {
    checkPath(path)
    options.signal?.throwIfAborted()
    const { partSizeBytes: chunkBytes = 8 * 1024 * 1024 } = this.#options
    // A session takes its bytes in order, and the last ones with the total.
    return new ChunkedUpload(this.#session(path, options, chunkBytes), {
      path,
      chunkBytes,
      concurrency: 1,
      holdLast: true,
    })
  }

  async copy(from: string, to: string, options: RequestOptions = {}): Promise<void> {
    checkPath(from)
    checkPath(to)
    let rewriteToken: string | undefined
    do {
      const query = queryString({ fields: 'done,rewriteToken', rewriteToken })
      const target = `${this.#objectPath(from)}/rewriteTo/b/${encodeStrict(this.#options.bucket)}/o/${encodeStrict(to)}?${query}`
      const headers = { 'content-type': 'application/json' }
      const reply = await this.#send({
        operation: 'COPY',
        path: from,
        method: 'POST',
        target,
        headers,
        signal: options.signal,
      })
      if (reply.status !== 200) throw this.#refused(reply, 'COPY', from)
      const { done, rewriteToken: next } = jsonObject(reply.bytes)
      if (done !== true && typeof next !== 'string') {
        throw storeError('Generic', from, 'the answer to COPY says neither that it is done nor how to go on')
      }
      rewriteToken = done === true ? undefined : (next as string)
    } while (rewriteToken !== undefined)
  }

  describe(): string {
    return `gs://${this.#options.bucket} (${this.#endpoint.origin})`
  }

  #session(path: string, upload: { metadata?: PutOptions['metadata']; mode?: PutMode }, chunkBytes: number): PartSink {
    const mode = upload.mode ?? 'overwrite'
    const operation = 'resumable upload'
    let target = ''
    const send = (first: number, total: string, body: Uint8Array, signal: AbortSignal | undefined) => {
      const headers = { 'content-range': `bytes ${first}-${first + body.length - 1}/${total}`, ...NO_308 }
      return this.#send({ operation, path, method: 'PUT', target, headers, body, signal, session: true })
    }
    return {
      single: (body, options) => this.put(path, body, { ...upload, ...options, mode }),
      begin: async ({ signal }) => {
        const query = queryString({ uploadType: 'resumable', name: path, ifGenerationMatch: condition(path, mode) })
        const body = encodeUtf8(
          JSON.stringify({ name: path, metadata: Object.fromEntries(checkMetadata(upload.metadata)) }),
        )
        const headers = { 'content-type': 'application/json', 'x-upload-content-type': 'application/octet-stream' }
        const to = `upload/${this.#bucketPath}?${query}`
        const reply = await this.#send({ operation, path, method: 'POST', target: to, headers, body, signal })
        const session = /^https?:\/\/[^/]+\/(.*)$/.exec(reply.headers.get('location') ?? '')
        if (reply.status !== 200 || session === null) throw this.#refused(reply, operation, path, mode)
        target = session[1]!
      },
      part: async (number, body, { signal }) => {
        const first = (number - 1) * chunkBytes
        const reply = await send(first, '*', body, signal)
        if (!isIncomplete(reply)) throw this.#refused(reply, operation, path, mode)
        const kept = /-(\d+)$/.exec(reply.headers.get('range') ?? '')?.[1]
        if (Number(kept) !== first + body.length - 1)
          throw storeError('Generic', path, `only part of an upload was kept`)
      },
      complete: async (parts, last, { signal }) => {
        const first = parts * chunkBytes
        const reply = await send(first, String(first + last!.length), last!, signal)
        if (reply.status !== 200 && reply.status !== 201) throw this.#refused(reply, operation, path, mode)
        return { etag: writtenGeneration(operation, path, reply) }
      },
      abort: async () => {
        await this.#send({ operation, path, method: 'DELETE', target, session: true })
      },
    }
  }

  #related(resource: object, bytes: Uint8Array): { contentType: string; body: Uint8Array } {
    const boundary = `slatedb-${toHex(this.#random.bytes(16))}`
    const json = `--${boundary}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n${JSON.stringify(resource)}\r\n`
    const head = `${json}--${boundary}\r\ncontent-type: application/octet-stream\r\n\r\n`
    const body = concatBytes([encodeUtf8(head), bytes, encodeUtf8(`\r\n--${boundary}--\r\n`)])
    return { contentType: `multipart/related; boundary=${boundary}`, body }
  }

  #objectPath(path: string): string {
    return `${this.#bucketPath}/${encodeStrict(path)}`
  }

  async #send(request: GcsRequest): Promise<HttpReply> {
    request.signal?.throwIfAborted()
    const { operation, path, method, target, body, signal, limitBytes, session = false } = request
    const url = `${this.#endpoint.origin}${this.#endpoint.basePath}/${target}`
    const headers: Record<string, string> = { ...request.headers, 'accept-encoding': 'identity' }
    const place = this.#place
    const bearer = session
      ? undefined
      : await this.#token?.get().catch((error: unknown) => {
          throw notSent(error, operation, path, place)
        })
    if (bearer !== undefined) headers.authorization = `Bearer ${bearer.token}`
    const secrets = [...(this.#token?.secrets() ?? []), ...(session ? [target] : [])]
    const limit = limitBytes === undefined ? {} : { limitBytes }
    const reply = await this.#client.send({
      operation,
      path,
      method,
      url,
      headers,
      body,
      signal,
      secrets,
      place,
      ...limit,
    })
    if (reply.status === 401 && bearer !== undefined) this.#token?.reject(bearer)
    return reply
  }

  #refused(reply: HttpReply, operation: string, path: string, mode?: PutMode) {
    return gcsRefused(reply, mode, {
      operation,
      path,
      where: this.#place.where,
      retryAfterMs: parseRetryAfter(reply.headers.get('retry-after'), this.#client.clock.now()),
      secrets: this.#token?.secrets() ?? [],
      anonymous: this.#token === undefined,
    })
  }
}

/**
 * The service says with status 308 that an upload goes on, which is also that of a redirect: browsers would not show it,
 * and a client that follows one could be led elsewhere with the data. Asked like this it says it with 200 and a header.
 */
const NO_308 = { 'x-guploader-no-308': 'yes' }

function isIncomplete({ status, headers }: HttpReply): boolean {
  // Emulators may not know the wish.
  return headers.get('x-http-status-code-override') === '308' || (status === 308 && !headers.has('location'))
}

function condition(path: string, mode: PutMode): string | undefined {
  if (mode === 'overwrite') return undefined
  if (mode === 'create') return '0'
  if (!isGeneration(mode.ifMatch)) throw storeError('Precondition', path, 'the etag is not a generation of this store')
  return mode.ifMatch
}
