// What to do when Azure refuses credentials, by their kind. The service itself says the same few words to all of them,
// on purpose; but we know what we sent.

import type { AzureCredentials } from './azure-credentials.ts'

/** All of it may be shown: of a SAS only its times and permissions are told. */
export interface AzureAdvice {
  /** The service does not believe who we are. */
  unauthenticated(now: number): string
  /** It does, and that is not enough. */
  denied(): string
}

const WAYS = 'AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN or `credentials`'
const ROLE = 'give the identity the role Storage Blob Data Contributor on the container'

export function azureAdvice(account: string, from: AzureCredentials | undefined): AzureAdvice {
  if (from === undefined) {
    const none = `no credentials were given: set ${WAYS}`
    return { unauthenticated: () => none, denied: () => none }
  }
  if ('accountKey' in from) {
    return {
      unauthenticated: () => `the account key is not one of account "${account}": check AZURE_STORAGE_ACCOUNT_KEY`,
      denied: () => 'check that the account allows access by its key, from this network',
    }
  }
  if ('sas' in from) return sharedAccessAdvice(from.sas)
  const source =
    'bearer' in from
      ? 'the token is wrong or has expired: check AZURE_STORAGE_TOKEN or the provider given as `credentials`'
      : 'the token was not accepted: check AZURE_STORAGE_TENANT_ID and AZURE_STORAGE_CLIENT_ID'
  return { unauthenticated: () => source, denied: () => ROLE }
}

function sharedAccessAdvice(sas: string): AzureAdvice {
  const parameters = new URLSearchParams(sas.replace(/^\?/, ''))
  const time = (name: string) => Date.parse(parameters.get(name) ?? '')
  const permissions = (parameters.get('sp') ?? '').replace(/[^a-z]/gi, '')
  return {
    unauthenticated(now) {
      const [start, expiry] = [time('st'), time('se')]
      if (expiry <= now) {
        return `the SAS expired at ${new Date(expiry).toISOString()}: make a new one and set AZURE_STORAGE_SAS_TOKEN`
      }
      if (start > now) {
        return `the SAS is valid from ${new Date(start).toISOString()} on: wait, or check the clock of this machine`
      }
      return 'the SAS is wrong or was withdrawn: check AZURE_STORAGE_SAS_TOKEN, and make it again'
    },
    denied: () =>
      `the SAS allows ${permissions === '' ? 'nothing known here' : `"${permissions}"`}: a writer needs "rcwdl", a ` +
      'reader "rl", for the whole container; make a new one and set AZURE_STORAGE_SAS_TOKEN',
  }
}
