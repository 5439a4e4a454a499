import { describe, expect, test } from 'vitest'
import { Random } from '../env/random.ts'
import { mergeOperators } from './merge-operators.ts'

const KEY = new Uint8Array([1])
const json = (value: unknown) => new Uint8Array(Buffer.from(JSON.stringify(value)))
const parsed = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString()) as unknown
const u64 = (value: bigint) => {
  const out = new Uint8Array(8)
  new DataView(out.buffer).setBigUint64(0, value, true)
  return out
}

/** What an operator makes of operands, one after the other. */
function fold(name: keyof typeof mergeOperators, operands: readonly Uint8Array[]): Uint8Array {
  return operands.reduce<Uint8Array | undefined>(
    (existing, one) => mergeOperators[name](KEY, existing, one),
    undefined,
  )!
}

test('each does its job', () => {
  expect(parsed(fold('counter', [json(1), json(2), json(-5)]))).toBe(-2)
  expect(fold('sumU64LE', [u64(5n), u64((1n << 64n) - 1n)])).toEqual(u64(4n))
  expect(fold('max', [json(1), json(3), json(2)])).toEqual(json(3))
  expect(fold('min', [json(2), json(1), json(3)])).toEqual(json(1))
  expect(fold('append', [json(1), json(2)])).toEqual(new Uint8Array(Buffer.from('12')))
  expect(parsed(fold('jsonPatch', [json({ a: 1, b: { c: 1 } }), json({ b: { d: 9 }, e: null })]))).toEqual({
    a: 1,
    b: { d: 9 },
    e: null,
  })
  expect(parsed(fold('jsonPatch', [json({ a: 1 }), json([1])]))).toEqual([1])
  expect(parsed(fold('jsonPatch', [json([1]), json({ a: 1 })]))).toEqual([1])
  expect(parsed(fold('setUnion', [json([1, 'a']), json('a'), json([2, 1])]))).toEqual([1, 'a', 2])
})

test('a patch cannot reach a prototype', () => {
  const patch = new Uint8Array(Buffer.from('{"__proto__":{"polluted":true}}'))
  fold('jsonPatch', [json({ a: 1 }), patch])
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
})

const OPERANDS: Record<keyof typeof mergeOperators, (random: Random) => Uint8Array> = {
  counter: (random) => json(random.int(-9, 9)),
  sumU64LE: (random) => u64(BigInt(random.u32()) << 33n),
  max: (random) => random.bytes(random.int(1, 3)),
  min: (random) => random.bytes(random.int(1, 3)),
  append: (random) => random.bytes(random.int(0, 3)),
  jsonPatch: (random) => {
    const value = () => [null, 1, 'x', [1], {}, { a: random.int(0, 3) }][random.int(0, 5)]
    return json(
      random.int(0, 5) === 0
        ? value()
        : { [`k${random.int(0, 2)}`]: value(), [`k${random.int(0, 2)}`]: { b: value() } },
    )
  },
  setUnion: (random) => json(random.int(0, 1) === 0 ? random.int(0, 5) : [random.int(0, 5), random.int(0, 5)]),
}

test.each(Object.keys(OPERANDS) as (keyof typeof mergeOperators)[])('%s is associative', (name) => {
  const seed = `${Date.now()}`
  const random = new Random(seed)
  for (let i = 0; i < 500; i++) {
    const operands = Array.from({ length: random.int(2, 6) }, () => OPERANDS[name](random))
    const cut = random.int(1, operands.length - 1)
    const grouped = mergeOperators[name](KEY, fold(name, operands.slice(0, cut)), fold(name, operands.slice(cut)))
    expect(grouped, `seed ${seed}`).toEqual(fold(name, operands))
  }
})

test.each([
  ['counter', json('x'), /holds a number/],
  ['sumU64LE', json(1), /has 8 bytes/],
] as const)('%s refuses what it cannot combine', (name, operand, message) => {
  expect(() => fold(name, [operand, operand])).toThrow(message)
})

describe('counters at their edges', () => {
  const merge = (...operands: string[]) =>
    operands
      .map((operand): Uint8Array => new TextEncoder().encode(operand))
      .reduce((existing, operand) => mergeOperators.counter(new Uint8Array([1]), existing, operand))

  test.each([
    [['9007199254740991', '1', '1'], '9007199254740993'],
    [['9007199254740992', '1', '-2'], '9007199254740991'],
    [['-9007199254740991', '-5'], '-9007199254740996'],
    [['123456789012345678901234567890', '1'], '123456789012345678901234567891'],
    [['0.5', '1'], '1.5'],
    [['1e3', '1'], '1001'],
    [['5', '-7'], '-2'],
    [['1e308', '5'], '1e+308'],
  ])('%j add up to %s', (operands, expected) => {
    expect(new TextDecoder().decode(merge(...operands))).toBe(expected)
  })

  test.each([[['1e308', '1e308']], [['1', 'null']], [['1', '"2"']], [['1', 'NaN']]])('%j are refused', (operands) => {
    expect(() => merge(...operands)).toThrow()
  })

  test('the order in which operands are combined changes nothing', () => {
    const [a, b, c] = ['9007199254740991', '7', '-3'] as const
    const left = merge(new TextDecoder().decode(merge(a, b)), c)
    const right = merge(a, new TextDecoder().decode(merge(b, c)))
    expect(left).toEqual(right)
  })
})
