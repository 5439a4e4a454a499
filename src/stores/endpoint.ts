// Where a store lives, from the text a user gave: checked once, and split into what may be shown and what is sent.

import { encodeUtf8 } from '../bytes/text.ts'
import { invalid } from '../errors.ts'
import type { ObjectInfo } from '../objects/store.ts'
import { comparePaths } from '../objects/store-path.ts'

export interface Endpoint {
  /** Scheme and host: may be shown. */
  readonly origin: string
  readonly host: string
  readonly scheme: 'http' | 'https'
  /** Begins with a slash unless empty; never ends in one. */
  readonly basePath: string
}

/** `what` names the option in messages. The text itself is not repeated: it may hold a password. */
export function parseEndpoint(what: string, given: string, allowHttp: boolean): Endpoint {
  const url = tryUrl(given)
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') {
    throw invalid('ENDPOINT', `${what} must be a URL such as https://host:port`)
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid('ENDPOINT', `${what} must not hold a user name or password: pass credentials as options`)
  }
  if (url.search !== '' || url.hash !== '') throw invalid('ENDPOINT', `${what} must not have a query or a fragment`)
  if (url.protocol === 'http:' && !allowHttp && !isLoopback(url.hostname)) {
    throw invalid(
      'ENDPOINT',
      `${what} is plain http, over which anybody may read the data: use https, or set allow_http`,
    )
  }
  if (decoded(url.pathname) === undefined) throw invalid('ENDPOINT', `${what} has a path that is not well escaped`)
  return {
    origin: url.origin,
    host: url.host,
    scheme: url.protocol === 'http:' ? 'http' : 'https',
    basePath: url.pathname.replace(/\/+$/, ''),
  }
}

/** `new URL` that does not throw: its error carries the text it was given. */
export function tryUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}

/** Undefined for text that is not well escaped. */
export function decoded(escaped: string): string | undefined {
  try {
    return decodeURIComponent(escaped)
  } catch {
    return undefined
  }
}

export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname === '[::1]' ||
    /^127(\.\d+){3}$/.test(hostname) ||
    hostname.endsWith('.localhost')
  )
}

/** An object's name as URL path: every segment escaped as RFC 3986 and the signatures want it. */
export function encodePath(path: string): string {
  return encodeStrict(path).replaceAll('%2F', '/')
}

export function encodeStrict(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** Escaped names ascending, as signatures want them. */
export function queryString(query: Readonly<Record<string, string | undefined>>): string {
  const parts: [name: string, value: string][] = []
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parts.push([encodeStrict(name), encodeStrict(value)])
  }
  parts.sort(([a], [b]) => (a < b ? -1 : 1))
  return parts.map((part) => part.join('=')).join('&')
}

/**
 * What a server listed, held to the port's promise: only what was asked for, ascending, each name once (of two the later
 * one, which was looked at later). Usually it already is.
 */
export function asListing(objects: ObjectInfo[], prefix: string, startAfter: string | undefined): ObjectInfo[] {
  const wanted = (name: string) =>
    name.startsWith(prefix) && (startAfter === undefined || comparePaths(name, startAfter) > 0)
  const out = objects.every((object) => wanted(object.path)) ? objects : objects.filter((object) => wanted(object.path))
  for (let i = 1; i < out.length; i++) {
    if (comparePaths(out[i - 1]!.path, out[i]!.path) >= 0) {
      const once = new Map(out.map((object) => [object.path, object]))
      return [...once.values()].sort((a, b) => comparePaths(a.path, b.path))
    }
  }
  return out
}

/** User metadata as header values: visible ASCII, or signatures and servers disagree about it. */
export function checkMetadata(metadata: Readonly<Record<string, string>> | undefined): [name: string, value: string][] {
  if (metadata === undefined) return []
  return Object.entries(metadata).map(([name, value]) => {
    if (!/^[A-Za-z0-9_-]+$/.test(name) || !/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value)) {
      throw invalid('METADATA', `metadata ${JSON.stringify(name)}: names and values must be plain ASCII`)
    }
    return [name.toLowerCase(), value]
  })
}

export function base64(bytes: Uint8Array | ArrayBuffer): string {
  const view = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes)
  let binary = ''
  for (let i = 0; i < view.length; i += 0x8000) binary += String.fromCharCode(...view.subarray(i, i + 0x8000))
  return btoa(binary)
}

export function base64Url(data: Uint8Array | ArrayBuffer | string): string {
  const text = base64(typeof data === 'string' ? encodeUtf8(data) : data)
  return text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

/** Undefined when `text` is not base64. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
  } catch {
    return undefined
  }
}
