// Reading over plain HTTP: for readers in pages and at edges behind a CDN. It cannot write, and it can list only what
// an index says.

import { encodeUtf8, parseJson } from '../bytes/text.ts'
import { invalid, isStoreError, type SlateDBError, storeError } from '../errors.ts'
import type {
  Capabilities,
  GetOptions,
  GetResult,
  HeadResult,
  ListOptions,
  ObjectInfo,
  ObjectStore,
  RequestOptions,
} from '../objects/store.ts'
import { checkPath, checkPrefix } from '../objects/store-path.ts'
import { checkRange, rangeError, servedRange } from '../objects/store-range.ts'
import { etagOf, listedObject, modifiedOf, refuseWebPage, sizeOf } from './answers.ts'
import { asListing, base64, decoded, encodePath, isLoopback, tryUrl } from './endpoint.ts'
import { HttpClient, type HttpOptions, type HttpReply } from './http-client.ts'
import { type Place, parseRetryAfter, refused, refusedByStatus } from './http-errors.ts'
import { rangedReply, rangeHeader, WHOLE_OBJECT_LIMIT } from './ranges.ts'

export interface HttpStoreOptions extends HttpOptions {
  /**
   * Where objects are. User name and password become Basic authorization; a query, such as a token's, goes along with
   * every request.
   */
  readonly url: string
  /** Added to every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /**
   * What there is: the name of a JSON file below `url` that holds an array of names or of `{path, size, lastModified,
   * etag}`, or a function that gives one. Sizes that are missing cost a HEAD each. Without it `list` is not supported.
   */
  readonly index?:
    | string
    | ((options: RequestOptions) => Promise<readonly (string | Partial<ObjectInfo>)[]>)
    | undefined
  readonly allowHttp?: boolean | undefined
}

const HEADS_AT_ONCE = 16

export class HttpStore implements ObjectStore {
  readonly capabilities: Capabilities = {
    createIfAbsent: false,
    compareAndSet: false,
    metadata: false,
    suffixRange: false,
    listStartAfter: false,
  }
  readonly #client: HttpClient
  readonly #base: string
  readonly #query: string
  readonly #place: Place
  readonly #headers: Readonly<Record<string, string>>
  readonly #secrets: readonly string[]
  readonly #index: HttpStoreOptions['index']

  constructor(options: HttpStoreOptions) {
    const url = tryUrl(options.url)
    if (url === undefined || !/^https?:$/.test(url.protocol))
      throw invalid('ENDPOINT', 'the address must be an http URL')
    const authorization = basicAuthorization(url)
    const secret = authorization !== undefined || url.search !== ''
    if (url.protocol === 'http:' && secret && !options.allowHttp && !isLoopback(url.hostname)) {
      throw invalid(
        'ENDPOINT',
        'a password or token over plain http can be read by anybody: use https, or set allow_http',
      )
    }
    this.#client = new HttpClient(options)
    this.#base = `${url.origin}${url.pathname.replace(/\/+$/, '')}`
    this.#query = url.search
    this.#place = { where: `at ${this.#base}`, settings: 'the URL of the store' }
    this.#headers = { ...options.headers, ...(authorization === undefined ? {} : { authorization }) }
    this.#secrets = [
      url.search.slice(1),
      ...url.searchParams.values(),
      decoded(url.password) ?? url.password,
      ...Object.values(this.#headers),
    ].filter((value) => value !== '')
    this.#index = options.index
  }

  async get(path: string, options: GetOptions = {}): Promise<GetResult> {
    checkPath(path)
    const { ifNoneMatch, refetch, signal } = options
    checkRange(path, options.range)
    signal?.throwIfAborted()
    let range = options.range
    if (range !== undefined && 'suffix' in range) {
      // Servers and caches differ on suffix ranges; a size and an absolute range work everywhere.
      const [start, end] = servedRange(path, range, (await this.head(path, { signal })).size)
      range = { start, end }
    }
    const headers: Record<string, string> = {}
    if (range !== undefined) headers.range = rangeHeader(range)
    if (ifNoneMatch !== undefined) headers['if-none-match'] = ifNoneMatch
    if (refetch) headers['cache-control'] = 'no-cache'
    const limit = range === undefined ? {} : { limitBytes: WHOLE_OBJECT_LIMIT }
    const reply = await this.#send('GET', path, { headers, signal, refetch: refetch === true, ...limit })
    if (reply.status === 416 && range !== undefined) throw rangeError(path, range)
    if (reply.status !== 200 && reply.status !== 206) throw this.#refused(reply, 'GET', path)
    refuseWebPage('GET', path, reply)
    return { ...rangedReply(path, range, reply), etag: etagOf(reply), lastModified: modifiedOf(reply) }
  }

  async head(path: string, options: RequestOptions = {}): Promise<HeadResult> {
    checkPath(path)
    const reply = await this.#send('HEAD', path, { signal: options.signal })
    if (reply.status !== 200) throw this.#refused(reply, 'HEAD', path)
    refuseWebPage('HEAD', path, reply)
    // Nothing that only reads goes by the age of an object, and not every server knows it.
    return { path, size: sizeOf(path, reply), etag: etagOf(reply), lastModified: modifiedOf(reply) ?? 0 }
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ObjectInfo[]> {
    checkPrefix(prefix)
    const index = this.#index
    if (index === undefined) {
      throw storeError('NotSupported', prefix, 'plain HTTP cannot list: give the http store an `index`')
    }
    const entries = typeof index === 'function' ? await index(options) : await this.#fetchIndex(index, options)
    if (!Array.isArray(entries)) throw storeError('Generic', '', 'the index is not an array')
    const unsized = new Set<string>()
    const objects = entries.map((entry: unknown): ObjectInfo => {
      const given = typeof entry === 'string' ? { path: entry } : entry
      const { path, size, lastModified = 0, etag } = (given ?? {}) as Record<string, unknown>
      const known = isSize(size)
      const modified = typeof lastModified === 'string' ? Date.parse(lastModified) : Number(lastModified)
      const info = listedObject(path, known ? size : 0, modified, typeof etag === 'string' ? etag : undefined)
      if (!known) unsized.add(info.path)
      return info
    })
    const listed = asListing(objects, prefix, options.startAfter)
    const found: ObjectInfo[] = []
    for (let at = 0; at < listed.length; at += HEADS_AT_ONCE) {
      const known = await Promise.all(
        listed
          .slice(at, at + HEADS_AT_ONCE)
          .map((info) => (unsized.has(info.path) ? this.#sized(info, options) : info)),
      )
      for (const info of known) if (info !== undefined) found.push(info)
    }
    return found
  }

  async put(path: string): Promise<never> {
    throw readOnly(path)
  }

  async delete(path: string): Promise<never> {
    throw readOnly(path)
  }

  describe(): string {
    return `${this.#base} (read-only)`
  }

  /** A log object of no bytes is a fence, so a size must not be made up: the server is asked. `undefined`: it is gone. */
  async #sized(info: ObjectInfo, { signal }: RequestOptions): Promise<ObjectInfo | undefined> {
    try {
      const { size, etag, lastModified } = await this.head(info.path, { signal })
      return { path: info.path, size, etag: info.etag ?? etag, lastModified: info.lastModified || lastModified }
    } catch (error) {
      if (isStoreError(error, 'NotFound')) return undefined
      throw error
    }
  }

  async #fetchIndex(name: string, options: RequestOptions): Promise<readonly (string | Partial<ObjectInfo>)[]> {
    const { bytes } = await this.get(name, { signal: options.signal, refetch: true }).catch((error: unknown) => {
      if (!isStoreError(error, 'NotFound')) throw error
      // Nothing can be read without it, so its absence is a mistake and not an empty place.
      throw storeError(
        'InvalidPath',
        name,
        `there is no index ${this.#place.where}: check the URL and the option index`,
      )
    })
    try {
      const parsed: unknown = parseJson(bytes)
      if (Array.isArray(parsed)) return parsed
    } catch {
      // Reported below: the text itself says nothing about what to do.
    }
    throw storeError('Generic', name, 'the index is not a JSON array')
  }

  #send(
    method: 'GET' | 'HEAD',
    path: string,
    options: RequestOptions & { headers?: Record<string, string>; limitBytes?: number; refetch?: boolean },
  ): Promise<HttpReply> {
    const { signal, limitBytes, refetch = false } = options
    return this.#client.send({
      operation: method,
      path,
      method,
      url: `${this.#base}/${encodePath(path)}${this.#query}`,
      headers: { ...this.#headers, ...options.headers, 'accept-encoding': 'identity' },
      signal,
      secrets: this.#secrets,
      place: this.#place,
      // Objects never change but for a few records, which the server's own caching headers must cover.
      cache: refetch ? 'reload' : 'default',
      // Behind a CDN redirects are normal; with a password they could carry it elsewhere.
      follow: this.#secrets.length === 0,
      ...(limitBytes === undefined ? {} : { limitBytes }),
    })
  }

  #given(): string {
    return this.#secrets.length === 0 ? 'no credentials were given' : 'the credentials were not accepted'
  }

  #refused(reply: HttpReply, operation: string, path: string): SlateDBError {
    const { status } = reply
    const refusal = {
      operation,
      path,
      where: this.#place.where,
      status,
      code: '',
      message: '',
      retryAfterMs: parseRetryAfter(reply.headers.get('retry-after'), this.#client.clock.now()),
      secrets: this.#secrets,
    }
    // What is gone is as missing as what never was.
    if (status === 410) return refused('NotFound', refusal)
    if (status === 401) return refused('Unauthenticated', refusal, `${this.#given()}: ${CREDENTIALS}`)
    if (status === 403) return refused('PermissionDenied', refusal, `${this.#given()}: ${CREDENTIALS}`)
    return refusedByStatus(refusal)
  }
}

const CREDENTIALS = 'check user, password and query of the URL, and the option `headers`'

function readOnly(path: string): SlateDBError {
  return storeError('NotSupported', path, 'a store over plain HTTP is read-only: open a reader, or use another store')
}

function basicAuthorization(url: URL): string | undefined {
  if (url.username === '' && url.password === '') return undefined
  const [user, password] = [url.username, url.password].map((part) => decoded(part) ?? part)
  return `Basic ${base64(encodeUtf8(`${user}:${password}`))}`
}

const isSize = (size: unknown): size is number => Number.isSafeInteger(size) && (size as number) >= 0
