import { expect, test } from 'vitest'
import { bytes, count, dollars, duration, plural, rate, table } from './human.ts'

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1536, '1.50 KiB'],
  [64 * 2 ** 20, '64.0 MiB'],
])('%d bytes', (value, text) => expect(bytes(value)).toBe(text))

test.each([
  [0.0005, '500 ns'],
  [0.0042, '4.20 us'],
  [0.25, '250.0 us'],
  [3.456, '3.46 ms'],
  [1234, '1.23 s'],
  [61_000, '1 min 1 s'],
])('%d milliseconds', (value, text) => expect(duration(value)).toBe(text))

test.each([
  [0, '$0'],
  [0.0000012345, '$0.0000012'],
  [0.05, '$0.050'],
  [12.345, '$12.35'],
])('%d dollars', (value, text) => expect(dollars(value)).toBe(text))

test('counts and rates', () => {
  expect(count(1234567)).toBe('1,234,567')
  expect(count(18446744073709551615n)).toBe('18,446,744,073,709,551,615')
  expect(plural(1, 'row')).toBe('1 row')
  expect(plural(2, 'row')).toBe('2 rows')
  expect(rate(500, 250)).toBe('2,000/s')
  expect(rate(1, 0)).toBe('0/s')
})

test('a table lines up, numbers to the right', () => {
  expect(
    table([
      ['a', '1'],
      ['bcd', '1,000'],
    ]),
  ).toBe('  a        1\n  bcd  1,000')
})
