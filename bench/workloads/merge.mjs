// Merge operands written to a thousand counters, each awaited, none waiting for durability.

import { keysOf } from '../keys.mjs'
import { repeat } from '../measure.mjs'

export const title = 'merge operands written'
export const unit = 'operands'
export const variants = { counters: { target: 100 } }

const OPERAND = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0)

export async function run(loadEngine) {
  const { open } = await loadEngine()
  const db = await open({ mergeOperator: addUp })
  const keys = keysOf('text', 1000)
  const result = await repeat((i) => db.merge(keys[i % keys.length], OPERAND))
  const read = await db.get(keys[0])
  if (read === undefined || new DataView(read.buffer, read.byteOffset).getUint32(0, true) === 0) {
    throw new Error('the benchmark read a wrong counter')
  }
  await db.close()
  return result
}

/** Little-endian 64-bit sum; the low half is all that a benchmark reaches. */
function addUp(_key, existing, operand) {
  const sum = new Uint8Array(8)
  const low = (bytes) => (bytes === undefined ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true))
  new DataView(sum.buffer).setUint32(0, low(existing) + low(operand), true)
  return sum
}
