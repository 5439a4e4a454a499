// Assertions for suites that run under any test framework: they only throw.

import { isSlateDBError, type StoreReason } from '../errors.ts'

export function check(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(`expected: ${what}`)
}

/** Compares plain data: numbers, strings, bytes, arrays and objects of those. */
export function same(actual: unknown, expected: unknown, what: string): void {
  const [left, right] = [show(actual), show(expected)]
  if (left !== right) throw new Error(`${what}: expected ${cut(right)}, got ${cut(left)}`)
}

/** Fails unless `work` fails as a store with this reason. */
export async function failsWith(reason: StoreReason, work: Promise<unknown>, what: string): Promise<void> {
  const outcome = await settled(work)
  if (outcome.ok) throw new Error(`${what}: expected ${reason}, but it succeeded`)
  if (!isSlateDBError(outcome.error) || outcome.error.storeReason !== reason) {
    throw new Error(`${what}: expected ${reason}, got ${outcome.error}`, { cause: outcome.error })
  }
}

export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown }

export async function settled<T>(work: Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await work }
  } catch (error) {
    return { ok: false, error }
  }
}

function show(value: unknown): string {
  return (
    JSON.stringify(value, (_, item) => {
      if (item instanceof Uint8Array) return `bytes ${Array.from(item).join(' ')}`
      return typeof item === 'bigint' ? `${item}n` : item
    }) ?? String(value)
  )
}

const cut = (text: string): string =>
  text.length > 300 ? `${text.slice(0, 300)}... (${text.length} characters)` : text
