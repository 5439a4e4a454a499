// The options of one store from an options record and the environment: options win, names are checked, values typed.

import { invalid } from '../errors.ts'
import { optionName, type Provider, variableName } from './option-names.ts'

export type OptionValue = string | number | boolean
export type StoreOptionRecord = Readonly<Record<string, OptionValue | undefined>>
export type Environment = Readonly<Record<string, string | undefined>>

export class StoreSettings {
  // Values may be secrets: private, so that printing shows nothing.
  readonly #values = new Map<string, { value: string; from: string; number?: number }>()

  constructor(provider: Provider, options: StoreOptionRecord, environment: Environment) {
    for (const [variable, value] of Object.entries(environment)) {
      if (value === undefined || value === '') continue
      const name = variableName(provider, variable)
      if (name !== undefined) this.#values.set(name, { value, from: variable })
    }
    for (const [given, value] of Object.entries(options)) {
      if (value === undefined) continue
      const entry = { value: String(value), from: given }
      this.#values.set(optionName(provider, given), typeof value === 'number' ? { ...entry, number: value } : entry)
    }
  }

  /** The first of `names` that is set. */
  text(...names: string[]): string | undefined {
    for (const name of names) {
      const found = this.#values.get(name)
      if (found !== undefined && found.value !== '') return found.value
    }
    return undefined
  }

  flag(name: string): boolean | undefined {
    const found = this.#values.get(name)
    if (found === undefined) return undefined
    switch (found.value.trim().toLowerCase()) {
      case 'true':
      case '1':
      case 'yes':
      case 'on':
      case 'y':
        return true
      case 'false':
      case '0':
      case 'no':
      case 'off':
      case 'n':
      case '':
        return false
    }
    throw invalid('STORE_OPTION', `${found.from} must be true or false`)
  }

  oneOf<T extends string>(name: string, allowed: readonly T[]): T | undefined {
    const found = this.#values.get(name)
    if (found === undefined) return undefined
    const value = allowed.find((candidate) => candidate === found.value.trim().toLowerCase())
    if (value === undefined) throw invalid('STORE_OPTION', `${found.from} must be one of ${allowed.join(', ')}`)
    return value
  }

  /** `30s`, `500ms`, `2 min`; a number is milliseconds. */
  durationMs(...names: string[]): number | undefined {
    const name = names.find((candidate) => this.#values.has(candidate))
    if (name === undefined) return undefined
    const { value, from, number } = this.#values.get(name)!
    const match = /^\s*(\d+(?:\.\d+)?)\s*(ms|msec|millis|s|sec|secs|second|seconds|m|min|mins|minute|minutes)\s*$/.exec(
      value,
    )
    const ms = number ?? (match === null ? Number.NaN : Number(match[1]) * unitMs(match[2]!))
    if (!(ms > 0)) throw invalid('STORE_OPTION', `${from} must be a duration such as "30s" or "500ms"`)
    return ms
  }
}

function unitMs(unit: string): number {
  if (unit.startsWith('ms') || unit === 'millis') return 1
  return unit.startsWith('s') ? 1000 : 60_000
}
