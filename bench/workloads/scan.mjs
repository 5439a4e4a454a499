// Full scans, row by row.

import { keySource, rowValue } from '../keys.mjs'
import { load, measured, SECONDS } from '../measure.mjs'

export const title = 'full scan'
export const unit = 'rows'
export const variants = {
  memtable: { flush: false, reverse: false, target: 60 },
  'memtable, reverse': { flush: false, reverse: true, target: 60 },
  L0: { flush: true, reverse: false, target: 70 },
  'L0, reverse': { flush: true, reverse: true, target: 70 },
}

const ROWS = 100_000

export async function run(loadEngine, variant) {
  const { open } = await loadEngine()
  const { flush, reverse } = variants[variant]
  const db = await open()
  await load(db, ROWS, keySource('random', ROWS), rowValue)
  if (flush) await db.flushMemtable()
  await scanOnce(db, reverse)
  const result = await measured(async () => {
    let rows = 0
    const deadline = performance.now() + SECONDS * 1000
    while (performance.now() < deadline) rows += await scanOnce(db, reverse)
    return rows
  })
  await db.close()
  return result
}

async function scanOnce(db, reverse) {
  const rows = await db.scan({ reverse })
  if (rows !== ROWS) throw new Error(`the benchmark scanned ${rows} rows, expected ${ROWS}`)
  return rows
}
