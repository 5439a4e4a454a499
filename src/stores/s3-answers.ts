// What S3 says, in our words: the error table and the documents of lists and uploads.

import type { XmlElement } from '@rgrove/parse-xml'
import { type SlateDBError, storeError } from '../errors.ts'
import type { ObjectInfo, PutMode } from '../objects/store.ts'
import { listedName, listedObject } from './answers.ts'
import { clockHint, type Refusal, refused, refusedBucket, refusedByStatus, refusedCondition } from './http-errors.ts'
import type { ListPage } from './pages.ts'
import { children, text } from './xml.ts'

export interface S3Refusal extends Refusal {
  readonly bucket: string
  readonly region: string
  /** From `x-amz-bucket-region`, or the region the server expected. */
  readonly bucketRegion: string
  readonly date: string | null
  readonly now: number
  /** Of a put, what was asked of it. */
  readonly mode?: PutMode | undefined
}

const UNAUTHENTICATED: Readonly<Record<string, string>> = {
  ExpiredToken: 'the session token has expired: get new credentials',
  ExpiredTokenException: 'the session token has expired: get new credentials',
  TokenRefreshRequired: 'the session token has expired: get new credentials',
  InvalidToken: 'the session token is not valid: check AWS_SESSION_TOKEN',
  InvalidTokenId: 'the session token is not valid: check AWS_SESSION_TOKEN',
  InvalidAccessKeyId: 'the access key is not known here: check AWS_ACCESS_KEY_ID and the endpoint',
  SignatureDoesNotMatch: 'check AWS_SECRET_ACCESS_KEY, and that no proxy changes the request',
  InvalidSecurity: 'check the credentials',
  MissingSecurityHeader: 'this store wants signed requests: give credentials',
}

/** Codes that mean the credentials themselves are stale, so that asking the provider again may help. */
export function credentialsAreStale(code: string): boolean {
  return /^(ExpiredToken|ExpiredTokenException|TokenRefreshRequired|InvalidToken|InvalidTokenId|InvalidAccessKeyId)$/.test(
    code,
  )
}

export function s3Refused(refusal: S3Refusal): SlateDBError {
  const { code, status, mode, bucket } = refusal
  const known = UNAUTHENTICATED[code]
  if (known !== undefined) return refused('Unauthenticated', refusal, known)
  switch (code) {
    case 'RequestTimeTooSkewed':
    case 'RequestExpired':
      return refused('Unauthenticated', refusal, clockHint(refusal.date, refusal.now))
    case 'NoSuchBucket':
      return refusedBucket(refusal, `bucket ${JSON.stringify(bucket)} does not exist: create it, or check its name`)
    case 'InvalidBucketName':
      return refused('InvalidPath', refusal, `${JSON.stringify(bucket)} is not a bucket name this store accepts`)
    case 'PermanentRedirect':
    case 'TemporaryRedirect':
    case 'AuthorizationHeaderMalformed':
    case 'IllegalLocationConstraintException':
    case 'InvalidRegion':
      return wrongRegion(refusal)
    case 'ConditionalRequestConflict':
    case 'OperationAborted':
      // Another conditional write to this object was under way; whether ours was applied is open, so it is tried again.
      return refused('Generic', refusal, 'a concurrent write was under way; it is safe to try again')
    case 'NotImplemented':
    case 'MethodNotAllowed':
      return refused('NotSupported', refusal, 'this store does not offer the operation or one of its conditions')
    case 'RequestTimeout':
    case 'SlowDown':
    case 'RequestLimitExceeded':
    case 'Throttling':
      return refused('Generic', refusal, 'the store asks to slow down')
  }
  if (status >= 301 && status <= 308 && status !== 304) return wrongRegion(refusal)
  return refusedCondition(refusal, mode) ?? refusedByStatus(refusal)
}

function wrongRegion(refusal: S3Refusal): SlateDBError {
  const { bucket, bucketRegion, region } = refusal
  const where =
    bucketRegion === '' || bucketRegion === region
      ? `bucket ${JSON.stringify(bucket)} is not served by this endpoint: set the region (AWS_REGION) or the endpoint`
      : `bucket ${JSON.stringify(bucket)} is in region ${bucketRegion}, not ${region}: set the region (AWS_REGION)`
  return refusedBucket(refusal, where)
}

/** `root`: a ListBucketResult. */
export function listPageOf(root: XmlElement): ListPage {
  const decode = text(root, 'EncodingType') === 'url' ? decodeListed : (name: string) => name
  const objects = children(root, 'Contents').map((entry) => listed(entry, decode))
  switch (text(root, 'IsTruncated').trim()) {
    case 'true':
      return { objects, next: text(root, 'NextContinuationToken') }
    case 'false':
      return { objects, next: undefined }
  }
  throw storeError('Generic', '', 'LIST: the answer does not say whether more follows (IsTruncated)')
}

function listed(entry: XmlElement, decode: (name: string) => string): ObjectInfo {
  const modified = Date.parse(text(entry, 'LastModified'))
  return listedObject(decode(text(entry, 'Key')), text(entry, 'Size'), modified, text(entry, 'ETag') || undefined)
}

/** Names come in form encoding, where a space is a plus. */
function decodeListed(name: string): string {
  return name.includes('%') || name.includes('+') ? listedName(name.replaceAll('+', ' ')) : name
}
