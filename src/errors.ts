// One error class, six kinds. The kind says what the caller can do; the code is stable and greppable; the message says
// which object, offset or option, what was expected, and what to do. Messages never carry credentials or signed URLs.

/** What the caller can do about an error (features.md E.1). */
export type ErrorKind = 'Transaction' | 'Closed' | 'Unavailable' | 'Invalid' | 'Data' | 'Internal'

/** Why a handle no longer works. `Fenced`: a newer writer took over. `Panic`: a background task failed for good. */
export type CloseReason = 'Clean' | 'Fenced' | 'Panic'

/** How an object store answered when it did not do what was asked. */
export type StoreReason =
  | 'NotFound'
  | 'AlreadyExists'
  | 'Precondition'
  | 'NotModified'
  | 'NotSupported'
  | 'Unauthenticated'
  | 'PermissionDenied'
  | 'InvalidPath'
  | 'Generic'

const BRAND = Symbol.for('slatedb-ts.error')

/** Every error this package throws on purpose. Test with `error.kind`, or `isSlateDBError(error)` across bundles. */
export class SlateDBError extends Error {
  override readonly name: string = 'SlateDBError'
  /** What the caller can do: see {@link ErrorKind}. */
  readonly kind: ErrorKind
  /** Stable identifier such as `SLATEDB_EMPTY_KEY`. */
  readonly code: string
  /** Set when `kind` is `Closed`. */
  declare readonly closeReason?: CloseReason
  /** Set when the error comes straight from an object store. */
  declare readonly storeReason?: StoreReason
  /** How long the object store asked to be left alone, when it said so. */
  declare readonly retryAfterMs?: number

  constructor(
    kind: ErrorKind,
    code: string,
    message: string,
    more: {
      cause?: unknown
      closeReason?: CloseReason
      storeReason?: StoreReason
      retryAfterMs?: number | undefined
    } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.kind = kind
    this.code = code.startsWith('SLATEDB_') ? code : `SLATEDB_${code}`
    if (more.closeReason !== undefined) this.closeReason = more.closeReason
    if (more.storeReason !== undefined) this.storeReason = more.storeReason
    if (more.retryAfterMs !== undefined) this.retryAfterMs = more.retryAfterMs
    Object.defineProperty(this, BRAND, { value: true })
  }
}

/** True for any `SlateDBError`, also one thrown by another copy of this package. */
export function isSlateDBError(error: unknown): error is SlateDBError {
  if (typeof error !== 'object' || error === null) return false
  try {
    return (error as Record<symbol, unknown>)[BRAND] === true
  } catch {
    // Anything can be thrown, a proxy that throws when it is looked at included.
    return false
  }
}

/** Longest text of a caller's that goes into a message. */
const SHOWN = 100

/**
 * What a caller passed, for an error message: short, on one line, and never an error of its own. Of objects only their
 * kind is told: their fields may be secrets.
 */
export function show(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.slice(0, SHOWN)) + (value.length > SHOWN ? `... (${value.length} characters)` : '')
    case 'bigint':
      return value < 2n ** 256n && value > -(2n ** 256n) ? `${value}n` : 'a bigint of more than 256 bits'
    case 'symbol':
      return clipped(String(value))
    case 'function':
      return 'a function'
    case 'object':
      return value === null ? 'null' : kindOf(value)
    default:
      return Object.is(value, -0) ? '-0' : String(value)
  }
}

/** `a Map`, `an array`, `an object`: without reading anything that a proxy could refuse. */
function kindOf(value: object): string {
  try {
    if (Array.isArray(value)) return 'an array'
    const kind = Object.prototype.toString.call(value).slice(8, -1)
    if (kind === 'Object' || !/^\w{1,40}$/.test(kind)) return 'an object'
    return `${/^[AEIO]/.test(kind) ? 'an' : 'a'} ${kind}`
  } catch {
    return 'an object'
  }
}

/** What a caught value says, for an error message: code of a caller's may throw anything. */
export function messageOf(error: unknown): string {
  try {
    if (typeof error === 'string') return clipped(error)
    const message: unknown = (error as { message?: unknown } | null | undefined)?.message
    return typeof message === 'string' ? clipped(message) : show(error)
  } catch {
    return show(error)
  }
}

const clipped = (text: string): string =>
  text.length <= 10 * SHOWN ? text : `${text.slice(0, 10 * SHOWN)}... (${text.length} characters)`

type Cause = { cause?: unknown }

/** The call or the configuration is wrong: fix it. */
export const invalid = (code: string, message: string, more?: Cause): SlateDBError =>
  new SlateDBError('Invalid', code, message, more)

/** Stored bytes are missing, damaged or of an unknown version: stop and investigate. */
export const dataError = (code: string, message: string, more?: Cause): SlateDBError =>
  new SlateDBError('Data', code, message, more)

/** The world did not answer: may be retried. */
export const unavailable = (code: string, message: string, more?: Cause): SlateDBError =>
  new SlateDBError('Unavailable', code, message, more)

/** A bug of ours. */
export const internal = (code: string, message: string, more?: Cause): SlateDBError =>
  new SlateDBError('Internal', code, message, more)

/** Retry the whole transaction. */
export const conflict = (message: string): SlateDBError => new SlateDBError('Transaction', 'CONFLICT', message)

/** What to do after a takeover: the same words wherever it is noticed. */
export const FENCED_ADVICE =
  'Only one writer owns a database, the one that opened it last. If this one was replaced on purpose (a deploy, a ' +
  'failover), let it end. Open the database again only once the other writer has ended: two that both reopen take it ' +
  'from each other in turns'

export function closedError(reason: CloseReason, message?: string, cause?: unknown): SlateDBError {
  const text =
    reason === 'Clean'
      ? 'the database handle is closed'
      : reason === 'Fenced'
        ? `a newer writer opened this database and took over (fenced). ${FENCED_ADVICE}`
        : 'a background task failed, so this handle is closed; open the database again'
  return new SlateDBError('Closed', `CLOSED_${reason.toUpperCase()}`, message ?? text, { cause, closeReason: reason })
}

/**
 * The error that a later call gets for what ended its handle: the same kind, code and words, with the stack of that call
 * and the first error as its cause.
 */
export function repeated(first: SlateDBError): SlateDBError {
  const { kind, code, message, closeReason, storeReason } = first
  return new SlateDBError(kind, code, message, {
    cause: first,
    ...(closeReason !== undefined && { closeReason }),
    ...(storeReason !== undefined && { storeReason }),
  })
}

const STORE_KIND: Record<StoreReason, ErrorKind> = {
  NotFound: 'Data',
  AlreadyExists: 'Data',
  Precondition: 'Data',
  NotModified: 'Data',
  NotSupported: 'Invalid',
  Unauthenticated: 'Unavailable',
  PermissionDenied: 'Unavailable',
  InvalidPath: 'Invalid',
  Generic: 'Unavailable',
}

/** What an object store throws (features.md E.5): `path` is the object's name inside the store, never a URL. */
export function storeError(
  reason: StoreReason,
  path: string,
  detail: string,
  more: Cause & { retryAfterMs?: number | undefined } = {},
): SlateDBError {
  const code = `STORE_${reason.replace(/(?<=.)([A-Z])/g, '_$1').toUpperCase()}`
  const message = path === '' ? detail : `object ${JSON.stringify(path)}: ${detail}`
  return new SlateDBError(STORE_KIND[reason], code, message, { ...more, storeReason: reason })
}

export function isStoreError(error: unknown, reason: StoreReason): boolean {
  return isSlateDBError(error) && error.storeReason === reason
}

/** What we did wrong, not what the world did. Stays on in production; keep it out of per-row code. */
export function assert(condition: unknown, why: string): asserts condition {
  if (!condition) throw internal('ASSERTION', `assertion failed: ${why}`)
}
