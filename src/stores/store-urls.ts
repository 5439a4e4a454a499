// What a store's URL means (features.md F.1): which kind of store, where, and the path behind the bucket.

import { invalid } from '../errors.ts'
import { checkPath } from '../objects/store-path.ts'
import { decoded, tryUrl } from './endpoint.ts'
import { closest } from './option-names.ts'
import { AWS_DOMAINS } from './s3-endpoint.ts'

export type StoreLocation = { readonly path: string } & (
  | { readonly kind: 'memory' }
  | {
      readonly kind: 's3'
      readonly bucket: string
      readonly region?: string
      readonly endpoint?: string
      readonly virtualHostedStyle?: boolean
    }
  | { readonly kind: 'gcs'; readonly bucket: string }
  | { readonly kind: 'azure'; readonly container: string; readonly account?: string; readonly endpoint?: string }
  | { readonly kind: 'http'; readonly url: string }
)

const SCHEMES = ['s3', 's3a', 'gs', 'az', 'azure', 'adl', 'abfs', 'abfss', 'http', 'https', 'memory', 'file']

const NO_AUTHORITY = ['memory', 'file']

/** The location, or an `Invalid` error that repeats at most the scheme: URLs may hold passwords and tokens. */
export function parseStoreUrl(text: string, extraSchemes: readonly string[]): StoreLocation {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase()
  if (scheme === undefined) throw invalid('STORE_URL', 'a store URL begins with a scheme, such as s3://bucket/path')
  const url = tryUrl(text)
  if (SCHEMES.includes(scheme) && !NO_AUTHORITY.includes(scheme) && !text.slice(scheme.length + 1).startsWith('//')) {
    throw invalid('STORE_URL', `a ${scheme} URL begins with ${scheme}://`)
  }
  if (!SCHEMES.includes(scheme)) throw unknownScheme(scheme, [...SCHEMES, ...extraSchemes])
  if (url === undefined) throw invalid('STORE_URL', `this is not a well-formed ${scheme} URL`)
  switch (scheme) {
    case 'memory':
      return { kind: 'memory', path: pathOf(url.pathname) }
    case 's3':
    case 's3a':
      return { kind: 's3', bucket: bucketOf(url, 'bucket'), path: pathOf(url.pathname) }
    case 'gs':
      return { kind: 'gcs', bucket: bucketOf(url, 'bucket'), path: pathOf(url.pathname) }
    case 'file':
      throw invalid('STORE_URL', 'file: needs a runtime with a file system')
    case 'http':
    case 'https':
      return fromHttps(url)
    default:
      return fromAzure(url)
  }
}

function fromAzure(url: URL): StoreLocation {
  const path = pathOf(url.pathname)
  // abfs://container@account.dfs.core.windows.net/path
  if (url.username !== '' && url.password === '' && url.host.includes('.')) {
    const [account, ...rest] = url.hostname.split('.')
    const endpoint = `https://${account}.${rest.join('.').replace(/^dfs\./, 'blob.')}`
    const container = decoded(url.username)
    if (container === undefined) throw invalid('STORE_URL', 'the container of the URL is not well escaped')
    return { kind: 'azure', container, account: account!, endpoint, path }
  }
  return { kind: 'azure', container: bucketOf(url, 'container'), path }
}

/** `[bucket.]s3[.special].region.domain`, where `special` asks for IPv6 or certified cryptography. */
const S3_HOST = new RegExp(
  `^(?:(.+)\\.)?s3(-fips)?[.-](?!website)(dualstack\\.)?(?:([a-z0-9-]+)\\.)?(?:${AWS_DOMAINS.join('|').replaceAll('.', '\\.')})$`,
)
const GLOBAL_S3 = 's3.amazonaws.com'
const AZURE_HOST = /^([^.]+)\.(?:blob|dfs)\.(core\.windows\.net|fabric\.microsoft\.com)$/

function fromHttps(url: URL): StoreLocation {
  const { hostname, origin } = url
  const [first = '', ...rest] = url.pathname.replace(/^\/+/, '').split('/')
  const below = rest.join('/')
  const s3 = url.protocol === 'https:' ? s3Host(hostname) : undefined
  if (s3 !== undefined) {
    refuseExtras(url)
    const { bucket, ...where } = s3
    if (bucket !== undefined)
      return { kind: 's3', bucket, ...where, virtualHostedStyle: true, path: pathOf(url.pathname) }
    return { kind: 's3', bucket: named(first, 'bucket'), ...where, virtualHostedStyle: false, path: pathOf(below) }
  }
  if (hostname.endsWith('.r2.cloudflarestorage.com')) {
    refuseExtras(url)
    return { kind: 's3', bucket: named(first, 'bucket'), region: 'auto', endpoint: origin, path: pathOf(below) }
  }
  const azure = AZURE_HOST.exec(hostname)
  if (azure !== null) {
    refuseExtras(url)
    const endpoint = `https://${azure[1]}.blob.${azure[2]}`
    return { kind: 'azure', account: azure[1]!, container: named(first, 'container'), endpoint, path: pathOf(below) }
  }
  // User-info and query stay with the store, which keeps them to itself.
  const root = new URL(url)
  root.pathname = '/'
  root.hash = ''
  return { kind: 'http', url: root.href, path: pathOf(url.pathname) }
}

function s3Host(hostname: string): { bucket?: string; region?: string; endpoint?: string } | undefined {
  // Of the oldest form, without a region; the pattern would take a bucket's last word for one.
  if (hostname === GLOBAL_S3) return {}
  if (hostname.endsWith(`.${GLOBAL_S3}`)) return { bucket: hostname.slice(0, -GLOBAL_S3.length - 1) }
  const match = S3_HOST.exec(hostname)
  if (match === null) return undefined
  const [, bucket, fips, dualstack, region] = match
  return {
    ...(bucket === undefined ? {} : { bucket }),
    ...(region === undefined ? {} : { region }),
    // The region alone would lead to the usual host.
    ...(fips === undefined && dualstack === undefined ? {} : { endpoint: `https://${hostname}` }),
  }
}

function bucketOf(url: URL, what: string): string {
  refuseExtras(url)
  if (url.port !== '') throw invalid('STORE_URL', `a ${url.protocol}// URL names a ${what}, not a host with a port`)
  return named(url.hostname, what)
}

function named(name: string, what: string): string {
  if (name === '') throw invalid('STORE_URL', `the URL names no ${what}`)
  return name
}

function refuseExtras(url: URL): void {
  if (url.username !== '' || url.password !== '') {
    throw invalid('STORE_URL', 'credentials do not belong in this URL: pass them as options')
  }
  if (url.search !== '' || url.hash !== '')
    throw invalid('STORE_URL', 'this URL must have no query: pass options instead')
}

function pathOf(pathname: string): string {
  const trimmed = pathname.replace(/^\/+|\/+$/g, '')
  if (trimmed === '') return ''
  const path = decoded(trimmed)
  if (path === undefined) throw invalid('STORE_URL', 'the path of the URL is not well escaped')
  try {
    checkPath(path)
  } catch {
    // Not passed on: it quotes the path, and in a mistyped URL that may be user and password.
    const rules = 'no empty segment, no segment "." or "..", no control character, at most 1,024 bytes'
    throw invalid('STORE_URL', `the path of the URL is no name in a store: ${rules}`)
  }
  return path
}

function unknownScheme(scheme: string, known: readonly string[]): Error {
  const near = closest(scheme, known)
  const hint = near === undefined ? `known are ${known.join(', ')}` : `did you mean ${JSON.stringify(`${near}:`)}?`
  return invalid('STORE_URL', `unknown store scheme ${JSON.stringify(`${scheme}:`)}: ${hint}`)
}
