// 100 seeds of random list-append histories: serializable has no dependency cycle, snapshot only those it allows.

import { expect, test, vi } from 'vitest'
import { simulate } from '../../src/sim/simulate.ts'
import { Conflicts } from '../../src/write/conflicts.ts'
import { listAppend } from './list-append.ts'

const SEEDS = Array.from({ length: 100 }, (_, i) => i + 1)

test.each(['serializable', 'snapshot'] as const)(
  'random histories at level %s',
  { timeout: 120_000 },
  async (level) => {
    let committed = 0
    let aborted = 0
    for (const seed of SEEDS) {
      const { value } = await simulate(`${level} ${seed}`, (sim) => listAppend(sim, level))
      expect(value.found, `seed "${level} ${seed}"`).toEqual([])
      committed += value.committed
      aborted += value.aborted
    }
    expect(committed).toBeGreaterThan(500)
    expect(aborted).toBeGreaterThan(100)
  },
)

test('a history of snapshot transactions is not serializable, and the checker sees it', {
  timeout: 120_000,
}, async () => {
  // Snapshot transactions, judged as if they had to be serializable: write skew must turn up.
  let cycles = 0
  for (const seed of SEEDS.slice(0, 20)) {
    const { value } = await simulate(`skew ${seed}`, (sim) => listAppend(sim, 'snapshot', 'serializable'))
    if (value.found.some((text) => text.includes('cycle'))) cycles++
  }
  expect(cycles).toBeGreaterThan(5)
})

test.each(['serializable', 'snapshot'] as const)(
  'without the conflict test, level %s breaks within 20 seeds',
  async (level) => {
    const find = vi.spyOn(Conflicts.prototype, 'find').mockReturnValue(undefined)
    try {
      let found = 0
      for (const seed of SEEDS.slice(0, 20)) {
        const { value } = await simulate(`planted ${seed}`, (sim) => listAppend(sim, level))
        if (value.found.length > 0) found++
      }
      expect(find).toHaveBeenCalled()
      expect(found).toBeGreaterThan(0)
    } finally {
      find.mockRestore()
    }
  },
)
