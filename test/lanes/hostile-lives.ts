// What a store and an engine have to live through in a hostile place: nothing acknowledged is lost, no writer loses to
// itself, every call ends within its deadline, and all is well again when the fault is over. Pure, so that they also run
// inside a Worker.

import { encodeUtf8 } from '../../src/bytes/text.ts'
import { createEnv } from '../../src/env/system.ts'
import { isSlateDBError } from '../../src/errors.ts'
import { retrying } from '../../src/objects/retrying.ts'
import type { ObjectStore } from '../../src/objects/store.ts'
import { check, same, settled } from '../../src/sim/check.ts'
import { contents, holds, open, put, read } from './database.ts'

/** A fresh bucket and what stands before it. */
export interface HostilePlace {
  readonly store: ObjectStore
  /** From now on everything goes through untouched. */
  readonly heal: () => void
}

export const LIVES = { store: storeLife, engine: engineLife } as const
export type Life = keyof typeof LIVES

const DEADLINE_MS = 20_000
/** Settling takes a little longer than the deadline on a machine that is busy. */
const SLACK_MS = 5_000

/** A store through `retrying`, as the engine uses it. */
async function storeLife(place: HostilePlace, label: string): Promise<void> {
  const { store } = place
  const dependable = () => retrying(store, createEnv({ seed: label }), { deadlineMs: DEADLINE_MS })
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
  for (const path of acknowledged) {
    same((await within(`get ${path}`, writer.get(path))).bytes, body(path), `${path}, read while it goes on`)
  }
  const listed = await within('list', writer.list('wal/'))

  place.heal()
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

/** A database with one writer. */
async function engineLife({ store, heal }: HostilePlace): Promise<void> {
  const acknowledged = new Map<string, string>()
  const limit = () => AbortSignal.timeout(60_000)
  const db = await open(store, limit())
  for (let i = 0; i < 12; i++) {
    const [key, value] = [`key-${i}`, `value ${i} `.repeat(50)]
    // Its only writer: being fenced here would be its own doing.
    await (await db.put(encodeUtf8(key), encodeUtf8(value))).awaitDurable(limit())
    acknowledged.set(key, value)
    if (i === 5) await db.flush('memtable')
  }
  holds(await contents(db), acknowledged)
  // The writer has all in memory; somebody who comes now has to fetch it.
  const reader = await read(store, limit())
  holds(await contents(reader), acknowledged)
  await reader.close()
  heal()
  await put(db, 'after', 'the fault')
  await db.close({ signal: limit() })
  const again = await open(store, limit())
  holds(await contents(again), new Map([...acknowledged, ['after', 'the fault']]))
  await again.close()
}
