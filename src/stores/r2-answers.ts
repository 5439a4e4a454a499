// What can go wrong with an R2 binding, in our words: something else in its place, and the errors it throws. Those carry
// their code at the end of the message, `put: ... (10001)`; the codes are those of Cloudflare's own list.

import { invalid, type SlateDBError, type StoreReason, storeError } from '../errors.ts'
import { scrub } from './http-errors.ts'

const METHODS = ['head', 'get', 'put', 'delete', 'list', 'createMultipartUpload'] as const

/** Refuses what is no bucket, before its first call fails with "is not a function" somewhere inside a database. */
export function checkBinding(given: unknown): void {
  const fix = 'pass the R2 bucket of the Worker\'s env, such as env.BUCKET with `binding = "BUCKET"` in [[r2_buckets]]'
  if (given === undefined || given === null) {
    throw invalid('BINDING', `the R2 binding is ${given}: check its name in the configuration of the Worker; ${fix}`)
  }
  const missing = METHODS.filter((name) => typeof (given as Record<string, unknown>)[name] !== 'function')
  if (missing.length === 0) return
  const what = typeof given === 'object' ? `an object without ${missing.join('(), ')}()` : `a ${typeof given}`
  throw invalid('BINDING', `the R2 binding is ${what}, so it is no R2 bucket: ${fix}`)
}

const NO_BUCKET = 'the bucket does not exist: create it, or check bucket_name of the binding'
const PARTS = 'the parts of an upload need 5 MiB and one size: check partSizeBytes'

/** What is not here may pass: 10001, 10043, 10013 (the body was cut on the way), 10054, ... */
const CODES: Readonly<Record<string, readonly [reason: StoreReason, hint: string]>> = {
  10002: ['Unauthenticated', 'the Worker is not known to the account of the bucket: log in and deploy it again'],
  10003: ['PermissionDenied', 'the Worker may not do this: check the permissions of its token and account'],
  10042: ['PermissionDenied', 'the account has no R2: subscribe to it in the dashboard'],
  10069: ['PermissionDenied', 'a lock rule of the bucket covers the object: exempt the prefix of the database'],
  10005: ['InvalidPath', NO_BUCKET],
  10006: ['InvalidPath', NO_BUCKET],
  10020: ['InvalidPath', 'a name has at most 1,024 bytes: use a shorter path'],
  10012: ['NotSupported', 'metadata has at most 8,192 bytes'],
  100100: ['NotSupported', 'an object has at most 5 GiB in one put: write smaller tables'],
  10011: ['NotSupported', PARTS],
  10048: ['NotSupported', PARTS],
  10058: ['Generic', 'R2 takes one write a second for each object'],
}

/** Errors of the runtime that come before the bucket is asked; they have no code. */
const RUNTIME: readonly (readonly [says: RegExp, hint: string])[] = [
  [
    /too many subrequests/i,
    'one invocation of a Worker makes only so many calls: do less in one, or keep the database in a Durable Object',
  ],
  [
    /on behalf of a different request/i,
    'a database that lives longer than a request needs a Durable Object, or one database for each request',
  ],
]

export function bindingError(operation: string, path: string, error: unknown): SlateDBError {
  const message = scrub(error instanceof Error ? error.message : 'the bucket failed')
  const code = /\((\d{5,6})\)\W*$/.exec(message)?.[1]
  const known = code === undefined ? undefined : CODES[code]
  const hint = known?.[1] ?? RUNTIME.find(([says]) => says.test(message))?.[1]
  const detail = `${operation} through the R2 binding failed: ${message}${hint === undefined ? '' : `; ${hint}`}`
  return storeError(known?.[0] ?? 'Generic', path, detail)
}
