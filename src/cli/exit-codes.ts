// How a command ends. Scripts rely on these numbers: never renumber. README lists them.

import { type ErrorKind, isSlateDBError, type SlateDBError } from '../errors.ts'
import { Interrupted } from '../node/process.ts'

export const EXIT = {
  ok: 0,
  /** A bug: an error nobody expected. */
  unexpected: 1,
  /** Wrong flags, settings or arguments: `Invalid`. */
  usage: 2,
  /** The key, or the database itself, is not there. */
  notFound: 3,
  /** `Transaction`: run it again. */
  conflict: 4,
  /** `Closed`: another writer took over. */
  closed: 5,
  /** `Unavailable`: the store did not answer, may be retried. */
  unavailable: 6,
  /** `Data`: stored bytes are missing or damaged. */
  data: 7,
  /** doctor found a guarantee missing. */
  unsafe: 8,
  /** Waited for as long as --timeout says, for example for room in L0. */
  stalled: 9,
  interrupted: 130,
} as const

/** The database may be in use by another writer. */
export const WRITER_ACTIVE = 'SLATEDB_WRITER_ACTIVE'

/** An error with advice that only the command can give, such as how to go on. */
export class Advised extends Error {
  readonly advice: string

  constructor(cause: unknown, advice: string) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.advice = advice
  }
}

const BY_KIND: Record<ErrorKind, number> = {
  Transaction: EXIT.conflict,
  Closed: EXIT.closed,
  Unavailable: EXIT.unavailable,
  Invalid: EXIT.usage,
  Data: EXIT.data,
  Internal: EXIT.unexpected,
}

const ADVICE: Record<ErrorKind, string> = {
  Transaction: 'Another write got in between: run the command again.',
  Closed:
    'This process no longer owns the database. Check which other process writes to it, then run the command again.',
  Unavailable: 'The object store did not answer. Check the network, the endpoint and the credentials, then try again.',
  Invalid: 'Check the command with --help.',
  Data: 'Stored data is missing or damaged. Keep the bucket as it is and run "slatedb-ts describe" to see what is there.',
  Internal: 'This is a bug in slatedb-ts. Please report it with the output of --debug.',
}

/** What is shown of an error: one line that says what happened, one that says what to do. Never a stack trace. */
export interface Explanation {
  readonly exitCode: number
  readonly kind: string
  readonly code: string
  readonly message: string
  readonly advice: string | undefined
}

export function explain(error: unknown): Explanation {
  if (error instanceof Advised) return { ...explain(error.cause), advice: error.advice }
  if (error instanceof Interrupted) {
    return {
      exitCode: EXIT.interrupted,
      kind: 'Interrupted',
      code: 'INTERRUPTED',
      message: error.message,
      advice: undefined,
    }
  }
  if (isSlateDBError(error)) {
    return { ...about(error), ...SPECIAL[error.code] }
  }
  const message = error instanceof Error ? error.message : String(error)
  return { exitCode: EXIT.unexpected, kind: 'Internal', code: 'UNEXPECTED', message, advice: ADVICE.Internal }
}

/** An empty place is no damage: the location is wrong, or nothing was written yet. */
const NO_DATABASE = {
  exitCode: EXIT.notFound,
  advice: 'Check the location. The first put or import creates a database.',
}

/** Codes that say more than their kind. */
const SPECIAL: Readonly<Record<string, { readonly exitCode: number; readonly advice: string }>> = {
  SLATEDB_MANIFEST_MISSING: NO_DATABASE,
  SLATEDB_DATABASE_MISSING: NO_DATABASE,
  [WRITER_ACTIVE]: {
    exitCode: EXIT.closed,
    advice: 'Stop the other writer, or give --take-over: it is fenced then, and every call of it fails.',
  },
  SLATEDB_STALLED: {
    exitCode: EXIT.stalled,
    advice: 'What was reported as durable is. Make room, or wait for longer with --timeout.',
  },
}

function about(error: SlateDBError): Explanation {
  return {
    exitCode: BY_KIND[error.kind],
    kind: error.kind,
    code: error.code,
    message: withCause(error),
    advice: refused(error) ? 'Check the credentials and what they are allowed to do.' : ADVICE[error.kind],
  }
}

function refused({ storeReason }: SlateDBError): boolean {
  return storeReason === 'Unauthenticated' || storeReason === 'PermissionDenied'
}

/** The message and, when it adds something, the first cause of ours behind it. */
function withCause(error: SlateDBError): string {
  const cause = error.cause
  if (!isSlateDBError(cause) || error.message.includes(cause.message)) return error.message
  return `${error.message} (${cause.message})`
}
