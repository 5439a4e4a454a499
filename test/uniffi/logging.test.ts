// Log records as programs of the official binding look for them. Logging is installed once per process, so all of it is
// one test.

import type * as peer from '@slatedb/uniffi'
import { expect, test } from 'vitest'
import { ours, theirs } from './same.ts'
import { type Binding, bytes } from './script.ts'

async function recordsOf(slatedb: Binding) {
  const all: peer.LogRecord[] = []
  const refused: unknown[] = []
  const install = (level: string, callback: unknown) => {
    try {
      slatedb.init_logging(level as never, callback as never)
    } catch (error) {
      refused.push([(error as Error).name, (error as Error).message])
    }
  }
  install('Loud', undefined)
  install('Info', 5)
  install('Info', {})
  install('Info', { log: (record: peer.LogRecord) => all.push({ ...record }) })
  install('Info', undefined)
  const db = await new slatedb.DbBuilder('some/path', slatedb.ObjectStore.resolve('memory:///')).build()
  await db.put(bytes('a'), bytes('1'))
  await db.shutdown()
  const find = async (text: string) => {
    for (let turn = 0; turn < 200 && !all.some(({ message }) => message.includes(text)); turn++) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    return all.filter(({ message }) => message.includes(text))
  }
  return { refused, opening: await find('opening SlateDB database'), closing: await find('db closed') }
}

test('a record at opening and one at closing, with level, target, module path, file and line', async () => {
  const [mine, expected] = [await recordsOf(ours), await recordsOf(theirs)]
  expect(mine.refused).toEqual(expected.refused)
  for (const { opening, closing } of [mine, expected]) {
    expect(opening).toHaveLength(1)
    expect(closing).toHaveLength(1)
    for (const record of [...opening, ...closing]) {
      expect(record.level).toBe('Info')
      expect(record.module_path).toBe(record.target)
      expect(record.file).not.toBe('')
      expect(record.line).toBeGreaterThan(0)
    }
  }
  const comparable = ({ target, message }: peer.LogRecord) => [target, message]
  expect([...mine.opening, ...mine.closing].map(comparable)).toEqual(
    [...expected.opening, ...expected.closing].map(comparable),
  )
  expect(mine.opening[0]!.file).toMatch(/builders\.ts$/)
  expect(mine.closing[0]!.file).toMatch(/db\.ts$/)
})
