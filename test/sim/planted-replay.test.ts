import { test, vi } from 'vitest'
import type * as ReplayModule from '../../src/wal/replay.ts'
import { expectFound } from './planted.ts'

// One file too few is read back.
vi.mock('../../src/wal/replay.ts', async (original) => {
  const real = await original<typeof ReplayModule>()
  const replayWal: typeof real.replayWal = (options) => real.replayWal({ ...options, from: options.from + 1 })
  return { ...real, replayWal }
})

test('a wrong replay boundary is found', { timeout: 120_000 }, async () => {
  await expectFound('wrong replay boundary', /acknowledged|lost|got nothing|wrong value|must not exist|durable/)
})
