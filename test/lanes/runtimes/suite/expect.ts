// Assertions of the suite: they only throw, in any runtime.

import { type ErrorKind, isSlateDBError, type SlateDBError } from '../../../../src/index.ts'

export function check(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(`expected: ${what}`)
}

/** Compares plain data: numbers, texts, bytes, arrays of those. */
export function same(actual: unknown, expected: unknown, what: string): void {
  const [left, right] = [show(actual), show(expected)]
  if (left !== right) throw new Error(`${what}: expected ${cut(right)}, got ${cut(left)}`)
}

/** Fails unless `work` fails with a SlateDBError of this kind; gives the error. */
export async function failsAs(kind: ErrorKind, work: Promise<unknown>, what: string): Promise<SlateDBError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error === undefined) throw new Error(`${what}: expected a ${kind} error, but it succeeded`)
  if (!isSlateDBError(error) || error.kind !== kind) {
    throw new Error(`${what}: expected a ${kind} error, got ${error}`, { cause: error })
  }
  return error
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
