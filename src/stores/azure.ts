// Azure Blob storage over its REST interface. Suffix ranges are never sent: the service does not serve them, so HEAD
// tells the size first.

import { concatBytes } from '../bytes/compare.ts'
import { encodeUtf8 } from '../bytes/text.ts'
import { sleep } from '../env/env.ts'
import { type Random, systemRandom } from '../env/random.ts'
import { invalid, storeError } from '../errors.ts'
import type {
  Body,
  ByteRange,
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
import { checkRange, rangeError, servedRange } from '../objects/store-range.ts'
import {
  etagOf,
  modifiedOf,
  refuseWebPage,
  refuseWebPageBody,
  requiredModified,
  sizeOf,
  writtenVersion,
} from './answers.ts'
import { type AzureAdvice, azureAdvice } from './azure-advice.ts'
import { azureListPage, azureRefused } from './azure-answers.ts'
import { type AzureAuth, type AzureCredentials, azureAuth } from './azure-credentials.ts'
import { ChunkedUpload, type PartSink } from './chunked-upload.ts'
import { checkMetadata, type Endpoint, encodePath, parseEndpoint, queryString } from './endpoint.ts'
import { HttpClient, type HttpOptions, type HttpReply } from './http-client.ts'
import { notSent, type Place, parseRetryAfter } from './http-errors.ts'
import { listPages } from './pages.ts'
import { rangedReply, rangeHeader, WHOLE_OBJECT_LIMIT } from './ranges.ts'
import { text, tryParse } from './xml.ts'

export interface AzureOptions extends HttpOptions {
  readonly account: string
  readonly container: string
  /** Without them requests are anonymous. */
  readonly credentials?: AzureCredentials | undefined
  /** Default `https://<account>.blob.core.windows.net`. */
  readonly endpoint?: string | undefined
  readonly allowHttp?: boolean | undefined
  readonly random?: Random | undefined
  readonly pageSize?: number | undefined
  /** Bytes of one block of an upload; default 8 MiB. */
  readonly partSizeBytes?: number | undefined
}

interface AzureRequest extends RequestOptions {
  readonly operation: string
  readonly path: string
  readonly method: string
  readonly query?: string
  readonly headers?: Record<string, string>
  readonly body?: Uint8Array
  readonly limitBytes?: number
}

const VERSION = '2021-12-02'

export class AzureStore implements ObjectStore {
  readonly capabilities: Capabilities = {
    createIfAbsent: true,
    compareAndSet: true,
    metadata: true,
    suffixRange: false,
    listStartAfter: false,
  }
  readonly #client: HttpClient
  readonly #options: AzureOptions
  readonly #endpoint: Endpoint
  readonly #auth: AzureAuth
  readonly #advice: AzureAdvice
  readonly #place: Place
  readonly #random: Random

  constructor(options: AzureOptions) {
    const { account, container, endpoint, allowHttp = false } = options
    if (!/^[a-z0-9$][a-z0-9-]*$/.test(container)) throw invalid('BUCKET', 'the container needs a plain lower-case name')
    if (!/^[a-z0-9-]+$/i.test(account)) throw invalid('ACCOUNT', 'the Azure account needs a plain name')
    this.#client = new HttpClient(options)
    this.#options = options
    this.#endpoint = parseEndpoint('the endpoint', endpoint ?? `https://${account}.blob.core.windows.net`, allowHttp)
    this.#auth = azureAuth(this.#client, account, options.credentials)
    this.#advice = azureAdvice(account, options.credentials)
    this.#place = {
      where: `in container ${JSON.stringify(container)} of account ${JSON.stringify(account)} at ${this.#endpoint.origin}`,
      settings: 'the account (AZURE_STORAGE_ACCOUNT_NAME) and the endpoint (AZURE_STORAGE_ENDPOINT)',
    }
    this.#random = (options.random ?? systemRandom()).fork('azure')
  }

  async get(path: string, options: GetOptions = {}): Promise<GetResult> {
    checkPath(path)
    const { ifNoneMatch, refetch, signal } = options
    checkRange(path, options.range)
    const range = await this.#absolute(path, options)
    const headers: Record<string, string> = {}
    if (range !== undefined) headers['x-ms-range'] = rangeHeader(range)
    if (ifNoneMatch !== undefined) headers['if-none-match'] = ifNoneMatch
    if (refetch) headers['cache-control'] = 'no-cache'
    const limit = range === undefined ? {} : { limitBytes: WHOLE_OBJECT_LIMIT }
    const reply = await this.#send({ operation: 'GET', path, method: 'GET', headers, signal, ...limit })
    if (reply.status === 416 && range !== undefined) throw rangeError(path, range)
    if (reply.status !== 200 && reply.status !== 206) throw this.#refused(reply, 'GET', path)
    refuseWebPage('GET', path, reply)
    return { ...rangedReply(path, range, reply), etag: etagOf(reply), lastModified: modifiedOf(reply) }
  }

  async head(path: string, options: RequestOptions = {}): Promise<HeadResult> {
    checkPath(path)
    const reply = await this.#send({ operation: 'HEAD', path, method: 'HEAD', signal: options.signal })
    if (reply.status !== 200) throw this.#refused(reply, 'HEAD', path)
    refuseWebPage('HEAD', path, reply)
    const metadata: Record<string, string> = {}
    reply.headers.forEach((value, name) => {
      if (name.startsWith('x-ms-meta-')) metadata[name.slice(10).toLowerCase()] = value
    })
    const lastModified = requiredModified(path, reply)
    return { path, size: sizeOf(path, reply), etag: etagOf(reply), lastModified, metadata }
  }

  async put(path: string, body: Body, options: PutOptions): Promise<PutResult> {
    checkPath(path)
    const { mode, signal } = options
    const bytes = body instanceof Uint8Array ? body : concatBytes(body)
    const headers = { 'x-ms-blob-type': 'BlockBlob', ...metadataHeaders(options.metadata), ...condition(mode) }
    const reply = await this.#send({ operation: 'PUT', path, method: 'PUT', headers, body: bytes, signal })
    if (reply.status !== 201) throw this.#refused(reply, 'PUT', path, mode)
    return { etag: writtenVersion('PUT', path, 'etag', etagOf(reply)) }
  }

  async delete(path: string, options: RequestOptions = {}): Promise<void> {
    checkPath(path)
    const reply = await this.#send({ operation: 'DELETE', path, method: 'DELETE', signal: options.signal })
    if (reply.status === 202 || reply.status === 200) return refuseWebPageBody('DELETE', path, reply)
    const error = this.#refused(reply, 'DELETE', path)
    if (error.storeReason !== 'NotFound') throw error
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ObjectInfo[]> {
    checkPrefix(prefix)
    const { startAfter, signal } = options
    const { pageSize } = this.#options
    return listPages(prefix, startAfter, async (marker) => {
      const query = queryString({
        restype: 'container',
        comp: 'list',
        prefix: prefix === '' ? undefined : prefix,
        marker,
        maxresults: pageSize === undefined ? undefined : String(pageSize),
      })
      const reply = await this.#send({ operation: 'LIST', path: '', method: 'GET', query, signal })
      if (reply.status !== 200) throw this.#refused(reply, 'LIST', '')
      return azureListPage(reply.bytes)
    })
  }

  async startUpload(
    path: string,
    options: Omit<PutOptions, 'mode'> & { readonly mode?: PutMode } = {},
  ): Promise<Upload> {
    checkPath(path)
    options.signal?.throwIfAborted()
    const { partSizeBytes: chunkBytes = 8 * 1024 * 1024 } = this.#options
    return new ChunkedUpload(this.#blocks(path, options), { path, chunkBytes, concurrency: 4 })
  }

  async copy(from: string, to: string, options: RequestOptions = {}): Promise<void> {
    checkPath(from)
    checkPath(to)
    const { signal } = options
    const headers = { 'x-ms-copy-source': this.#url(from, '') }
    const reply = await this.#send({ operation: 'COPY', path: to, method: 'PUT', headers, signal })
    if (reply.status !== 202 && reply.status !== 201) throw this.#refused(reply, 'COPY', from)
    let status = reply.headers.get('x-ms-copy-status')
    for (let waitMs = 50; status === 'pending'; waitMs = Math.min(2 * waitMs, 2000)) {
      await sleep(this.#client.clock, waitMs, { signal, label: 'azure copy' })
      const now = await this.#send({ operation: 'COPY', path: to, method: 'HEAD', signal })
      if (now.status !== 200) throw this.#refused(now, 'COPY', to)
      status = now.headers.get('x-ms-copy-status')
    }
    if (status !== 'success') throw storeError('Generic', from, `the copy ended as ${JSON.stringify(status)}`)
  }

  describe(): string {
    return `az://${this.#options.container} (account ${this.#options.account}, ${this.#endpoint.origin})`
  }

  /** Blocks that are never committed are removed by the service after a week; there is nothing to abort. */
  #blocks(path: string, upload: { metadata?: PutOptions['metadata']; mode?: PutMode }): PartSink {
    const mode = upload.mode ?? 'overwrite'
    const operation = 'block upload'
    // Two uploads of one name must not take each other's blocks; all ids of a blob have one length.
    const prefix = this.#random.u32().toString(16).padStart(8, '0')
    const id = (number: number) => btoa(`${prefix}${String(number).padStart(6, '0')}`)
    return {
      single: (body, options) => this.put(path, body, { ...upload, ...options, mode }),
      begin: async () => {},
      part: async (number, body, { signal }) => {
        const query = queryString({ comp: 'block', blockid: id(number) })
        const reply = await this.#send({ operation, path, method: 'PUT', query, body, signal })
        if (reply.status !== 201) throw this.#refused(reply, operation, path, mode)
      },
      complete: async (partCount, _last, { signal }) => {
        const ids = Array.from({ length: partCount }, (_, i) => `<Latest>${id(i + 1)}</Latest>`)
        const body = encodeUtf8(`<?xml version="1.0" encoding="utf-8"?><BlockList>${ids.join('')}</BlockList>`)
        const headers = { ...metadataHeaders(upload.metadata), ...condition(mode), 'content-type': 'application/xml' }
        const reply = await this.#send({
          operation,
          path,
          method: 'PUT',
          query: 'comp=blocklist',
          headers,
          body,
          signal,
        })
        if (reply.status !== 201) throw this.#refused(reply, operation, path, mode)
        return { etag: writtenVersion(operation, path, 'etag', etagOf(reply)) }
      },
      abort: async () => {},
    }
  }

  async #absolute(path: string, options: GetOptions): Promise<Exclude<ByteRange, { suffix: number }> | undefined> {
    const { range } = options
    if (range === undefined || !('suffix' in range)) return range
    const { size } = await this.head(path, options)
    const [start, end] = servedRange(path, range, size)
    return { start, end }
  }

  #url(path: string, query: string): string {
    const { origin, basePath } = this.#endpoint
    const object = path === '' ? '' : `/${encodePath(path)}`
    const all = [query, this.#auth.query()].filter((part) => part !== '').join('&')
    return `${origin}${basePath}/${this.#options.container}${object}${all === '' ? '' : `?${all}`}`
  }

  async #send(request: AzureRequest): Promise<HttpReply> {
    request.signal?.throwIfAborted()
    const { operation, path, method, body, signal, limitBytes } = request
    const url = this.#url(path, request.query ?? '')
    const headers: Record<string, string> = {
      ...request.headers,
      'x-ms-version': VERSION,
      'x-ms-date': new Date(this.#client.clock.now()).toUTCString(),
      'accept-encoding': 'identity',
    }
    // `fetch` adds a type to some bodies, and the signature must know it.
    if (body !== undefined) headers['content-type'] ??= 'application/octet-stream'
    const place = this.#place
    const unsigned = { method, url, headers, bodyLength: body?.length ?? 0 }
    const signature = await this.#auth.sign(unsigned).catch((error: unknown) => {
      throw notSent(error, operation, path, place)
    })
    Object.assign(headers, signature)
    const secrets = [...this.#auth.secrets(), ...Object.values(signature)]
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
    if (reply.status === 401) this.#auth.reject()
    return reply
  }

  #refused(reply: HttpReply, operation: string, path: string, mode?: PutMode) {
    const root = tryParse(reply.bytes)
    const now = this.#client.clock.now()
    return azureRefused({
      operation,
      path,
      mode,
      where: this.#place.where,
      advice: this.#advice,
      status: reply.status,
      code: reply.headers.get('x-ms-error-code') ?? text(root, 'Code'),
      message: text(root, 'Message').split('\n')[0]!,
      requestId: reply.headers.get('x-ms-request-id') ?? undefined,
      retryAfterMs: parseRetryAfter(reply.headers.get('retry-after'), now),
      secrets: this.#auth.secrets(),
      date: reply.headers.get('date'),
      now,
    })
  }
}

function condition(mode: PutMode): Record<string, string> {
  if (mode === 'overwrite') return {}
  return mode === 'create' ? { 'if-none-match': '*' } : { 'if-match': mode.ifMatch }
}

function metadataHeaders(metadata: PutOptions['metadata']): Record<string, string> {
  return Object.fromEntries(checkMetadata(metadata).map(([name, value]) => [`x-ms-meta-${name}`, value]))
}
