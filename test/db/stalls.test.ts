// L0 is full and nothing compacts it: what a handle says, what it refuses, and how it ends and comes back.

import { describe, expect, test } from 'vitest'
import type { Db } from '../../src/db/db.ts'
import { openDb } from '../../src/db/open.ts'
import type { DbOptions } from '../../src/db/options.ts'
import { parseSettings } from '../../src/db/settings.ts'
import type { Env } from '../../src/env/env.ts'
import type { LogFields } from '../../src/env/logger.ts'
import { Paths } from '../../src/format/paths.ts'
import { manifestVersions } from '../../src/manifest/records.ts'
import { type Sim, simulate } from '../../src/sim/simulate.ts'
import { toBytes } from '../model/bytes.ts'

const SMALL = {
  flushInterval: '10ms',
  l0SstSizeBytes: 1000,
  maxUnflushedBytes: 8000,
  l0MaxSsts: 2,
  compactorOptions: null,
  garbageCollectorOptions: null,
}

function scenario(name: string, body: (sim: Sim) => Promise<void>): void {
  test(name, () => simulate(name, body).then(() => {}))
}

const open = (sim: Sim, settings: object = {}, more: Partial<DbOptions> = {}) =>
  openDb({
    store: sim.store({ latencyMs: [1, 1] }),
    path: 'db',
    env: sim.env,
    settings: parseSettings({ ...SMALL, ...settings }),
    ...more,
  })

/** Puts until one has to wait; answers how many did not. */
async function fill(db: Db, from = 0): Promise<number> {
  for (let i = from; ; i++) {
    const handle = db.put(toBytes(`k${i}`), new Uint8Array(600))
    if (handle instanceof Promise) {
      handle.catch(() => {})
      return i
    }
    await handle.durable
  }
}

/** What a compactor elsewhere does for room: here it just takes the tables away as they come. */
async function makeRoom(sim: Sim): Promise<void> {
  const elsewhere = manifestVersions(sim.bucket(), sim.env, new Paths('db'))
  for (let turn = 0; turn < 10; turn++) {
    await elsewhere.refresh()
    await elsewhere.update((value) =>
      value.tree.l0.length === 0 ? undefined : { ...value, tree: { ...value.tree, l0: [] } },
    )
    await sim.sleep(1500)
  }
}

/** The environment of the simulation with a log that is kept. */
function recording(sim: Sim): { readonly env: Env; readonly lines: [string, string, LogFields][] } {
  const lines: [string, string, LogFields][] = []
  const line =
    (level: string) =>
    (message: string, fields: LogFields = {}) =>
      void lines.push([level, message, fields])
  const logger = { debug: () => {}, info: line('info'), warn: line('warn'), error: line('error') }
  return { env: { ...sim.env, logger }, lines }
}

describe('a handle that waits', () => {
  scenario('says in its status for what, since when, and what to do', async (sim) => {
    const db = await open(sim)
    expect(db.status.waiting).toBeUndefined()
    const before = sim.clock.now()
    await fill(db)
    expect(db.status.waiting).toEqual({
      for: 'compaction',
      since: expect.any(Number),
      hint: expect.stringMatching(/l0MaxSsts 2.*run a compactor/),
    })
    const { since } = db.status.waiting!
    expect(since).toBeGreaterThanOrEqual(before)
    await sim.sleep(60_000)
    expect(db.status.waiting?.since).toBe(since)
    await makeRoom(sim)
    expect(db.status.waiting).toBeUndefined()
    await db.close({ flush: false })
  })

  scenario('warns at once, every ten seconds, and says when it is over', async (sim) => {
    const { env, lines } = recording(sim)
    const db = await open(sim, {}, { env })
    await fill(db)
    const warnings = () => lines.filter(([level, message]) => level === 'warn' && message.includes('L0 is full'))
    expect(warnings()).toHaveLength(1)
    await sim.sleep(60_500)
    expect(warnings()).toHaveLength(7)
    expect(warnings().at(-1)![2]).toMatchObject({ path: 'db', for: 'compaction', writes: 1 })
    await makeRoom(sim)
    expect(lines.at(-1)).toMatchObject(['info', 'the wait is over', { for: 'compaction' }])
    const count = lines.length
    await sim.sleep(60_000)
    expect(lines).toHaveLength(count)
    await db.close({ flush: false })
  })

  scenario('is quiet about stalls that pass, and names an outage', async (sim) => {
    const { env, lines } = recording(sim)
    const store = sim.store({ latencyMs: [1, 1] })
    const db = await open(sim, { l0MaxSsts: 1000, l0MaxSstsPerKey: 1000 }, { env, store })
    for (let i = 0; i < 100; i++) await db.put(toBytes(`k${i}`), new Uint8Array(600))
    await sim.sleep(1000)
    expect(lines.filter(([level]) => level !== 'debug')).toEqual([])
    store.outage(30_000)
    await db.put(toBytes('last'), new Uint8Array(1))
    await sim.sleep(5000)
    expect(db.status.waiting).toMatchObject({ for: 'store' })
    await sim.sleep(60_000)
    expect(db.status.waiting).toBeUndefined()
    await db.close()
  })
})

describe('BG-32: a write that waits for room settles when its handle ends', () => {
  const ways: readonly [string, (db: Db, sim: Sim) => Promise<unknown>, string][] = [
    ['by a close', async (db) => db.close({ flush: 'wal' }), 'Clean'],
    ['by a close without a flush', async (db) => db.close({ flush: false }), 'Clean'],
    [
      'by a takeover',
      async (db, sim) => {
        await open(sim)
        await db.refresh().catch(() => {})
      },
      'Fenced',
    ],
  ]
  for (const [way, end, closeReason] of ways) {
    scenario(way, async (sim) => {
      const db = await open(sim)
      await fill(db)
      const writes = [1, 2, 3].map((i) => Promise.resolve(db.put(toBytes(`late${i}`), new Uint8Array(600))))
      const transaction = db.begin()
      transaction.put(toBytes('t'), new Uint8Array(600))
      const outcomes = Promise.allSettled([...writes, transaction.commit()])
      await end(db, sim)
      for (const outcome of await outcomes) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: { kind: 'Closed', closeReason } })
      }
    })
  }
})

describe('a database whose writer stalled', () => {
  for (const end of ['closed', 'killed'] as const) {
    scenario(`can be opened again and again after it was ${end}, with all rows`, async (sim) => {
      const victim = sim.process('victim')
      const store = victim.store({ latencyMs: [1, 1] })
      const first = await open(sim, {}, { env: victim.env, store })
      const rows = await fill(first)
      if (end === 'closed') await first.close()
      else victim.kill()
      for (let turn = 0; turn < 3; turn++) {
        const db = await open(sim)
        for (let i = 0; i < rows; i++) expect(await db.get(toBytes(`k${i}`)), `k${i}`).toHaveLength(600)
        expect(await fill(db, rows)).toBe(rows)
        expect(db.status.waiting).toMatchObject({ for: 'compaction' })
        await db.close()
      }
    })
  }

  scenario('is refused within the timeout of the opening when the log holds more than fits', async (sim) => {
    const first = await open(sim)
    await fill(first)
    await first.close()
    const { env, lines } = recording(sim)
    const startMs = sim.clock.monotonic()
    const opening = open(sim, { maxUnflushedBytes: 2500 }, { env, openTimeoutMs: 20_000 })
    await expect(opening).rejects.toMatchObject({
      kind: 'Unavailable',
      code: 'SLATEDB_L0_FULL',
      message: expect.stringMatching(/L0 is full.*for 20 s.*larger maxUnflushedBytes/s),
    })
    expect(sim.clock.monotonic() - startMs).toBeLessThan(21_000)
    expect(lines.filter(([, message]) => message.includes('L0 is full')).length).toBeGreaterThanOrEqual(2)
    const again = await open(sim)
    await again.close()
  })
})
