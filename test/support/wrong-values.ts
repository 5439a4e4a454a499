// Values that a call may be given and must refuse, and what to expect of the refusal.

import { fits, type OptionTable, type Rule } from '../../src/checks.ts'
import { isSlateDBError, show } from '../../src/errors.ts'

/** Whatever is asked of it, it throws. */
export function hostile(): object {
  const fail = () => {
    throw new Error('do not look at me')
  }
  const traps = Object.fromEntries(Object.getOwnPropertyNames(Reflect).map((name) => [name, fail]))
  return new Proxy({}, traps as ProxyHandler<object>)
}

export function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

export const STRANGE: readonly unknown[] = [
  null,
  '',
  'wrong',
  'Remote',
  'MEMORY',
  true,
  0,
  -1,
  1.5,
  Number.NaN,
  Number.NEGATIVE_INFINITY,
  2 ** 53,
  5n,
  -1n,
  2n ** 64n,
  Symbol('s'),
  {},
  [],
  () => {},
  new Map(),
  hostile(),
  revoked(),
]

/**
 * A case for every wrong value of every option, for names that do not exist, and for options that are no object.
 * `special`: what is wrong for options that are checked where they are read.
 */
export function wrongOptions(
  { rules }: OptionTable,
  special: Readonly<Record<string, readonly unknown[]>> = {},
): [shown: string, options: object][] {
  const wrong = (name: string, rule: Rule) => special[name] ?? STRANGE.filter((value) => !fits(rule, value))
  const named = [...rules].flatMap(([name, rule]) =>
    wrong(name, rule).map((value): [string, object] => [`${name}: ${show(value)}`, { [name]: value }]),
  )
  const misspelt = [...rules.keys()].map((name): [string, object] => [`${name}x`, { [`${name}x`]: undefined }])
  const whole = [null, 'memory', 5, true, [], () => {}, hostile(), revoked()]
  return [...named, ...misspelt, ...whole.map((value): [string, object] => [show(value), value as object])]
}

/** What a call ended with; an error that it threw at once counts too. */
export async function failureOf(call: () => unknown): Promise<unknown> {
  try {
    await call()
  } catch (error) {
    return error
  }
  return 'no error'
}

/** A typed refusal, short enough to be read. */
export const isInvalid = (error: unknown): boolean =>
  isSlateDBError(error) && error.kind === 'Invalid' && error.message.length < 1000
