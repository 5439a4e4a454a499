import { expect, test } from 'vitest'
import { encodeUtf8 } from '../bytes/text.ts'
import { Conflicts, type Footprint, sortedKeys } from './conflicts.ts'

const keys = (...names: string[]) => sortedKeys(names.map(encodeUtf8))
const at = (seqLo: number) => ({ seqHi: 0, seqLo })
const range = (start: string, end: string) => ({
  start: { key: encodeUtf8(start), inclusive: true },
  end: { key: encodeUtf8(end), inclusive: false },
})

function footprint(start: number, parts: Partial<Footprint>): Footprint {
  return { start: at(start), writes: [], unmarked: [], reads: [], ranges: [], ...parts }
}

test('a commit after the start conflicts by written key, read key and read range; one before it does not', () => {
  const conflicts = new Conflicts()
  const pin = at(5)
  conflicts.begin(pin)
  conflicts.record(0, 4, keys('a'))
  conflicts.record(0, 6, keys('m', 'x'))
  expect(conflicts.find(footprint(5, { writes: keys('a') }))).toBeUndefined()
  expect(conflicts.find(footprint(5, { writes: keys('b', 'm', 'z') }))).toEqual(encodeUtf8('m'))
  expect(conflicts.find(footprint(5, { reads: keys('x') }))).toEqual(encodeUtf8('x'))
  expect(conflicts.find(footprint(5, { ranges: [range('k', 'n')] }))).toEqual(encodeUtf8('m'))
  expect(conflicts.find(footprint(5, { ranges: [range('n', 'x')] }))).toBeUndefined()
  expect(conflicts.find(footprint(6, { ranges: [range('a', 'z')] }))).toBeUndefined()
})

test('excluded bounds of a range do not conflict', () => {
  const conflicts = new Conflicts()
  conflicts.begin(at(0))
  conflicts.record(0, 1, keys('a', 'b'))
  const open = { start: { key: encodeUtf8('a'), inclusive: false }, end: { key: encodeUtf8('b'), inclusive: false } }
  expect(conflicts.find(footprint(0, { ranges: [open] }))).toBeUndefined()
  expect(conflicts.find(footprint(0, { ranges: [{ ...open, end: { ...open.end, inclusive: true } }] }))).toEqual(
    encodeUtf8('b'),
  )
})

test('commits are forgotten once no open transaction can conflict with them, and all of them with the last one', () => {
  const conflicts = new Conflicts()
  const [old, young] = [at(1), at(3)]
  conflicts.begin(old)
  conflicts.begin(young)
  conflicts.record(0, 2, keys('a'))
  conflicts.record(0, 4, keys('b'))
  conflicts.end(old)
  expect(conflicts.find(footprint(1, { writes: keys('a') }))).toBeUndefined()
  expect(conflicts.find(footprint(3, { writes: keys('b') }))).toEqual(encodeUtf8('b'))
  conflicts.end(young)
  expect(conflicts.isRecording()).toBe(false)
  expect(conflicts.find(footprint(1, { writes: keys('b') }))).toBeUndefined()
})

test('ending a transaction twice does not forget what others need', () => {
  const conflicts = new Conflicts()
  const [a, b] = [at(1), at(1)]
  conflicts.begin(a)
  conflicts.begin(b)
  conflicts.end(a)
  conflicts.end(a)
  expect(conflicts.isRecording()).toBe(true)
})

test('a transaction is alone when no other is open and nothing was committed since it began', () => {
  const conflicts = new Conflicts()
  const first = at(5)
  const second = at(7)
  expect(conflicts.isAlone(first)).toBe(false)
  conflicts.begin(first)
  expect(conflicts.isAlone(first)).toBe(true)
  conflicts.begin(second)
  expect(conflicts.isAlone(first)).toBe(false)
  conflicts.record(0, 6, keys('a'))
  conflicts.end(second)
  expect(conflicts.isAlone(first)).toBe(false)
  conflicts.end(first)
  conflicts.begin(second)
  expect(conflicts.isAlone(second)).toBe(true)
  conflicts.record(0, 8, keys('a'))
  expect(conflicts.isAlone(second)).toBe(false)
})
