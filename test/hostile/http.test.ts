// The read-only HTTP store behind the hostile proxy. All kinds of faults run: a lost response and a reset after the request
// was processed are to a read what a reset before it is, and a duplicated read changes nothing. Wrong lengths strike only
// ranges, since nothing says how long a whole object should have been. An unhandled rejection fails the run by itself.
//
// 5 seeds of each kind, because 20 take some 40 s of CPU time: `HOSTILE_SEEDS=20` runs as many as the lanes do.

import { afterAll, beforeAll, describe, test } from 'vitest'
import { check } from '../../src/sim/check.ts'
import { HttpStore } from '../../src/stores/http.ts'
import { FAULTS, type Fault, startHostileProxy } from '../servers/hostile-proxy.ts'
import { type Files, INDEX, type StaticServer, startStaticServer } from '../servers/static-server.ts'
import { type ReadOnlyPlace, readerLife, storeLife } from './lives.ts'
import { type Published, publish } from './published.ts'

const SEEDS = Number(process.env.HOSTILE_SEEDS ?? 5)
/** Lives at once: they do little but wait. */
const AT_ONCE = 10
const TIMEOUT_MS = 60_000 + 5_000 * SEEDS

let server: StaticServer
let published: Published

beforeAll(async () => {
  ;[server, published] = await Promise.all([startStaticServer(), publish()])
})

afterAll(() => server.stop())

const LIVES: Record<string, (place: ReadOnlyPlace, label: string) => Promise<void>> = {
  HttpStore: storeLife,
  'a reader on HttpStore': (place, label) => readerLife(place, label, published),
}

for (const [name, life] of Object.entries(LIVES)) {
  describe.concurrent(`${name} in a hostile place`, () => {
    for (const fault of FAULTS) {
      test(
        `${fault}, ${SEEDS} seeds`,
        async () => {
          let hits = 0
          await inPool(SEEDS, async (seed) => {
            const label = `${fault}, seed ${seed}`
            try {
              // Not `hits += await`, which would add to the number of before the wait.
              const struck = await liveBehindProxy(`${name} ${label}`, fault, seed, life)
              hits += struck
            } catch (error) {
              throw new Error(`${label}: ${(error as Error).message}`, { cause: error })
            }
          })
          check(hits >= SEEDS, `the fault to strike at least ${SEEDS} times, not ${hits}`)
        },
        TIMEOUT_MS,
      )
    }
  })
}

/** How often the fault struck. */
async function liveBehindProxy(
  site: string,
  fault: Fault,
  seed: number,
  life: (place: ReadOnlyPlace, label: string) => Promise<void>,
): Promise<number> {
  const proxy = await startHostileProxy({ upstream: server, seed, fault, outageMs: 300 })
  let files: Files = new Map()
  server.mount(site, () => files)
  const url = `http://127.0.0.1:${proxy.port}/${encodeURIComponent(site)}`
  // An answer that never comes whole costs this; one that is only late must not.
  const timeoutMs = fault === 'slow bytes' || fault === 'lost response' ? 150 : 2000
  try {
    await life(
      {
        store: new HttpStore({ url, index: INDEX, timeoutMs }),
        patientStore: new HttpStore({ url, index: INDEX }),
        publish: (next) => {
          files = next
        },
        heal: proxy.heal,
      },
      `${fault} ${seed}`,
    )
    return proxy.hits
  } finally {
    await proxy.stop()
  }
}

/** Runs `work` for 1..count, a few at once. */
async function inPool(count: number, work: (seed: number) => Promise<void>): Promise<void> {
  let next = 1
  const runner = async () => {
    while (next <= count) await work(next++)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, runner))
}
