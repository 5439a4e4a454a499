import { test, vi } from 'vitest'
import type * as PublishModule from '../../src/manifest/publish.ts'
import { expectFound } from './planted.ts'

// A flush records a replay point that is too high by one: the log behind it is never read again.
vi.mock('../../src/manifest/publish.ts', async (original) => {
  const real = await original<typeof PublishModule>()
  const publishL0: typeof real.publishL0 = (manifest, publications) =>
    real.publishL0(
      manifest,
      publications.map((one) => ({ ...one, replayAfterWalId: one.replayAfterWalId + 1 })),
    )
  return { ...real, publishL0 }
})

test('a replay point that is too high is found', { timeout: 120_000 }, async () => {
  await expectFound(
    'replay point too high',
    /acknowledged|lost|got nothing|wrong value|must not exist|durable|never committed|gap|WAL/,
  )
})
