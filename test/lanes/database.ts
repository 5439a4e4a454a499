// What the lives of a database in the lanes have in common: it is opened at one place, written to and read whole. Pure, so
// that it also runs inside a Worker.

import { EVERYTHING } from '../../src/bytes/range.ts'
import { decodeUtf8, encodeUtf8 } from '../../src/bytes/text.ts'
import type { Db } from '../../src/db/db.ts'
import { openDb } from '../../src/db/open.ts'
import { type DbReader, openReader } from '../../src/db/reader.ts'
import { defaultSettings, type Settings } from '../../src/db/settings.ts'
import type { ObjectStore } from '../../src/objects/store.ts'
import { same } from '../../src/sim/check.ts'

const PATH = 'engine/db'

/** Small tables and quick flushes, so that a short test meets every kind of object. */
const SETTINGS: Settings = { ...defaultSettings, flushInterval: 10, l0SstSizeBytes: 32 * 1024 }

export const open = (store: ObjectStore, signal?: AbortSignal): Promise<Db> =>
  openDb({ store, path: PATH, settings: SETTINGS, signal })

export async function put(db: Db, key: string, value: string): Promise<void> {
  await (await db.put(encodeUtf8(key), encodeUtf8(value))).durable
}

export async function contents(db: Pick<Db, 'scan'>): Promise<Map<string, string>> {
  const rows = new Map<string, string>()
  const scan = db.scan(EVERYTHING)
  for (let row = await scan.next(); row !== undefined; row = await scan.next()) {
    rows.set(decodeUtf8(row.key), decodeUtf8(row.value))
  }
  return rows
}

export function holds(rows: Map<string, string>, acknowledged: Map<string, string>): void {
  for (const [key, value] of acknowledged) same(rows.get(key), value, `${key}, which was acknowledged`)
}

export const read = (store: ObjectStore, signal?: AbortSignal): Promise<DbReader> =>
  openReader({ store, path: PATH, signal })
