// Environment variables as a plain record: what the process has, plus a dotenv file. Nothing here changes the process.

import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { invalid } from '../errors.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export interface EnvFileOptions {
  /** The dotenv file; `.env` when not given, and then it may be missing. */
  readonly file?: string | undefined
  /** What the process has: stronger than the file. Defaults to the process environment. */
  readonly base?: Environment | undefined
}

/**
 * The process environment over a dotenv file. A file that was asked for by name must exist; the default `.env` may be
 * missing (features.md F.1). Values never appear in error messages.
 */
export function loadEnvironment(options: EnvFileOptions = {}): Environment {
  const base = options.base ?? process.env
  const file = readEnvFile(options.file)
  return file === undefined ? { ...base } : { ...file, ...withoutUndefined(base) }
}

/** What a dotenv file says; `undefined` when the default `.env` is missing. */
export function readEnvFile(file: string | undefined): Environment | undefined {
  const text = readText(file)
  return text === undefined ? undefined : (parseEnv(text) as Environment)
}

function readText(file: string | undefined): string | undefined {
  try {
    return readFileSync(file ?? '.env', 'utf8')
  } catch (error) {
    if (file === undefined) return undefined
    const code = (error as NodeJS.ErrnoException).code ?? 'error'
    throw invalid('ENV_FILE', `environment file ${JSON.stringify(file)} cannot be read (${code})`, { cause: error })
  }
}

function withoutUndefined(record: Environment): Record<string, string> {
  const out: Record<string, string> = {}
  for (const [name, value] of Object.entries(record)) if (value !== undefined) out[name] = value
  return out
}
