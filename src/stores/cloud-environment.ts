// Google and Azure credentials from options and variables, in the order the original looks for them.

import { invalid } from '../errors.ts'
import type { ReadTextFile } from './aws-environment.ts'
import type { AzureCredentials } from './azure-credentials.ts'
import { type GoogleCredentials, googleToken, parseGoogleKey } from './google-credentials.ts'
import { HttpClient, type HttpOptions } from './http-client.ts'
import type { StoreSettings } from './store-settings.ts'

/** Azurite's account: name and key are printed in its documentation and the same everywhere. */
export const EMULATOR = {
  account: 'devstoreaccount1',
  key: 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==',
  endpoint: 'http://127.0.0.1:10000/devstoreaccount1',
} as const

export function googleCredentialsFrom(
  settings: StoreSettings,
  http: HttpOptions,
  readFile: ReadTextFile | undefined,
): GoogleCredentials | undefined {
  if (settings.flag('skip_signature')) return undefined
  const bearer = settings.text('bearer_token')
  if (bearer !== undefined) return bearer
  const key = settings.text('service_account_key')
  if (key !== undefined) return parseGoogleKey(key)
  const file = settings.text('service_account_path', 'service_account', 'application_credentials')
  if (file === undefined) return 'metadata-server'
  const client = new HttpClient(http)
  // The file is read with the first request; its tokens expire, so the source behind it is kept.
  let source: Promise<ReturnType<typeof googleToken>> | undefined
  return async () => {
    source ??= fileReader(readFile)(file).then((content) => googleToken(client, parseGoogleKey(content)))
    source.catch(() => {
      source = undefined
    })
    return (await source).get()
  }
}

export function azureCredentialsFrom(
  settings: StoreSettings,
  emulator: boolean,
  readFile: ReadTextFile | undefined,
): AzureCredentials | undefined {
  if (settings.flag('skip_signature')) return undefined
  const bearer = settings.text('token')
  if (bearer !== undefined) return { bearer }
  const accountKey = settings.text('account_key', 'access_key', 'master_key')
  if (accountKey !== undefined) return { accountKey }
  const sas = settings.text('sas_key', 'sas_token')
  if (sas !== undefined) return { sas }
  if (emulator) return { accountKey: EMULATOR.key }
  const clientId = settings.text('client_id')
  const clientSecret = settings.text('client_secret')
  const tenantId = settings.text('tenant_id', 'authority_id')
  const authority = settings.text('authority_host')
  const entra = authority === undefined ? {} : { authority }
  if (clientId !== undefined && clientSecret !== undefined && tenantId !== undefined) {
    return { clientId, clientSecret, tenantId, ...entra }
  }
  const tokenFile = settings.text('federated_token_file')
  if (clientId !== undefined && tokenFile !== undefined && tenantId !== undefined) {
    const federatedToken = async () => (await fileReader(readFile)(tokenFile)).trim()
    return { clientId, federatedToken, tenantId, ...entra }
  }
  const given = settings.text('msi_endpoint', 'identity_endpoint')
  // The platform's header is a secret of the platform's endpoint: it goes nowhere else.
  const endpoint = given ?? settings.text('platform_identity_endpoint')
  const header = settings.text('identity_header') ?? (given ? undefined : settings.text('platform_identity_header'))
  const resourceId = settings.text('msi_resource_id')
  return {
    managedIdentity: {
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(header === undefined || endpoint === undefined ? {} : { header }),
      ...(clientId === undefined ? {} : { clientId }),
      ...(resourceId === undefined ? {} : { resourceId }),
    },
  }
}

function fileReader(readFile: ReadTextFile | undefined): ReadTextFile {
  if (readFile !== undefined) return readFile
  throw invalid('CREDENTIALS', 'credentials in a file need a runtime with a file system: pass a provider instead')
}
