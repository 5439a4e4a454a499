// Every store and wrapper of ours that needs no server, through one suite.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { createEnv } from '../env/system.ts'
import { openFolderStore } from '../node/folder-store.ts'
import { instrumented } from '../objects/instrumented.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import { retrying } from '../objects/retrying.ts'
import { type Sim, simulate } from './simulate.ts'
import type { SimOp } from './store.ts'
import { storeSuite } from './store-suite.ts'

const ALL = { createIfAbsent: true, compareAndSet: true, metadata: true, suffixRange: true, listStartAfter: true }

describe('stores', () => {
  storeSuite('MemoryStore', async () => ({ store: new MemoryStore() }), {
    test,
    capabilities: ALL,
    largeBytes: 8 << 20,
    unicode: true,
  })

  const folder = (sync: 'full' | 'none') => async () => {
    const root = await mkdtemp(join(tmpdir(), 'folder-store-'))
    return {
      store: await openFolderStore(root, { sync }),
      close: () => rm(root, { recursive: true }),
    }
  }
  const plain = { test, capabilities: { ...ALL, metadata: false }, unicode: true }
  storeSuite('FolderStore', folder('full'), { ...plain, listSize: 60, largeBytes: 1 << 20 })
  storeSuite('FolderStore without sync', folder('none'), { ...plain, largeBytes: 8 << 20 })

  storeSuite(
    'retrying(instrumented(MemoryStore))',
    async () => {
      const env = createEnv({ seed: 1 })
      return { store: retrying(instrumented(new MemoryStore(), env, { role: 'db' }), env, { deadlineMs: 60_000 }) }
    },
    { test, capabilities: ALL, largeBytes: 1 << 20, unicode: true },
  )

  let sim: Sim
  const simulated = (seed: number) => ({
    test,
    capabilities: ALL,
    largeBytes: 1 << 20,
    unicode: true,
    around: async (body: () => Promise<void>) => {
      await simulate(seed, (one) => {
        sim = one
        return body()
      })
    },
  })
  storeSuite('SimStore', async () => ({ store: sim.store({ latencyMs: [1, 80] }) }), simulated(1))

  // Retries hide every fault but two: an upload whose part or completion fails is started over by its caller (OS-16),
  // and a write that arrives late may come after the delete that followed it.
  const rates = { reset: 0.03, unavailable: 0.03, timeout: 0.03, lost: 0.03, duplicate: 0.03, short: 0.03, slow: 0.02 }
  const faultsOn = (op: SimOp) => op !== 'upload part' && op !== 'upload complete'
  const faults = { latencyMs: [1, 80], faults: rates, faultsOn } as const
  for (const seed of [2, 3, 4, 5]) {
    storeSuite(
      `retrying(SimStore with faults), seed ${seed}`,
      async () => ({ store: retrying(sim.store(faults), sim.env) }),
      { ...simulated(seed), racers: 30, listSize: 300, largeBytes: 100_000, partBytes: 10_000 },
    )
  }
})
