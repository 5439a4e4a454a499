// Settings as the official binding holds them: a mutable object around JSON.

import { host } from '#host'
import {
  defaultSettings,
  type Settings as EngineSettings,
  parseSettings,
  setSetting,
  settingsFromEnv,
  settingsToJson,
} from '../db/settings.ts'
import { isSlateDBError } from '../errors.ts'
import { ErrorInvalid, runSync } from './errors.ts'
import { UniffiObjectBase } from './object.ts'

/** Keys that do not exist are ignored, as the original does. */
const LOOSE = { unknownKeys: 'ignore' } as const

/**
 * What a writer is configured with. Beside the original's keys it takes this package's own, such as
 * `format_generation`; `"0.12"` keeps a new database readable by the 0.12 line.
 */
export class Settings extends UniffiObjectBase {
  /** @internal */
  current: EngineSettings

  /** @internal Use the static functions. */
  constructor(current: EngineSettings) {
    super()
    this.current = current
  }

  static default(): Settings {
    return new Settings(defaultSettings)
  }

  /** Defaults, overlaid with the variables that begin with `prefix`. */
  static from_env(prefix: string): Settings {
    return Settings.from_env_with_default(prefix, Settings.default())
  }

  static from_env_with_default(prefix: string, default_settings: Settings): Settings {
    return runSync(() => new Settings(settingsFromEnv(prefix, host.variables(), default_settings.current)))
  }

  /** Defaults, overlaid with a TOML, JSON or YAML file. */
  static from_file(path: string): Settings {
    return runSync(() => {
      const { source, values } = host.readSettingsFile(path)
      return new Settings(parseSettings(values, { source, ...LOOSE }))
    })
  }

  /** Optional keys may be absent and are then `null`; any other absent key is an error. */
  static from_json_string(json: string): Settings {
    let values: unknown
    try {
      values = JSON.parse(json)
    } catch (error) {
      throw new ErrorInvalid((error as globalThis.Error).message)
    }
    if (typeof values !== 'object' || values === null || Array.isArray(values)) {
      throw new ErrorInvalid('settings must be a JSON object')
    }
    return bare(() => new Settings(parseSettings(values as object, { ...LOOSE, absentKeys: 'required' })))
  }

  /** Defaults, overlaid with the settings files of the working directory and then with variables `SLATEDB_*`. */
  static load(): Settings {
    return runSync(() => {
      let settings = defaultSettings
      for (const { source, values } of host.defaultSettingsFiles()) {
        settings = parseSettings(values, { source, base: settings, ...LOOSE })
      }
      return new Settings(settingsFromEnv('SLATEDB_', host.variables(), settings))
    })
  }

  /** Changes one field by its dotted path to a JSON literal; a bad one changes nothing. */
  set(key: string, value_json: string): void {
    this.alive()
    this.current = bare(() => setSetting(this.current, key, value_json, LOOSE))
  }

  to_json_string(): string {
    this.alive()
    return JSON.stringify(settingsToJson(this.current, '0.12'))
  }
}

/** Errors of the binding itself carry no kind in front. */
function bare<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (isSlateDBError(error)) throw new ErrorInvalid(error.message)
    throw error
  }
}
