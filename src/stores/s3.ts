// Amazon S3 and what speaks its protocol: MinIO, Cloudflare R2, Tigris, Ceph RGW. `fetch` and WebCrypto only, so the same
// file runs in Node, Bun, Deno, Workers and browsers. Nothing here retries.

import { concatBytes } from '../bytes/compare.ts'
import { encodeUtf8, toHex } from '../bytes/text.ts'
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
import {
  etagOf,
  modifiedOf,
  refuseWebPage,
  refuseWebPageBody,
  requiredModified,
  sizeOf,
  writtenVersion,
} from './answers.ts'
import { ChunkedUpload, type PartSink } from './chunked-upload.ts'
import {
  type AwsCredentialProvider,
  type AwsCredentials,
  awsCredentials,
  type CredentialSource,
} from './credentials.ts'
import { base64, checkMetadata, type Endpoint, encodePath, queryString } from './endpoint.ts'
import { HttpClient, type HttpOptions, type HttpReply } from './http-client.ts'
import { notSent, type Place, parseRetryAfter } from './http-errors.ts'
import { listPages } from './pages.ts'
import { rangedReply, rangeHeader, WHOLE_OBJECT_LIMIT } from './ranges.ts'
import { credentialsAreStale, listPageOf, s3Refused } from './s3-answers.ts'
import { s3Endpoint } from './s3-endpoint.ts'
import { EMPTY_SHA256, Signer, sha256Of, UNSIGNED_PAYLOAD } from './sigv4.ts'
import { documentNamed, escapeXml, parseExactly, text, tryParse } from './xml.ts'

export interface S3Options extends HttpOptions {
  readonly bucket: string
  /** Default `us-east-1`; R2 wants `auto`. */
  readonly region?: string | undefined
  /** Of a server other than AWS, such as `https://play.min.io`. */
  readonly endpoint?: string | undefined
  /** The bucket as part of the host name. Default: on AWS yes, on another endpoint no. */
  readonly virtualHostedStyle?: boolean | undefined
  /** Without them requests are not signed. */
  readonly credentials?: AwsCredentials | AwsCredentialProvider | undefined
  /** Plain http to hosts other than this machine. */
  readonly allowHttp?: boolean | undefined
  /** Over https, leave the hash of the body out of the signature: saves a SHA-256 of everything written. */
  readonly unsignedPayload?: boolean | undefined
  /** Ceph RGW wants the etag of `If-Match` without quotes. */
  readonly etagStyle?: 'quoted' | 'unquoted' | undefined
  /** 'disabled' for a server that ignores conditions: such a store is for readers only. */
  readonly conditionalPut?: 'etag' | 'disabled' | undefined
  /** Sends the SHA-256 of every body, for the server to check and keep. */
  readonly checksum?: 'sha256' | undefined
  /** Added to every request that writes an object, such as `x-amz-server-side-encryption`. */
  readonly writeHeaders?: Readonly<Record<string, string>> | undefined
  readonly requestPayer?: boolean | undefined
  /** Objects per page of a list, at most 1,000. */
  readonly pageSize?: number | undefined
  /** Bytes of one part of an upload; default 8 MiB, at least 5 MiB on AWS. */
  readonly partSizeBytes?: number | undefined
}

interface S3Request extends RequestOptions {
  readonly operation: string
  readonly path: string
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  readonly query?: string
  readonly headers?: Record<string, string>
  readonly body?: Uint8Array
  readonly mode?: PutMode
  readonly limitBytes?: number
  /** SHA-256 of the body where it is known already. */
  readonly hash?: Uint8Array | undefined
}

export class S3Store implements ObjectStore {
  readonly capabilities: Capabilities
  readonly #client: HttpClient
  readonly #options: S3Options
  readonly #region: string
  readonly #endpoint: Endpoint
  readonly #place: Place
  /** The URL's path before the object's name, ending in a slash. */
  readonly #basePath: string
  readonly #credentials: CredentialSource<AwsCredentials> | undefined
  readonly #signer: Signer

  constructor(options: S3Options) {
    if (options.bucket === '' || /[/?#\s]/.test(options.bucket))
      throw invalid('BUCKET', 'the bucket needs a plain name')
    const conditional = options.conditionalPut !== 'disabled'
    this.capabilities = {
      createIfAbsent: conditional,
      compareAndSet: conditional,
      metadata: true,
      suffixRange: true,
      listStartAfter: true,
    }
    this.#client = new HttpClient(options)
    this.#options = options
    this.#region = options.region ?? 'us-east-1'
    this.#endpoint = s3Endpoint({ ...options, region: this.#region })
    this.#place = {
      where: `in bucket ${JSON.stringify(options.bucket)} at ${this.#endpoint.origin}`,
      settings: 'the endpoint (AWS_ENDPOINT) and the region (AWS_REGION)',
    }
    this.#basePath = `${encodePath(decodeURIComponent(this.#endpoint.basePath))}/`
    this.#signer = new Signer(this.#region, 's3')
    if (options.unsignedPayload && this.#endpoint.scheme === 'http') {
      throw invalid('UNSIGNED_PAYLOAD', 'unsigned_payload needs https: over http nothing else protects the body')
    }
    const { credentials } = options
    this.#credentials = credentials === undefined ? undefined : awsCredentials(this.#client.clock, credentials)
  }

  async get(path: string, options: GetOptions = {}): Promise<GetResult> {
    checkPath(path)
    const { range, ifNoneMatch, refetch, signal } = options
    checkRange(path, range)
    const headers: Record<string, string> = {}
    if (range !== undefined) headers.range = rangeHeader(range)
    if (ifNoneMatch !== undefined) headers['if-none-match'] = this.#etagSent(ifNoneMatch)
    if (refetch) headers['cache-control'] = 'no-cache'
    const limit = range === undefined ? {} : { limitBytes: WHOLE_OBJECT_LIMIT }
    const reply = await this.#send({ operation: 'GET', path, method: 'GET', headers, signal, ...limit })
    if (reply.status === 416 && range !== undefined) throw rangeError(path, range)
    if (reply.status !== 200 && reply.status !== 206) throw this.#refused(reply, { operation: 'GET', path })
    refuseWebPage('GET', path, reply)
    return { ...rangedReply(path, range, reply), etag: etagOf(reply), lastModified: modifiedOf(reply) }
  }

  async head(path: string, options: RequestOptions = {}): Promise<HeadResult> {
    checkPath(path)
    const reply = await this.#send({ operation: 'HEAD', path, method: 'HEAD', signal: options.signal })
    if (reply.status !== 200) throw this.#refused(reply, { operation: 'HEAD', path })
    refuseWebPage('HEAD', path, reply)
    const metadata: Record<string, string> = {}
    reply.headers.forEach((value, name) => {
      if (name.startsWith('x-amz-meta-')) metadata[name.slice(11)] = value
    })
    const lastModified = requiredModified(path, reply)
    return { path, size: sizeOf(path, reply), etag: etagOf(reply), lastModified, metadata }
  }

  async put(path: string, body: Body, options: PutOptions): Promise<PutResult> {
    checkPath(path)
    const bytes = body instanceof Uint8Array ? body : concatBytes(body)
    const headers = { ...this.#writeHeaders(options), ...this.#condition(path, options.mode) }
    const request = { operation: 'PUT', path, mode: options.mode, signal: options.signal } as const
    const reply = await this.#send({ ...request, method: 'PUT', headers, body: bytes })
    if (reply.status !== 200 && reply.status !== 201 && reply.status !== 204) throw this.#refused(reply, request)
    return { etag: writtenVersion('PUT', path, 'etag', etagOf(reply)) }
  }

  async delete(path: string, options: RequestOptions = {}): Promise<void> {
    checkPath(path)
    const reply = await this.#send({ operation: 'DELETE', path, method: 'DELETE', signal: options.signal })
    if (reply.status === 200 || reply.status === 202 || reply.status === 204) {
      return refuseWebPageBody('DELETE', path, reply)
    }
    const code = codeOf(reply)
    if (reply.status === 404 && code !== 'NoSuchBucket') return
    throw this.#refused(reply, { operation: 'DELETE', path })
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ObjectInfo[]> {
    checkPrefix(prefix)
    const { startAfter, signal } = options
    return listPages(prefix, startAfter, async (token) => {
      const query = queryString({
        'continuation-token': token,
        'encoding-type': 'url',
        'list-type': '2',
        'max-keys': this.#options.pageSize === undefined ? undefined : String(this.#options.pageSize),
        prefix: prefix === '' ? undefined : prefix,
        'start-after': token === undefined && startAfter ? startAfter : undefined,
      })
      const reply = await this.#send({ operation: 'LIST', path: '', method: 'GET', query, signal })
      if (reply.status !== 200) throw this.#refused(reply, { operation: 'LIST', path: '' })
      return listPageOf(this.#document(reply, { operation: 'LIST', path: '' }, 'ListBucketResult'))
    })
  }

  async startUpload(
    path: string,
    options: Omit<PutOptions, 'mode'> & { readonly mode?: PutMode } = {},
  ): Promise<Upload> {
    checkPath(path)
    options.signal?.throwIfAborted()
    const { partSizeBytes: chunkBytes = 8 * 1024 * 1024 } = this.#options
    return new ChunkedUpload(this.#partSink(path, options), { path, chunkBytes, concurrency: 4 })
  }

  async copy(from: string, to: string, options: RequestOptions = {}): Promise<void> {
    checkPath(from)
    checkPath(to)
    const headers = { ...this.#writeHeaders({}), 'x-amz-copy-source': `/${this.#options.bucket}/${encodePath(from)}` }
    const request = { operation: 'COPY', path: from, signal: options.signal } as const
    const reply = await this.#send({ ...request, path: to, method: 'PUT', headers })
    if (reply.status !== 200) throw this.#refused(reply, request)
    this.#document(reply, request, 'CopyObjectResult')
  }

  describe(): string {
    return `s3://${this.#options.bucket} (${this.#endpoint.origin}, region ${this.#region})`
  }

  #partSink(path: string, upload: { metadata?: PutOptions['metadata']; mode?: PutMode }): PartSink {
    const parts: { readonly etag: string; readonly sha256: string | undefined }[] = []
    let uploadId = ''
    const mode = upload.mode ?? 'overwrite'
    const call = { operation: 'multipart upload', path, mode } as const
    return {
      single: (body, options) => this.put(path, body, { ...upload, ...options, mode }),
      begin: async ({ signal }) => {
        const headers = this.#writeHeaders(upload)
        // Parts with a checksum belong only to an upload that was begun with its algorithm.
        if (this.#options.checksum) headers['x-amz-checksum-algorithm'] = 'SHA256'
        const reply = await this.#send({ ...call, method: 'POST', query: 'uploads=', headers, signal })
        if (reply.status !== 200) throw this.#refused(reply, call)
        uploadId = text(this.#document(reply, call, 'InitiateMultipartUploadResult'), 'UploadId')
        if (uploadId === '') throw storeError('Generic', path, 'the upload that was begun has no id')
      },
      part: async (number, body, { signal }) => {
        const query = queryString({ partNumber: String(number), uploadId })
        const hash = this.#options.checksum && (await sha256Of(body))
        const headers = this.#partHeaders()
        const reply = await this.#send({ ...call, method: 'PUT', query, body, hash, signal, headers })
        const etag = etagOf(reply)
        if (reply.status !== 200) throw this.#refused(reply, call)
        if (etag === undefined) throw storeError('Generic', path, `part ${number} of the upload has no etag`)
        parts[number - 1] = { etag, sha256: hash && base64(hash) }
      },
      complete: async (_parts, _last, { signal }) => {
        const listed = parts.map(({ etag, sha256 }, i) => {
          const checksum = sha256 === undefined ? '' : `<ChecksumSHA256>${sha256}</ChecksumSHA256>`
          return `<Part><PartNumber>${i + 1}</PartNumber><ETag>${escapeXml(etag)}</ETag>${checksum}</Part>`
        })
        const xml = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${listed.join('')}</CompleteMultipartUpload>`
        const headers = { ...this.#condition(path, mode), 'content-type': 'application/xml' }
        const body = encodeUtf8(xml)
        const query = queryString({ uploadId })
        const reply = await this.#send({ ...call, method: 'POST', query, headers, body, signal })
        if (reply.status !== 200) throw this.#refused(reply, call)
        const etag = text(this.#document(reply, call, 'CompleteMultipartUploadResult'), 'ETag')
        return { etag: writtenVersion(call.operation, path, 'etag', etag || undefined) }
      },
      abort: async () => {
        await this.#send({ ...call, method: 'DELETE', query: queryString({ uploadId }) })
      },
    }
  }

  #condition(path: string, mode: PutMode): Record<string, string> {
    if (mode === 'overwrite') return {}
    if (!this.capabilities.createIfAbsent)
      throw storeError('NotSupported', path, 'conditional writes are disabled here')
    return mode === 'create' ? { 'if-none-match': '*' } : { 'if-match': this.#etagSent(mode.ifMatch) }
  }

  #etagSent(etag: string): string {
    return this.#options.etagStyle === 'unquoted' ? etag.replace(/^"|"$/g, '') : etag
  }

  #writeHeaders(options: { metadata?: PutOptions['metadata'] }): Record<string, string> {
    const headers: Record<string, string> = { ...this.#options.writeHeaders }
    for (const [name, value] of checkMetadata(options.metadata)) headers[`x-amz-meta-${name}`] = value
    return headers
  }

  /** Parts repeat only a customer's own key; the rest of the settings belongs to the upload. */
  #partHeaders(): Record<string, string> {
    const own = Object.entries(this.#options.writeHeaders ?? {})
    return Object.fromEntries(own.filter(([name]) => name.startsWith('x-amz-server-side-encryption-customer-')))
  }

  async #send(request: S3Request): Promise<HttpReply> {
    request.signal?.throwIfAborted()
    const { operation, path, method, body, signal, limitBytes } = request
    const { query = '' } = request
    const urlPath = path === '' ? this.#basePath : this.#basePath + encodePath(path)
    const url = `${this.#endpoint.origin}${urlPath}${query === '' ? '' : `?${query}`}`
    const headers: Record<string, string> = { ...request.headers }
    if (this.#options.requestPayer) headers['x-amz-request-payer'] = 'requester'
    const hash = request.hash ?? (await this.#bodyHash(body, method))
    if (hash !== undefined && this.#options.checksum && body !== undefined && method === 'PUT') {
      headers['x-amz-checksum-sha256'] = base64(hash)
    }
    const credentials = await this.#credentials?.get().catch((error: unknown) => {
      throw notSent(error, operation, path, this.#place)
    })
    if (credentials !== undefined) {
      const unsigned = this.#options.unsignedPayload === true
      const bodyHash = unsigned ? UNSIGNED_PAYLOAD : hash === undefined ? EMPTY_SHA256 : toHex(hash)
      const { host } = this.#endpoint
      const now = this.#client.clock.now()
      this.#signer.sign({ method, host, path: urlPath, query, bodyHash, now }, headers, credentials)
    }
    // Behind the signature: proxies may drop it, and an answer that is compressed on the way has no length to check.
    headers['accept-encoding'] = 'identity'
    const secrets = [...(this.#credentials?.secrets() ?? []), headers.authorization ?? '']
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
      place: this.#place,
      ...limit,
    })
    if (credentials !== undefined && reply.status >= 400 && credentialsAreStale(codeOf(reply))) {
      this.#credentials?.reject(credentials)
    }
    return reply
  }

  /** SHA-256 of the body; undefined for no body or one that is not signed. */
  async #bodyHash(body: Uint8Array | undefined, method: string): Promise<Uint8Array | undefined> {
    const { unsignedPayload, checksum } = this.#options
    if (body === undefined || (unsignedPayload && !(checksum && method === 'PUT'))) return undefined
    return sha256Of(body)
  }

  #refused(reply: HttpReply, request: { operation: string; path: string; mode?: PutMode }): Error {
    const root = tryParse(reply.bytes)
    const now = this.#client.clock.now()
    return s3Refused({
      ...request,
      mode: request.mode,
      where: this.#place.where,
      status: reply.status,
      code: text(root, 'Code'),
      message: text(root, 'Message'),
      requestId: reply.headers.get('x-amz-request-id') ?? undefined,
      retryAfterMs: parseRetryAfter(reply.headers.get('retry-after'), now),
      secrets: this.#credentials?.secrets() ?? [],
      bucket: this.#options.bucket,
      region: this.#region,
      bucketRegion: reply.headers.get('x-amz-bucket-region') ?? text(root, 'Region'),
      date: reply.headers.get('date'),
      now,
    })
  }

  /** The root of the document that was asked for. Status 200 may come before the work, and an error behind it. */
  #document(reply: HttpReply, request: { operation: string; path: string; mode?: PutMode }, rootName: string) {
    const root = parseExactly(reply.bytes)
    if (root?.name !== 'Error') return documentNamed(rootName, root, request.operation)
    const status = text(root, 'Code') === 'PreconditionFailed' ? 412 : 500
    throw this.#refused({ ...reply, status }, request)
  }
}

function codeOf(reply: HttpReply): string {
  return reply.bytes.length === 0 ? '' : text(tryParse(reply.bytes), 'Code')
}
