// The settings of the 0.12 line as its binding holds them: one JSON document of a fixed shape, whose every key is written
// and, apart from the optional ones, must be there when it is read. What that line accepts is accepted, whatever this
// engine's own ranges are; settings-engine.ts makes the engine's settings of it when a database is opened.
//
// Keys that only this package has (`format_generation`, `compactor_options.worker`) may stand in the document as well.
// They are kept as they were given, and win over an older name of the same setting. The 0.12 line ignores them.

import { snakeName } from '../db/settings-names.ts'
import { findField } from '../db/settings-parse.ts'
import { ErrorInvalid } from './errors.ts'
import { type Document, type Group, isRecord, type Leaf, SHAPE, shapeAt } from './settings-shape.ts'

/** Checks a document and brings it into its normal form. Other keys are dropped. */
export function readDocument(input: unknown): Document {
  return readGroup(SHAPE, input, [])
}

/** `over` laid on `base`, object by object. */
export function overlay(base: Document, over: Document): Document {
  const out: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const under = out[key]
    out[key] = isRecord(under) && isRecord(value) ? overlay(under, value) : value
  }
  return out
}

/** What a variable's text means for the setting at `path`; `undefined` when there is no such setting. */
export function fromVariable(path: readonly string[], text: string): unknown {
  const kind = kindAt(path)
  if (kind === undefined) return undefined
  if (text === 'null') return null
  if (kind === 'flag' && /^(true|false)$/i.test(text)) return text.toLowerCase() === 'true'
  if (kind === 'group' || kind === 'texts') return fromJson(text)
  return kind !== 'duration' && kind !== 'text' && /^\d+$/.test(text) ? Number(text) : text
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function readGroup(group: Group, input: unknown, path: readonly string[]): Document {
  if (!isRecord(input)) throw wrong(path, 'an object', input)
  const out: Record<string, unknown> = {}
  for (const [key, field] of Object.entries(group.fields)) {
    const value = read(field, input[key], [...path, key])
    if (value !== undefined) out[key] = value
  }
  for (const [key, value] of Object.entries(input)) {
    if (!(key in group.fields) && isOwn([...path, key])) out[key] = value
  }
  return out
}

/** The value in its normal form; `undefined` when it is not to be written. */
function read(field: Leaf | Group, value: unknown, path: readonly string[]): unknown {
  if (value === undefined) {
    if (!field.optional) throw new ErrorInvalid(`missing field \`${path.at(-1)}\` (${path.join('.')})`)
    return field.kind === 'texts' ? {} : null
  }
  if (value === null && field.nullable) return field.kind === 'duration' && field.hidden ? undefined : null
  switch (field.kind) {
    case 'group':
      return readGroup(field, value, path)
    case 'flag':
      if (typeof value !== 'boolean') throw wrong(path, 'true or false', value)
      return value
    case 'text':
      if (typeof value !== 'string') throw wrong(path, 'a text', value)
      return value
    case 'choice':
      if (!field.choices!.includes(value as string)) throw wrong(path, `one of ${field.choices!.join(', ')}`, value)
      return value
    case 'texts':
      return readTexts(value, path)
    case 'duration':
      return readDuration(value, path)
    default:
      return readNumber(value, field.kind === 'u32' ? 2 ** 32 - 1 : 2 ** 64, path)
  }
}

function readTexts(value: unknown, path: readonly string[]): Document {
  if (!isRecord(value)) throw wrong(path, 'an object of texts', value)
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') throw wrong([...path, key], 'a text', text)
  }
  return { ...value }
}

function readNumber(value: unknown, most: number, path: readonly string[]): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > most) {
    throw wrong(path, `a whole number from 0 to ${most}`, value)
  }
  return value
}

/** Units of the 0.12 line in nanoseconds: no unit means seconds, a month has 30 days, a year 365. */
const UNIT_NS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    'ns nsec nanosecond': 1,
    'us µs usec microsecond': 1e3,
    'ms msec millisecond': 1e6,
    's sec second': 1e9,
    'm min minute': 60e9,
    'h hr hour': 3600e9,
    'd day': 86_400e9,
    'w week': 7 * 86_400e9,
    'mon month': 30 * 86_400e9,
    'y year': 365 * 86_400e9,
  }).flatMap(([names, ns]) => names.split(' ').map((name): [string, number] => [name, ns])),
)

const DURATION_PART = /(\d+)([a-zµ]*)(?:\s*\+\s*|\s*)/giy

/** A duration as that line writes it: whole seconds, and three digits of milliseconds. */
function readDuration(value: unknown, path: readonly string[]): string {
  const refused = wrong(path, 'a duration, a text such as "100ms" or "1m30s"', value)
  const text = typeof value === 'string' ? value.trim() : ''
  if (text === '' || text.endsWith('+')) throw refused
  let ns = 0
  let read = 0
  for (const [part, digits, unit] of text.matchAll(DURATION_PART)) {
    const size = unit === '' ? 1e9 : UNIT_NS.get(unit!.toLowerCase())
    if (size === undefined) throw refused
    ns += Number(digits) * size
    read += part.length
  }
  if (read !== text.length || ns >= 2 ** 64) throw refused
  const ms = Math.floor(ns / 1e6)
  const [seconds, rest] = [Math.floor(ms / 1000), ms % 1000]
  if (rest === 0) return `${seconds}s`
  const digits = `${String(rest).padStart(3, '0')}ms`
  return seconds === 0 ? digits : `${seconds}s+${digits}`
}

function wrong(path: readonly string[], expected: string, value: unknown): ErrorInvalid {
  const where = path.length === 0 ? 'settings' : path.join('.')
  return new ErrorInvalid(`invalid value: ${where} must be ${expected}, not ${JSON.stringify(value)}`)
}

/** A key of this package by its snake_case name, which the 0.12 line does not know. */
function isOwn(path: readonly string[]): boolean {
  const found = findField(path)
  return found !== undefined && snakeName(found.keys.at(-1)!) === path.at(-1)
}

function kindAt(path: readonly string[]): string | undefined {
  const field = shapeAt(path)
  if (field !== undefined) return field.kind
  if (shapeAt(path.slice(0, -1))?.kind === 'texts') return 'text'
  return isOwn(path) ? findField(path)!.field.kind : undefined
}

/** The part of a document that the 0.12 line does not know. */
export function onlyOwn(document: Document, path: readonly string[] = []): Document {
  const out: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(document)) {
    const at = [...path, key]
    const kind = shapeAt(at)?.kind
    if (kind === undefined) out[key] = value
    else if (kind === 'group' && isRecord(value)) {
      const inner = onlyOwn(value, at)
      if (Object.keys(inner).length > 0) out[key] = inner
    }
  }
  return out
}
