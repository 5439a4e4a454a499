import { expect, test } from 'vitest'
import type { Clock } from '../env/env.ts'
import { type StoreReason, storeError } from '../errors.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import type { ObjectStore } from '../objects/store.ts'
import { bucketError } from '../objects/store-bucket.ts'
import { watched } from './patience.ts'

/** A store whose `head` fails as told, a clock that is told the time, and what was given up with. */
function subject() {
  const state: { now: number; failure: Error | undefined; given: unknown[] } = { now: 0, failure: undefined, given: [] }
  const store: ObjectStore = Object.assign(new MemoryStore(), {
    head: async () => {
      if (state.failure !== undefined) throw state.failure
      return { path: 'a', size: 0, lastModified: 0 }
    },
  })
  const clock = { monotonic: () => state.now } as Clock
  const watching = watched(store, { clock, patienceMs: 1000, giveUp: (error) => state.given.push(error) })
  const fail = (failure: Error | undefined, at: number) => {
    state.now = at
    state.failure = failure
    return watching.head('a').catch(() => {})
  }
  const ask = (reason?: StoreReason, at = state.now) => fail(reason && storeError(reason, 'a', 'no'), at)
  return { state, ask, fail }
}

test('errors for longer than the patience end the command, with the last one', async () => {
  const { state, ask } = subject()
  await ask('Generic', 0)
  await ask('Generic', 999)
  expect(state.given).toEqual([])
  await ask('Generic', 1000)
  expect(state.given).toMatchObject([{ kind: 'Unavailable', message: expect.stringContaining('for 1.00 s') }])
})

test('any answer in between starts the time anew', async () => {
  for (const answer of [undefined, 'NotFound', 'AlreadyExists', 'Precondition'] as const) {
    const { state, ask } = subject()
    await ask('Generic', 0)
    await ask(answer, 900)
    await ask('Generic', 1500)
    await ask('Generic', 2400)
    expect(state.given).toEqual([])
  }
})

test('a refusal ends it at once', async () => {
  const { state, ask } = subject()
  await ask('Unauthenticated')
  expect(state.given).toMatchObject([{ storeReason: 'Unauthenticated' }])
})

test('a bucket that is said not to exist ends the command, unless it has answered before', async () => {
  const { state, ask, fail } = subject()
  const missing = (at: number) => fail(bucketError('a', 'no such bucket'), at)
  await missing(0)
  expect(state.given).toMatchObject([{ storeReason: 'InvalidPath' }])
  state.given.length = 0
  await ask(undefined, 1)
  await missing(2)
  expect(state.given).toEqual([])
  await missing(2000)
  expect(state.given).toMatchObject([{ code: 'SLATEDB_GAVE_UP' }])
})
