import { test, vi } from 'vitest'
import type * as ViewModule from '../../src/read/view.ts'
import { expectFound } from './planted.ts'

// L0 is searched oldest first, so a point read may find an old version.
vi.mock('../../src/read/view.ts', async (original) => {
  const real = await original<typeof ViewModule>()
  const levelsOf: typeof real.levelsOf = (...inputs) => {
    const levels = real.levelsOf(...inputs)
    return { ...levels, l0: levels.l0.toReversed() }
  }
  return { ...real, levelsOf }
})

test('a wrong order of versions is found', { timeout: 120_000 }, async () => {
  await expectFound('wrong version order', /wrong value|expected|must not exist/)
})
