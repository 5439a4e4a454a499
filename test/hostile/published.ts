// A database as files that somebody publishes, at two moments of its life, and what a reader must find in each.

import { encodeUtf8 } from '../../src/bytes/text.ts'
import type { Db } from '../../src/db/db.ts'
import { openDb } from '../../src/db/open.ts'
import { parseSettings } from '../../src/db/settings.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'
import type { WriteHandle } from '../../src/write/handle.ts'
import type { Files } from '../servers/static-server.ts'

export const ROOT = 'shop/db'

export type Rows = ReadonlyMap<string, string>

export interface Published {
  readonly before: Files
  readonly after: Files
  /** What the database held after each write between the two moments: the first belongs to `before`, the last to `after`. */
  readonly states: readonly Rows[]
}

/** Rows written each round. */
const ROWS = 60
const KEYS = 100

/** Before: two tables and rows in the log. After: a newer manifest, one more table, a longer log. */
export async function publish(): Promise<Published> {
  const store = new MemoryStore()
  const settings = parseSettings({ flushInterval: 1, compactorOptions: null, garbageCollectorOptions: null })
  const db = await openDb({ store, path: ROOT, settings, blockSize: 2048 })
  let states: Rows[] = [new Map()]
  for (let round = 0; round < 2; round++) await write(db, states, round, true)
  await write(db, states, 2, false)
  const before = await filesOf(store)
  states = states.slice(-1)
  await write(db, states, 3, true)
  await write(db, states, 4, false)
  const after = await filesOf(store)
  await db.close()
  return { before, after, states }
}

/** New, changed and removed rows, all durable at the end, in a table of their own or only in the log. */
async function write(db: Db, states: Rows[], round: number, flush: boolean): Promise<void> {
  for (let i = 0; i < ROWS; i++) {
    const key = `key ${String((i * 7 + round * 31) % KEYS).padStart(3, '0')}`
    const rows = new Map(states.at(-1))
    let written: WriteHandle
    if ((i + round) % 9 === 0) {
      written = await db.delete(encodeUtf8(key))
      rows.delete(key)
    } else {
      const value = `value ${i} of round ${round} `.repeat(4)
      written = await db.put(encodeUtf8(key), encodeUtf8(value))
      rows.set(key, value)
    }
    states.push(rows)
    // Several files of the log a round, and at the end of it all is durable.
    if (i % 20 === 19) await written.durable
  }
  if (flush) await db.flush('memtable')
}

/** While nothing is under way: no background job writes. */
async function filesOf(store: MemoryStore): Promise<Files> {
  const files = new Map<string, Uint8Array>()
  for (const { path } of await store.list('')) files.set(path, (await store.get(path)).bytes)
  return files
}
