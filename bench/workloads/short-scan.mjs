// Scans of 100 rows from a random place in L0.

import { keysOf, rowValue, shuffled } from '../keys.mjs'
import { load, repeat } from '../measure.mjs'

export const title = 'scan of 100 rows'
export const unit = 'scans'
export const variants = { L0: { target: 60 } }

const ROWS = 100_000

export async function run(loadEngine) {
  const { open } = await loadEngine()
  const db = await open()
  const keys = keysOf('sequential', ROWS)
  await load(db, ROWS, (i) => keys[i], rowValue)
  await db.flushMemtable()
  const result = await repeat(async (i) => {
    const rows = await db.scan({ from: keys[shuffled(i, ROWS - 100)] }, 100)
    if (rows !== 100) throw new Error(`the benchmark scanned ${rows} rows, expected 100`)
  })
  await db.close()
  return result
}
