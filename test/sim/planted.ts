// Bugs planted into the engine, to show that the suite finds them: each must be found within 20 seeds.

import { expect } from 'vitest'
import { loadCodecs, runSeed } from './seeds.ts'

const SEEDS = 20

/** Runs seeds until one fails as `symptom` says; the seed count goes into the log. */
export async function expectFound(bug: string, symptom: RegExp): Promise<void> {
  await loadCodecs()
  for (let seed = 1; seed <= SEEDS; seed++) {
    const failure = await runSeed(seed).then(
      () => undefined,
      (error: Error) => error.message,
    )
    if (failure === undefined) continue
    expect(failure).toMatch(symptom)
    console.info(`planted bug "${bug}" found by seed ${seed}: ${failure.split('\n')[0]!.slice(0, 200)}`)
    return
  }
  expect.unreachable(`planted bug "${bug}" was not found within ${SEEDS} seeds`)
}
