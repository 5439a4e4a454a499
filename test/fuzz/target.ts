// What a fuzz target is: one decoder, or several of one format, and what must hold for whatever bytes it is given.

import { inspect, isDeepStrictEqual } from 'node:util'
import type { Random } from '../../src/env/random.ts'

export interface Target {
  /** What `npm run fuzz -- NAME` calls it. */
  readonly name: string
  /** Makes one input, and says what is to be done with it. Everything is drawn from `random`: a seed gives the same case. */
  make(random: Random): Case | Promise<Case>
}

export interface Case {
  /** What a failure shows, and what time and memory are measured by. */
  readonly input: Uint8Array | string
  /** True for what an encoder of ours made: then a refusal is a failure as well. */
  readonly valid?: boolean
  /** Bytes that may come out beside the input's own size: the limit that a decompressor is given. */
  readonly allowance?: number
  /** A SlateDBError is a refusal; anything else that is thrown is a finding. */
  run(): void | Promise<void>
}

/** What must hold does not: a wrong answer. */
export class Wrong extends Error {}

export function must(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Wrong(what)
}

/** Both are the same bytes. */
export function mustEqual(actual: Uint8Array, expected: Uint8Array, what: string): void {
  if (Buffer.compare(actual, expected) === 0) return
  let at = 0
  while (at < actual.length && actual[at] === expected[at]) at++
  throw new Wrong(`${what}: ${actual.length} and ${expected.length} bytes, different from ${at} on`)
}

/** Both are the same value, down to the last field. */
export function mustBeSame(actual: unknown, expected: unknown, what: string): void {
  if (!isDeepStrictEqual(actual, expected)) throw new Wrong(`${what}: ${difference(actual, expected, '')}`)
}

function difference(a: unknown, b: unknown, path: string): string {
  if (isPlain(a) && isPlain(b)) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      if (!isDeepStrictEqual(a[key], b[key])) return difference(a[key], b[key], `${path}.${key}`)
    }
  }
  return `${path} is ${shown(a)} and ${shown(b)}`
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !(value instanceof Uint8Array)

const shown = (value: unknown): string =>
  inspect(value, { depth: 3, breakLength: Number.POSITIVE_INFINITY }).slice(0, 300)
