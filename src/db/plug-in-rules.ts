// What plug-ins must be able to do, for the doors they come in through: one that lacks a method would fail a flush or a
// read much later, and take the handle with it.

import { either, fits, hasMethods, isArray, type Rule, withMethods } from '../checks.ts'
import type { FilterPolicy } from '../filter/policy.ts'

export const objectStore: Rule = {
  ...withMethods('an object store', 'get', 'head', 'put', 'delete', 'list', 'describe'),
  test: (value) =>
    hasMethods(value, ['get', 'head', 'put', 'delete', 'list', 'describe']) &&
    typeof (value as { capabilities?: unknown }).capabilities === 'object',
}

export const mergeOperator: Rule = {
  expected: 'a function, or an object with merge or mergeBatch',
  test: (value) => typeof value === 'function' || hasMethods(value, ['merge']) || hasMethods(value, ['mergeBatch']),
}

export const transformer: Rule = withMethods('a block transformer', 'encode', 'decode')

export const blockCache: Rule = {
  expected: 'a BlockCache or false',
  // By its parts, and by none that a map or an array has: a cache of another copy of this package is one, too.
  test: (value) => {
    if (value === false) return true
    if (typeof value !== 'object' || value === null) return false
    const { data, meta } = value as { data?: unknown; meta?: unknown }
    return hasMethods(data, ['insert']) && hasMethods(meta, ['insert'])
  },
}

export const clock: Rule = withMethods('a clock', 'now', 'monotonic', 'schedule', 'yield')
export const logger: Rule = withMethods('a logger', 'debug', 'info', 'warn', 'error')
export const recorder: Rule = withMethods('a metrics recorder', 'register')

export const environment: Rule = {
  expected: 'an environment, as createEnv makes it',
  test: (value) => {
    if (typeof value !== 'object' || value === null) return false
    const env = value as Readonly<Record<'clock' | 'random' | 'logger' | 'metrics' | 'turns', unknown>>
    return (
      clock.test(env.clock) &&
      logger.test(env.logger) &&
      hasMethods(env.random, ['float', 'bytes', 'fork']) &&
      hasMethods(env.metrics, ['counter', 'gauge', 'snapshot']) &&
      hasMethods(env.turns, ['after'])
    )
  },
}

export const seed: Rule = {
  expected: 'a number or a text',
  test: (value) => typeof value === 'string' || (typeof value === 'number' && !Number.isNaN(value)),
}

/** True for what the engine can build filters with and read them back. */
export function isFilterPolicy(value: unknown): value is FilterPolicy {
  return hasMethods(value, ['builder', 'decode']) && fits(policyName, (value as { name?: unknown }).name)
}

const policyName: Rule = { expected: 'a text', test: (value) => typeof value === 'string' && value !== '' }

export const filterPolicies: Rule = {
  expected: 'an array of filter policies (objects with name, builder, decode), each of a name of its own',
  test: (value) =>
    isArray(value) &&
    value.every(isFilterPolicy) &&
    new Set((value as FilterPolicy[]).map((policy) => policy.name)).size === value.length,
}

/** No limit is fine where a limit is what is asked for. */
export const timeout: Rule = either(
  {
    expected: 'a whole number of milliseconds, 1 or more',
    test: (value) => Number.isSafeInteger(value) && (value as number) >= 1,
  },
  { expected: 'Infinity', test: (value) => value === Number.POSITIVE_INFINITY },
)
