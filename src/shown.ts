// How handles and records look when a program prints them: `JSON.stringify` cannot write a bigint, and a handle whose
// state is private shows nothing at all.

import { type CloseReason, messageOf } from './errors.ts'

/** What `console.log` and `util.inspect` of Node, Bun and Deno call on an object. */
export const inspectCustom: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never

type Inspect = (value: unknown, options?: unknown) => string

/** `SlateDB { location: './data', state: 'open' }`, with the colours and the depth of the caller. */
export function inspected(name: string, fields: object, options: unknown, inspect: Inspect | undefined): unknown {
  return inspect === undefined ? { [name]: fields } : `${name} ${inspect(fields, options)}`
}

/** The fields for JSON: a bigint is a number while that is exact and a text beyond, an error is its code and message. */
export function jsonOf(fields: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, jsonValue(value)]))
}

function jsonValue(value: unknown): unknown {
  if (typeof value === 'bigint') {
    return value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER ? Number(value) : String(value)
  }
  if (!(value instanceof Error)) return value
  const { code } = value as { code?: unknown }
  return { ...(typeof code === 'string' && { code }), message: messageOf(value) }
}

/** What became of a handle, in a word. */
export function stateOf(closeReason: CloseReason | undefined): { readonly state: string } {
  const words = { Clean: 'closed', Fenced: 'fenced', Panic: 'failed' } as const
  return { state: closeReason === undefined ? 'open' : words[closeReason] }
}

/** A handle that shows what matters of it. */
export abstract class Shown {
  /** What is worth to be known at a glance. */
  abstract shown(): object

  /** For `JSON.stringify`. */
  toJSON(): Record<string, unknown> {
    return jsonOf(this.shown())
  }

  [inspectCustom](_depth: number, options: unknown, inspect?: Inspect): unknown {
    return inspected(this.constructor.name, this.shown(), options, inspect)
  }
}

/** A record of plain fields that JSON can write. */
export class PlainRecord {
  /** For `JSON.stringify`. */
  toJSON(): Record<string, unknown> {
    return jsonOf(this)
  }
}
