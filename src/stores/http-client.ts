// One request to an object store over `fetch`: a deadline, the caller's AbortSignal, the whole body with its length
// checked, and failures as typed errors without URLs, headers or secrets. Never retries: wrappers do. Every store of
// this room except the R2 binding sends through here.

import { concatBytes } from '../bytes/compare.ts'
import type { Clock } from '../env/env.ts'
import { systemClock } from '../env/system.ts'
import { invalid, type SlateDBError, storeError } from '../errors.ts'
import { rangeIgnoredError } from '../objects/store-range.ts'
import { isCompressed } from './answers.ts'
import { HttpFailure, type Place, scrub } from './http-errors.ts'

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** What every HTTP store takes. */
export interface HttpOptions {
  /** Replaces the global `fetch`: an agent with its own pool or proxy, or a test. */
  readonly fetch?: Fetch | undefined
  readonly clock?: Clock | undefined
  /** An attempt that moved no faster than `minBytesPerSecond` after this long fails. Default 30 s. */
  readonly timeoutMs?: number | undefined
  /** Large bodies get more time: one second for each of these. Default 256 KiB. */
  readonly minBytesPerSecond?: number | undefined
}

export interface HttpRequest {
  /** For messages: `PUT`, `LIST`, ... */
  readonly operation: string
  /** The object's name inside the store, or '' for none. */
  readonly path: string
  readonly method: string
  /** May hold secrets in its query; never shown. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | undefined
  readonly signal?: AbortSignal | undefined
  /** Follow redirects. Only for requests that carry no credentials of a store. */
  readonly follow?: boolean
  /** An answer with status 200 that is longer than this is dropped, and fails. */
  readonly limitBytes?: number
  /** Instead of the client's. */
  readonly timeoutMs?: number
  readonly cache?: CacheMode
  /** The values that must not appear in an error. */
  readonly secrets: readonly string[]
  /** What an error says about where this went; without it, the host. */
  readonly place?: Place
}

/** The DOM's RequestCache, which apps without the DOM's types lack. */
type CacheMode = 'default' | 'no-store' | 'reload'

export interface HttpReply {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Uint8Array
}

const NO_BYTES = new Uint8Array(0)

/** Lists, refusals, tokens: whatever is not the body of an object. A page of a list has some megabytes. */
const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024

// Browsers would answer a conditional read from their own cache. Workers have none, know some of the modes, which ones
// depends on their compatibility date, and throw on the others.
const takesNoStore = takesCacheMode('no-store')
const takesReload = takesCacheMode('reload')

function takesCacheMode(cache: CacheMode): boolean {
  try {
    return new Request('http://localhost/', { cache }).cache === cache
  } catch {
    return false
  }
}

export class HttpClient {
  readonly clock: Clock
  readonly #fetch: Fetch
  readonly #timeoutMs: number
  readonly #bytesPerMs: number

  constructor(options: HttpOptions) {
    // A method call: `fetch` refuses to run with a foreign `this` in browsers and Workers.
    this.#fetch = options.fetch ?? ((url, init) => globalThis.fetch(url, init))
    this.clock = options.clock ?? systemClock
    this.#timeoutMs = options.timeoutMs ?? 30_000
    this.#bytesPerMs = (options.minBytesPerSecond ?? 256 * 1024) / 1000
  }

  /** The answer with its whole body, whatever its status. Rejects when there is none, or only a part of one. */
  async send(request: HttpRequest): Promise<HttpReply> {
    request.signal?.throwIfAborted()
    const timeoutMs = request.timeoutMs ?? this.#timeoutMs
    const attempt = new Attempt(this.clock, timeoutMs + (request.body?.length ?? 0) / this.#bytesPerMs, request)
    try {
      const response = await this.#fetch(request.url, attempt.init())
      const announced = announcedLength(request, response)
      const limit = response.status === 200 ? request.limitBytes : undefined
      if (limit !== undefined && (announced ?? 0) > limit) throw rangeIgnored(request, response, `${announced} bytes`)
      const isObject = request.operation === 'GET' && response.ok
      if (!isObject && (announced ?? 0) > MAX_DOCUMENT_BYTES) throw documentTooLong(request, response)
      if (response.status === 206 && isCompressed(response.headers)) {
        drain(response)
        // The range is one of the packed bytes, which cannot be unpacked by themselves.
        throw failure(request, 'something on the way compresses the answer to a range', 'COMPRESSED', 'Generic')
      }
      if (announced !== undefined) attempt.extend(announced / this.#bytesPerMs)
      const bytes =
        announced === 0
          ? drain(response)
          : await wholeBody(request, response, isObject ? limit : MAX_DOCUMENT_BYTES, isObject)
      if (announced !== undefined && bytes.length !== announced) {
        throw failure(request, `the body ended after ${bytes.length} of ${announced} bytes`, 'TRUNCATED', 'Generic')
      }
      return { status: response.status, headers: response.headers, bytes }
    } catch (error) {
      throw attempt.explain(error)
    } finally {
      attempt.end()
    }
  }
}

/** The life of one attempt: what can end it early, and why it did. */
class Attempt {
  readonly #clock: Clock
  readonly #request: HttpRequest
  readonly #abort = new AbortController()
  #deadlineMs: number
  #cancelTimer: () => void
  #late = false
  readonly #forward = () => this.#abort.abort()
  readonly #expire = () => {
    this.#late = true
    this.#abort.abort()
  }

  constructor(clock: Clock, deadlineMs: number, request: HttpRequest) {
    this.#clock = clock
    this.#request = request
    this.#deadlineMs = deadlineMs
    this.#cancelTimer = this.#arm(deadlineMs)
    request.signal?.addEventListener('abort', this.#forward, { once: true })
  }

  init(): RequestInit {
    const { method, headers, body, follow, cache } = this.#request
    const init: RequestInit = { method, headers, redirect: follow ? 'follow' : 'manual', signal: this.#abort.signal }
    if (body !== undefined) init.body = body as Uint8Array<ArrayBuffer>
    const wanted = cache ?? 'no-store'
    if (wanted === 'reload' && takesReload) init.cache = wanted
    else if (wanted !== 'default' && takesNoStore) init.cache = 'no-store'
    return init
  }

  extend(ms: number): void {
    if (ms < 1000) return
    this.#deadlineMs += ms
    this.#cancelTimer()
    this.#cancelTimer = this.#arm(this.#deadlineMs)
  }

  end(): void {
    this.#cancelTimer()
    this.#request.signal?.removeEventListener('abort', this.#forward)
  }

  explain(error: unknown): unknown {
    const { signal } = this.#request
    if (signal?.aborted) return signal.reason
    if (this.#late) {
      return failure(
        this.#request,
        `no complete answer within ${Math.round(this.#deadlineMs)} ms; if it stays so, check ${settingsOf(this.#request)}`,
        'TIMEOUT',
        'Generic',
      )
    }
    if (isOwn(error)) return error
    const header = unsendable(this.#request.headers)
    if (header !== undefined) {
      const fix = 'check the credentials and headers that were given, line breaks at their ends too'
      return invalid('HEADER', `the header ${header} has a character that no header may have: ${fix}`)
    }
    const code = systemCode(error)
    const unreachable = UNREACHABLE[code]
    const what =
      unreachable === undefined
        ? (BROKEN[code] ?? scrub(plainMessage(error), this.#request.secrets))
        : `${unreachable}; check ${settingsOf(this.#request)}`
    return failure(this.#request, what, code, 'Generic')
  }

  #arm(ms: number): () => void {
    return this.#clock.schedule(ms, this.#expire, { idle: true, label: `${this.#request.operation} deadline` })
  }
}

/** Failures that come again until somebody changes a setting or the network. */
const UNREACHABLE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused: is the server running, and is the port right?',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name cannot be resolved now',
  ETIMEDOUT: 'the host did not answer',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  UND_ERR_CONNECT_TIMEOUT: 'the host did not answer',
  CERT_HAS_EXPIRED: "the server's certificate has expired",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the server's certificate is self-signed and not trusted here",
  SELF_SIGNED_CERT_IN_CHAIN: "the server's certificate chain is not trusted here",
  ERR_TLS_CERT_ALTNAME_INVALID: "the server's certificate is for another host name",
}

/** Failures of a connection that was there. */
const BROKEN: Readonly<Record<string, string>> = {
  ECONNRESET: 'the connection was reset',
  UND_ERR_SOCKET: 'the connection was closed before the answer was complete',
  EPIPE: 'the connection was closed while the request was sent',
}

const settingsOf = (request: HttpRequest): string => request.place?.settings ?? 'the address and the network'

const own = new WeakSet<object>()

function failure(request: HttpRequest, what: string, code: string, reason: 'Generic' | 'NotSupported'): SlateDBError {
  const cause = new HttpFailure(what, 0, code)
  const where = request.place?.where ?? `at ${hostOf(request.url)}`
  const error = storeError(reason, request.path, `${request.operation} ${where} failed: ${what}`, { cause })
  own.add(error)
  return error
}

/** The name of a header that every runtime refuses to send, so that trying again cannot help. */
function unsendable(headers: Readonly<Record<string, string>>): string | undefined {
  return Object.keys(headers).find((name) => /[^\t\x20-\x7e\x80-\xff]/.test(headers[name]!.trim()))
}

function isOwn(error: unknown): boolean {
  return typeof error === 'object' && error !== null && own.has(error)
}

/** Scheme and host of a URL: the part that may be shown. */
export function hostOf(url: string): string {
  const match = /^([a-z][a-z0-9+.-]*:\/\/)(?:[^/?#]*@)?([^/?#]*)/i.exec(url)
  return match === null ? 'the store' : `${match[1]}${match[2]}`
}

/** The body's length as announced, where it says something about the bytes we get to see. */
function announcedLength(request: HttpRequest, response: Response): number | undefined {
  if (request.method === 'HEAD' || response.status === 204 || response.status === 304) return 0
  const header = response.headers.get('content-length')
  if (header === null || !/^\d+$/.test(header)) return undefined
  const encoding = response.headers.get('content-encoding')
  return encoding === null || encoding === 'identity' ? Number(header) : undefined
}

/** `limit` holds also where no length was announced. */
async function wholeBody(
  request: HttpRequest,
  response: Response,
  limit: number | undefined,
  isObject: boolean,
): Promise<Uint8Array> {
  if (limit === undefined || response.body === null) return new Uint8Array(await response.arrayBuffer())
  const chunks: Uint8Array[] = []
  let size = 0
  const reader = response.body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return concatBytes(chunks)
    size += value.length
    if (size > limit) {
      reader.releaseLock()
      throw isObject ? rangeIgnored(request, response, `more than ${limit} bytes`) : documentTooLong(request, response)
    }
    chunks.push(value)
  }
}

function documentTooLong(request: HttpRequest, response: Response): SlateDBError {
  drain(response)
  return failure(request, `the answer has more than ${MAX_DOCUMENT_BYTES} bytes`, 'TOO_LONG', 'Generic')
}

function rangeIgnored(request: HttpRequest, response: Response, sent: string): SlateDBError {
  drain(response)
  const where = request.place?.where ?? `at ${hostOf(request.url)}`
  const detail = `${request.operation} ${where} failed: the server ignored the range and sent ${sent}`
  const cause = new HttpFailure('the server ignored the range', response.status, 'RANGE_IGNORED')
  const error = rangeIgnoredError(request.path, detail, { cause })
  own.add(error)
  return error
}

function drain(response: Response): Uint8Array {
  response.body?.cancel().catch(() => {})
  return NO_BYTES
}

/** The first error code in the chain of causes: runtimes hide it behind "fetch failed". */
function systemCode(error: unknown): string {
  for (let at = error, depth = 0; typeof at === 'object' && at !== null && depth < 5; depth++) {
    const { code, cause, errors } = at as { code?: unknown; cause?: unknown; errors?: unknown }
    if (typeof code === 'string') return code
    at = cause ?? (Array.isArray(errors) ? errors[0] : undefined)
  }
  return 'NETWORK'
}

function plainMessage(error: unknown): string {
  if (!(error instanceof Error)) return 'the request failed'
  const inner = error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return `${error.message}${inner}`
}
