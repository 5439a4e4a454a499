// The hostile lives for every kind of fault and 20 seeds.

import { describe, test } from 'vitest'
import type { ObjectStore } from '../../src/objects/store.ts'
import { check } from '../../src/sim/check.ts'
import { FAULTS, type Fault, startHostileProxy } from '../servers/hostile-proxy.ts'
import { LIVES, type Life } from './hostile-lives.ts'

export interface Hostility {
  readonly fault: Fault
  readonly seed: number
  /** After which a single request of the store gives up. */
  readonly timeoutMs: number
  /** Length of an outage; everything else that takes time is a fraction of it. */
  readonly outageMs: number
}

/** Makes a hostile place, lives there, and says how often the fault struck. */
export type HostileTarget = (life: Life, hostility: Hostility) => Promise<number>

const SEEDS = Number(process.env.HOSTILE_SEEDS ?? 20)

export function hostileSuite(name: string, target: HostileTarget): void {
  for (const life of Object.keys(LIVES) as Life[]) {
    describe(`${life === 'store' ? name : `the engine on ${name}`} in a hostile place`, () => {
      for (const fault of FAULTS) {
        test(`${fault}, ${SEEDS} seeds`, async () => {
          const timeoutMs = fault === 'slow bytes' || fault === 'lost response' ? 300 : 2000
          let hits = 0
          await inPool(SEEDS, async (seed) => {
            try {
              // Not `hits += await`, which would add to the number of before the wait.
              const struck = await target(life, { fault, seed, timeoutMs, outageMs: 600 })
              hits += struck
            } catch (error) {
              throw new Error(`${fault}, seed ${seed}: ${(error as Error).message}`, { cause: error })
            }
          })
          check(hits >= SEEDS, `the fault to strike at least ${SEEDS} times, not ${hits}`)
        })
      }
    })
  }
}

/** A server behind the hostile proxy: `open` gives a fresh bucket seen through `port`. */
export function behindProxy(
  upstream: { readonly port: number },
  open: (port: number, timeoutMs: number) => Promise<ObjectStore>,
): HostileTarget {
  return async (life, { fault, seed, timeoutMs, outageMs }) => {
    const proxy = await startHostileProxy({ upstream, seed, fault, outageMs })
    try {
      const store = await open(proxy.port, timeoutMs)
      await LIVES[life]({ store, heal: proxy.heal }, `${fault} ${seed}`)
      return proxy.hits
    } finally {
      await proxy.stop()
    }
  }
}

/** Runs `work` for 1..count, a few at once: most of their time is waiting. */
async function inPool(count: number, work: (seed: number) => Promise<void>): Promise<void> {
  let next = 1
  const runner = async () => {
    while (next <= count) await work(next++)
  }
  await Promise.all(Array.from({ length: 5 }, runner))
}
