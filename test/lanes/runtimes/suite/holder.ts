// A writer that holds a folder until somebody takes over: `holder.ts <folder>`. It prints "open", then how it ended, and
// ends by itself.

import { isSlateDBError, SlateDB } from '../../../../src/index.ts'

const db = await SlateDB.open(`file:${process.argv[2]}`, { valueEncoding: 'utf8', settings: { flushInterval: '5ms' } })
await db.put('held', 'by the first')
process.stdout.write('open\n')
try {
  for (let i = 0; ; i++) {
    await db.put('count', String(i))
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
} catch (error) {
  process.stdout.write(isSlateDBError(error) ? `${error.kind} ${error.closeReason}\n` : `${error}\n`)
}
