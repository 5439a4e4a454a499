// Short scans beside writes, as YCSB E has them: 95 scans of 1 to 100 rows and 5 puts of a hundred calls, the hot keys
// first. Fresh rows were written once; overwritten ones some 16,000 times each at the hot end, without a flush since.

import { keysOf, rowValue, shuffled } from '../keys.mjs'
import { load, repeat } from '../measure.mjs'

export const title = 'short scans beside writes'
export const unit = 'calls'
export const variants = {
  'fresh rows': { overwrites: 0, reverse: false, target: 10 },
  'overwritten rows': { overwrites: 16_000, reverse: false, target: 10 },
  'overwritten rows, reverse': { overwrites: 16_000, reverse: true, target: 10 },
}

const ROWS = 10_000
const HOT = 20

export async function run(loadEngine, variant) {
  const { overwrites, reverse } = variants[variant]
  const { open } = await loadEngine()
  const db = await open()
  const keys = keysOf('sequential', ROWS)
  await load(db, ROWS, (i) => keys[i], rowValue)
  // In the middle, so that scans from both sides cross them.
  const hot = keys.slice(ROWS / 2, ROWS / 2 + HOT)
  await load(db, overwrites * HOT, (i) => hot[i % HOT], rowValue)
  const result = await repeat(async (i) => {
    const near = ROWS / 2 - 50 + (shuffled(i, 100) % 100)
    if (i % 20 === 0) return db.put(keys[near], rowValue(i))
    const limit = 1 + (i % 100)
    const rows = await db.scan(reverse ? { to: keys[near], reverse } : { from: keys[near] }, limit)
    if (rows !== limit) throw new Error(`the benchmark scanned ${rows} rows, expected ${limit}`)
  })
  await db.close()
  return result
}
