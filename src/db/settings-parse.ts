// Walks the table of settings-names.ts over what people wrote, and back. Values here are plain records; settings.ts
// gives them their types.

import { nearest } from '../checks.ts'
import { invalid, type SlateDBError, show } from '../errors.ts'
import { formatDuration, parseDuration, parseSize } from './duration.ts'
import { defaultSettings } from './settings-defaults.ts'
import { type Field, type Group, type Leaf, SETTINGS, snakeName } from './settings-names.ts'

type Values = Readonly<Record<string, unknown>>

export interface ReadOptions {
  readonly source?: string | undefined
  /** Values of absent keys; the defaults without it. */
  readonly base?: object | undefined
  readonly unknownKeys?: 'error' | 'ignore' | undefined
  readonly absentKeys?: 'base' | 'required' | undefined
}

const DEFAULTS = defaultSettings as unknown as Values

/** Input to values: every key of the table is present in the result. */
export function readSettings(input: unknown, options: ReadOptions): Values {
  return new Reader(options).group(SETTINGS, input, (options.base ?? DEFAULTS) as Values, DEFAULTS, '')
}

/** Where a setting stands and what it is, by its dotted path in either spelling; `undefined` = there is none. */
export function findField(path: readonly string[]): { keys: string[]; field: Field } | undefined {
  const keys: string[] = []
  let field: Field = SETTINGS
  for (let i = 0; i < path.length; i++) {
    if (field.kind !== 'group') return undefined
    const moved: readonly string[] | undefined = field.moved?.[path[i]!]
    const steps: readonly string[] = moved ?? [keyOf(field, path[i]!) ?? '']
    for (const key of steps) {
      const next: Field | undefined = field.kind === 'group' ? field.fields[key] : undefined
      if (next === undefined) return undefined
      field = next
      keys.push(key)
    }
  }
  return { keys, field }
}

/** Values to a record for JSON: snake_case names, durations as texts, every key. `old`: names of the 0.12 line. */
export function writeSettings(values: object, old: boolean): Record<string, unknown> {
  return writeGroup(SETTINGS, values as Values, DEFAULTS, old)
}

function writeGroup(group: Group, values: Values, defaults: Values, old: boolean): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const [key, field] of Object.entries(group.fields)) {
    const value = values[key]
    const name = (old && field.kind !== 'group' && field.oldName) || snakeName(key)
    if (value === undefined) out[name] = null
    else if (field.kind === 'group') out[name] = writeGroup(field, value as Values, defaults[key] as Values, old)
    else out[name] = writeLeaf(field, value)
  }
  if (!old) return out
  for (const [name, [part, key]] of Object.entries(group.moved ?? {})) {
    // Without a part of its own to hold it, the 0.12 line still wants the number: the default is what it would use.
    out[name] = ((values[part] ?? defaults[part]) as Values)[key]
  }
  return out
}

function writeLeaf(leaf: Leaf, value: unknown): unknown {
  if (leaf.kind === 'duration') return formatDuration(value as number)
  if (leaf.kind === 'choice') return (value as string).charAt(0).toUpperCase() + (value as string).slice(1)
  return value
}

/** The key that `name` means in this group: camelCase, snake_case or the 0.12 line's name. */
function keyOf(group: Group, name: string): string | undefined {
  if (Object.hasOwn(group.fields, name)) return name
  return namesOf(group).get(name)
}

const nameTables = new WeakMap<Group, ReadonlyMap<string, string>>()

function namesOf(group: Group): ReadonlyMap<string, string> {
  let names = nameTables.get(group)
  if (names === undefined) {
    const entries = Object.entries(group.fields)
    names = new Map([
      ...entries.map(([key]): [string, string] => [snakeName(key), key]),
      ...entries.flatMap(([key, field]): [string, string][] =>
        field.kind !== 'group' && field.oldName !== undefined ? [[field.oldName, key]] : [],
      ),
    ])
    nameTables.set(group, names)
  }
  return names
}

class Reader {
  readonly #options: ReadOptions

  constructor(options: ReadOptions) {
    this.#options = options
  }

  /** `base` is what absent keys mean; `defaults` are for parts that are off in it and are turned on by the input. */
  group(group: Group, input: unknown, base: Values, defaults: Values, path: string): Values {
    if (!isRecord(input)) throw this.#wrong(path, `must be an object, not ${show(input)}`)
    const given = this.#sort(group, input, path)
    const out: Record<string, unknown> = {}
    for (const [key, field] of Object.entries(group.fields)) {
      const at = path === '' ? key : `${path}.${key}`
      const found = given.get(key)
      out[key] =
        found === undefined
          ? this.#absent(field, key, base[key], at)
          : this.#value(field, found.value, base[key], defaults[key], at)
    }
    return Object.freeze(out)
  }

  /** What was given for which key. Two spellings of one key must agree. */
  #sort(group: Group, input: Values, path: string): Map<string, { name: string; value: unknown }> {
    const sorted = new Map<string, { name: string; value: unknown }>()
    const put = (key: string, name: string, value: unknown) => {
      const before = sorted.get(key)
      if (before !== undefined && JSON.stringify(before.value) !== JSON.stringify(value)) {
        throw this.#wrong(path, `${before.name} and ${name} are one setting and were given different values`)
      }
      sorted.set(key, { name, value })
    }
    const moved: [string, readonly [string, string]][] = []
    // Settings that were read already have every key, and `undefined` for what is off; reading them again must not turn
    // it on. Elsewhere an undefined key is an absent one.
    const isRead = Object.keys(group.fields).every((key) => Object.hasOwn(input, key))
    for (const [name, given] of Object.entries(input)) {
      if (given === undefined && !isRead) continue
      const value = given === undefined ? null : given
      const key = keyOf(group, name)
      if (key !== undefined) put(key, name, value)
      else if (group.moved && Object.hasOwn(group.moved, name)) moved.push([name, group.moved[name]!])
      else if (this.#options.unknownKeys !== 'ignore') throw this.#unknown(group, name, path)
    }
    for (const [name, [part, key]] of moved) {
      const before = sorted.get(part)
      if (before?.value === null) continue
      const inner = isRecord(before?.value) ? before.value : {}
      const spelled = [key, snakeName(key)].find((spelling) => Object.hasOwn(inner, spelling))
      if (spelled !== undefined && inner[spelled] !== input[name]) {
        throw this.#wrong(path, `${name} and ${part}.${spelled} are one setting and were given different values`)
      }
      sorted.set(part, { name: part, value: spelled === undefined ? { ...inner, [key]: input[name] } : inner })
    }
    return sorted
  }

  #absent(field: Field, key: string, base: unknown, path: string): unknown {
    if (this.#options.absentKeys === 'required' && !field.isNew && field.kind !== 'texts') {
      if (field.nullable && field.kind !== 'duration') return undefined
      const name = (field.kind !== 'group' && field.oldName) || snakeName(key)
      throw this.#wrong(path, `missing field \`${name}\``)
    }
    return base
  }

  #value(field: Field, value: unknown, base: unknown, byDefault: unknown, path: string): unknown {
    if (value === null) {
      if (!field.nullable) throw this.#wrong(path, 'cannot be null')
      // "interval: null" means the default to the original (B.9), and never "never".
      if (path.startsWith('garbageCollectorOptions.') && path.endsWith('.interval')) return byDefault
      return undefined
    }
    if (field.kind === 'group')
      return this.group(field, value, (base ?? byDefault) as Values, byDefault as Values, path)
    return this.#leaf(field, value, path)
  }

  #leaf(leaf: Leaf, value: unknown, path: string): unknown {
    switch (leaf.kind) {
      case 'flag':
        if (typeof value === 'boolean') return value
        throw this.#wrong(path, `must be true or false, not ${show(value)}`)
      case 'text':
        if (typeof value === 'string') return value
        throw this.#wrong(path, `must be a text, not ${show(value)}`)
      case 'texts':
        return this.#texts(value, path)
      case 'choice': {
        const given = typeof value === 'string' ? value.toLowerCase() : undefined
        const choice = leaf.choices!.find((name) => name.toLowerCase() === given)
        if (choice !== undefined) return choice
        throw this.#wrong(path, `must be one of ${leaf.choices!.map(show).join(', ')}, not ${show(value)}`)
      }
      default:
        return this.#number(leaf, value, path)
    }
  }

  #number(leaf: Leaf, value: unknown, path: string): number {
    let number = value
    if (typeof value === 'string') {
      if (leaf.kind === 'duration') number = parseDuration(value)
      if (leaf.kind === 'bytes') number = parseSize(value)
    }
    if (typeof value === 'bigint') number = Number(value)
    if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0) {
      const what = {
        duration: 'a duration: milliseconds, or a text such as "100ms" or "1m 30s"',
        bytes: 'a size: bytes, or a text such as "64MiB"',
      }[leaf.kind as string]
      throw this.#wrong(path, `must be ${what ?? 'a whole number, 0 or more'}, not ${show(value)}`)
    }
    if (leaf.min !== undefined && number < leaf.min) {
      throw this.#wrong(path, `must be at least ${leaf.min}, not ${number}`)
    }
    return number
  }

  /** Scheduler options are texts even for numbers (B.1); a number is taken for its text. */
  #texts(value: unknown, path: string): Readonly<Record<string, string>> {
    if (!isRecord(value)) throw this.#wrong(path, `must be an object of texts, not ${show(value)}`)
    const out: Record<string, string> = {}
    for (const [key, text] of Object.entries(value)) {
      if (typeof text !== 'string' && typeof text !== 'number') {
        throw this.#wrong(`${path}.${key}`, `must be a text, not ${show(text)}`)
      }
      out[key] = String(text)
    }
    return Object.freeze(out)
  }

  #unknown(group: Group, name: string, path: string): SlateDBError {
    const snake = name.includes('_')
    const known = Object.keys(group.fields).map((key) => (snake ? snakeName(key) : key))
    const near = nearest(name, known)
    const hint = near === undefined ? `known are ${known.join(', ')}` : `did you mean ${near}?`
    return this.#wrong(path === '' ? name : `${path}.${name}`, `does not exist; ${hint}`)
  }

  #wrong(path: string, what: string): SlateDBError {
    const { source } = this.#options
    const where = path === '' ? 'settings' : `setting ${path}`
    return invalid('INVALID_SETTINGS', `${source === undefined ? '' : `${source}: `}${where} ${what}`)
  }
}

function isRecord(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
