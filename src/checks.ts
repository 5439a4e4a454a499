// What callers pass, held against what it must be: one table of rules per call, so that a misspelt option and a wrong
// value are refused the same way everywhere, before anything has happened. A table is checked against the type of the
// options (`Rules<T>`), so that an option without a rule does not compile.

import { invalid, isSlateDBError, messageOf, type SlateDBError, show } from './errors.ts'

/** What one option may be. */
export interface Rule {
  /** Completes the sentence "... must be". */
  readonly expected: string
  readonly test: (value: unknown) => boolean
  /** For a hint when the value is a slip of one of them. */
  readonly choices?: readonly string[]
  /** Never shown in a message. */
  readonly isSecret?: boolean
  /** Of the error; `INVALID_OPTION` without it. */
  readonly code?: string
}

/** A rule for every option of `T`. */
export type Rules<T> = { readonly [K in keyof T]-?: Rule }

/** The rules of one call, by name. */
export interface OptionTable {
  /** As messages name it: `put`, `open`. */
  readonly call: string
  readonly rules: ReadonlyMap<string, Rule>
  /** Of every error about it, instead of `UNKNOWN_OPTION` and `INVALID_OPTION`. */
  readonly code: string | undefined
}

export function optionTable<T>(call: string, rules: Rules<T>, code?: string): OptionTable {
  return { call, rules: new Map(Object.entries<Rule>(rules)), code }
}

/**
 * Fails with Invalid unless `options` is an object that has only options of the table, each `undefined` or as its rule
 * says. Costs about 10 ns per option given.
 */
export function checkOptions(table: OptionTable, options: unknown): void {
  if (typeof options !== 'object' || options === null) throw noOptions(table, options)
  try {
    if (Array.isArray(options)) throw noOptions(table, options)
    for (const name in options) {
      const rule = table.rules.get(name)
      const value = (options as Record<string, unknown>)[name]
      if (rule === undefined) {
        if (!isInherited(options, name)) throw unknownOption(table, name)
      } else if (value !== undefined && !rule.test(value)) {
        throw wrongOption(table.call, name, rule, value, rule.code ?? table.code ?? 'INVALID_OPTION')
      }
    }
  } catch (cause) {
    if (isSlateDBError(cause)) throw cause
    const detail = `${table.call}: the options cannot be read: ${messageOf(cause)}`
    throw invalid(table.code ?? 'INVALID_OPTION', detail, { cause })
  }
}

function noOptions({ call, code }: OptionTable, options: unknown): SlateDBError {
  return invalid(code ?? 'INVALID_OPTION', `${call}: options are an object, not ${show(options)}`)
}

/** True when `value` is as the rule says; what cannot even be looked at is not. */
export function fits(rule: Rule, value: unknown): boolean {
  try {
    return rule.test(value)
  } catch {
    return false
  }
}

/** What some other library added to every object of the program is no option of this call. */
function isInherited(options: object, name: string): boolean {
  return name in Object.prototype && !Object.hasOwn(options, name)
}

function unknownOption({ call, rules, code }: OptionTable, name: string): SlateDBError {
  const known = [...rules.keys()]
  const near = nearest(name, known)
  const hint = near !== undefined ? `did you mean ${near}?` : `it takes ${known.join(', ') || 'none'}`
  return invalid(code ?? 'UNKNOWN_OPTION', `${call} has no option ${show(name)}; ${hint}`)
}

function wrongOption(call: string, name: string, rule: Rule, value: unknown, code: string): SlateDBError {
  const near = typeof value === 'string' && rule.choices !== undefined ? nearest(value, rule.choices) : undefined
  const hint = near === undefined ? '' : `; did you mean '${near}'?`
  const given = rule.isSecret === true ? `a value of type ${typeof value}` : show(value)
  return invalid(code, `${call}: ${name} must be ${rule.expected}, not ${given}${hint}`)
}

/** Fails with Invalid unless `value` is as the rule says: for arguments that are no options. */
export function checkArgument(call: string, name: string, rule: Rule, value: unknown): void {
  if (!fits(rule, value)) throw wrongOption(call, name, rule, value, rule.code ?? 'INVALID_ARGUMENT')
}

const rule = (expected: string, test: Rule['test']): Rule => ({ expected, test })

export const flag: Rule = rule('true or false', (value) => typeof value === 'boolean')
export const text: Rule = rule('a text', (value) => typeof value === 'string')
export const func: Rule = rule('a function', (value) => typeof value === 'function')
export const u64: Rule = rule(
  'a bigint from 0n to 2n ** 64n - 1n',
  (value) => typeof value === 'bigint' && value >= 0n && value < 1n << 64n,
)

/** Looks at what it does, not at its class: a signal of another realm, or of a library, is one too. */
export const abortSignal: Rule = rule('an AbortSignal', (value) => {
  if (typeof value !== 'object' || value === null) return false
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>
  return (
    typeof aborted === 'boolean' && typeof addEventListener === 'function' && typeof removeEventListener === 'function'
  )
})

export function oneOf(...choices: readonly string[]): Rule {
  return {
    expected: choices.map((choice) => `'${choice}'`).join(' or '),
    test: choices.length === 2 ? eitherOf(choices[0]!, choices[1]!) : (value) => choices.includes(value as string),
    choices,
  }
}

/** The common case, looked at on every call that says how durable it is to be. */
const eitherOf = (a: string, b: string) => (value: unknown) => value === a || value === b

/** A whole number from `min` to `max`, both included. */
export function whole(min: number, max: number = Number.MAX_SAFE_INTEGER, unit = ''): Rule {
  const range = max === Number.MAX_SAFE_INTEGER ? `, ${min} or more` : ` from ${min} to ${max}`
  return rule(
    `a whole number${unit && ` of ${unit}`}${range}`,
    (value) => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
  )
}

/** A whole number from 0 up, or `Infinity` for no limit. */
export const upTo: Rule = rule(
  'a whole number, 0 or more, or Infinity',
  (value) => value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && (value as number) >= 0),
)

/** An object (or class instance) with these methods. */
export function withMethods(what: string, ...methods: readonly string[]): Rule {
  return rule(`${what} (an object with ${methods.join(', ')})`, (value) => hasMethods(value, methods))
}

export function hasMethods(value: unknown, methods: readonly (string | symbol)[]): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  try {
    return methods.every((method) => typeof (value as Record<string | symbol, unknown>)[method] === 'function')
  } catch {
    return false
  }
}

/** As `Array.isArray`, which throws for a proxy that was revoked. */
export function isArray(value: unknown): value is readonly unknown[] {
  try {
    return Array.isArray(value)
  } catch {
    return false
  }
}

/** As `rule`, and any of `others` as well. */
export function either(first: Rule, ...others: readonly Rule[]): Rule {
  const all = [first, ...others]
  return {
    expected: all.map((one) => one.expected).join(', or '),
    test: (value) => all.some((one) => one.test(value)),
    choices: all.flatMap((one) => one.choices ?? []),
  }
}

/** For options that are checked where they are read, because reading is the check. */
export const readElsewhere: Rule = rule('what its reader takes', () => true)

/** Names longer than this are compared with nothing. */
const LONGEST_NAME = 64

/** The nearest of `known` to a name that is none of them, when it is near enough to be a slip. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  if (name.length > LONGEST_NAME) return undefined
  const plain = (one: string) => one.toLowerCase().replaceAll('_', '')
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(plain(name), plain(candidate))
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Letters to insert, delete or replace to turn one text into the other. */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min(replaced, above[j]! + 1, row[j - 1]! + 1))
    }
    above = row
  }
  return above[b.length]!
}
