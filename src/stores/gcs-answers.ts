// What Google Cloud Storage says, in our words: the error table, and the JSON of objects and lists.

import { readableText } from '../bytes/text.ts'
import { type SlateDBError, storeError } from '../errors.ts'
import type { HeadResult, ObjectInfo, PutMode } from '../objects/store.ts'
import { listedObject, writtenVersion } from './answers.ts'
import { jsonObject } from './google-credentials.ts'
import type { HttpReply } from './http-client.ts'
import { type Refusal, refused, refusedBucket, refusedByStatus, refusedCondition } from './http-errors.ts'
import type { ListPage } from './pages.ts'

const SETTINGS = 'GOOGLE_SERVICE_ACCOUNT, GOOGLE_SERVICE_ACCOUNT_KEY, GOOGLE_APPLICATION_CREDENTIALS or `credentials`'
const NO_BUCKET = 'the bucket does not exist: create it, or check its name'
const NO_TOKEN = `no credentials were given: set ${SETTINGS}`
const STALE_TOKEN = `the access token has expired or is not valid: check ${SETTINGS}`
const NO_ROLE = 'give the account of the credentials the role roles/storage.objectUser on the bucket'

export interface GcsRequested {
  readonly operation: string
  readonly path: string
  readonly where: string
  readonly retryAfterMs: number | undefined
  readonly secrets: readonly string[]
  readonly anonymous: boolean
}

export function gcsRefused(reply: HttpReply, mode: PutMode | undefined, requested: GcsRequested): SlateDBError {
  const { operation, anonymous } = requested
  const { status } = reply
  const error = record(jsonObject(reply.bytes).error)
  const [first] = Array.isArray(error.errors) ? error.errors : []
  // Downloads are refused in plain text.
  const plain =
    operation === 'GET' && reply.headers.get('content-type')?.startsWith('text/') && reply.bytes.length < 1000
  const refusal: Refusal = {
    ...requested,
    status,
    code: text(record(first).reason),
    message: text(error.message) || (plain ? readableText(reply.bytes) : ''),
    requestId: reply.headers.get('x-guploader-uploadid') ?? undefined,
  }
  if (status === 404 && speaksOfBucket(refusal.message)) return refusedBucket(refusal, NO_BUCKET)
  const conflict = refusedCondition(refusal, mode)
  if (conflict !== undefined) return conflict
  // Neither needs an object, so nothing else can be missing.
  if (status === 404 && (operation === 'LIST' || operation === 'PUT')) return refusedBucket(refusal, NO_BUCKET)
  if (/rateLimitExceeded/i.test(refusal.code)) return refused('Generic', refusal, 'the store asks to slow down')
  if (status === 401) return refused('Unauthenticated', refusal, anonymous ? NO_TOKEN : STALE_TOKEN)
  if (status === 403) return refused('PermissionDenied', refusal, anonymous ? NO_TOKEN : NO_ROLE)
  return refusedByStatus(refusal)
}

/** `The specified bucket does not exist.`, in two searches: one pattern for both takes quadratic time. */
function speaksOfBucket(message: string): boolean {
  const at = message.search(/\bbucket\b/i)
  return at >= 0 && /\bnot (exist|found)/i.test(message.slice(at))
}

export const isGeneration = (etag: string): boolean => /^[1-9]\d*$/.test(etag)

/** The generation that a write made, from the object in its answer. */
export function writtenGeneration(operation: string, path: string, reply: HttpReply): string {
  return writtenVersion(operation, path, 'generation', generationOf(jsonObject(reply.bytes)))
}

/** The object that was asked for, from its JSON. */
export function gcsHead(path: string, reply: HttpReply): HeadResult {
  const found = jsonObject(reply.bytes)
  const info = objectInfo(found)
  if (info.path !== path) throw storeError('Generic', path, 'HEAD was answered with another object')
  const metadata: Record<string, string> = {}
  for (const [name, value] of Object.entries(record(found.metadata))) metadata[name.toLowerCase()] = text(value)
  return { ...info, metadata }
}

export function gcsListPage(bytes: Uint8Array): ListPage {
  const { kind, items = [], nextPageToken } = jsonObject(bytes)
  // An empty page is an empty object but for its kind, so that anything else may not pass for one.
  if (kind !== 'storage#objects' || !Array.isArray(items)) {
    throw storeError('Generic', '', 'LIST: the answer is not the list in JSON that was expected')
  }
  return { objects: items.map((item) => objectInfo(record(item))), next: text(nextPageToken) || undefined }
}

function objectInfo(found: Record<string, unknown>): ObjectInfo {
  return listedObject(found.name, found.size, Date.parse(text(found.updated)), generationOf(found))
}

function generationOf({ generation }: Record<string, unknown>): string | undefined {
  const shown = text(generation)
  return isGeneration(shown) ? shown : undefined
}

/** {} for what is no JSON object. */
function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/** '' for what is neither text nor a number. */
function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}
