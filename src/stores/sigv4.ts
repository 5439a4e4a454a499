// Amazon's signature version 4 for requests with headers. The hashes are synchronous: WebCrypto costs three trips
// through a thread pool for some hundred bytes, which was half of the CPU time of a small read.
//
//   signature := hmac(key, "AWS4-HMAC-SHA256" date scope hex(sha256(canonical)))    joined by newlines
//   key       := hmac(hmac(hmac(hmac("AWS4" secret, day), region), service), "aws4_request")
//   scope     := day "/" region "/" service "/aws4_request"
//   canonical := method path query (name ":" value)* "" signedNames bodyHash        joined by newlines

import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { encodeUtf8, toHex } from '../bytes/text.ts'
import type { AwsCredentials } from './credentials.ts'

export interface Unsigned {
  readonly method: string
  readonly host: string
  /** As sent: every byte escaped once but letters, digits and `-._~/`. */
  readonly path: string
  /** As sent: escaped the same way, names ascending; '' for none. */
  readonly query: string
  /** Hex SHA-256 of the body, or `UNSIGNED-PAYLOAD`. */
  readonly bodyHash: string
  readonly now: number
}

/** What proxies may change, and what says nothing about the request itself. */
const NOT_SIGNED = new Set(['range', 'cache-control', 'content-type', 'content-length', 'accept-encoding'])

export const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD'

/** WebCrypto works beside the event loop, so it wins for what takes longer than its detour. */
const SYNC_HASH_LIMIT = 2048

/** SHA-256 of a body. */
export async function sha256Of(body: Uint8Array): Promise<Uint8Array> {
  if (body.length <= SYNC_HASH_LIMIT) return sha256(body)
  return new Uint8Array(await crypto.subtle.digest('SHA-256', body as Uint8Array<ArrayBuffer>))
}

type Mac = ReturnType<typeof hmac.create>

/** Signs for one region and service; keeps the key of the day. */
export class Signer {
  readonly #region: string
  readonly #service: string
  #day = ''
  #secret = ''
  #mac: Mac | undefined

  constructor(region: string, service: string) {
    this.#region = region
    this.#service = service
  }

  /** Adds the headers that prove who sends the request. Names in `headers` are lower-case. */
  sign(request: Unsigned, headers: Record<string, string>, credentials: AwsCredentials): void {
    const date = new Date(request.now).toISOString().replace(/[:-]|\.\d{3}/g, '')
    const day = date.slice(0, 8)
    headers['x-amz-content-sha256'] = request.bodyHash
    headers['x-amz-date'] = date
    if (credentials.sessionToken) headers['x-amz-security-token'] = credentials.sessionToken
    let canonical = `${request.method}\n${request.path}\n${request.query}\n`
    const names: string[] = ['host']
    for (const name in headers) if (!NOT_SIGNED.has(name)) names.push(name)
    names.sort()
    for (const name of names) {
      const value = name === 'host' ? request.host : headers[name]!.trim().replace(/ {2,}/g, ' ')
      canonical += `${name}:${value}\n`
    }
    const signedNames = names.join(';')
    canonical += `\n${signedNames}\n${request.bodyHash}`
    const scope = `${day}/${this.#region}/${this.#service}/aws4_request`
    const text = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${toHex(sha256(encodeUtf8(canonical)))}`
    const mac = this.#keyFor(day, credentials.secretAccessKey)
    const signature = toHex(mac.clone().update(encodeUtf8(text)).digest())
    const credential = `${credentials.accessKeyId}/${scope}`
    headers.authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signedNames}, Signature=${signature}`
  }

  #keyFor(day: string, secret: string): Mac {
    if (this.#mac !== undefined && this.#day === day && this.#secret === secret) return this.#mac
    let key = encodeUtf8(`AWS4${secret}`)
    for (const part of [day, this.#region, this.#service, 'aws4_request']) key = hmac(sha256, key, encodeUtf8(part))
    this.#day = day
    this.#secret = secret
    // Holds the state after the key's own two blocks; every signature goes on from a copy of it.
    this.#mac = hmac.create(sha256, key)
    return this.#mac
  }
}
