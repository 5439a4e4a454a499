import { expect, test } from 'vitest'
import { compareBytes } from '../bytes/compare.ts'
import { toHex } from '../bytes/text.ts'
import { Random } from '../env/random.ts'
import { type Tuple, type TupleElement, tuple } from './tuple.ts'

test.each([
  [[], ''],
  [[null], '01'],
  [[new Uint8Array([0, 1, 2])], '02' + '0101' + '0102' + '02' + '00'],
  [['a\0b'], '0361' + '0101' + '62' + '00'],
  [[[null, 'x']], '05' + '01' + '037800' + '00'],
  [[0n], '0c00'],
  [[255n], '0c01ff'],
  [[-1n], '0bfefe'],
  [[0], '218000000000000000'],
  [[-0], '218000000000000000'],
  [[1], '21bff0000000000000'],
  [[-1], '21400fffffffffffff'],
  [[false, true], '2627'],
])('case %# is on storage and stays', (elements, hex) => {
  expect(toHex(tuple.encode(elements as Tuple))).toBe(hex)
})

const TYPES = ['null', 'bytes', 'string', 'array', 'bigint', 'number', 'boolean']

function typeOf(value: TupleElement): number {
  if (value === null) return 0
  if (value instanceof Uint8Array) return 1
  if (Array.isArray(value)) return 3
  return TYPES.indexOf(typeof value)
}

/** The order that the bytes must have, said without bytes. */
function compare(a: Tuple, b: Tuple): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareElements(a[i]!, b[i]!)
    if (order !== 0) return order
  }
  return a.length - b.length
}

function compareElements(a: TupleElement, b: TupleElement): number {
  const type = typeOf(a) - typeOf(b)
  if (type !== 0 || a === null || b === null) return type
  if (a instanceof Uint8Array) return compareBytes(a, b as Uint8Array)
  if (typeof a === 'string') return compareBytes(Buffer.from(a), Buffer.from(b as string))
  if (Array.isArray(a)) return compare(a, b as Tuple)
  return a < b ? -1 : a > b ? 1 : 0
}

function element(random: Random, depth: number): TupleElement {
  switch (random.int(0, depth > 2 ? 5 : 6)) {
    case 0:
      return null
    case 1:
      return Uint8Array.from({ length: random.int(0, 4) }, () => random.int(0, 3))
    case 2:
      return Array.from(
        { length: random.int(0, 4) },
        () => ['\0', '\u0001', 'a', 'é', '🎉', '\uffff'][random.int(0, 5)],
      ).join('')
    case 3: {
      const size = BigInt(random.int(0, 70))
      return (random.int(0, 1) === 0 ? 1n : -1n) * ((1n << size) + BigInt(random.int(-2, 2)))
    }
    case 4:
      return [
        0,
        1,
        -1,
        0.1,
        -0.1,
        1e300,
        -1e300,
        5e-324,
        Number.POSITIVE_INFINITY,
        Number.NEGATIVE_INFINITY,
        random.int(-300, 300),
      ][random.int(0, 10)]!
    case 5:
      return random.int(0, 1) === 0
    default:
      return Array.from({ length: random.int(0, 3) }, () => element(random, depth + 1))
  }
}

test('bytes order as the tuples do, and come back as they were', () => {
  const seed = `${Date.now()}`
  const random = new Random(seed)
  const make = () => Array.from({ length: random.int(0, 4) }, () => element(random, 0))
  for (let i = 0; i < 5000; i++) {
    const [a, b] = [make(), make()]
    const [x, y] = [tuple.encode(a), tuple.encode(b)]
    expect(tuple.decode(x), `seed ${seed}`).toEqual(a)
    expect(Math.sign(compareBytes(x, y)), `seed ${seed}: ${String(a)} | ${String(b)}`).toBe(Math.sign(compare(a, b)))
    const longer = tuple.encode([...a, ...b])
    expect(compareBytes(longer.subarray(0, x.length), x)).toBe(0)
  }
})

test('a prefix catches whole elements only', () => {
  const beginning = tuple.encode(['a'])
  const other = tuple.encode(['a\0b'])
  expect(compareBytes(other.subarray(0, beginning.length), beginning)).not.toBe(0)
})

test.each([[Number.NaN], ['\ud800'], [undefined], [{}], [() => 1], [1n << 3000n]])(
  '%s has no place in a tuple',
  (value) => {
    expect(() => tuple.encode([value as TupleElement])).toThrow(TypeError)
  },
)

test.each(['ff', '0361', '21ff', '0c05', '05', '0201'])('the bytes %s are no tuple', (hex) => {
  expect(() => tuple.decode(Uint8Array.from(Buffer.from(hex, 'hex')))).toThrow(TypeError)
})

test.each(['\uFEFF', '\uFEFFa', 'a\uFEFF'])('text %j comes back with its U+FEFF', (text) => {
  expect(tuple.decode(tuple.encode([text]))).toEqual([text])
})

test.each([
  ['text that is no UTF-8', '03ff00'],
  ['an escape of a byte that needs none', '02010500'],
  ['an escape of nothing', '02010000'],
  ['a bigint with a leading zero', '0c020001'],
  ['a negative zero', '0bff'],
  ['a negative bigint with a leading zero', '0bfdfffe'],
  ['the number -0', '217fffffffffffffff'],
  ['NaN', '21fff8000000000000'],
  ['arrays in arrays without end', '05'.repeat(60_000)],
])('%s is no tuple: no two keys show as one', (_, hex) => {
  expect(() => tuple.decode(Uint8Array.from(Buffer.from(hex, 'hex')))).toThrow(TypeError)
})

test('arrays in arrays: 256 deep come back, 257 are refused both ways', () => {
  let deep: Tuple = []
  for (let i = 1; i < 257; i++) deep = [deep]
  expect(tuple.decode(tuple.encode(deep))).toEqual(deep)
  expect(() => tuple.encode([deep])).toThrow(/at most 256/)
  const bytes = tuple.encode(deep)
  expect(() => tuple.decode(Uint8Array.from([5, ...bytes, 0]))).toThrow(/at most 256/)
})

test('bytes that decode are the bytes that encode', () => {
  const seed = `${Date.now()}`
  const random = new Random(seed)
  for (let i = 0; i < 20_000; i++) {
    const bytes = tuple.encode(Array.from({ length: random.int(1, 3) }, () => element(random, 0)))
    for (let n = random.int(1, 2); n > 0; n--) {
      bytes[random.int(0, bytes.length - 1)] = random.pick([0, 1, 2, 3, 5, 0x0b, 0x0c, 0x21, 0x7f, 0xfe, 0xff])
    }
    let decoded: Tuple
    try {
      decoded = tuple.decode(bytes)
    } catch {
      continue
    }
    expect(toHex(tuple.encode(decoded)), `seed ${seed}`).toBe(toHex(bytes))
  }
})
