// The signs by which an answer counts as the one that was asked for. Proxies, login pages and front pages of sites say 200
// to everything, so status 200 alone proves nothing. What lacks a sign is a failure that is worth another try.

import { storeError } from '../errors.ts'
import type { ObjectInfo } from '../objects/store.ts'
import { decoded } from './endpoint.ts'
import type { HttpReply } from './http-client.ts'

/** Refuses a web page that came in the place of an object, or of the answer to a write. */
export function refuseWebPage(operation: string, path: string, { headers }: HttpReply): void {
  if (!/^\s*text\/html\b/i.test(headers.get('content-type') ?? '') || /\.html?$/i.test(path)) return
  throw storeError(
    'Generic',
    path,
    `${operation} was answered with a web page: a proxy, or a login page on the way, answers in the place of the store`,
  )
}

/** The same for an answer that has no body where it is the store's: some call their empty ones text/html. */
export function refuseWebPageBody(operation: string, path: string, reply: HttpReply): void {
  if (reply.bytes.length > 0) refuseWebPage(operation, path, reply)
}

/** The size that HEAD tells. */
export function sizeOf(path: string, { headers }: HttpReply): number {
  const length = headers.get('content-length') ?? ''
  const size = /^\d+$/.test(length) ? Number(length) : Number.NaN
  if (!Number.isSafeInteger(size)) throw storeError('Generic', path, 'the answer to HEAD has no usable Content-Length')
  if (isCompressed(headers)) {
    throw storeError('Generic', path, 'the answer to HEAD is compressed on the way, so it does not tell the size')
  }
  return size
}

/** True when something on the way packs bodies, so that lengths and ranges mean other bytes than those of the object. */
export function isCompressed(headers: Headers): boolean {
  return /\b(gzip|br|deflate|zstd|compress)\b/i.test(headers.get('content-encoding') ?? '')
}

/** Strong, as conditions want it: proxies that compress mark etags as weak. */
export function etagOf({ headers }: HttpReply): string | undefined {
  return headers.get('etag')?.replace(/^W\//, '') || undefined
}

export function modifiedOf({ headers }: HttpReply): number | undefined {
  const ms = Date.parse(headers.get('last-modified') ?? '')
  return Number.isNaN(ms) ? undefined : ms
}

/** When the object was written; without it garbage collection would judge its age by a guess. */
export function requiredModified(path: string, reply: HttpReply): number {
  const ms = modifiedOf(reply)
  if (ms === undefined) throw storeError('Generic', path, 'the answer to HEAD has no usable Last-Modified')
  return ms
}

/**
 * The version that a write made. An answer without it is not known to be the store's, so whether the write took effect is
 * open: it is asked again, and its put id tells.
 */
export function writtenVersion(operation: string, path: string, sign: string, version: string | undefined): string {
  if (version !== undefined) return version
  const page = 'in a web page, the bucket must expose it by CORS'
  throw storeError('Generic', path, `the answer to ${operation} has no ${sign}, so it may not be the store's; ${page}`)
}

/** One entry of a list. A field that is missing must not be made up: an object of no bytes in the log is a fence. */
export function listedObject(path: unknown, size: unknown, lastModified: number, etag: string | undefined): ObjectInfo {
  const wrong = (field: string) =>
    storeError('Generic', typeof path === 'string' ? path : '', `LIST: an entry has no usable ${field}`)
  if (typeof path !== 'string' || path === '') throw wrong('name')
  const bytes = typeof size === 'string' && /^\s*\d+\s*$/.test(size) ? Number(size) : size
  if (!Number.isSafeInteger(bytes) || (bytes as number) < 0) throw wrong('size')
  if (!Number.isFinite(lastModified)) throw wrong('date of its last change')
  return { path, size: bytes as number, lastModified, etag }
}

/** A name as lists escape it. */
export function listedName(escaped: string): string {
  const name = decoded(escaped)
  if (name !== undefined) return name
  throw storeError('Generic', '', `LIST: the name ${JSON.stringify(escaped.slice(0, 64))} is not well escaped`)
}
