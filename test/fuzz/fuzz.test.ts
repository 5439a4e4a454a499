// A short run of every fuzz target with fixed seeds, and the judge before targets that are wrong on purpose.
// `npm run fuzz` runs them for as long as one likes.

import { expect, test } from 'vitest'
import { invalid } from '../../src/errors.ts'
import { fuzz, replay } from './runner.ts'
import { type Case, must, type Target } from './target.ts'
import { targets } from './targets.ts'

const CASES = 120

test.each(targets.map((target) => [target.name, target] as const))(
  '%s: a hundred cases and no finding',
  async (_, target) => {
    const { findings, cases, accepted } = await fuzz(target, 'fixed', { cases: CASES })
    expect(findings.map(({ seed, what }) => `npm run fuzz -- ${target.name} --seed ${seed}: ${what}`)).toEqual([])
    expect(cases).toBe(CASES)
    // Inputs that are all refused at the first byte would prove nothing.
    expect(accepted).toBeGreaterThan(0)
  },
)

test('every target has a name of its own', () => {
  expect(new Set(targets.map(({ name }) => name)).size).toBe(targets.length)
})

const wrongOnPurpose: readonly (readonly [string, Partial<Case> & Pick<Case, 'run'>, RegExp])[] = [
  ['an error that is not typed', { run: () => JSON.parse('{') as undefined }, /SyntaxError/],
  ['a wrong answer', { run: () => must(false, 'one and one is three') }, /one and one is three/],
  [
    'a refusal of what is valid',
    {
      valid: true,
      run: () => {
        throw invalid('X', 'no')
      },
    },
    /refused what our own encoder made/,
  ],
  ['work that no input of this size needs', { run: () => spin(300) }, /ms of the processor, at most/],
  [
    'memory that no input of this size needs',
    { run: () => void kept.push(new Uint8Array(60 << 20)) },
    /bytes of memory/,
  ],
]

const kept: Uint8Array[] = []

function spin(ms: number): void {
  const start = process.cpuUsage()
  while (process.cpuUsage(start).user < ms * 1000);
}

test.each(wrongOnPurpose)('the judge notices %s', async (_, wrong, says) => {
  const target: Target = { name: 'wrong', make: (random) => ({ input: random.bytes(9), ...wrong }) }
  const { findings } = await fuzz(target, 'x', { cases: 1 })
  kept.length = 0
  expect(findings[0]?.what).toMatch(says)
  expect((await replay(target, findings[0]!.seed)).findings[0]!.input).toEqual(findings[0]!.input)
})
