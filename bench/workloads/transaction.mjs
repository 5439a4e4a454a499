// Transactions of two reads and two writes, committed one after the other.

import { keysOf, rowValue, shuffled } from '../keys.mjs'
import { load, repeat } from '../measure.mjs'

export const title = 'transaction, 2 reads and 2 writes'
export const unit = 'transactions'
export const variants = { snapshot: { target: 40 }, serializable: { target: 35 } }

const ROWS = 10_000

export async function run(loadEngine, isolation) {
  const { open } = await loadEngine()
  const db = await open()
  const keys = keysOf('random', ROWS)
  await load(db, ROWS, (i) => keys[i], rowValue)
  const pick = (i) => keys[shuffled(i, ROWS)]
  const result = await repeat((i) =>
    db.transaction(isolation, [pick(4 * i), pick(4 * i + 1)], [pick(4 * i + 2), pick(4 * i + 3)], rowValue(i)),
  )
  await db.close()
  return result
}
