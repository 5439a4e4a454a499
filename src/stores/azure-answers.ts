// What Azure Blob storage says, in our words: the error table and the document of a list.

import type { SlateDBError } from '../errors.ts'
import type { PutMode } from '../objects/store.ts'
import type { AzureAdvice } from './azure-advice.ts'
import { clockHint, type Refusal, refused, refusedByStatus } from './http-errors.ts'
import type { ListPage } from './pages.ts'
import { child, children, parseDocument, text } from './xml.ts'

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
    case 'ConditionNotMet':
    case 'TargetConditionNotMet':
      if (status === 304) return refused('NotModified', refusal)
      return refused(mode === 'create' ? 'AlreadyExists' : 'Precondition', refusal)
    case 'ContainerNotFound':
    case 'ContainerDisabled':
      return refused('InvalidPath', refusal, 'the container does not exist: create it, or check its name')
    case 'ResourceNotFound':
      // Of a blob this may be said to who may not know more; but what is to hold blobs must be there.
      if (!/LIST|PUT/.test(refusal.operation)) return refused('NotFound', refusal)
      return refused('InvalidPath', refusal, 'check the names of account and container')
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
  if (status === 412) return refused(mode === 'create' ? 'AlreadyExists' : 'Precondition', refusal)
  if (status === 404 && typeof mode === 'object') return refused('Precondition', refusal)
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
  const root = parseDocument(bytes, 'LIST')
  const blobs = child(root, 'Blobs')
  const objects = (blobs === undefined ? [] : children(blobs, 'Blob')).map((blob) => {
    const properties = child(blob, 'Properties')
    const name = child(blob, 'Name')
    // Names with characters that XML cannot hold come escaped, and say so.
    const path = name?.attributes.Encoded === 'true' ? decodeURIComponent(name.text) : (name?.text ?? '')
    return {
      path,
      size: Number(text(properties, 'Content-Length')),
      lastModified: Date.parse(text(properties, 'Last-Modified')),
      etag: quoted(text(properties, 'Etag')),
    }
  })
  return { objects, next: text(root, 'NextMarker') || undefined }
}

/** Lists give the etag bare, headers give it in quotes: one form for both. */
function quoted(etag: string): string | undefined {
  return etag === '' || etag.startsWith('"') ? etag || undefined : `"${etag}"`
}
