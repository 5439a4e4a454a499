import { beforeEach, expect, test } from 'vitest'
import type { Clock } from './env.ts'
import { Turns, unitsOf } from './turns.ts'

/** Time passes when it is told to; a turn of the event loop happens when `turn` is called. */
class HandClock implements Clock {
  ms = 0
  looks = 0
  readonly waiting: (() => void)[] = []

  now(): number {
    return this.ms
  }

  monotonic(): number {
    this.looks++
    return this.ms
  }

  schedule(): () => void {
    throw new Error('no timer is needed')
  }

  yield(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve))
  }

  async turn(): Promise<void> {
    for (const resolve of this.waiting.splice(0)) resolve()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

let clock: HandClock
let turns: Turns

beforeEach(() => {
  clock = new HandClock()
  turns = new Turns(clock)
})

/** Units until a turn is due, while one unit takes `ms`. */
function unitsUntilDue(ms: number): number {
  for (let i = 1; ; i++) {
    clock.ms += ms
    if (turns.spend()) return i
  }
}

test('a turn is due after about 5 ms, and the clock is asked once in 64 units', () => {
  const looks = clock.looks
  expect(unitsUntilDue(0.001)).toBe(5056)
  expect(clock.looks - looks).toBe(79)
})

test('a turn is due by count while the clock stands still', () => {
  expect(unitsUntilDue(0)).toBe(16_384)
})

test('work of many units is counted at once', () => {
  clock.ms = 6
  expect(turns.spend(1)).toBe(false)
  expect(turns.spend(unitsOf(1 << 20))).toBe(true)
})

test('an answer comes as it is while no turn is due', () => {
  const answer = {}
  expect(turns.after(answer)).toBe(answer)
})

test('an answer waits for the turn that is due, and the count begins anew', async () => {
  unitsUntilDue(1)
  let answered: string | undefined
  const answer = Promise.resolve(turns.after('row')).then((row) => {
    answered = row
  })
  await Promise.resolve()
  expect(answered).toBeUndefined()
  await clock.turn()
  await answer
  expect(answered).toBe('row')
  expect(unitsUntilDue(0.1)).toBe(64)
})

test('all calls that are due share one turn', async () => {
  unitsUntilDue(1)
  const answers = [turns.after(1), turns.after(2), turns.after(Promise.resolve(3))]
  expect(clock.waiting.length).toBe(1)
  await clock.turn()
  expect(await Promise.all(answers)).toEqual([1, 2, 3])
})

test('an answer that rejects before its turn comes is not left unhandled', async () => {
  unitsUntilDue(1)
  const answer = turns.after(Promise.reject(new Error('no such row')))
  const seen = Promise.resolve(answer).catch((error: Error) => error.message)
  await clock.turn()
  expect(await seen).toBe('no such row')
})
