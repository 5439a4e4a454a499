// The demo's writer process: imports rows until it is killed, and tells its parent only what is durable. It never gets
// to say goodbye, which is the point.

import { SlateDB } from '../api/slatedb.ts'
import type { RequestRow } from '../objects/request-counts.ts'
import { WriteBatch } from '../write/batch.ts'
import { type Cities, loadCities } from './demo-cities.ts'
import { openLocation } from './open-location.ts'
import type { Shell } from './shell.ts'

/** What the writer tells its parent: rows [0, durable) are in the object store. */
export interface WriterReport {
  readonly durable: number
  readonly requests: readonly RequestRow[]
}

export const DEMO_SETTINGS = { formatGeneration: '0.12', l0SstSizeBytes: '8MiB' } as const

const ROWS_PER_BATCH = 500
/** Rows that may be on their way: more than one flush carries, so that the kill always hits some. */
const ROWS_IN_FLIGHT = 20_000

export async function runDemoWriter(shell: Shell, url: string): Promise<void> {
  const opened = await openLocation(url, shell.streams.env, shell)
  const db = await SlateDB.open({ store: opened.store, path: opened.path }, { settings: DEMO_SETTINGS })
  const cities = loadCities()
  await importRows(db, cities, 0, (durable) => {
    process.send!({ durable, requests: opened.store.counts.rows() } satisfies WriterReport)
  })
  await db.close()
}

/** Writes rows [from, count); `onDurable` hears, in order, up to which row everything is durable. */
export async function importRows(
  db: SlateDB,
  cities: Cities,
  from: number,
  onDurable: (rows: number) => void,
): Promise<void> {
  let durable = from
  let failed: unknown
  const waiting: Promise<void>[] = []
  for (let at = from; at < cities.count; at += ROWS_PER_BATCH) {
    const end = Math.min(at + ROWS_PER_BATCH, cities.count)
    const handle = await db.write(batchOf(cities, at, end), { durability: 'memory' })
    const acknowledged = handle.awaitDurable().then(
      () => {
        durable = end
        onDurable(durable)
      },
      (error) => {
        failed ??= error
      },
    )
    waiting.push(acknowledged)
    if (end - durable > ROWS_IN_FLIGHT)
      await waiting[Math.floor(durable / ROWS_PER_BATCH) - Math.floor(from / ROWS_PER_BATCH)]
    if (failed !== undefined) break
  }
  await Promise.all(waiting)
  if (failed !== undefined) throw failed
}

function batchOf(cities: Cities, start: number, end: number): WriteBatch {
  const batch = new WriteBatch()
  for (let i = start; i < end; i++) {
    const row = cities.row(i)
    batch.put(row.key, row.value)
  }
  return batch
}
