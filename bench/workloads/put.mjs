// Single puts, each awaited, none waiting for durability.

import { KEY_KINDS, keyOf, rowValue } from '../keys.mjs'
import { repeat } from '../measure.mjs'

export const title = 'put, not waiting for durability'
export const unit = 'puts'
export const variants = { mixed: { target: 35 } }

export async function run(loadEngine) {
  const { open } = await loadEngine()
  const db = await open()
  const result = await repeat((i) => db.put(keyOf(KEY_KINDS[i % 3], i), rowValue(i)))
  await db.close()
  return result
}
