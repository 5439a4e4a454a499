// A seed replays a run to the last line of its trace; without that, no failure could be looked into.

import { beforeAll, expect, test } from 'vitest'
import { loadCodecs, runSeed } from './seeds.ts'

beforeAll(loadCodecs)

test.each([3, 7, 11, 19, 42, 99])('seed %i twice gives the identical trace', async (seed) => {
  const first = await runSeed(seed)
  const second = await runSeed(seed)
  expect(second.hash).toBe(first.hash)
  expect(second.events).toBe(first.events)
  expect(second.lines).toEqual(first.lines)
  expect(second.value).toEqual(first.value)
})

test('other seeds give other traces', async () => {
  const hashes = new Set<string>()
  for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) hashes.add((await runSeed(seed)).hash)
  expect(hashes.size).toBe(8)
})
