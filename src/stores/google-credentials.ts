// Google access tokens without Google's packages: service account keys sign a JWT with WebCrypto, refresh tokens and
// the metadata server of Google's machines are asked. Any other source comes as an async function.

import { encodeUtf8, parseJson } from '../bytes/text.ts'
import { invalid } from '../errors.ts'
import {
  type Bearer,
  type BearerToken,
  type BearerTokenProvider,
  bearerToken,
  type CredentialSource,
} from './credentials.ts'
import { base64Url, fromBase64, parseEndpoint } from './endpoint.ts'
import type { HttpClient, HttpReply } from './http-client.ts'
import { clockHint, parseRetryAfter, refused } from './http-errors.ts'
import { machineCredentials } from './machine-identity.ts'

/** The content of a service account key file. */
export interface ServiceAccountKey {
  readonly type?: 'service_account'
  readonly client_email: string
  readonly private_key: string
  readonly private_key_id?: string
  readonly token_uri?: string
}

/** The content of the file that `gcloud auth application-default login` writes. */
export interface AuthorizedUser {
  readonly type: 'authorized_user'
  readonly client_id: string
  readonly client_secret: string
  readonly refresh_token: string
}

/** A bearer token, a provider of them, a key, or the metadata server of the machine this runs on. */
export type GoogleCredentials = string | BearerTokenProvider | ServiceAccountKey | AuthorizedUser | 'metadata-server'

const SCOPE = 'https://www.googleapis.com/auth/devstorage.read_write'
const TOKEN_URI = 'https://oauth2.googleapis.com/token'
/** Further off than this, a clock may be what makes a signature fail. */
const SKEW_MS = 60_000
const METADATA_URL = 'http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token'

export function googleToken(client: HttpClient, from: GoogleCredentials): CredentialSource<Bearer> {
  if (typeof from === 'function') return bearerToken(client.clock, from)
  if (from === 'metadata-server') {
    const ask = (timeoutMs: number) => askMetadataServer(client, timeoutMs)
    return bearerToken(client.clock, machineCredentials(ask, NO_CREDENTIALS, NO_SUCH_NAME))
  }
  if (typeof from === 'string') return bearerToken(client.clock, from)
  if (from.type === 'authorized_user') return bearerToken(client.clock, () => refreshUser(client, from))
  const key = checkedKey(from)
  return bearerToken(client.clock, () => exchangeJwt(client, key))
}

/** A key file's text, as GOOGLE_SERVICE_ACCOUNT_KEY or a file holds it. The text never appears in the error. */
export function parseGoogleKey(text: string): ServiceAccountKey | AuthorizedUser {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw invalid('CREDENTIALS', 'the Google key is not JSON: pass the content of the key file')
  }
  const { type } = (parsed ?? {}) as { type?: unknown }
  if (type === 'authorized_user') return parsed as AuthorizedUser
  if (type !== undefined && type !== 'service_account') {
    throw invalid('CREDENTIALS', 'Google keys of this type need google-auth-library: pass a token provider')
  }
  return checkedKey(parsed as ServiceAccountKey)
}

function checkedKey(key: ServiceAccountKey): ServiceAccountKey {
  if (typeof key?.client_email !== 'string' || typeof key.private_key !== 'string') {
    throw invalid('CREDENTIALS', 'the Google key has no client_email or no private_key')
  }
  if (key.token_uri !== undefined) parseEndpoint('token_uri of the Google key', key.token_uri, false)
  return key
}

async function exchangeJwt(client: HttpClient, key: ServiceAccountKey): Promise<BearerToken> {
  const uri = key.token_uri ?? TOKEN_URI
  const now = Math.floor(client.clock.now() / 1000)
  const header = { alg: 'RS256', typ: 'JWT', ...(key.private_key_id === undefined ? {} : { kid: key.private_key_id }) }
  const claims = { iss: key.client_email, scope: SCOPE, aud: uri, iat: now, exp: now + 3600 }
  const unsigned = `${base64Url(JSON.stringify(header))}.${base64Url(JSON.stringify(claims))}`
  const privateKey = await importKey(key.private_key)
  const signature = await crypto.subtle.sign(
    'RSASSA-PKCS1-v1_5',
    privateKey,
    encodeUtf8(unsigned) as Uint8Array<ArrayBuffer>,
  )
  const assertion = `${unsigned}.${base64Url(signature)}`
  const check = `check the key of ${key.client_email} (GOOGLE_SERVICE_ACCOUNT, GOOGLE_SERVICE_ACCOUNT_KEY)`
  return tokenRequest(client, uri, { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }, check)
}

async function importKey(pem: string): Promise<CryptoKey> {
  const match = /-----BEGIN PRIVATE KEY-----([\s\S]*)-----END PRIVATE KEY-----/.exec(pem)
  const der = match === null ? undefined : fromBase64(match[1]!.replace(/\s+/g, ''))
  try {
    if (der === undefined) throw new Error('not PKCS #8')
    return await crypto.subtle.importKey('pkcs8', der, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, false, ['sign'])
  } catch {
    throw invalid('CREDENTIALS', 'private_key of the Google key is not a PKCS #8 RSA key in PEM form')
  }
}

function refreshUser(client: HttpClient, user: AuthorizedUser): Promise<BearerToken> {
  const { client_id, client_secret, refresh_token } = user
  const form = { grant_type: 'refresh_token', client_id, client_secret, refresh_token }
  return tokenRequest(client, TOKEN_URI, form, 'log in again with `gcloud auth application-default login`')
}

const NO_CREDENTIALS =
  'no Google credentials found, and no metadata server of a Google machine: set GOOGLE_SERVICE_ACCOUNT, ' +
  'GOOGLE_SERVICE_ACCOUNT_KEY or GOOGLE_APPLICATION_CREDENTIALS, pass `credentials`, or set GOOGLE_SKIP_SIGNATURE'
/** The name is known on every machine of Google's, also while the server itself, in a new pod, is not up yet. */
const NO_SUCH_NAME: ReadonlySet<string | undefined> = new Set(['ENOTFOUND'])

async function askMetadataServer(client: HttpClient, timeoutMs: number): Promise<BearerToken> {
  const headers = { 'metadata-flavor': 'Google' }
  const reply = await client.send({
    operation: 'TOKEN',
    path: '',
    method: 'GET',
    url: METADATA_URL,
    headers,
    secrets: [],
    timeoutMs,
  })
  return tokenOf(client, METADATA_URL, reply, { secrets: [], check: 'check that this machine has a service account' })
}

/** An OAuth 2 token request as form: Google's and Azure's answer has the same shape. */
export async function tokenRequest(
  client: HttpClient,
  url: string,
  form: Readonly<Record<string, string>>,
  check: string,
): Promise<BearerToken> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const body = encodeUtf8(new URLSearchParams(form).toString())
  const secrets = Object.values(form)
  const reply = await client.send({ operation: 'TOKEN', path: '', method: 'POST', url, headers, body, secrets })
  return tokenOf(client, url, reply, { secrets, check })
}

/** `check` says what to do when there is no token in the reply. */
export function tokenOf(
  client: HttpClient,
  url: string,
  reply: HttpReply,
  { secrets, check }: { readonly secrets: readonly string[]; readonly check: string },
): BearerToken {
  const answer = jsonObject(reply.bytes)
  const { access_token: token, expires_in: seconds, expires_on: end } = answer
  const now = client.clock.now()
  if (reply.status === 200 && typeof token === 'string') {
    // Some endpoints tell only the end, in seconds since 1970.
    const expiresAt = seconds === undefined ? Number(end) * 1000 : now + Number(seconds) * 1000
    return { token, expiresAt: Number.isFinite(expiresAt) ? expiresAt : undefined }
  }
  const transient = reply.status === 429 || reply.status >= 500
  const date = reply.headers.get('date')
  // What we signed carries our time, and servers do not say that this was the trouble.
  const skewed = date !== null && Math.abs(Date.parse(date) - now) > SKEW_MS
  throw refused(
    transient ? 'Generic' : 'Unauthenticated',
    {
      operation: 'TOKEN',
      path: '',
      where: `at ${new URL(url).origin}`,
      status: reply.status,
      code: String(answer.error ?? ''),
      message: String(answer.error_description ?? ''),
      retryAfterMs: parseRetryAfter(reply.headers.get('retry-after'), now),
      secrets,
    },
    `no access token was given: ${skewed ? `${clockHint(date, now)}, or ` : ''}${check}`,
  )
}

/** {} for what is no JSON object. */
export function jsonObject(bytes: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = parseJson(bytes)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
