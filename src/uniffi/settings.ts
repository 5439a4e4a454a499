// Settings as the official binding holds them: a mutable object around JSON.

import { host } from '#host'
import { isSlateDBError } from '../errors.ts'
import { ErrorInvalid, runSync } from './errors.ts'
import { UniffiObjectBase } from './object.ts'
import { toText } from './records.ts'
import { fromVariable, overlay, readDocument } from './settings-document.ts'
import { checkOwn } from './settings-engine.ts'
import { type Document, defaultDocument, isRecord } from './settings-shape.ts'

/**
 * What a writer is configured with, in the shape of the 0.12 line. Beside its keys it takes this package's own, such as
 * `format_generation`; without that one a new database is of generation `"0.12"`, which that line can open.
 */
export class Settings extends UniffiObjectBase {
  #document: Document

  /** @internal Use the static functions. */
  constructor(document: Document) {
    super('Settings')
    this.#document = document
  }

  static default(): Settings {
    return new Settings(defaultDocument)
  }

  /** Defaults, overlaid with the variables that begin with `prefix`. */
  static from_env(prefix: string): Settings {
    return Settings.from_env_with_default(prefix, Settings.default())
  }

  static from_env_with_default(prefix: string, default_settings: Settings): Settings {
    return new Settings(configured(default_settings.#document, variables(toText(prefix))))
  }

  /** Defaults, overlaid with a TOML, JSON or YAML file. A file that does not exist changes nothing. */
  static from_file(path: string): Settings {
    return new Settings(configured(defaultDocument, fileAt(toText(path))))
  }

  /** Optional keys may be absent and are then `null`; any other absent key is an error. */
  static from_json_string(json: string): Settings {
    return new Settings(checkOwn(readDocument(parsed(toText(json)))))
  }

  /** Defaults, overlaid with the settings files of the working directory and then with variables `SLATEDB_*`. */
  static load(): Settings {
    const files = runSync(() => host.defaultSettingsFiles())
    const document = files.reduce((under, { values }) => configured(under, values), defaultDocument)
    return new Settings(configured(document, variables('SLATEDB_')))
  }

  /** Changes one field by its dotted path to a JSON literal; a bad one changes nothing. */
  set(key: string, value_json: string): void {
    this.alive()
    const path = toText(key).split('.')
    if (path.length === 1 && path[0] === '') throw new ErrorInvalid('key invalid: key cannot be empty')
    if (path.includes('')) throw new ErrorInvalid('key invalid: key has an empty path segment')
    const value = parsed(toText(value_json), 'value_json is not valid JSON: ')
    let under: unknown = this.#document
    for (const segment of path.slice(0, -1)) {
      under = (under as Document)[segment]
      if (under === undefined || under === null) break
      if (!isRecord(under)) throw new ErrorInvalid(`key invalid: segment '${segment}' is not an object`)
    }
    const changed = replaced(this.#document, path, value)
    this.#document = prefixed('settings update produced invalid settings: ', () => checkOwn(readDocument(changed)))
  }

  to_json_string(): string {
    this.alive()
    return JSON.stringify(this.#document)
  }

  /** @internal As it is now: later changes make another. */
  get document(): Document {
    return this.#document
  }
}

function configured(base: Document, over: Document): Document {
  const overlaid = overlay(base, over)
  return prefixed('Invalid error: invalid configuration format: ', () => checkOwn(readDocument(overlaid)))
}

function fileAt(path: string): Document {
  return runSync(() => {
    try {
      return host.readSettingsFile(path).values
    } catch (error) {
      if (isSlateDBError(error) && (error.cause as { code?: unknown } | undefined)?.code === 'ENOENT') return {}
      throw error
    }
  })
}

/** Variables whose names begin with `prefix`, parts joined by `.` or `__`; those that name no setting are left alone. */
function variables(prefix: string): Document {
  let document: Document = {}
  for (const [name, text] of Object.entries(host.variables())) {
    if (text === undefined || !name.toUpperCase().startsWith(prefix.toUpperCase())) continue
    const path = name.slice(prefix.length).toLowerCase().split(/\.|__/)
    const value = path.includes('') ? undefined : fromVariable(path, text)
    if (value !== undefined) document = replaced(document, path, value)
  }
  return document
}

/** The document with one value replaced; objects on the way are made where there are none. */
function replaced(document: Document, [key, ...rest]: readonly string[], value: unknown): Document {
  const under = document[key!]
  return { ...document, [key!]: rest.length === 0 ? value : replaced(isRecord(under) ? under : {}, rest, value) }
}

function parsed(json: string, prefix = ''): unknown {
  try {
    return JSON.parse(json)
  } catch (error) {
    throw new ErrorInvalid(`${prefix}${(error as globalThis.Error).message}`)
  }
}

/** Errors of the binding itself carry no kind in front, but some say where they arose. */
function prefixed<T>(prefix: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof ErrorInvalid) throw new ErrorInvalid(`${prefix}${error.message}`)
    throw error
  }
}
