// The error classes of the official binding, and the way from the engine's errors to them. Errors of the engine read
// "<Kind> error: <message> (<cause>)"; those of the binding itself are bare messages (features.md E.1, E.4).

import { isSlateDBError, type SlateDBError } from '../errors.ts'
import type { CloseReason } from './enums.ts'

class BindingError extends globalThis.Error {
  readonly tag: string

  constructor(tag: string, message = tag) {
    super(message)
    // Not the name of the constructor: bundlers rename classes.
    this.name = new.target === BindingError ? 'Error' : `Error${tag}`
    this.tag = tag
  }
}
Object.defineProperty(BindingError, 'name', { value: 'Error' })

// The binding calls its base class Error, as the global one.
export { BindingError as Error }

export class ErrorTransaction extends BindingError {
  override readonly tag = 'Transaction'
  constructor(message: string) {
    super('Transaction', message)
  }
}

/** The handle is closed; `reason` says why. */
export class ErrorClosed extends BindingError {
  override readonly tag = 'Closed'
  readonly reason: CloseReason
  constructor(reason: CloseReason, message: string) {
    super('Closed', message)
    this.reason = reason
  }
}

export class ErrorUnavailable extends BindingError {
  override readonly tag = 'Unavailable'
  constructor(message: string) {
    super('Unavailable', message)
  }
}

export class ErrorInvalid extends BindingError {
  override readonly tag = 'Invalid'
  constructor(message: string) {
    super('Invalid', message)
  }
}

export class ErrorData extends BindingError {
  override readonly tag = 'Data'
  constructor(message: string) {
    super('Data', message)
  }
}

export class ErrorInternal extends BindingError {
  override readonly tag = 'Internal'
  constructor(message: string) {
    super('Internal', message)
  }
}

/** What a merge operator of the user's may throw. */
export class MergeOperatorCallbackError extends globalThis.Error {
  readonly tag: string

  constructor(tag: string, message = tag) {
    super(message)
    this.name =
      new.target === MergeOperatorCallbackError ? 'MergeOperatorCallbackError' : `MergeOperatorCallbackError${tag}`
    this.tag = tag
  }
}

export class MergeOperatorCallbackErrorFailed extends MergeOperatorCallbackError {
  override readonly tag = 'Failed'
  constructor(message: string) {
    super('Failed', message)
  }
}

/** The original's words where programs may have come to rely on them; other messages are the engine's own. */
const ORIGINAL: Readonly<Record<string, string>> = {
  SLATEDB_CONFLICT: 'transaction conflict',
  SLATEDB_CLOSED_CLEAN: 'db is closed',
  SLATEDB_CLOSED_FENCED: 'detected newer DB client',
  SLATEDB_EMPTY_BATCH: 'empty write batch not allowed',
  SLATEDB_SEEK_BACKWARDS: 'cannot seek to a key less than the last returned key',
  SLATEDB_MERGE_OPERATOR: 'merge operator error',
  SLATEDB_MERGE_OPERATOR_MISSING: 'merge operator missing. A merge operator is required to read merge operands',
  SLATEDB_WAL_DISABLED: 'attempted a WAL operation when the WAL is disabled',
  SLATEDB_MANIFEST_MISSING: 'failed to find latest transactional object (e.g. manifest) version',
}

/** The original's words where the engine's own say more: those follow in brackets. */
const LEADING: Readonly<Record<string, string>> = {
  SLATEDB_CHECKSUM_MISMATCH: 'checksum mismatch',
  SLATEDB_CHECKPOINT_MISSING: 'checkpoint missing',
  SLATEDB_STORE_NOT_FOUND: 'object store error: not found',
}

/** The binding's error for what the engine threw. The engine's error is its `cause`. */
export function translated(error: unknown): unknown {
  if (!isSlateDBError(error)) return error
  const out = fromKind(error, `${error.kind} error: ${message(error)}`)
  Object.defineProperty(out, 'cause', { value: error, enumerable: false, configurable: true })
  return out
}

function message(error: SlateDBError): string {
  const { cause } = error
  // Why a handle closed is its reason; what led there stays the cause.
  const detail = cause instanceof globalThis.Error && error.kind !== 'Closed' ? ` (${cause.message})` : ''
  const original = ORIGINAL[error.code]
  if (original !== undefined) return `${original}${detail}`
  const leading = LEADING[error.code] ?? (error.storeReason === undefined ? undefined : 'object store error')
  if (leading !== undefined) return `${leading} (${error.message})${detail}`
  return detail === '' || error.message.includes((cause as globalThis.Error).message)
    ? error.message
    : `${error.message}${detail}`
}

function fromKind(error: SlateDBError, text: string): BindingError {
  switch (error.kind) {
    case 'Transaction':
      return new ErrorTransaction(text)
    case 'Closed':
      return new ErrorClosed(error.closeReason ?? 'Unknown', text)
    case 'Unavailable':
      return new ErrorUnavailable(text)
    case 'Invalid':
      return new ErrorInvalid(text)
    case 'Data':
      return new ErrorData(text)
    case 'Internal':
      return new ErrorInternal(text)
  }
}

/** Runs engine work; its errors come out as the binding's. */
export async function run<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw translated(error)
  }
}

/** Like {@link run}, for what is synchronous. */
export function runSync<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw translated(error)
  }
}
