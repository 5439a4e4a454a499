// Resident memory per row (16 + 100 bytes) in the memtable, the log switched off so that the memory store stays empty.

import { keySource, rowValue } from '../keys.mjs'
import { load, measured } from '../measure.mjs'

export const title = 'resident memory in the memtable'
export const unit = 'rows'
export const show = 'bytesPerRow'
export const variants = { random: { limit: 300, ours: true } }

const ROWS = 1_000_000
const SLICE = 20_000
const SETTINGS = { walEnabled: false, l0SstSizeBytes: 1_073_741_824, maxUnflushedBytes: 4_294_967_296 }

export async function run(loadEngine, kind) {
  const { open } = await loadEngine()
  const db = await open({ settings: SETTINGS })
  const keys = keySource(kind, ROWS)
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  const result = await measured(async () => {
    for (let at = 0; at < ROWS; at += SLICE) {
      await load(
        db,
        SLICE,
        (i) => keys(at + i),
        (i) => rowValue(at + i),
      )
    }
    return ROWS
  })
  globalThis.gc?.()
  return { ...result, bytesPerRow: (process.memoryUsage().rss - before) / ROWS }
}
