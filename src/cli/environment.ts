// The variables a command works with: those of the process over those of a dotenv file. A file named with --env is trusted.
// The `.env` of the current folder is read as well, but a folder may be anybody's: it may not send credentials from
// elsewhere to a server of its own.

import { invalid } from '../errors.ts'
import { type Environment, readEnvFile } from '../node/env-file.ts'

export interface CommandEnvironment {
  readonly env: Environment
  /** Names that the `.env` of the folder gave, and that something of ours reads. */
  readonly taken: readonly string[]
  /** By scheme of a location: the variable that must not be used with it, and was left out. */
  readonly leftOut: ReadonlyMap<string, string>
}

interface Provider {
  readonly schemes: readonly string[]
  /** Where requests go, and whether they are encrypted on the way. */
  readonly places: RegExp
  /** Credentials that are whole in themselves: a file that brings them may say where they go. */
  readonly secrets: RegExp
}

const PROVIDERS: readonly Provider[] = [
  {
    schemes: ['s3', 's3a'],
    places: /^AWS_(.*ENDPOINT.*|.*_URI|ALLOW_HTTP)$/i,
    secrets: /^AWS_(SECRET_ACCESS_KEY|SKIP_SIGNATURE)$/i,
  },
  {
    schemes: ['az', 'azure', 'abfs', 'abfss', 'adl'],
    places: /^AZURE_(.*ENDPOINT|.*AUTHORITY_HOST|.*ALLOW_HTTP)$/i,
    secrets:
      /^AZURE_(STORAGE_)?(ACCOUNT_KEY|ACCESS_KEY|MASTER_KEY|SAS_KEY|SAS_TOKEN|TOKEN|CLIENT_SECRET|SKIP_SIGNATURE|USE_EMULATOR)$/i,
  },
  {
    schemes: ['gs'],
    places: /^GOOGLE_(BASE_URL|ALLOW_HTTP)$/i,
    secrets: /^GOOGLE_(SERVICE_ACCOUNT_KEY|BEARER_TOKEN|SKIP_SIGNATURE)$/i,
  },
]

const OURS = /^(SLATEDB|AWS|AZURE|GOOGLE)_|^(CLOUD_PROVIDER|LOCAL_PATH)$/i

export function commandEnvironment(given: string | undefined, process: Environment): CommandEnvironment {
  const file = readEnvFile(given)
  if (file === undefined) return { env: { ...process }, taken: [], leftOut: new Map() }
  const present = Object.fromEntries(Object.entries(process).filter(([, value]) => value !== undefined))
  if (given !== undefined) return { env: { ...file, ...present }, taken: [], leftOut: new Map() }

  const fromFile = Object.keys(file).filter((name) => !(name in present))
  const leftOut = new Map<string, string>()
  const dropped = new Set<string>()
  for (const { schemes, places, secrets } of PROVIDERS) {
    const bringsSecrets =
      fromFile.some((name) => secrets.test(name)) && !Object.keys(present).some((name) => secrets.test(name))
    if (bringsSecrets) continue
    for (const name of fromFile) {
      if (!places.test(name)) continue
      dropped.add(name)
      for (const scheme of schemes) leftOut.set(scheme, name)
    }
  }
  const kept = fromFile.filter((name) => !dropped.has(name))
  return {
    env: { ...Object.fromEntries(kept.map((name) => [name, file[name]])), ...present },
    taken: kept.filter((name) => OURS.test(name)),
    leftOut,
  }
}

/** @throws Invalid when the folder's `.env` says where requests of this location go, but not with which credentials. */
export function checkPlaces(url: string, { leftOut }: CommandEnvironment): void {
  const name = leftOut.get(url.slice(0, url.indexOf(':')).toLowerCase())
  if (name === undefined) return
  throw invalid(
    'ENV_FILE',
    `the .env of this folder sets ${name}, but not the credentials: those from elsewhere would go to that server. ` +
      'If that is meant, name the file: --env .env',
  )
}
