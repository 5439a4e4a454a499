import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { systemClock } from './system.ts'

const DAY = 86_400_000

describe('a delay of the system clock', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  /** After how many of these steps the callback has run. */
  function ranAfter(delayMs: number, steps: readonly number[]): number | undefined {
    let ran = false
    systemClock.schedule(delayMs, () => (ran = true))
    for (const [i, step] of steps.entries()) {
      vi.advanceTimersByTime(step)
      if (ran) return i + 1
    }
    return undefined
  }

  test.each([
    ['of 30 days runs after 30 days', 30 * DAY, [29 * DAY, DAY - 1, 1], 3],
    ['of 3e9 ms runs after 3e9 ms', 3e9, [1, 3e9 - 2, 1], 3],
    ['of 100 days runs after 100 days', 100 * DAY, [99 * DAY, DAY], 2],
    ['that is infinite never runs', Number.POSITIVE_INFINITY, [1, 1000 * DAY], undefined],
    ['below zero runs at once', -5, [0], 1],
    ['of minus infinity runs at once', Number.NEGATIVE_INFINITY, [0], 1],
    ['that is no number waits a second', Number.NaN, [999, 1], 2],
  ])('%s', (_, delayMs, steps, expected) => {
    expect(ranAfter(delayMs, steps)).toBe(expected)
  })

  test('of 100 days is cancelled after 60', () => {
    let ran = false
    const cancel = systemClock.schedule(100 * DAY, () => (ran = true))
    vi.advanceTimersByTime(60 * DAY)
    cancel()
    vi.advanceTimersByTime(100 * DAY)
    expect(ran).toBe(false)
    expect(vi.getTimerCount()).toBe(0)
  })
})
