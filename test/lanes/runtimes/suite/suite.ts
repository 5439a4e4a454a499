// All checks that every runtime must pass.

import { MemoryStore } from '../../../../src/index.ts'
import { type Sim, simulate, storeSuite } from '../../../../src/sim/index.ts'
import { databaseChecks } from './database.ts'
import { environmentChecks } from './environment.ts'
import { formatChecks } from './formats.ts'
import { simulationChecks } from './simulation.ts'
import type { Checks, World } from './world.ts'

export function suite(world: World): Checks {
  return new Map([
    ...environmentChecks(world),
    ...databaseChecks(world),
    ...formatChecks(world),
    ...storeChecks(),
    ...simulationChecks(world),
  ])
}

function storeChecks(): Checks {
  const checks: Checks = new Map()
  const common = {
    test: (name: string, body: () => Promise<void>) => checks.set(name, body),
    capabilities: {
      createIfAbsent: true,
      compareAndSet: true,
      metadata: true,
      suffixRange: true,
      listStartAfter: true,
    },
    unicode: true,
    largeBytes: 4 << 20,
  }
  storeSuite('MemoryStore', async () => ({ store: new MemoryStore() }), common)
  let sim: Sim
  storeSuite('SimStore', async () => ({ store: sim.store({ latencyMs: [1, 80] }) }), {
    ...common,
    racers: 30,
    listSize: 200,
    partBytes: 10_000,
    largeBytes: 100_000,
    around: async (body) => {
      await simulate(1, (one) => {
        sim = one
        return body()
      })
    },
  })
  return checks
}
