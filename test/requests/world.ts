// Counting requests and their depth: every call takes exactly 1 ms of virtual time, so elapsed time is the number of
// requests that had to wait for each other.

import type { Db } from '../../src/db/db.ts'
import { openDb } from '../../src/db/open.ts'
import { parseSettings, type SettingsInput } from '../../src/db/settings.ts'
import type { Sim } from '../../src/sim/simulate.ts'
import type { SimStore } from '../../src/sim/store.ts'
import type { SimRequest } from '../../src/sim/world.ts'
import type { BlockCache } from '../../src/table/block-cache.ts'
import { append } from '../model/append.ts'

export interface Measured<T> {
  readonly value: T
  /** Requests begun meanwhile. */
  readonly requests: readonly SimRequest[]
  /** Sequential dependent requests. */
  readonly depth: number
}

export class Meter {
  readonly sim: Sim
  readonly store: SimStore

  constructor(sim: Sim) {
    this.sim = sim
    this.store = sim.store({ latencyMs: [1, 1] })
  }

  open(more: SettingsInput = {}, cache?: BlockCache | false): Promise<Db> {
    const settings = parseSettings({ compactorOptions: null, garbageCollectorOptions: null, ...more })
    return openDb({ store: this.store, path: 'db', env: this.sim.env, settings, mergeOperator: append, cache })
  }

  async measure<T>(work: () => T | Promise<T>): Promise<Measured<T>> {
    const { clock, world } = this.sim
    const from = world.requests.length
    const startMs = clock.monotonic()
    const value = await work()
    return { value, requests: world.requests.slice(from), depth: clock.monotonic() - startMs }
  }
}

/** `put db/wal/...` for messages and comparisons. */
export const summary = (requests: readonly SimRequest[]): string[] =>
  requests.map(({ op, path }) => `${op} ${path.replace(/[0-9A-Z]{20,26}/, '*')}`)
