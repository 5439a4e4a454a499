// Live peer, both directions: 50 seeds of six rounds each (`PEER_SEEDS`, `PEER_SEED` for one).

import { afterAll, expect, test } from 'vitest'
import { alternateOwners, type Tally } from './ownership.ts'
import { Peer } from './peer.ts'

const { PEER_SEEDS, PEER_SEED } = process.env
const seeds =
  PEER_SEED === undefined ? Array.from({ length: Number(PEER_SEEDS ?? 50) }, (_, i) => i + 1) : [Number(PEER_SEED)]
const BATCH = 10
const peer = new Peer()
const total: Tally = { commits: 0, kills: 0, compactedRuns: 0 }

afterAll(() => peer.kill())

for (let at = 0; at < seeds.length; at += BATCH) {
  const batch = seeds.slice(at, at + BATCH)
  test(`owners take turns, seeds ${batch[0]} to ${batch.at(-1)}`, { timeout: 240_000 }, async () => {
    for (const seed of batch) {
      const tally = await alternateOwners(seed, peer).catch(async (error: Error) => {
        await peer.kill()
        throw new Error(`seed ${seed}: ${error.message}`, { cause: error })
      })
      for (const key of Object.keys(total) as (keyof Tally)[]) total[key] += tally[key]
    }
  })
}

test.skipIf(seeds.length < 50)('kills, commits and compactions did happen', () => {
  expect(total.commits).toBeGreaterThan(2000)
  expect(total.kills).toBeGreaterThan(100)
  expect(total.compactedRuns).toBeGreaterThan(10)
})
