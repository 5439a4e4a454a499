// A store behind the hostile proxy, as the engine uses it: through `retrying`. For every kind of fault and 20 seeds,
// nothing acknowledged is lost, no writer loses to itself, every call ends within its deadline, and all is well again
// when the fault is over.

import { afterEach, describe, test } from 'vitest'
import { createEnv } from '../../src/env/system.ts'
import { isSlateDBError } from '../../src/errors.ts'
import { retrying } from '../../src/objects/retrying.ts'
import type { ObjectStore } from '../../src/objects/store.ts'
import { check, same, settled } from '../../src/sim/check.ts'
import { FAULTS, type Fault, type HostileProxy, startHostileProxy } from '../servers/hostile-proxy.ts'

export interface HostileTarget {
  readonly port: number
  /** A fresh bucket seen through `port`, whose single requests give up after `timeoutMs`. */
  open(port: number, timeoutMs: number): Promise<ObjectStore>
}

export const SEEDS = Number(process.env.HOSTILE_SEEDS ?? 20)
const DEADLINE_MS = 20_000
/** Settling takes a little longer than the deadline on a machine that is busy. */
const SLACK_MS = 5_000

export function hostileSuite(name: string, target: HostileTarget): void {
  describe(`${name} behind the hostile proxy`, () => {
    const proxies = new Set<HostileProxy>()
    afterEach(async () => {
      for (const proxy of proxies) await proxy.stop()
      proxies.clear()
    })
    for (const fault of FAULTS) {
      test(`${fault}, ${SEEDS} seeds`, async () => {
        let hits = 0
        await inPool(SEEDS, async (seed) => {
          const proxy = await startHostileProxy({ upstream: target, seed, fault, outageMs: 600 })
          proxies.add(proxy)
          try {
            await workload(fault, seed, proxy, target)
          } catch (error) {
            throw new Error(`${fault}, seed ${seed}: ${(error as Error).message}`, { cause: error })
          }
          hits += proxy.hits
          await proxy.stop()
        })
        check(hits >= SEEDS, `the fault to strike at least ${SEEDS} times, not ${hits}`)
      })
    }
  })
}

/** Runs `work` for 1..count, a few at once: most of their time is waiting. */
export async function inPool(count: number, work: (seed: number) => Promise<void>): Promise<void> {
  let next = 1
  const runner = async () => {
    while (next <= count) await work(next++)
  }
  await Promise.all(Array.from({ length: 5 }, runner))
}

async function workload(fault: Fault, seed: number, proxy: HostileProxy, target: HostileTarget): Promise<void> {
  const store = await target.open(proxy.port, fault === 'slow bytes' || fault === 'lost response' ? 300 : 2000)
  const dependable = () => retrying(store, createEnv({ seed: `${fault} ${seed}` }), { deadlineMs: DEADLINE_MS })
  const writer = dependable()
  const body = (path: string) => new TextEncoder().encode(`${path} `.repeat(40))
  const acknowledged: string[] = []
  const within = async <T>(what: string, work: Promise<T>): Promise<T> => {
    const began = performance.now()
    const outcome = await settled(work)
    const tookMs = performance.now() - began
    check(tookMs < DEADLINE_MS + SLACK_MS, `${what} to settle within its deadline, not after ${Math.round(tookMs)} ms`)
    if (outcome.ok) return outcome.value
    throw outcome.error
  }

  // One author creates: an object that exists already can only be its own, so that answer would be a self-fence.
  const create = async (path: string) => {
    try {
      await within(`create ${path}`, writer.put(path, body(path), { mode: 'create' }))
      acknowledged.push(path)
    } catch (error) {
      const unavailable = isSlateDBError(error) && error.kind === 'Unavailable'
      if (!unavailable) throw new Error(`create ${path} failed: ${(error as Error).message}`, { cause: error })
    }
  }
  for (let i = 0; i < 4; i++) await create(`wal/${i}`)
  await Promise.all([4, 5, 6, 7].map((i) => create(`wal/${i}`)))

  // A counter under compare-and-set: what was acknowledged counts exactly once.
  let { etag } = await within('create n', writer.put('n', body('0'), { mode: 'create' }))
  for (let i = 1; i <= 3; i++) {
    etag = (await within(`set n to ${i}`, writer.put('n', body(String(i)), { mode: { ifMatch: etag! } }))).etag
  }
  const ranged = await within('range', writer.get('n', { range: { start: 2, end: 9 } }))
  same(ranged.bytes, body('3').subarray(2, 9), 'a range')
  const listed = await within('list', writer.list('wal/'))

  proxy.heal()
  for (const path of acknowledged) {
    same((await writer.get(path)).bytes, body(path), `${path}, which was acknowledged`)
    check(
      listed.some((info) => info.path === path),
      `${path} in the list`,
    )
  }
  same((await writer.get('n')).bytes, body('3'), 'the counter')
  await writer.put('after', body('after'), { mode: 'create' })
  const rival = await settled(dependable().put('wal/0', body('rival'), { mode: 'create' }))
  check(!rival.ok && isSlateDBError(rival.error) && rival.error.storeReason === 'AlreadyExists', 'a rival to lose')
}
