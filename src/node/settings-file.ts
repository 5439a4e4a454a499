// Settings files: TOML, JSON or YAML, told apart by their ending (features.md B.1). What they mean is decided by
// db/settings; here is only the way from a file to a plain object. The parsers are loaded when a file needs them.

import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { extname, join } from 'node:path'
import { invalid } from '../errors.ts'

type Parse = (text: string) => unknown

const PARSERS: Readonly<Record<string, (require: NodeJS.Require) => Parse>> = {
  '.json': () => JSON.parse as Parse,
  '.toml': (require) => (require('smol-toml') as { parse: Parse }).parse,
  '.yaml': (require) => (require('yaml') as { parse: Parse }).parse,
  '.yml': (require) => (require('yaml') as { parse: Parse }).parse,
}

/** An app that was bundled to CommonJS has no `import.meta.url`: there a parser is looked for from the current folder. */
function requireHere(): NodeJS.Require {
  return createRequire((import.meta as { url?: string }).url ?? join(process.cwd(), 'app.js'))
}

/** The files that `Settings.load()` overlays, weakest first. */
const DEFAULT_FILES = ['SlateDb.json', 'SlateDb.toml', 'SlateDb.yaml', 'SlateDb.yml']

export interface SettingsSource {
  /** Where the values come from, for messages. */
  readonly source: string
  readonly values: Readonly<Record<string, unknown>>
}

/** Reads one settings file. The ending decides the format. */
export function readSettingsFile(file: string): SettingsSource {
  const makeParser = PARSERS[extname(file).toLowerCase()]
  if (makeParser === undefined) {
    throw invalid(
      'SETTINGS_FORMAT',
      `unknown configuration file format: ${JSON.stringify(file)} (use .toml, .json, .yaml or .yml)`,
    )
  }
  return { source: file, values: parse(file, readText(file), makeParser(requireHere())) }
}

/** Every default settings file that exists in `folder`, weakest first. */
export function readDefaultSettingsFiles(folder = '.'): SettingsSource[] {
  return DEFAULT_FILES.map((name) => join(folder, name))
    .filter((file) => existsSync(file))
    .map(readSettingsFile)
}

function parse(file: string, text: string, parser: Parse): Record<string, unknown> {
  let value: unknown
  try {
    value = parser(text)
  } catch (error) {
    const detail = error instanceof Error ? error.message.split('\n')[0] : String(error)
    throw invalid('SETTINGS_PARSE', `settings file ${JSON.stringify(file)}: ${detail}`, { cause: error })
  }
  // An empty TOML or YAML file means "nothing to change".
  if (value === null || value === undefined) return {}
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw invalid('SETTINGS_PARSE', `settings file ${JSON.stringify(file)}: expected a table of settings at the top`)
  }
  return value as Record<string, unknown>
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'error'
    throw invalid('SETTINGS_FILE', `settings file ${JSON.stringify(file)} cannot be read (${code})`, { cause: error })
  }
}
