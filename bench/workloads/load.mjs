// Load: batches of 1000 rows, then the memtable flushed to L0. Rows per second, the flush included.

import { keySource, rowValue } from '../keys.mjs'
import { load, measured } from '../measure.mjs'

export const title = 'load, batches of 1000, final flush'
export const unit = 'rows'
export const variants = {
  sequential: { target: 20 },
  random: { target: 12 },
  text: { target: 12 },
}

/** The original takes tens of seconds for a million rows behind its binding: a tenth of them tells its rate. */
const ROWS = { ours: 1_000_000, peer: 100_000 }

export async function run(loadEngine, kind, engineName) {
  const { open } = await loadEngine()
  const count = ROWS[engineName]
  const keys = keySource(kind, count)
  const db = await open()
  const result = await measured(async () => {
    const rows = await load(db, count, keys, rowValue)
    await db.flushMemtable()
    return rows
  })
  await db.close()
  return result
}
