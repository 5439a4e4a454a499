// A day in the life of a database, and the requests of each step: the same on every store.

import type { Db } from '../../src/db/db.ts'
import { openDb } from '../../src/db/open.ts'
import { openReader } from '../../src/db/reader.ts'
import { parseSettings } from '../../src/db/settings.ts'
import type { Env } from '../../src/env/env.ts'
import { instrumented } from '../../src/objects/instrumented.ts'
import type { ObjectStore } from '../../src/objects/store.ts'
import { toBytes } from '../model/bytes.ts'

const EVERYTHING = { start: undefined, end: undefined }
const ROWS = 3000
/** Nothing happens by the clock: what is asked is what the steps ask for. */
const settings = parseSettings({
  compactorOptions: null,
  garbageCollectorOptions: null,
  flushInterval: null,
  manifestPollInterval: '1h',
  minFilterKeys: 1,
})

const keyOf = (row: number) => toBytes(`key${String(row).padStart(5, '0')}`)

/** Requests by step: `wal put: 1`. */
export async function requestSteps(store: ObjectStore, env: Env, path: string): Promise<Record<string, string[]>> {
  const counted = instrumented(store, env, { role: 'db' })
  const steps: Record<string, string[]> = {}
  const step = async <T>(name: string, work: () => T | Promise<T>): Promise<T> => {
    const before = counted.counts.snapshot()
    const result = await work()
    const rows = counted.counts.since(before).rows()
    steps[name] = rows.map(({ objectClass, api, requests }) => `${objectClass} ${api}: ${requests}`).sort()
    return result
  }
  const open = () => openDb({ store: counted, path, env, settings })
  const count = async (db: Pick<Db, 'scan'>, rows = Number.POSITIVE_INFINITY) => {
    const scan = db.scan(EVERYTHING)
    let found = 0
    while (found < rows && (await scan.next()) !== undefined) found++
    scan.close()
    if (found !== Math.min(rows, ROWS)) throw new Error(`the scan found ${found} rows`)
  }
  const get = async (db: Pick<Db, 'get'>, row: number) => {
    if (((await db.get(keyOf(row))) !== undefined) !== row < ROWS) throw new Error(`wrong answer for row ${row}`)
  }

  const first = await step('open nothing', open)
  await step('put 3,000 rows', async () => {
    for (let row = 0; row < ROWS; row++) await first.put(keyOf(row), toBytes('v'.repeat(100)))
  })
  await step('flush the log', () => first.flush('wal'))
  await step('flush the memtable', () => first.flush('memtable'))
  await step('get and scan what was flushed', async () => {
    await get(first, 17)
    await count(first)
  })
  await step('close', () => first.close())

  const second = await step('open again', open)
  await step('cold get', () => get(second, 100))
  await step('get with metadata', () => get(second, 2000))
  await step('get again', () => get(second, 2000))
  await step('get of nothing', () => get(second, ROWS + 1))
  await step('scan of ten rows', () => count(second, 10))
  await step('cold scan of everything', () => count(second))
  await step('close without news', () => second.close())

  const reader = await step('open a reader', () => openReader({ store: counted, path, env }))
  await step('cold get of the reader', () => get(reader, 100))
  await step('close the reader', () => reader.close())
  return steps
}
