import { describe, expect, test } from 'vitest'
import { abortSignal, checkOptions, flag, nearest, oneOf, optionTable, u64, upTo, whole } from './checks.ts'
import { isSlateDBError, messageOf, SlateDBError, show } from './errors.ts'

interface Sample {
  durability?: string
  count?: number
  dirty?: boolean
}

const table = optionTable<Sample>('read', { durability: oneOf('remote', 'memory'), count: whole(1, 9), dirty: flag })

/** A proxy that throws whatever is asked of it. */
function hostile(): object {
  const fail = () => {
    throw new Error('do not look at me')
  }
  const traps = Object.fromEntries(Object.getOwnPropertyNames(Reflect).map((name) => [name, fail]))
  return new Proxy({}, traps as ProxyHandler<object>)
}

describe('options of a call', () => {
  test.each([
    [{}],
    [{ durability: 'memory', count: 9, dirty: false }],
    [{ durability: undefined }],
    [Object.create(null)],
    [Object.assign(Object.create({ dirty: true }), { count: 1 })],
  ])('%j is fine', (options) => {
    expect(() => checkOptions(table, options)).not.toThrow()
  })

  test.each([
    [{ durabilty: 'memory' }, 'UNKNOWN_OPTION', 'read has no option "durabilty"; did you mean durability?'],
    [{ frob: 1 }, 'UNKNOWN_OPTION', 'read has no option "frob"; it takes durability, count, dirty'],
    [{ frob: undefined }, 'UNKNOWN_OPTION', /frob/],
    [{ toString: 1 }, 'UNKNOWN_OPTION', /toString/],
    [JSON.parse('{"__proto__": 1}'), 'UNKNOWN_OPTION', /__proto__/],
    [Object.create({ durabilty: 'memory' }), 'UNKNOWN_OPTION', /durabilty/],
    [
      { durability: 'Remote' },
      'INVALID_OPTION',
      "read: durability must be 'remote' or 'memory', not \"Remote\"; did you mean 'remote'?",
    ],
    [{ durability: true }, 'INVALID_OPTION', /not true$/],
    [{ durability: '' }, 'INVALID_OPTION', /not ""$/],
    [{ durability: null }, 'INVALID_OPTION', /not null$/],
    [{ count: 10 }, 'INVALID_OPTION', 'read: count must be a whole number from 1 to 9, not 10'],
    [{ count: Number.NaN }, 'INVALID_OPTION', /not NaN/],
    [{ dirty: 'yes' }, 'INVALID_OPTION', 'read: dirty must be true or false, not "yes"'],
    [null, 'INVALID_OPTION', 'read: options are an object, not null'],
    ['memory', 'INVALID_OPTION', 'read: options are an object, not "memory"'],
    [[], 'INVALID_OPTION', /not an array/],
    [() => {}, 'INVALID_OPTION', /not a function/],
  ])('%j is refused', (options: unknown, code, message) => {
    expect(() => checkOptions(table, options)).toThrow(
      expect.objectContaining({
        kind: 'Invalid',
        code: `SLATEDB_${code}`,
        message: typeof message === 'string' ? message : expect.stringMatching(message),
      }) as Error,
    )
  })

  test('what a library adds to every object of the program is no option', () => {
    const objects = Object.prototype as Record<string, unknown>
    objects.polluted = true
    try {
      expect(() => checkOptions(table, { count: 1 })).not.toThrow()
      expect(() => checkOptions(table, { polluted: 1 })).toThrow(/no option "polluted"/)
    } finally {
      delete objects.polluted
    }
  })
})

test.each([
  [u64, [0n, 1n, 2n ** 64n - 1n], [-1n, 2n ** 64n, 5, '5', null, Number.NaN]],
  [upTo, [0, 1, Number.POSITIVE_INFINITY], [-1, 1.5, Number.NaN, '5', 1n, Number.NEGATIVE_INFINITY, null]],
  [whole(1), [1, 2 ** 53 - 1], [0, 2 ** 53, 1.5, Number.POSITIVE_INFINITY, Number.NaN, '1', 1n, -1]],
  [abortSignal, [AbortSignal.abort(), new AbortController().signal], [{}, new AbortController(), 'stop', null, true]],
])('rule %# takes what it should and nothing else', (rule, right, wrong) => {
  for (const value of right) expect([show(value), rule.test(value)]).toEqual([show(value), true])
  for (const value of wrong) expect([show(value), rule.test(value)]).toEqual([show(value), false])
})

describe('what a caller passed, in a message', () => {
  const thrower = {
    toString() {
      throw new Error('no')
    },
    toJSON() {
      throw new Error('no')
    },
  }
  test.each([
    ['a "text"', '"a \\"text\\""'],
    ['x'.repeat(5_000_000), `"${'x'.repeat(100)}"... (5000000 characters)`],
    ['two\nlines', '"two\\nlines"'],
    [12n, '12n'],
    [2n ** 100_000n, 'a bigint of more than 256 bits'],
    [Symbol('s'), 'Symbol(s)'],
    [-0, '-0'],
    [undefined, 'undefined'],
    [null, 'null'],
    [thrower, 'an object'],
    [hostile(), 'an object'],
    [Proxy.revocable({}, {}), 'an object'],
    [new Map(), 'a Map'],
    [new Uint8Array(3), 'a Uint8Array'],
    [[1, 2], 'an array'],
    [{ secret: 'password' }, 'an object'],
    [{ [Symbol.toStringTag]: 'x\ny' }, 'an object'],
    [class {}, 'a function'],
  ])('case %# is short and safe', (value, expected) => {
    expect(show(value)).toBe(expected)
  })

  test('a revoked proxy is shown, too', () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    expect(show(proxy)).toBe('an object')
    expect(messageOf(proxy)).toBe('an object')
    expect(isSlateDBError(proxy)).toBe(false)
  })

  test.each([
    [new Error('plain'), 'plain'],
    ['thrown text', 'thrown text'],
    [undefined, 'undefined'],
    [Symbol('s'), 'Symbol(s)'],
    [thrower, 'an object'],
    [hostile(), 'an object'],
    [{ message: 'of another realm' }, 'of another realm'],
    [{ message: 5 }, 'an object'],
    [new Error('y'.repeat(100_000)), `${'y'.repeat(1000)}... (100000 characters)`],
  ])('what was thrown in case %# is told', (error, expected) => {
    expect(messageOf(error)).toBe(expected)
    expect(isSlateDBError(error)).toBe(false)
  })

  test('an error of another copy of this package is recognised', () => {
    const own = new SlateDBError('Invalid', 'X', 'x')
    const copy = { message: 'x' }
    for (const key of Object.getOwnPropertySymbols(own)) Object.defineProperty(copy, key, { value: true })
    expect(isSlateDBError(copy)).toBe(true)
  })
})

test('a name of a million letters is compared with nothing', () => {
  expect(nearest('x'.repeat(1_000_000), ['x'])).toBeUndefined()
  expect(nearest('flushIntervall', ['walEnabled', 'flushInterval'])).toBe('flushInterval')
})
