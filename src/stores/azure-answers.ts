// What Azure Blob storage says, in our words: the error table and the document of a list.

import { type SlateDBError, storeError } from '../errors.ts'
import type { PutMode } from '../objects/store.ts'
import { listedName, listedObject } from './answers.ts'
import type { AzureAdvice } from './azure-advice.ts'
import { clockHint, type Refusal, refused, refusedBucket, refusedByStatus, refusedCondition } from './http-errors.ts'
import type { ListPage } from './pages.ts'
import { child, children, documentNamed, parseExactly, text } from './xml.ts'

export interface AzureRefusal extends Refusal {
  readonly advice: AzureAdvice
  readonly mode?: PutMode | undefined
  readonly date: string | null
  readonly now: number
}

/** Signatures are valid for 15 minutes around the service's clock. */
const SKEW_MS = 14 * 60_000

export function azureRefused(refusal: AzureRefusal): SlateDBError {
  const { code, status, mode, now } = refusal
  switch (code) {
    case 'BlobAlreadyExists':
    // With a SAS that may create but not overwrite, an existing blob answers this.
    case 'UnauthorizedBlobOverwrite':
      return refused('AlreadyExists', refusal)
    case 'ContainerNotFound':
    case 'ContainerDisabled':
      return refusedBucket(refusal, 'the container does not exist: create it, or check its name')
    case 'ResourceNotFound':
      // Of a blob this may be said to who may not know more; but what is to hold blobs must be there.
      if (!/LIST|PUT/.test(refusal.operation)) return refused('NotFound', refusal)
      return refusedBucket(refusal, 'check the names of account and container')
    case 'InvalidResourceName':
    case 'OutOfRangeInput':
      return refused('InvalidPath', refusal)
    case 'AuthenticationFailed':
    case 'NoAuthenticationInformation':
    case 'InvalidAuthenticationInfo':
      return refused('Unauthenticated', refusal, authenticationHint(refusal, now))
    case 'AuthorizationFailure':
      // Azurite's word for all of them.
      if (/failed to authenticate/i.test(refusal.message)) {
        return refused('Unauthenticated', refusal, authenticationHint(refusal, now))
      }
      return refused('PermissionDenied', refusal, `${refusal.advice.denied()}; check the account's network rules`)
    case 'AuthorizationPermissionMismatch':
    case 'AuthorizationResourceTypeMismatch':
    case 'AuthorizationProtocolMismatch':
    case 'InsufficientAccountPermissions':
      return refused('PermissionDenied', refusal, refusal.advice.denied())
    case 'ServerBusy':
    case 'OperationTimedOut':
      return refused('Generic', refusal, 'the store asks to slow down')
  }
  const conflict = refusedCondition(refusal, mode)
  if (conflict !== undefined) return conflict
  // HEAD has no document, and proxies have their own: the status must do.
  if (status === 401) return refused('Unauthenticated', refusal, authenticationHint(refusal, now))
  if (status === 403) return refused('PermissionDenied', refusal, refusal.advice.denied())
  return refusedByStatus(refusal)
}

function authenticationHint(refusal: AzureRefusal, now: number): string {
  const server = refusal.date === null ? Number.NaN : Date.parse(refusal.date)
  if (Math.abs(server - now) > SKEW_MS) return clockHint(refusal.date, now)
  return refusal.advice.unauthenticated(now)
}

export function azureListPage(bytes: Uint8Array): ListPage {
  const root = documentNamed('EnumerationResults', parseExactly(bytes), 'LIST')
  const blobs = child(root, 'Blobs')
  const marker = child(root, 'NextMarker')
  // The service sends both, empty where there is nothing to say.
  if (blobs === undefined || marker === undefined) {
    throw storeError('Generic', '', 'LIST: the answer has no blobs, or does not say whether more follow (NextMarker)')
  }
  const objects = children(blobs, 'Blob').map((blob) => {
    const properties = child(blob, 'Properties')
    const name = child(blob, 'Name')
    // Names with characters that XML cannot hold come escaped, and say so.
    const path = name?.attributes.Encoded === 'true' ? listedName(name.text) : name?.text
    const modified = Date.parse(text(properties, 'Last-Modified'))
    return listedObject(path, text(properties, 'Content-Length'), modified, quoted(text(properties, 'Etag')))
  })
  return { objects, next: marker.text || undefined }
}

/** Lists give the etag bare, headers give it in quotes: one form for both. */
function quoted(etag: string): string | undefined {
  return etag === '' || etag.startsWith('"') ? etag || undefined : `"${etag}"`
}
