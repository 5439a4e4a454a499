// The checker must find every kind of violation: each case is a history that a correct engine never makes, or one that
// only the weaker level allows.

import { describe, expect, test } from 'vitest'
import { type Level, type RecordedTransaction, type Step, violations } from './history.ts'

const append = (key: string, value: number): Step => ({ kind: 'append', key, value })
const read = (key: string, ...list: number[]): Step => ({ kind: 'read', key, list })

interface Case {
  readonly name: string
  /** name: [began, ended, ...steps]; a name ending in `!` aborted. */
  readonly history: Record<string, [number, number, ...Step[]]>
  readonly final: Record<string, number[]>
  readonly snapshot: RegExp | undefined
  readonly serializable: RegExp | undefined
}

const CASES: Case[] = [
  {
    name: 'serial history',
    history: { A: [0, 1, read('x'), append('x', 1)], B: [2, 3, read('x', 1), append('x', 2)] },
    final: { x: [1, 2] },
    snapshot: undefined,
    serializable: undefined,
  },
  {
    name: 'lost update',
    history: { A: [0, 2, read('x'), append('x', 1)], B: [1, 3, read('x'), append('x', 2)] },
    final: { x: [1, 2] },
    snapshot: /cycle/,
    serializable: /cycle/,
  },
  {
    name: 'write skew',
    history: { A: [0, 2, read('x'), append('y', 1)], B: [1, 3, read('y'), append('x', 2)] },
    final: { x: [2], y: [1] },
    snapshot: undefined,
    serializable: /cycle .*-rw->.*-rw->/,
  },
  {
    name: 'read skew',
    history: { W: [0, 2, append('x', 1), append('y', 2)], R: [1, 3, read('x'), read('y', 2)] },
    final: { x: [1], y: [2] },
    snapshot: /cycle/,
    serializable: /cycle/,
  },
  {
    name: 'long fork',
    history: {
      A: [0, 4, append('x', 1)],
      B: [1, 5, append('y', 2)],
      C: [2, 6, read('x', 1), read('y')],
      D: [3, 7, read('x'), read('y', 2)],
    },
    final: { x: [1], y: [2] },
    snapshot: /cycle/,
    serializable: /cycle/,
  },
  {
    name: 'circular information flow',
    history: { A: [0, 2, append('x', 1), read('y', 2)], B: [1, 3, append('y', 2), read('x', 1)] },
    final: { x: [1], y: [2] },
    snapshot: /cycle .*-wr->/,
    serializable: /cycle .*-wr->/,
  },
  {
    name: 'dirty write order',
    history: { A: [0, 2, append('x', 1), append('y', 2)], B: [1, 3, append('x', 3), append('y', 4)] },
    final: { x: [1, 3], y: [4, 2] },
    snapshot: /cycle .*-ww->/,
    serializable: /cycle .*-ww->/,
  },
  {
    name: 'a stale snapshot',
    history: { A: [0, 1, append('x', 1)], B: [2, 3, read('x')] },
    final: { x: [1] },
    snapshot: /cycle .*-rt->/,
    serializable: /cycle .*-rt->/,
  },
  {
    name: 'aborted read',
    history: { 'A!': [0, 2, append('x', 1)], B: [1, 3, read('x', 1)] },
    final: { x: [] },
    snapshot: /aborted/,
    serializable: /aborted/,
  },
  {
    name: 'intermediate read',
    history: { A: [0, 2, append('x', 1), append('x', 2)], B: [1, 3, read('x', 1)] },
    final: { x: [1, 2] },
    snapshot: /in the middle/,
    serializable: /in the middle/,
  },
  {
    name: 'a lost append',
    history: { A: [0, 1, append('x', 1)] },
    final: { x: [] },
    snapshot: /lost/,
    serializable: /lost/,
  },
  {
    name: 'an append that came twice',
    history: { A: [0, 1, append('x', 1)] },
    final: { x: [1, 1] },
    snapshot: /twice/,
    serializable: /twice/,
  },
  {
    name: 'unrepeatable read',
    history: { A: [0, 1, append('x', 1)], B: [0, 3, read('x'), read('x', 1)] },
    final: { x: [1] },
    snapshot: /before/,
    serializable: /before/,
  },
  {
    name: 'own append not read',
    history: { A: [0, 1, append('x', 1), read('x')] },
    final: { x: [1] },
    snapshot: /its own appends/,
    serializable: /its own appends/,
  },
  {
    name: 'a read in another order',
    history: { A: [0, 1, append('x', 1)], B: [0, 2, append('x', 2)], C: [3, 4, read('x', 2, 1)] },
    final: { x: [1, 2] },
    snapshot: /not a prefix/,
    serializable: /not a prefix/,
  },
]

describe('the dependency-cycle checker', () => {
  for (const one of CASES) {
    for (const level of ['snapshot', 'serializable'] as const satisfies Level[]) {
      test(`${one.name}: ${level} ${one[level] === undefined ? 'allows it' : 'forbids it'}`, () => {
        const history = Object.entries(one.history).map(
          ([name, [began, ended, ...steps]]): RecordedTransaction => ({
            name,
            steps,
            committed: !name.endsWith('!'),
            began,
            ended,
          }),
        )
        const found = violations(history, new Map(Object.entries(one.final)), level).join('; ')
        const expected = one[level]
        if (expected === undefined) expect(found).toBe('')
        else expect(found).toMatch(expected)
      })
    }
  }
})
