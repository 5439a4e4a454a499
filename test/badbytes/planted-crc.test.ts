import { expect, test, vi } from 'vitest'
import { Random } from '../../src/env/random.ts'
import type * as NativeModule from '../../src/node/native.ts'
import { judge, mutantsOf, ownDatabase } from './damage.ts'

// Every checksum is zero, when written and when checked: damage of the bytes under it goes unnoticed.
vi.mock('../../src/node/native.ts', async (original) => {
  const { native } = await original<typeof NativeModule>()
  return { native: { ...native, crc32: () => 0 } }
})

test('a checksum that is not checked is found within 20 seeds', async () => {
  const subject = await ownDatabase('planted', {})
  const paths = [...subject.bucket.keys()].filter(
    (path) => /\/(wal|compacted)\//.test(path) && subject.bucket.get(path)!.length > 0,
  )
  for (let seed = 1; seed <= 20; seed++) {
    const random = new Random(seed)
    const path = random.pick(paths)
    const [mutant] = mutantsOf(subject.bucket.get(path)!, random, 1)
    const complaint = await judge(subject, path, mutant!.bytes, 'reader').catch((error: Error) => error.message)
    if (complaint === undefined) continue
    console.info(`planted bug "skip a CRC" found by seed ${seed}: ${path}, ${mutant!.what}: ${complaint.slice(0, 150)}`)
    return
  }
  expect.unreachable('planted bug "skip a CRC" was not found within 20 seeds')
})
