// Point reads, each awaited, over rows of all three key kinds in a shuffled order.

import { KEY_KINDS, keysOf, missingKey, rowValue, shuffled } from '../keys.mjs'
import { load, repeat } from '../measure.mjs'

export const title = 'get'
export const unit = 'gets'
export const variants = {
  memtable: { target: 20 },
  'L0, cached': { target: 30 },
  'L0, not there': { target: 35 },
}

const ROWS_PER_KIND = 33_000

export async function run(loadEngine, variant) {
  const { open } = await loadEngine()
  const db = await open()
  const keys = KEY_KINDS.flatMap((kind) => keysOf(kind, ROWS_PER_KIND))
  await load(db, keys.length, (i) => keys[i], rowValue)
  if (variant !== 'memtable') await db.flushMemtable()
  const missing = variant === 'L0, not there'
  const asked = missing
    ? keys.map((_, i) => missingKey(KEY_KINDS[Math.floor(i / ROWS_PER_KIND)], i % ROWS_PER_KIND))
    : keys
  // Every block once, so that what is measured is served from the cache.
  for (const key of asked) check(await db.get(key), missing)
  const result = await repeat((i) => db.get(asked[shuffled(i, asked.length)]))
  await db.close()
  return result
}

function check(value, missing) {
  if ((value === undefined) !== missing) throw new Error('the benchmark read a wrong answer')
}
