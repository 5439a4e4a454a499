// Durable puts at a flush interval of 1 ms: clients side by side, each awaiting its own puts.

import { keyOf, rowValue } from '../keys.mjs'
import { concurrently } from '../measure.mjs'

export const title = 'durable puts, 1 ms interval'
export const unit = 'puts'
export const variants = {
  '1 client': { clients: 1, target: 1.5 },
  '64 clients': { clients: 64, target: 8 },
  '1024 clients': { clients: 1024, target: 40 },
}

export async function run(loadEngine, variant) {
  const { open } = await loadEngine()
  const db = await open({ settings: { flushInterval: '1ms' } })
  const result = await concurrently(variants[variant].clients, (i) => db.putDurable(keyOf('random', i), rowValue(i)))
  await db.close()
  return result
}
