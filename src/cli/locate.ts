// Which database a command means, and with which settings: flags, a dotenv file, the process environment, files.

import { parseSettings, type Settings, settingsFromEnv } from '../db/settings.ts'
import { invalid } from '../errors.ts'
import type { Environment } from '../node/env-file.ts'
import { readDefaultSettingsFiles, readSettingsFile } from '../node/settings-file.ts'
import { checkPlaces } from './environment.ts'
import type { Shell } from './shell.ts'

/** A location as `SlateDB.open` takes it, and the environment that its store may read credentials from. */
export interface Located {
  readonly url: string
  readonly env: Environment
}

/**
 * What the command was `given` wins, then `--db`, then SLATEDB_LOCATION, then the variables of the original's tools:
 * CLOUD_PROVIDER with `--path` (features.md F.1).
 */
export function locate(shell: Shell, given?: string): Located {
  const located = find(shell, given)
  checkPlaces(located.url, shell.environment)
  return located
}

function find(shell: Shell, given: string | undefined): Located {
  const { env } = shell.environment
  const url = given ?? shell.flags.db ?? env.SLATEDB_LOCATION
  if (url !== undefined && url !== '') return { url: asUrl(url), env }
  if (env.CLOUD_PROVIDER !== undefined) return { url: fromProvider(env, shell.flags.path), env }
  throw invalid(
    'NO_DATABASE',
    'which database? Give --db <location>, for example --db ./data/app or --db s3://bucket/app (or set SLATEDB_LOCATION)',
  )
}

/** Defaults, then the settings files, then the variables SLATEDB_*: later ones win (features.md B.1). */
export function loadSettings(shell: Shell): Settings {
  const file = shell.flags.settings
  const files = file === undefined ? readDefaultSettingsFiles() : [readSettingsFile(file)]
  let settings = parseSettings({})
  for (const { source, values } of files) settings = parseSettings(values, { source, base: settings })
  return settingsFromEnv('SLATEDB_', shell.environment.env, settings)
}

/** A plain path is a folder. */
function asUrl(location: string): string {
  return /^[a-z][a-z0-9+.-]*:/i.test(location) ? location : `file:${location.replace(/[%?#]/g, encodeURIComponent)}`
}

function fromProvider(env: Environment, path: string | undefined): string {
  const provider = env.CLOUD_PROVIDER!.toLowerCase()
  if (path === undefined) {
    throw invalid('NO_DATABASE', `CLOUD_PROVIDER is ${provider}: give the database's path in the bucket with --path`)
  }
  const inside = path.replace(/^\/+|\/+$/g, '')
  switch (provider) {
    case 'local':
      return asUrl(`${needed(env, 'LOCAL_PATH', provider).replace(/\/+$/, '')}/${inside}`)
    case 'memory':
      return `memory:///${inside}`
    case 'aws':
      return `s3://${needed(env, 'AWS_BUCKET', provider, 'AWS_BUCKET_NAME')}/${inside}`
    case 'azure':
      return `az://${needed(env, 'AZURE_CONTAINER_NAME', provider)}/${inside}`
    case 'gcp':
      return `gs://${needed(env, 'GOOGLE_BUCKET', provider, 'GOOGLE_BUCKET_NAME')}/${inside}`
    default:
      throw invalid('CLOUD_PROVIDER', `CLOUD_PROVIDER=${provider} is not known: use local, memory, aws, azure or gcp`)
  }
}

function needed(env: Environment, name: string, provider: string, other?: string): string {
  const value = env[name] ?? (other === undefined ? undefined : env[other])
  if (value !== undefined && value !== '') return value
  throw invalid('ENVIRONMENT', `CLOUD_PROVIDER=${provider} needs the variable ${name}`)
}
