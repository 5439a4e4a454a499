import { expect, test, vi } from 'vitest'
import type { ObjectStore } from '../../src/objects/store.ts'
import type * as FenceModule from '../../src/wal/fence.ts'
import { expectFound } from './planted.ts'

const planted = vi.hoisted(() => ({ used: 0 }))

// The epoch is claimed, but no object stops the old writer's next PUT.
vi.mock('../../src/wal/fence.ts', async (original) => {
  const real = await original<typeof FenceModule>()
  const fenceWal: typeof real.fenceWal = async (options) => {
    planted.used++
    const { store } = options
    const blind: ObjectStore = {
      capabilities: store.capabilities,
      get: (path, more) => store.get(path, more),
      head: (path, more) => store.head(path, more),
      list: (prefix, more) => store.list(prefix, more),
      delete: (path, more) => store.delete(path, more),
      put: async (path, body, more) => (path.includes('/wal/') ? {} : store.put(path, body, more)),
      describe: () => store.describe(),
    }
    const fence = await real.fenceWal({ ...options, store: blind })
    return { ...fence, id: fence.id - 1 }
  }
  return { ...real, fenceWal }
})

test('a skipped fence is found', { timeout: 120_000 }, async () => {
  await expectFound('skip the fence', /durable|lost|Fenced|FENCED|took over|epoch|wrong|got nothing/i)
  expect(planted.used).toBeGreaterThan(0)
})
