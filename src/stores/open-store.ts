// A store from a URL, with options and environment variables as the original takes them (features.md F).

import type { Clock } from '../env/env.ts'
import type { Random } from '../env/random.ts'
import { invalid } from '../errors.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import type { ObjectStore } from '../objects/store.ts'
import { awsCredentialsFrom, type ReadTextFile } from './aws-environment.ts'
import { AzureStore } from './azure.ts'
import type { AzureCredentials } from './azure-credentials.ts'
import { azureCredentialsFrom, EMULATOR, googleCredentialsFrom } from './cloud-environment.ts'
import type { AwsCredentialProvider, AwsCredentials } from './credentials.ts'
import { GcsStore } from './gcs.ts'
import type { GoogleCredentials } from './google-credentials.ts'
import { HttpStore } from './http.ts'
import type { Fetch, HttpOptions } from './http-client.ts'
import { S3Store } from './s3.ts'
import { type Environment, type StoreOptionRecord, StoreSettings } from './store-settings.ts'
import { parseStoreUrl, type StoreLocation } from './store-urls.ts'

export interface OpenStoreOptions {
  /** Options by the names of features.md F.2, with or without their provider's prefix; unknown names are refused. */
  readonly options?: StoreOptionRecord | undefined
  /** Environment variables, such as `process.env`: those that are not the provider's are ignored. */
  readonly env?: Environment | undefined
  /** Credentials, or an async provider of them; they win over options and environment. */
  readonly credentials?: AwsCredentials | AwsCredentialProvider | GoogleCredentials | AzureCredentials | undefined
  /** Further schemes, such as `file` where there is a file system. */
  readonly schemes?: Readonly<Record<string, (url: string) => OpenedStore | Promise<OpenedStore>>> | undefined
  /** For credentials that live in files. */
  readonly readFile?: ReadTextFile | undefined
  readonly fetch?: Fetch | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}

export interface OpenedStore {
  readonly store: ObjectStore
  /** What the URL says behind the bucket: a place inside the store, without slashes at its ends. */
  readonly path: string
}

/** Opens the store that `url` names, also with a scheme of `options.schemes`. Throws `Invalid` for what cannot work. */
export async function openStore(url: string, options: OpenStoreOptions = {}): Promise<OpenedStore> {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase()
  const extra = scheme === undefined ? undefined : options.schemes?.[scheme]
  return extra === undefined ? resolveStore(url, options) : extra(url)
}

/** The same for the schemes of this room alone, without waiting: no request is sent. */
export function resolveStore(url: string, options: OpenStoreOptions = {}): OpenedStore {
  const location = parseStoreUrl(url, Object.keys(options.schemes ?? {}))
  return { store: storeAt(location, options), path: location.path }
}

/** The store that `CLOUD_PROVIDER` and its provider's variables name: `local`, `memory`, `aws`, `azure` or `gcp`. */
export async function storeFromEnvironment(
  options: OpenStoreOptions & { readonly env: Environment },
): Promise<OpenedStore> {
  const { env: environment } = options
  const provider = environment.CLOUD_PROVIDER?.trim().toLowerCase()
  const required = (what: string, value: string | undefined) => {
    if (value === undefined || value === '') throw invalid('ENVIRONMENT', `CLOUD_PROVIDER=${provider} needs ${what}`)
    return value
  }
  switch (provider) {
    case 'local': {
      const folder = required('LOCAL_PATH', environment.LOCAL_PATH)
      const file = options.schemes?.file
      if (file === undefined) throw invalid('ENVIRONMENT', 'CLOUD_PROVIDER=local needs a runtime with a file system')
      return file(`file:${encodeURI(folder).replaceAll('?', '%3F').replaceAll('#', '%23')}`)
    }
    case 'memory':
      return openStore('memory:', options)
    case 'aws': {
      const settings = new StoreSettings('aws', options.options ?? {}, environment)
      return openStore(`s3://${required('AWS_BUCKET', settings.text('bucket', 'bucket_name'))}`, options)
    }
    case 'azure': {
      const settings = new StoreSettings('azure', options.options ?? {}, environment)
      return openStore(
        `az://${required('AZURE_CONTAINER_NAME', settings.text('container_name', 'container'))}`,
        options,
      )
    }
    case 'gcp': {
      const settings = new StoreSettings('google', options.options ?? {}, environment)
      return openStore(`gs://${required('GOOGLE_BUCKET', settings.text('bucket', 'bucket_name'))}`, options)
    }
  }
  const given = provider === undefined ? 'is not set' : `is ${JSON.stringify(provider)}`
  throw invalid('ENVIRONMENT', `CLOUD_PROVIDER ${given}: it must be local, memory, aws, azure or gcp`)
}

function storeAt(location: StoreLocation, options: OpenStoreOptions): ObjectStore {
  const read = (provider: 'aws' | 'google' | 'azure' | 'http') =>
    new StoreSettings(provider, options.options ?? {}, options.env ?? {})
  switch (location.kind) {
    case 'memory':
      refuseOptions(options)
      return new MemoryStore({ clock: options.clock })
    case 's3':
      return s3At(location, read('aws'), options)
    case 'gcs':
      return gcsAt(location, read('google'), options)
    case 'azure':
      return azureAt(location, read('azure'), options)
    case 'http': {
      const settings = read('http')
      const http = httpOptions(settings, options)
      return new HttpStore({
        ...http,
        url: location.url,
        allowHttp: settings.flag('allow_http'),
        index: settings.text('index'),
      })
    }
  }
}

type Of<K extends StoreLocation['kind']> = Extract<StoreLocation, { kind: K }>

function s3At(location: Of<'s3'>, settings: StoreSettings, options: OpenStoreOptions): S3Store {
  const http = httpOptions(settings, options)
  const region = location.region ?? settings.text('region', 'default_region') ?? 'us-east-1'
  const credentials = options.credentials as AwsCredentials | AwsCredentialProvider | undefined
  return new S3Store({
    ...http,
    bucket: location.bucket,
    region,
    endpoint: location.endpoint ?? settings.text('endpoint_url_s3', 'endpoint_url', 'endpoint'),
    allowHttp: settings.flag('allow_http'),
    virtualHostedStyle: location.virtualHostedStyle ?? settings.flag('virtual_hosted_style_request'),
    credentials: credentials ?? awsCredentialsFrom(settings, region, http, options.readFile),
    unsignedPayload: settings.flag('unsigned_payload'),
    checksum: settings.oneOf('checksum_algorithm', ['sha256']),
    conditionalPut: settings.oneOf('conditional_put', ['etag', 'disabled']),
    etagStyle: settings.oneOf('etag_style', ['quoted', 'unquoted']),
    requestPayer: settings.flag('request_payer'),
    writeHeaders: encryptionHeaders(settings),
  })
}

function encryptionHeaders(settings: StoreSettings): Record<string, string> | undefined {
  const algorithm = settings.text('server_side_encryption')
  const keyId = settings.text('sse_kms_key_id')
  const bucketKey = settings.flag('sse_bucket_key_enabled')
  if (algorithm === undefined && keyId === undefined && bucketKey === undefined) return undefined
  const headers: Record<string, string> = { 'x-amz-server-side-encryption': algorithm ?? 'aws:kms' }
  if (keyId !== undefined) headers['x-amz-server-side-encryption-aws-kms-key-id'] = keyId
  if (bucketKey !== undefined) headers['x-amz-server-side-encryption-bucket-key-enabled'] = String(bucketKey)
  return headers
}

function gcsAt(location: Of<'gcs'>, settings: StoreSettings, options: OpenStoreOptions): GcsStore {
  const http = httpOptions(settings, options)
  const { random } = options
  const credentials = options.credentials as GoogleCredentials | undefined
  return new GcsStore({
    ...http,
    random,
    bucket: location.bucket,
    endpoint: settings.text('base_url'),
    allowHttp: settings.flag('allow_http'),
    credentials: credentials ?? googleCredentialsFrom(settings, http, options.readFile),
  })
}

function azureAt(location: Of<'azure'>, settings: StoreSettings, options: OpenStoreOptions): AzureStore {
  const http = httpOptions(settings, options)
  const { random } = options
  const emulator = settings.flag('use_emulator') === true
  const account = location.account ?? settings.text('account_name') ?? (emulator ? EMULATOR.account : undefined)
  if (account === undefined) throw invalid('ACCOUNT', 'the Azure account is not known: set AZURE_STORAGE_ACCOUNT_NAME')
  const fabric = settings.flag('use_fabric_endpoint') ? `https://${account}.blob.fabric.microsoft.com` : undefined
  const credentials = options.credentials as AzureCredentials | undefined
  return new AzureStore({
    ...http,
    random,
    account,
    container: location.container,
    endpoint: location.endpoint ?? settings.text('endpoint') ?? (emulator ? EMULATOR.endpoint : fabric),
    allowHttp: settings.flag('allow_http'),
    credentials: credentials ?? azureCredentialsFrom(settings, emulator, options.readFile),
  })
}

function httpOptions(settings: StoreSettings, options: OpenStoreOptions): HttpOptions {
  return {
    fetch: options.fetch,
    clock: options.clock,
    timeoutMs: settings.durationMs('timeout', 'request_timeout'),
  }
}

function refuseOptions(options: OpenStoreOptions): void {
  const [first] = Object.keys(options.options ?? {})
  if (first !== undefined) throw invalid('STORE_OPTION', `store option ${JSON.stringify(first)}: memory has no options`)
}
