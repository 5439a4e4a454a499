// What a server's refusal becomes: a typed store error that names the object and says what to fix, and never a
// credential. Nothing a server or a runtime says is passed on before it went through `scrub`.

import { invalid, isSlateDBError, type SlateDBError, type StoreReason, storeError } from '../errors.ts'
import type { PutMode } from '../objects/store.ts'
import { bucketError } from '../objects/store-bucket.ts'

/** The cause of a store error that came from an answer: for logs. Carries no URL and no header. */
export class HttpFailure extends Error {
  override readonly name: string = 'HttpFailure'
  /** HTTP status, or 0 when there was no answer. */
  readonly status: number
  /** The server's own code, such as `SlowDown`, or the system's, such as `ECONNREFUSED`. */
  readonly code: string
  /** What support asks for. */
  readonly requestId?: string

  constructor(message: string, status: number, code: string, requestId?: string) {
    super(message)
    this.status = status
    this.code = code
    if (requestId !== undefined) this.requestId = requestId
  }
}

const MIN_SECRET = 6
const SHOWN = 300
/**
 * What is left of a text before the patterns below look at it, so that their cost has a bound whatever a server sends.
 * Far more than is shown, because what they redact becomes shorter.
 */
const LOOKED_AT = 4096

/**
 * `text` without any of `secrets` (also in their URL and base64 spelling), without URL user-info and without query
 * strings, cut to a readable length.
 */
export function scrub(text: string, secrets: readonly string[] = []): string {
  let out = text
  for (const secret of secrets) {
    if (secret.length < MIN_SECRET) continue
    for (const spelling of [secret, formEncoded(secret), ...urlSpellings(secret)]) {
      if (spelling.length >= MIN_SECRET) out = out.replaceAll(spelling, '[redacted]')
    }
  }
  if (out.length > LOOKED_AT) {
    // The cut may part a user-info from the @ behind it, or a query from its first =.
    out = out
      .slice(0, LOOKED_AT)
      .replace(/:\/\/[^\s/@]*$/, '://[redacted]')
      .replace(/\?[^\s"'<>?=]*$/, '?[redacted]')
  }
  out = out
    .replace(/:\/\/[^\s/@]*@/g, '://[redacted]@')
    .replace(/\?[^\s"'<>?=]*=[^\s"'<>]*/g, '?[redacted]')
    .replace(/\b(Bearer|Basic|SharedKey|AWS4-HMAC-SHA256)\s+\S+/gi, '$1 [redacted]')
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
  return out.length > SHOWN ? `${out.slice(0, SHOWN)}...` : out
}

function formEncoded(text: string): string {
  return new URLSearchParams({ _: text }).toString().slice(2)
}

function urlSpellings(text: string): string[] {
  const found: string[] = []
  for (const spell of [encodeURIComponent, decodeURIComponent]) {
    try {
      found.push(spell(text))
    } catch {
      // A lone surrogate has no escaped form, and a stray % no plain one.
    }
  }
  return found
}

/** Where the requests of a store go. */
export interface Place {
  /** Behind the operation in a message: `in bucket "b" at https://host`. */
  readonly where: string
  /** What decides about the host, and so what to check when nobody answers there. */
  readonly settings: string
}

/** What a server said, brought into one shape by each store. */
export interface Refusal {
  readonly operation: string
  readonly path: string
  /** As `Place` has it. */
  readonly where: string
  readonly status: number
  readonly code: string
  readonly message: string
  readonly requestId?: string | undefined
  readonly retryAfterMs?: number | undefined
  readonly secrets: readonly string[]
}

/** The store error of one refusal; `hint` says what to do about it. */
export function refused(reason: StoreReason, refusal: Refusal, hint?: string): SlateDBError {
  const { detail, more } = explained(refusal, hint)
  return storeError(reason, refusal.path, detail, more)
}

/** The same for an answer about the bucket as a whole. */
export function refusedBucket(refusal: Refusal, hint: string): SlateDBError {
  const { detail, more } = explained(refusal, hint)
  return bucketError(refusal.path, detail, more)
}

/** The conflict that the answer to a conditional write means; undefined when it means something else. */
export function refusedCondition(refusal: Refusal, mode: PutMode | undefined): SlateDBError | undefined {
  if (mode === undefined || mode === 'overwrite') return undefined
  // Some servers refuse the condition of a write with the status that is meant for the condition of a read.
  if (refusal.status === 412 || refusal.status === 304) {
    return refused(mode === 'create' ? 'AlreadyExists' : 'Precondition', refusal)
  }
  // A missing object cannot have the etag that was expected.
  return refusal.status === 404 && mode !== 'create' ? refused('Precondition', refusal) : undefined
}

function explained(refusal: Refusal, hint: string | undefined) {
  const said = scrub(refusal.message, refusal.secrets)
  const code = scrub(refusal.code, refusal.secrets)
  const answer = [String(refusal.status), code, said].filter((part) => part !== '' && part !== '0').join(' ')
  const detail = `${refusal.operation} ${refusal.where} was answered ${answer}${hint === undefined ? '' : `; ${hint}`}`
  const requestId = refusal.requestId === undefined ? undefined : scrub(refusal.requestId, refusal.secrets)
  const cause = new HttpFailure(`HTTP ${refusal.status} ${code}`.trim(), refusal.status, code, requestId)
  return { detail, more: { cause, retryAfterMs: refusal.retryAfterMs } }
}

/** An error about credentials, as the request tells it that needed them: with its object and its bucket. */
export function notSent(error: unknown, operation: string, path: string, place: Place): unknown {
  if (!isSlateDBError(error)) return error
  const { storeReason, kind, code, message, cause, retryAfterMs } = error
  const detail = `${operation} ${place.where} was not sent: ${message}`
  if (storeReason !== undefined) return storeError(storeReason, path, detail, { cause, retryAfterMs })
  return kind === 'Invalid' ? invalid(code, detail, { cause }) : error
}

/** What the user can do about a status that every HTTP store understands the same way; undefined = not known here. */
export function refusedByStatus(refusal: Refusal): SlateDBError {
  switch (refusal.status) {
    case 401:
      return refused('Unauthenticated', refusal, 'check the credentials')
    case 403:
      return refused('PermissionDenied', refusal, 'the credentials lack permission for this operation')
    case 404:
      return refused('NotFound', refusal)
    case 304:
      return refused('NotModified', refusal)
    case 405:
    case 501:
      return refused('NotSupported', refusal, 'this store does not offer the operation')
    case 412:
      return refused('Precondition', refusal)
    case 416:
      return refused('Generic', refusal, 'the range starts at or behind the end of the object')
    case 429:
      return refused('Generic', refusal, 'the store asks to slow down')
    default:
      return refused('Generic', refusal)
  }
}

/** `Retry-After` as milliseconds: seconds or a date. */
export function parseRetryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined
  if (/^\s*\d+(\.\d+)?\s*$/.test(value)) return Math.round(Number(value) * 1000)
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}

/** Says how far this machine's clock is off, when it is far enough to make signatures fail. */
export function clockHint(dateHeader: string | null, now: number): string {
  const server = dateHeader === null ? Number.NaN : Date.parse(dateHeader)
  if (Number.isNaN(server)) return 'check the clock of this machine'
  const minutes = Math.round(Math.abs(server - now) / 60_000)
  const direction = now < server ? 'behind' : 'ahead of'
  return `the clock of this machine is ${minutes} minutes ${direction} the server's: set the clock`
}
