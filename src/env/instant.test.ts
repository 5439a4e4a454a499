import { describe, expect, test } from 'vitest'
import type { Clock } from './env.ts'
import { elapsedMs, type Instant, instantNow, laterOf, NEVER } from './instant.ts'

const clockAt = (monotonicMs: number, wallMs: number): Clock => ({
  now: () => wallMs,
  monotonic: () => monotonicMs,
  schedule: () => () => {},
  yield: () => Promise.resolve(),
})

describe('elapsedMs', () => {
  const since: Instant = instantNow(clockAt(1000, 5000))

  test.each([
    ['both clocks agree', 1100, 5100, 100],
    ['the monotonic clock stood still during a suspension', 1001, 3_605_000, 3_600_000],
    ['the wall clock was set back', 1100, 20, 100],
    ['the wall clock stands still', 1100, 5000, 100],
    ['the wall clock answers NaN', 1100, Number.NaN, Number.POSITIVE_INFINITY],
    ['the wall clock answers Infinity', 1100, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  ])('counts the larger difference when %s', (_, monotonicMs, wallMs, expected) => {
    expect(elapsedMs(clockAt(monotonicMs, wallMs), since)).toBe(expected)
  })

  test('is infinite since an instant that has never been', () => {
    expect(elapsedMs(clockAt(0, 0), NEVER)).toBe(Number.POSITIVE_INFINITY)
  })
})

test('laterOf orders by the monotonic clock, because the wall clock may have been set back between the two', () => {
  const before = instantNow(clockAt(1000, 9000))
  const after = instantNow(clockAt(1001, 10))
  expect(laterOf(before, after)).toBe(after)
  expect(laterOf(after, before)).toBe(after)
  expect(laterOf(NEVER, before)).toBe(before)
})
