// A fresh process: the package imported, a database opened, one put and one get. Milliseconds after Node's own start.

import { keyOf, rowValue } from '../keys.mjs'
import { measured } from '../measure.mjs'

export const title = 'import, open, first put and get'
export const unit = 'starts'
export const show = 'ms'
export const variants = { 'fresh process': { target: 5, limit: 15 } }

export function run(loadEngine) {
  return measured(async () => {
    const { open } = await loadEngine()
    const db = await open()
    const key = keyOf('text', 1)
    await db.put(key, rowValue(1))
    if ((await db.get(key)) === undefined) throw new Error('the benchmark read a wrong answer')
    return 1
  })
}
