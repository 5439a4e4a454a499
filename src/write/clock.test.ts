import { expect, test } from 'vitest'
import { createEnv } from '../env/system.ts'
import { MIN_TICK } from '../format/manifest.ts'
import { WriteClock } from './clock.ts'

function clockAt(times: number[]) {
  const warnings: string[] = []
  let i = 0
  const env = createEnv({
    seed: 1,
    clock: {
      now: () => times[Math.min(i, times.length - 1)]!,
      monotonic: () => 0,
      schedule: () => () => {},
      yield: async () => {},
    },
    logger: { debug() {}, info() {}, error() {}, warn: (message) => warnings.push(message) },
  })
  return { clock: new WriteClock(env), warnings, step: () => i++ }
}

test('a wall clock that jumps back holds the last tick, warns once, and goes on when it has caught up', () => {
  const { clock, warnings, step } = clockAt([10_000, 4_000, 4_001, 10_001])
  expect(clock.last).toBe(MIN_TICK)
  expect(clock.tick()).toBe(10_000)
  step()
  expect(clock.tick()).toBe(10_000)
  expect(clock.heldMs).toBe(6_000)
  expect(clock.now()).toBe(10_000)
  step()
  expect(clock.tick()).toBe(10_000)
  expect(warnings).toHaveLength(1)
  step()
  expect(clock.tick()).toBe(10_001)
  expect(clock.heldMs).toBe(0)
})

test('data from the future holds the clock from the first write on', () => {
  const { clock } = clockAt([5_000])
  clock.raise(9_000)
  clock.raise(7_000)
  expect(clock.tick()).toBe(9_000)
})

test.each([Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
  'a clock that answers %s stamps no row and expires none',
  (broken) => {
    const { clock, step } = clockAt([broken, 5_000, broken])
    expect(() => clock.tick()).toThrow(expect.objectContaining({ kind: 'Invalid', code: 'SLATEDB_INVALID_CLOCK' }))
    expect(clock.now()).toBe(MIN_TICK)
    step()
    expect(clock.tick()).toBe(5_000)
    step()
    expect(clock.now()).toBe(5_000)
    expect(clock.heldMs).toBe(0)
    expect(() => clock.tick()).toThrow('mend the clock')
  },
)

test('a clock with fractions is taken at whole milliseconds', () => {
  const { clock } = clockAt([1_700_000_000_000.7])
  expect(clock.tick()).toBe(1_700_000_000_000)
  expect(clock.now()).toBe(1_700_000_000_000)
})
