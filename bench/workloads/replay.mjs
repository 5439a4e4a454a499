// Recovery: a second writer opens a database whose last 100 MB are only in the log.

import { keySource, rowValue } from '../keys.mjs'
import { load, measured } from '../measure.mjs'

export const title = 'log replay, 100 MB'
export const unit = 'rows'
/** Once per engine: the original needs a minute to get its 100 MB in. */
export const variants = { 'open after a crash': { target: 1, runs: 1 } }

const ROWS = 860_000
/** Nothing may go to L0 before the crash. */
const SETTINGS = { l0SstSizeBytes: 536_870_912, maxUnflushedBytes: 2_147_483_648 }

export async function run(loadEngine) {
  const { open, newStore } = await loadEngine()
  const store = newStore()
  const first = await open({ store, settings: SETTINGS })
  const keys = keySource('sequential', ROWS)
  await load(first, ROWS, keys, rowValue)
  await first.flushWal()
  let second
  // The first writer is never closed: for the second one it has crashed.
  const result = await measured(async () => {
    second = await open({ store, settings: SETTINGS })
    return ROWS
  })
  for (const i of [0, ROWS >> 1, ROWS - 1]) {
    if ((await second.get(keys(i))) === undefined) throw new Error(`row ${i} was not replayed`)
  }
  return result
}
