// The option and variable names of features.md F.2: which are understood, which are harmless to ignore, and which must
// be refused because ignoring them would do something else than was asked.

import { invalid } from '../errors.ts'

export type Provider = 'aws' | 'google' | 'azure' | 'http'

/** Names that the HTTP client of any provider has. */
const CLIENT = ['allow_http', 'timeout', 'request_timeout']

/** About connections, which belong to the runtime's `fetch` here. */
const IGNORED_CLIENT = [
  'connect_timeout',
  'read_timeout',
  'default_content_type',
  'http1_only',
  'http2_only',
  'http2_keep_alive_interval',
  'http2_keep_alive_timeout',
  'http2_keep_alive_while_idle',
  'http2_max_frame_size',
  'pool_idle_timeout',
  'pool_max_idle_per_host',
  'randomize_addresses',
  'user_agent',
  'disable_system_certificates',
]

const REFUSED_CLIENT: Readonly<Record<string, string>> = {
  allow_invalid_certificates: 'give a `fetch` whose agent trusts the certificate (Node: NODE_EXTRA_CA_CERTS)',
  proxy_url: 'give a `fetch` that goes through the proxy',
  proxy_ca_certificate: 'give a `fetch` that goes through the proxy',
  proxy_excludes: 'give a `fetch` that goes through the proxy',
}

interface Names {
  readonly known: readonly string[]
  readonly ignored: readonly string[]
  readonly refused: Readonly<Record<string, string>>
}

const PROVIDERS: Readonly<Record<Provider, Names>> = {
  aws: {
    known: [
      'access_key_id',
      'secret_access_key',
      'session_token',
      'token',
      'web_identity_token_file',
      'role_arn',
      'role_session_name',
      'container_credentials_relative_uri',
      'container_credentials_full_uri',
      'container_authorization_token_file',
      'container_authorization_token',
      'metadata_endpoint',
      'imdsv1_fallback',
      'skip_signature',
      'region',
      'default_region',
      'bucket',
      'bucket_name',
      'endpoint',
      'endpoint_url',
      'endpoint_url_s3',
      'endpoint_url_sts',
      'virtual_hosted_style_request',
      'unsigned_payload',
      'checksum_algorithm',
      'conditional_put',
      'etag_style',
      'request_payer',
      'server_side_encryption',
      'sse_kms_key_id',
      'sse_bucket_key_enabled',
    ],
    // Tags, bulk deletes and copy conditions are never sent.
    ignored: ['copy_if_not_exists', 'disable_tagging', 'disable_bulk_delete'],
    refused: {
      s3_express: 'directory buckets are not supported: use a general purpose bucket',
      sse_customer_key_base64: 'customer keys are not supported: encrypt on our side with a block transformer',
    },
  },
  google: {
    known: [
      'service_account',
      'service_account_path',
      'service_account_key',
      'application_credentials',
      'bearer_token',
      'skip_signature',
      'bucket',
      'bucket_name',
      'base_url',
    ],
    ignored: [],
    refused: {},
  },
  azure: {
    known: [
      'account_name',
      'account_key',
      'access_key',
      'master_key',
      'client_id',
      'client_secret',
      'tenant_id',
      'authority_id',
      'authority_host',
      'sas_key',
      'sas_token',
      'token',
      'use_emulator',
      'endpoint',
      'msi_endpoint',
      'identity_endpoint',
      'identity_header',
      'msi_resource_id',
      'federated_token_file',
      'use_fabric_endpoint',
      'skip_signature',
      'container_name',
      'container',
    ],
    ignored: ['disable_tagging', 'object_id', 'credential_type'],
    refused: {
      use_azure_cli:
        'the command line of Azure is not started here: pass AzureCliCredential of @azure/identity as credentials',
      encryption_key: 'customer keys are not supported: encrypt on our side with a block transformer',
      fabric_token_service_url: 'pass a token provider as credentials',
      fabric_workload_host: 'pass a token provider as credentials',
      fabric_session_token: 'pass a token provider as credentials',
      fabric_cluster_identifier: 'pass a token provider as credentials',
    },
  },
  http: { known: ['index'], ignored: [], refused: {} },
}

const PREFIXES: Readonly<Record<Provider, readonly string[]>> = {
  aws: ['aws_'],
  google: ['google_'],
  azure: ['azure_storage_', 'azure_'],
  http: ['http_'],
}

/** The option name without prefix, in snake case; or the error that says what was meant. */
export function optionName(provider: Provider, given: string): string {
  const { known, ignored, refused } = PROVIDERS[provider]
  const name = stripPrefix(provider, snakeCase(given))
  const all = [...known, ...CLIENT]
  if (all.includes(name) || ignored.includes(name) || IGNORED_CLIENT.includes(name)) return name
  const instead = refused[name] ?? REFUSED_CLIENT[name]
  if (instead !== undefined) throw invalid('STORE_OPTION', `store option ${JSON.stringify(given)}: ${instead}`)
  throw unknownName('store option', given, name, all)
}

/** Variables without a prefix, which App Service and Functions set for what runs in them. */
const PLATFORM: Readonly<Record<string, string>> = {
  IDENTITY_ENDPOINT: 'platform_identity_endpoint',
  IDENTITY_HEADER: 'platform_identity_header',
}

/** The option name of an environment variable, or undefined when it is none of this provider's. */
export function variableName(provider: Provider, variable: string): string | undefined {
  if (provider === 'azure' && Object.hasOwn(PLATFORM, variable)) return PLATFORM[variable]
  const lower = variable.toLowerCase()
  if (!PREFIXES[provider].some((prefix) => lower.startsWith(prefix))) return undefined
  const { known, refused } = PROVIDERS[provider]
  const name = stripPrefix(provider, lower)
  if (known.includes(name) || CLIENT.includes(name)) return name
  const instead = refused[name] ?? REFUSED_CLIENT[name]
  if (instead !== undefined) throw invalid('STORE_OPTION', `environment variable ${variable}: ${instead}`)
  // The environment belongs to others too: AWS_PROFILE, AWS_PAGER, ...
  return undefined
}

export function unknownName(what: string, given: string, compared: string, known: readonly string[]): Error {
  const near = closest(compared, known)
  const hint = near === undefined ? `known are ${known.join(', ')}` : `did you mean ${JSON.stringify(near)}?`
  const shown = given.length > 64 ? `${given.slice(0, 64)}...` : given
  return invalid('STORE_OPTION', `unknown ${what} ${JSON.stringify(shown)}: ${hint}`)
}

function stripPrefix(provider: Provider, name: string): string {
  const prefix = PREFIXES[provider].find((start) => name.startsWith(start))
  return prefix === undefined ? name : name.slice(prefix.length)
}

function snakeCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll('-', '_')
    .toLowerCase()
}

/** The known name that differs least, unless it differs in more than a third. */
export function closest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1
  for (const candidate of known) {
    // Every character that one has more is one edit at least.
    if (Math.abs(name.length - candidate.length) >= bestDistance) continue
    const distance = editDistance(name, candidate)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(swap, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
