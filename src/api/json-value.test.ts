import { describe, expect, test } from 'vitest'
import { fresh, invalid } from '../../test/support/fresh.ts'
import { jsonText } from './json-value.ts'

class User {
  name = 'Ada'
  private readonly born = new Date(0)
  greet() {
    return this.name + String(this.born)
  }
}

const circle: Record<string, unknown> = {}
circle.self = circle

describe('a value that JSON would change in silence', () => {
  test.each<[unknown, string]>([
    [new Map([['a', 1]]), 'JSON cannot hold a Map, which would become {}'],
    [{ tags: new Set([1]) }, 'JSON cannot hold a Set, which would become {}, at .tags'],
    [new Uint8Array([1]), 'JSON cannot hold bytes'],
    [Buffer.from('x'), 'JSON cannot hold bytes'],
    [new ArrayBuffer(2), 'JSON cannot hold bytes'],
    [{ user: { tags: [1, 2, { x: Number.NaN }] } }, 'JSON cannot hold NaN, at .user.tags[2].x'],
    [[1, Number.POSITIVE_INFINITY], 'JSON cannot hold Infinity, at [1]'],
    [[1, undefined], 'JSON cannot hold undefined, at [1]'],
    [[() => 1], 'JSON cannot hold a function, at [0]'],
    [{ a: Symbol('s') }, 'JSON cannot hold a symbol, at .a'],
    // biome-ignore lint/suspicious/noSparseArray: a hole is what is tested.
    [[1, , 3], 'JSON cannot hold undefined, at [1]'],
    [{ 'a b': { n: 5n } }, 'JSON cannot hold a bigint, at ["a b"].n'],
    [{ when: new Date(Number.NaN) }, 'JSON cannot hold an invalid date, at .when'],
    [{ later: Promise.resolve(1) }, 'JSON cannot hold a Promise, which would become {}, at .later'],
    [/x/, 'JSON cannot hold a RegExp, which would become {}'],
    [{ error: new Error('x') }, 'JSON cannot hold a Error, which would become {}, at .error'],
    [circle, 'JSON cannot hold an object inside itself, at .self'],
    [undefined, 'JSON cannot hold undefined'],
    [Symbol('s'), 'JSON cannot hold a symbol'],
    [new (class Empty {})(), 'JSON cannot hold a Empty, which would become {}'],
  ])('case %# is refused, with the place', (value, message) => {
    expect(() => jsonText(value)).toThrow(message)
  })

  test.each<[unknown]>([
    [null],
    ['text with \ud800'],
    [{ a: [1, -0, 1.5e300, true, { b: null }], c: undefined, d: () => 1 }],
    [Object.assign(Object.create(null), { a: 1 })],
    [new User()],
    [new Date(0)],
    [{ url: new URL('https://example.com'), toJSON: () => 'own' }],
    [[Object('boxed'), Object(5), Object(true)]],
    [[]],
    [{}],
  ])('case %# is written as JSON.stringify does', (value) => {
    expect(jsonText(value)).toBe(JSON.stringify(value))
  })

  test('the same object in two places is fine', () => {
    const shared = { a: 1 }
    expect(jsonText([shared, shared])).toBe('[{"a":1},{"a":1}]')
  })

  test('a put of it is refused, and nothing is written', async () => {
    const db = await fresh({ keyEncoding: 'utf8', valueEncoding: 'json' })
    await expect(db.put('a', { seen: new Set() })).rejects.toEqual(invalid('ENCODE'))
    await expect(db.put('a', { seen: new Set() })).rejects.toThrow('at .seen')
    expect(await db.count()).toBe(0)
  })
})
