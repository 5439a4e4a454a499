import { describe, expect, test } from 'vitest'
import { type Cursor, ROW } from './cursor.ts'
import { foldForReading, foldForRewriting } from './fold.ts'
import { type MergeOperatorLike, normalizeMergeOperator } from './merge-operator.ts'
import { MergeStack } from './merge-stack.ts'
import { retain } from './retention.ts'
import { MERGE, NO_TS, type Row, rowKey, rowValue, TOMBSTONE, VALUE } from './row.ts'
import { RowsCursor, rowOf } from './rows.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (data: Uint8Array) => new TextDecoder().decode(data)

// Rows as text: k9 is key k at seq 9; m = operand, v = value, d = tombstone; !5 expires at 5. `k9m!5=x`
function parse(line: string): Row[] {
  return line.split(' ').map((word) => {
    const [, key, seq, kind, expire, value] = /^([a-z])(\d+)([mvd])(?:!(\d+))?(?:=(.*))?$/.exec(word)!
    return rowOf(
      bytes(key!),
      bytes(value ?? ''),
      0,
      Number(seq),
      kind === 'm' ? MERGE : kind === 'v' ? VALUE : TOMBSTONE,
      Number(seq) * 10,
      expire === undefined ? NO_TS : Number(expire),
    )
  })
}

function print(cursor: Cursor): string {
  const words: string[] = []
  while (cursor.next() === ROW) {
    const { row } = cursor
    const kind = row.kind === MERGE ? 'm' : row.kind === VALUE ? 'v' : 'd'
    const expire = row.expireTs === NO_TS ? '' : `!${row.expireTs}`
    const value = row.kind === TOMBSTONE ? '' : `=${text(rowValue(row))}`
    words.push(`${text(rowKey(row))}${row.seqLo}${kind}${expire}${value}`)
  }
  return words.join(' ')
}

const concat: MergeOperatorLike = (_key, existing, operand) => bytes((existing ? text(existing) : '') + text(operand))
const append = normalizeMergeOperator(concat)

const reading = (line: string) => print(foldForReading(new RowsCursor(parse(line)), append, false))
const rewriting = (line: string, barrier?: number) =>
  print(
    foldForRewriting(new RowsCursor(parse(line)), append, barrier === undefined ? undefined : { hi: 0, lo: barrier }),
  )

describe('reading', () => {
  test.each([
    ['values pass', 'a1v=x b2v=y', 'a1v=x b2v=y'],
    ['tombstones end here', 'a1d b2v=y c3d', 'b2v=y'],
    ['operands on a value', 'a3m=3 a2m=2 a1v=1', 'a3v=123'],
    ['operands on a tombstone', 'a3m=3 a2m=2 a1d', 'a3v=23'],
    ['operands on nothing', 'a3m=3 a2m=2 b1v=x', 'a3m=23 b1v=x'],
    ['whatever their expiry, the least of which counts (MO-4)', 'a3m!9=3 a2m!5=2 a1v=1', 'a3v!5=123'],
    ['one operand', 'a3m=3', 'a3m=3'],
  ])('%s', (_name, before, after) => expect(reading(before)).toBe(after))

  test('create_ts is the greatest of all', () => {
    const cursor = foldForReading(new RowsCursor(parse('a3m=3 a2m=2 a1v=1')), append, false)
    cursor.next()
    expect(cursor.row.createTs).toBe(30)
  })
})

describe('rewriting', () => {
  test.each([
    ['tombstones stay', 'a1d b2v=y', 'a1d b2v=y'],
    ['operands on a value', 'a3m=3 a2m=2 a1v=1', 'a3v=123'],
    ['a tombstone and an operand are a value', 'a2m=2 a1d', 'a2v=2'],
    ['no base: still an operand', 'a3m=3 a2m=2', 'a3m=23'],
    ['another expiry closes the group', 'a4m!5=4 a3m!5=3 a2m=2 a1v=1', 'a4m!5=34 a2v=12'],
    ['equal expiries fold into the base', 'a2m!5=2 a1v!5=1', 'a2v!5=12'],
    ['a base without expiry stays apart', 'a2m!5=2 a1v=1', 'a2m!5=2 a1v=1'],
    ['a tombstone has no expiry', 'a2m!5=2 a1d', 'a2m!5=2 a1d'],
    ['older versions stay', 'a3v=3 a2m=2 a1v=1', 'a3v=3 a2v=12'],
  ])('%s', (_name, before, after) => expect(rewriting(before)).toBe(after))

  test('nothing newer than the barrier folds (MO-6)', () => {
    expect(rewriting('a5m=5 a4m=4 a3m=3 a2m=2 a1v=1', 3)).toBe('a5m=5 a4m=4 a3v=123')
    expect(rewriting('a5m=5 a4m=4', 3)).toBe('a5m=5 a4m=4')
    expect(rewriting('a5m=5 a4m=4', 5)).toBe('a5m=45')
  })
})

describe('retention', () => {
  const kept = (line: string, rules: Partial<Parameters<typeof retain>[1]> & { min?: number }) =>
    print(
      retain(new RowsCursor(parse(line)), {
        nowTs: NO_TS,
        dropTailTombstones: false,
        ...(rules.min === undefined ? {} : { minSeq: { hi: 0, lo: rules.min } }),
        ...rules,
      }),
    )

  test('without a bound only the newest stays, and a chain down to its base (RT-4)', () => {
    expect(kept('a3v=3 a2v=2 b5m=5 b4m=4 b2v=2 b1v=1', {})).toBe('a3v=3 b5m=5 b4m=4 b2v=2')
  })
  test('newer than the bound, and one at or below it (RT-3)', () => {
    expect(kept('a9v=9 a7v=7 a5v=5 a3v=3', { min: 6 })).toBe('a9v=9 a7v=7 a5v=5')
    expect(kept('a9v=9 a7v=7 a6v=6 a5v=5', { min: 6 })).toBe('a9v=9 a7v=7 a6v=6')
  })
  test('an expired value becomes a tombstone, an expired operand goes (RT-2, RT-6)', () => {
    expect(kept('a5v!10=5 a4v=4 b3m!10=3 b2v=2 c1v!11=1', { nowTs: 10 })).toBe('a5d b2v=2 c1v!11=1')
  })
  test('tombstones at the end go at the bottom, those that hide something stay (RT-5)', () => {
    const bottom = { dropTailTombstones: true }
    expect(kept('a3d a2v=2', bottom)).toBe('')
    expect(kept('a9d a8v=8 a7d a3d', { ...bottom, min: 6 })).toBe('a9d a8v=8')
    expect(kept('a9d a8d a7v=7', { ...bottom, min: 6 })).toBe('a9d a8d a7v=7')
    expect(kept('a9m=9 a8d', bottom)).toBe('a9m=9')
    expect(kept('a5v!10=5', { ...bottom, nowTs: 10 })).toBe('')
  })
  test('a window keeps what is inside it (RT-8)', () => {
    expect(kept('a9v=9 a7v=7 a5v=5', { inWindow: (_hi, lo) => lo > 7 })).toBe('a9v=9 a7v=7')
  })
})

describe('operators', () => {
  const missing = expect.objectContaining({ kind: 'Invalid', code: 'SLATEDB_MERGE_OPERATOR_MISSING' })
  const failed = expect.objectContaining({ kind: 'Invalid', code: 'SLATEDB_MERGE_OPERATOR' })

  test('operands without an operator are an error in every form, also above the barrier (MO-7)', () => {
    const cursors = [
      foldForReading(new RowsCursor(parse('a1m=1')), undefined, false),
      foldForRewriting(new RowsCursor(parse('a1m=1')), undefined),
      foldForRewriting(new RowsCursor(parse('a9m=1')), undefined, { hi: 0, lo: 1 }),
    ]
    for (const cursor of cursors) {
      expect(() => cursor.next()).toThrow(missing)
      expect(() => cursor.next(), 'the error stays').toThrow(missing)
      expect(() => cursor.seek(bytes('z'))).toThrow(missing)
    }
  })

  test('what an operator throws is the cause', () => {
    const cause = new Error('cannot add')
    const broken = normalizeMergeOperator(() => {
      throw cause
    })
    const cursor = foldForReading(new RowsCursor(parse('a2m=1 b1v=x')), broken, false)
    expect(() => cursor.next()).toThrow(expect.objectContaining({ code: 'SLATEDB_MERGE_OPERATOR', cause }))
    expect(() => cursor.next(), 'the error stays').toThrow(failed)
  })

  test('an operator that returns no bytes, or cannot be called', () => {
    const none = normalizeMergeOperator(() => undefined as unknown as Uint8Array)
    expect(() => foldForReading(new RowsCursor(parse('a2m=1')), none, false).next()).toThrow(failed)
    expect(() => normalizeMergeOperator({})).toThrow(failed)
  })

  test('methods keep their object', () => {
    class Joined {
      separator = '-'
      merge(_key: Uint8Array, existing: Uint8Array | undefined, operand: Uint8Array): Uint8Array {
        return bytes(existing === undefined ? text(operand) : text(existing) + this.separator + text(operand))
      }
    }
    const cursor = foldForReading(
      new RowsCursor(parse('a3m=3 a2m=2 a1v=1')),
      normalizeMergeOperator(new Joined()),
      false,
    )
    expect(print(cursor)).toBe('a3v=1-2-3')
  })

  test('chunks of 100 from the newest on, then one call with the base (MO-2)', () => {
    const calls: string[] = []
    const stack = new MergeStack(
      normalizeMergeOperator({
        mergeBatch(_key, existing, operands) {
          calls.push(`${existing === undefined ? '-' : text(existing)}+${operands.length}`)
          return bytes((existing === undefined ? '' : text(existing)) + operands.map(text).join(''))
        },
      }),
    )
    const letter = (i: number) => String.fromCharCode(65 + (i % 26))
    const rows = Array.from({ length: 250 }, (_, i) => rowOf(bytes('k'), bytes(letter(i)), 0, i + 2, MERGE)).reverse()
    stack.start(rows[0]!)
    for (const row of rows.slice(1)) expect(stack.push(row)).toBe(false)
    expect(stack.push(rowOf(bytes('k'), bytes('!'), 0, 1, VALUE))).toBe(true)
    const out = rowOf(bytes(''), bytes(''), 0, 0)
    stack.resolve(out)
    expect(calls).toEqual(['-+100', '-+100', '-+50', '!+3'])
    expect(text(rowValue(out))).toBe(`!${Array.from({ length: 250 }, (_, i) => letter(i)).join('')}`)
    expect([out.kind, out.seqLo]).toEqual([VALUE, 251])
  })

  test('an operator may change the bytes it gets', () => {
    const rows = parse('a3m=3 a2m=2 a1v=1')
    const before = rows.map((row) => text(rowValue(row)))
    const vandal = normalizeMergeOperator((key, existing, operand) => {
      key.fill(0)
      existing?.fill(0)
      operand.fill(0)
      return bytes('x')
    })
    expect(print(foldForReading(new RowsCursor(rows), vandal, false))).toBe('a3v=x')
    expect(rows.map((row) => text(rowValue(row)))).toEqual(before)
  })

  test('versions out of order are refused (MO-5)', () => {
    const cursor = foldForReading(new RowsCursor(parse('a2m=2 a3m=3')), append, false)
    expect(() => cursor.next()).toThrow(expect.objectContaining({ code: 'SLATEDB_INVALID_SEQUENCE_ORDER' }))
  })
})
