// The judge is judged: it must accept what a database may answer and refuse everything else.

import { describe, expect, test } from 'vitest'
import { Model, type Op, OWN_SEQ, type SeenRow } from './model.ts'

const put = (key: string, value: string, ttl: Op['ttl'] = 'none'): Op => ({ kind: 'put', key, value, ttl })
const del = (key: string): Op => ({ kind: 'delete', key, value: '', ttl: 'none' })
const merge = (key: string, value: string, ttl: Op['ttl'] = 'none'): Op => ({ kind: 'merge', key, value, ttl })
const row = (key: string, value: string, seq: number, createTs = seq, expireTs?: number): SeenRow => ({
  key,
  value,
  seq: BigInt(seq),
  createTs,
  expireTs,
})

function modelOf(...batches: Op[][]): Model {
  const model = new Model()
  for (const [at, ops] of batches.entries()) model.commit(ops, BigInt(at + 1), at + 1)
  return model
}

describe('the model', () => {
  test('knows every version, and what a delete hides', () => {
    const model = modelOf([put('a', '1')], [put('a', '2'), put('b', 'x')], [del('a')])
    expect(model.complaint('a', row('a', '1', 1), { seq: 1 })).toBeUndefined()
    expect(model.complaint('a', row('a', '2', 2), { seq: 2 })).toBeUndefined()
    expect(model.complaint('a', undefined, { seq: 3 })).toBeUndefined()
    expect(model.complaint('a', row('a', '1', 1), { seq: 2 })).toMatch(/wrong value/)
    expect(model.complaint('a', row('a', '2', 1), { seq: 2 })).toMatch(/wrong seq/)
    expect(model.complaint('a', row('a', '2', 2, 1), { seq: 2 })).toMatch(/create_ts/)
    expect(model.complaint('a', row('a', '2', 2, 2, 9), { seq: 2 })).toMatch(/expire_ts/)
    expect(model.complaint('a', row('a', '2', 2), { seq: 3 })).toMatch(/must not exist/)
    expect(model.complaint('b', undefined, { seq: 2 })).toMatch(/got nothing/)
  })

  test('refuses sequence numbers and times that go back', () => {
    const model = modelOf([put('a', '1')], [put('a', '2')])
    expect(() => model.commit([put('a', '3')], 2n, 9)).toThrow(/seq 2 was given out twice/)
    expect(() => model.commit([put('a', '3')], 3n, 1)).toThrow(/out of order/)
  })

  test('folds merges in commit order', () => {
    const model = modelOf([merge('k', 'a')], [merge('k', 'b')], [put('k', 'P')], [merge('k', 'c'), merge('k', 'd')])
    expect(model.complaint('k', row('k', 'ab', 2), { seq: 2 })).toBeUndefined()
    expect(model.complaint('k', row('k', 'Pcd', 4), { seq: 4 })).toBeUndefined()
    expect(model.complaint('k', row('k', 'Pdc', 4), { seq: 4 })).toMatch(/wrong value/)
    expect(model.complaint('k', row('k', 'abPcd', 4), { seq: 4 })).toMatch(/wrong value/)
    expect(model.complaint('k', row('k', 'cd', 4), { seq: 4 })).toMatch(/wrong value/)
  })

  test('an expired row is there or gone, never an older one', () => {
    const model = modelOf(
      [put('k', 'old')],
      [put('k', 'new', { at: 5 })],
      [merge('m', 'a', { at: 5 })],
      [merge('m', 'b')],
    )
    expect(model.complaint('k', undefined, { seq: 4 })).toMatch(/got nothing/)
    model.tick = 5
    expect(model.complaint('k', undefined, { seq: 4 })).toBeUndefined()
    expect(model.complaint('k', row('k', 'new', 2, 2, 5), { seq: 4 })).toBeUndefined()
    expect(model.complaint('k', row('k', 'old', 1), { seq: 4 })).toMatch(/wrong value/)
    expect(model.complaint('m', row('m', 'ab', 4), { seq: 4 })).toBeUndefined()
    expect(model.complaint('m', row('m', 'b', 4), { seq: 4 })).toBeUndefined()
    expect(model.complaint('m', row('m', 'a', 3), { seq: 4 })).toMatch(/wrong value/)
    expect(model.complaint('m', undefined, { seq: 4 })).toMatch(/got nothing/)
  })

  test('forgets what a crash lost', () => {
    const model = modelOf([put('a', '1')], [del('a'), put('b', '2')], [put('a', '3')])
    model.truncate(1)
    expect(model.lastSeq).toBe(1)
    expect(model.scanComplaint([row('a', '1', 1)], { seq: 9 })).toBeUndefined()
    model.commit([put('c', '4')], 2n, 10)
    expect(model.scanComplaint([row('a', '1', 1), row('c', '4', 2, 10)], { seq: 9 })).toBeUndefined()
  })

  test('judges scans: order, range, gaps, strangers', () => {
    const model = modelOf([put('a', '1')], [put('b', '2')], [put('c', '3')])
    const [a, b, c] = [row('a', '1', 1), row('b', '2', 2), row('c', '3', 3)]
    expect(model.scanComplaint([a, b, c], { seq: 3 })).toBeUndefined()
    expect(model.scanComplaint([c, b, a], { seq: 3 }, {}, true)).toBeUndefined()
    expect(model.scanComplaint([b], { seq: 3 }, { from: 'b', to: 'c' })).toBeUndefined()
    expect(model.scanComplaint([b, a, c], { seq: 3 })).toMatch(/order/)
    expect(model.scanComplaint([a, a, b, c], { seq: 3 })).toMatch(/order/)
    expect(model.scanComplaint([a, c], { seq: 3 })).toMatch(/got nothing/)
    expect(model.scanComplaint([a, b], { seq: 3 })).toMatch(/got nothing/)
    expect(model.scanComplaint([a, b, c, row('d', '4', 4)], { seq: 3 })).toMatch(/never written/)
    expect(model.scanComplaint([a, b, c], { seq: 3 }, { from: 'b' })).toMatch(/outside its range/)
  })

  test('lays the operations of a transaction over the snapshot', () => {
    const model = modelOf([put('a', '1')], [put('b', '2')])
    const own = [merge('a', 'x'), del('b'), put('c', 'y')]
    const mine = (key: string, value: string): SeenRow => ({ ...row(key, value, 0), seq: OWN_SEQ })
    expect(model.scanComplaint([mine('a', '1x'), mine('c', 'y')], { seq: 2, own })).toBeUndefined()
    expect(model.scanComplaint([mine('a', 'x'), mine('c', 'y')], { seq: 2, own })).toMatch(/wrong value/)
    expect(model.complaint('b', row('b', '2', 2), { seq: 2, own })).toMatch(/must not exist/)
  })

  test('decides conflicts: writes, reads, ranges, what was unmarked', () => {
    const model = modelOf([put('a', '1')], [put('b', '2')], [put('c', '3')])
    const conflicts = (start: number, touched: object, unmarked?: string) =>
      model.conflicts({ start, before: 99, writes: [], reads: [], ranges: [], ...touched }, (seq) =>
        seq === 3 && unmarked !== undefined ? new Set([unmarked]) : undefined,
      )
    expect(conflicts(2, { writes: ['a'] })).toBe(false)
    expect(conflicts(2, { writes: ['c'] })).toBe(true)
    expect(conflicts(2, { writes: ['c'], before: 3 })).toBe(false)
    expect(conflicts(2, { reads: ['c'] })).toBe(true)
    expect(conflicts(1, { ranges: [{ from: 'b', to: 'c' }] })).toBe(true)
    expect(conflicts(2, { ranges: [{ from: 'b', to: 'c' }] })).toBe(false)
    expect(conflicts(2, { writes: ['c'] }, 'c')).toBe(false)
  })
})
