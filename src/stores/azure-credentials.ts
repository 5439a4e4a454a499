// How requests to Azure Blob storage prove who sends them: the account's shared key through WebCrypto HMAC, a shared
// access signature in the query, or a bearer token from any provider, Entra ID or the machine's identity endpoint.

import { encodeUtf8 } from '../bytes/text.ts'
import { invalid } from '../errors.ts'
import {
  type Bearer,
  type BearerToken,
  type BearerTokenProvider,
  bearerToken,
  type CredentialSource,
} from './credentials.ts'
import { base64, fromBase64, parseEndpoint, queryString, tryUrl } from './endpoint.ts'
import { tokenOf, tokenRequest } from './google-credentials.ts'
import type { HttpClient } from './http-client.ts'
import { machineCredentials, NoneHere } from './machine-identity.ts'

/** A credential object of `@azure/identity`. */
export interface TokenCredential {
  getToken(scopes: string): Promise<{ token: string; expiresOnTimestamp: number } | null>
}

export type AzureCredentials =
  | { readonly accountKey: string }
  | { readonly sas: string }
  | { readonly bearer: string | BearerTokenProvider | TokenCredential }
  | { readonly clientId: string; readonly clientSecret: string; readonly tenantId: string; readonly authority?: string }
  | {
      readonly clientId: string
      readonly federatedToken: () => Promise<string>
      readonly tenantId: string
      readonly authority?: string
    }
  | {
      readonly managedIdentity: {
        readonly endpoint?: string
        /** The secret that the endpoint of App Service and Functions wants: `IDENTITY_HEADER`. */
        readonly header?: string
        readonly clientId?: string
        readonly resourceId?: string
      }
    }

const SCOPE = 'https://storage.azure.com/.default'
const RESOURCE = 'https://storage.azure.com'
const MACHINE_IDENTITY = 'http://169.254.169.254/metadata/identity/oauth2/token'

/** What a request needs, without knowing which kind it is. */
export interface AzureAuth {
  /** Added to every query; begins with neither `?` nor `&`. */
  readonly query: () => string
  sign(request: AzureUnsigned): Promise<Record<string, string>>
  secrets(): string[]
  /** After a 401. */
  reject(): void
}

export interface AzureUnsigned {
  readonly method: string
  /** As sent, with query. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly bodyLength: number
}

export function azureAuth(client: HttpClient, account: string, from: AzureCredentials | undefined): AzureAuth {
  if (from === undefined) return { query: () => '', sign: async () => ({}), secrets: () => [], reject: () => {} }
  if ('accountKey' in from) return sharedKey(account, from.accountKey)
  if ('sas' in from) return sharedAccess(from.sas)
  return bearerAuth(tokenSource(client, from))
}

function tokenSource(
  client: HttpClient,
  from: Exclude<AzureCredentials, { accountKey: string } | { sas: string }>,
): CredentialSource<Bearer> {
  if ('managedIdentity' in from) {
    const ask = machineIdentity(from.managedIdentity)
    // An endpoint that was configured exists, if not at this moment.
    const absent = from.managedIdentity.endpoint === undefined ? undefined : new Set<string>()
    return bearerToken(
      client.clock,
      machineCredentials((timeoutMs) => ask(client, timeoutMs), NO_CREDENTIALS, absent),
    )
  }
  if ('clientSecret' in from) {
    const { clientId, clientSecret } = from
    return bearerToken(client.clock, () => askEntra(client, from, { client_id: clientId, client_secret: clientSecret }))
  }
  if ('federatedToken' in from) {
    const { clientId, federatedToken } = from
    const kind = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
    return bearerToken(client.clock, async () => {
      const assertion = { client_assertion_type: kind, client_assertion: await federatedToken() }
      return askEntra(client, from, { client_id: clientId, ...assertion })
    })
  }
  const { bearer } = from
  if (typeof bearer === 'string' || typeof bearer === 'function') return bearerToken(client.clock, bearer)
  return bearerToken(client.clock, async () => (await bearer.getToken(SCOPE)) ?? '')
}

function bearerAuth(source: CredentialSource<Bearer>): AzureAuth {
  let sent: Bearer | undefined
  return {
    query: () => '',
    async sign() {
      sent = await source.get()
      return { authorization: `Bearer ${sent.token}` }
    },
    secrets: () => source.secrets(),
    reject: () => {
      if (sent !== undefined) source.reject(sent)
    },
  }
}

function sharedAccess(given: string): AzureAuth {
  const query = given.trim().replace(/^\?/, '')
  const parameters = new URLSearchParams(query)
  const signature = parameters.get('sig')
  if (signature === null || signature === '') throw invalid('CREDENTIALS', 'the SAS has no "sig" parameter')
  return {
    query: () => parameters.toString(),
    sign: async () => ({}),
    secrets: () => [query, parameters.toString(), signature],
    reject: () => {},
  }
}

function sharedKey(account: string, given: string): AzureAuth {
  const raw = fromBase64(given)
  if (raw === undefined || raw.length === 0) throw invalid('CREDENTIALS', 'the Azure account key is not base64')
  let key: Promise<CryptoKey> | undefined
  return {
    query: () => '',
    async sign(request) {
      key ??= crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
      const text = encodeUtf8(stringToSign(account, request)) as Uint8Array<ArrayBuffer>
      return { authorization: `SharedKey ${account}:${base64(await crypto.subtle.sign('HMAC', await key, text))}` }
    },
    secrets: () => [given],
    reject: () => {},
  }
}

/**
 * The text that the shared key signs: the method, eleven standard headers, every x-ms- header in order, and the
 * resource with its query decoded and in order.
 */
export function stringToSign(account: string, request: AzureUnsigned): string {
  const { method, headers, bodyLength } = request
  const url = new URL(request.url)
  const header = (name: string) => headers[name] ?? ''
  const own = Object.keys(headers)
    .filter((name) => name.startsWith('x-ms-'))
    .sort()
  const query = [...url.searchParams.entries()]
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return [
    method,
    header('content-encoding'),
    header('content-language'),
    bodyLength === 0 ? '' : String(bodyLength),
    header('content-md5'),
    header('content-type'),
    '',
    header('if-modified-since'),
    header('if-match'),
    header('if-none-match'),
    header('if-unmodified-since'),
    header('range'),
    ...own.map((name) => `${name}:${headers[name]!.trim()}`),
    `/${account}${url.pathname}`,
    ...query.map(([name, value]) => `${name}:${value}`),
  ].join('\n')
}

function askEntra(
  client: HttpClient,
  from: { readonly tenantId: string; readonly authority?: string },
  form: Record<string, string>,
): Promise<BearerToken> {
  const { origin } = parseEndpoint('the authority host', from.authority ?? 'https://login.microsoftonline.com', false)
  const url = `${origin}/${encodeURIComponent(from.tenantId)}/oauth2/v2.0/token`
  const check = 'check AZURE_STORAGE_TENANT_ID, AZURE_STORAGE_CLIENT_ID and its secret or federated token'
  return tokenRequest(client, url, { grant_type: 'client_credentials', scope: SCOPE, ...form }, check)
}

const NO_CREDENTIALS =
  'no Azure credentials found, and no identity endpoint of an Azure machine: set AZURE_STORAGE_ACCOUNT_KEY, ' +
  'AZURE_STORAGE_SAS_TOKEN or AZURE_STORAGE_CLIENT_ID with its secret and tenant, pass `credentials`, or set ' +
  'AZURE_SKIP_SIGNATURE'

/** Asks the endpoint of the machine, or that of App Service and Functions, which has a header and a version of its own. */
function machineIdentity(identity: {
  readonly endpoint?: string
  readonly header?: string
  readonly clientId?: string
  readonly resourceId?: string
}): (client: HttpClient, timeoutMs: number) => Promise<BearerToken> {
  const { endpoint = MACHINE_IDENTITY, header, clientId, resourceId } = identity
  const parsed = tryUrl(endpoint)
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw invalid('ENDPOINT', 'the endpoint of the managed identity must be an http URL')
  }
  const query = queryString({
    'api-version': header === undefined ? '2018-02-01' : '2019-08-01',
    resource: RESOURCE,
    client_id: clientId,
    mi_res_id: resourceId,
  })
  const url = `${endpoint}?${query}`
  const headers: Record<string, string> = header === undefined ? { metadata: 'true' } : { 'x-identity-header': header }
  const secrets = header === undefined ? [] : [header]
  const call = { operation: 'TOKEN', path: '', method: 'GET', url, headers, secrets } as const
  return async (client, timeoutMs) => {
    const reply = await client.send({ ...call, timeoutMs })
    try {
      return tokenOf(client, url, reply, { secrets, check: 'check that this machine has the identity' })
    } catch (error) {
      // The machine's own service says 404 and 410 while it is updated; these mean that there is no such identity.
      const none = identity.endpoint === undefined && [400, 401, 403].includes(reply.status)
      throw none && error instanceof Error ? new NoneHere(error.message) : error
    }
  }
}
