import { beforeEach, expect, test, vi } from 'vitest'
import { crc32 } from '../bytes/crc32.ts'
import { Random } from '../env/random.ts'

const NATIVE = 0xc0ffee
const block = new Random('checksum').bytes(4096)

beforeEach(() => {
  vi.resetModules()
})

/** A fresh module that meets this native checksum, and its answer after `blocks` blocks and the time to load. */
async function answerAfter(blocks: number, native: () => object): Promise<number> {
  vi.doMock('#native', native)
  const { checksum } = await import('./checksum.ts')
  for (let i = 0; i < blocks; i++) expect(checksum(block)).toBe(crc32(block))
  await new Promise((resolve) => setTimeout(resolve, 20))
  return checksum(block)
}

test('a little is summed here, and nothing is loaded for it', async () => {
  const native = vi.fn(() => ({ native: { crc32: () => NATIVE } }))
  expect(await answerAfter(30, native)).toBe(crc32(block))
  expect(native).not.toHaveBeenCalled()
})

test('much is summed by the runtime', async () => {
  expect(await answerAfter(40, () => ({ native: { crc32: () => NATIVE } }))).toBe(NATIVE)
})

test('a runtime without one, or that cannot load it, goes on as before', async () => {
  expect(await answerAfter(40, () => ({ native: {} }))).toBe(crc32(block))
  vi.resetModules()
  const broken = () => {
    throw new Error('deleted by a deploy')
  }
  expect(await answerAfter(40, broken)).toBe(crc32(block))
})

test("the runtime's own and ours agree", async () => {
  vi.doUnmock('#native')
  const { native } = await import('#native')
  const random = new Random('both')
  for (let size = 0; size < 300; size++) {
    const bytes = random.bytes(size)
    expect(native.crc32?.(bytes) ?? crc32(bytes)).toBe(crc32(bytes))
  }
})
