// Keys with many versions: what shows is right in both directions at every bound, and the work follows what shows.

import { describe, expect, test } from 'vitest'
import { compareBytes } from '../bytes/compare.ts'
import { EVERYTHING } from '../bytes/range.ts'
import { encodeUtf8, toHex } from '../bytes/text.ts'
import { type Cursor, END, ROW, type Step, type VersionCursor, WAIT } from '../cursor/cursor.ts'
import { mergeCursors } from '../cursor/merge.ts'
import { MERGE, NO_TS, type Row, type RowKind, rowKey, TOMBSTONE, VALUE } from '../cursor/row.ts'
import { RowsCursor, rowOf } from '../cursor/rows.ts'
import { visible } from '../cursor/visible.ts'
import { Random } from '../env/random.ts'
import { Memtable } from '../memtable/memtable.ts'
import { WaitingCursor } from '../sim/cursor-suite.ts'
import { BoundedCursor } from './bounded.ts'

const SEEDS = Number(process.env.SEEDS ?? 300)

function memtableOf(rows: readonly Row[]): Memtable {
  const memtable = new Memtable()
  for (const row of rows) memtable.insertRow(row)
  return memtable
}

/** What a reader sees: per key from the newest version at the bound down to the first that is no operand. */
function model(rows: readonly Row[], bound: number, descending: boolean): string[] {
  const keys = new Map<string, Row[]>()
  for (const row of rows) {
    const name = toHex(rowKey(row))
    keys.set(name, [...(keys.get(name) ?? []), row])
  }
  const names = [...keys.keys()].sort()
  if (descending) names.reverse()
  return names.flatMap((name) => {
    const versions = keys.get(name)!.filter((row) => row.seqLo <= bound)
    versions.sort((a, b) => b.seqLo - a.seqLo)
    const base = versions.findIndex((row) => row.kind !== MERGE)
    return versions.slice(0, base < 0 ? versions.length : base + 1).map(show)
  })
}

const show = (row: Row) => `${toHex(rowKey(row))}@${row.seqLo}${'vdm'[row.kind]}`

async function drive(cursor: Cursor, call: () => Step): Promise<Step> {
  let step: Step
  while ((step = call()) === WAIT) await cursor.ready()
  return step
}

function randomRows(random: Random): Row[] {
  const kinds: RowKind[] = random.pick([
    [VALUE],
    [VALUE, TOMBSTONE, MERGE],
    [MERGE, MERGE, MERGE, MERGE, MERGE, VALUE],
    [MERGE],
  ])
  const rows: Row[] = []
  let seq = 0
  for (let i = random.int(1, 400); i > 0; i--) {
    const key = encodeUtf8(`k${random.int(0, random.pick([0, 1, 5]))}`)
    rows.push(rowOf(key, encodeUtf8(String(i)), 0, ++seq, random.pick(kinds), 1, NO_TS))
  }
  return rows
}

/** Sources as a view has them: newer rows in the ones before, each a memtable or rows that know no shortcut. */
function sources(rows: readonly Row[], random: Random, descending: boolean): VersionCursor[] {
  const cuts = [0, random.int(0, rows.length), random.int(0, rows.length), rows.length].sort((a, b) => a - b)
  const cursors = cuts.slice(1).map((cut, i) => {
    const part = rows.slice(cuts[i], cut)
    if (random.chance(0.7)) return memtableOf(part).cursor(EVERYTHING, descending)
    const sorted = [...part].sort((a, b) => compareBytes(rowKey(a), rowKey(b)) || b.seqLo - a.seqLo)
    return new RowsCursor(sorted, descending)
  })
  const chance = random.pick([0, 0.2, 0.7])
  return cursors.reverse().map((one) => (chance === 0 ? one : new WaitingCursor(one, random, chance)))
}

describe.each(['ascending', 'descending'])('%s', (direction) => {
  const descending = direction === 'descending'

  test('what shows of keys with many versions is what a model shows, at any bound', async () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const random = new Random(`versions ${seed}`)
      const rows = randomRows(random)
      const bound = random.int(0, rows.length)
      const merged = mergeCursors(sources(rows, random, descending), descending)
      // As a transaction has it, or as every other read.
      const cursor = random.chance(0.3)
        ? visible(new BoundedCursor(merged, { seqHi: 0, seqLo: bound }, descending), 0, rows.length, descending)
        : visible(merged, 0, bound, descending)
      const expected = model(rows, bound, descending)
      let at = 0
      for (let i = 0; ; i++) {
        const what = `seed ${seed}, step ${i}`
        let step: Step
        if (random.chance(0.1)) {
          const key = encodeUtf8(`k${random.int(0, 5)}`)
          step = await drive(cursor, () => cursor.seek(key))
          const hex = toHex(key)
          // A seek to where the cursor is already stays there.
          const behind = (row: string) => (descending ? row.split('@')[0]! <= hex : row.split('@')[0]! >= hex)
          at = i > 0 && at > 0 && at <= expected.length && behind(expected[at - 1]!) ? at - 1 : at
          while (at < expected.length && !behind(expected[at]!)) at++
        } else step = await drive(cursor, () => cursor.next())
        expect(step, what).toBe(at < expected.length ? ROW : END)
        if (step === END) break
        expect(show(cursor.row), what).toBe(expected[at])
        at++
      }
    }
  })

  test.each(['newest rows', 'a snapshot in the middle', 'a snapshot before them'])(
    'reading keys that were overwritten 16,000 times takes a few steps per key: %s',
    async (view) => {
      const memtable = new Memtable()
      const bounds: Record<string, number> = {
        'newest rows': 80_005,
        'a snapshot in the middle': 40_000,
        'a snapshot before them': 5,
      }
      let seq = 0
      for (let round = 0; round <= 16_000; round++) {
        for (let key = 0; key < 5; key++) {
          memtable.insertRow(rowOf(encodeUtf8(`k${key}`), encodeUtf8(`${round}`), 0, ++seq, VALUE, 1, NO_TS))
        }
      }
      for (const count of [1, 3]) {
        const counting = new CountingCursor(
          mergeCursors(
            [memtable, ...Array.from({ length: count - 1 }, () => new Memtable())].map((one) =>
              one.cursor(EVERYTHING, descending),
            ),
            descending,
          ),
        )
        const cursor = visible(counting, 0, bounds[view]!, descending)
        let rows = 0
        while ((await drive(cursor, () => cursor.next())) === ROW) rows++
        expect(rows).toBe(5)
        expect(counting.steps).toBeLessThan(5 * 40)
      }
    },
  )
})

/** Counts what is asked of a cursor. */
class CountingCursor implements VersionCursor {
  readonly row: Row
  readonly #base: VersionCursor
  steps = 0

  constructor(base: VersionCursor) {
    this.#base = base
    this.row = base.row
  }

  next(): Step {
    this.steps++
    return this.#base.next()
  }

  seek(key: Uint8Array): Step {
    this.steps++
    return this.#base.seek(key)
  }

  pass(key: Uint8Array): Step {
    this.steps++
    return this.#base.pass(key)
  }

  prune(key: Uint8Array, seqHi: number, seqLo: number): Step {
    this.steps++
    return this.#base.prune(key, seqHi, seqLo)
  }

  ready(): Promise<void> {
    return this.#base.ready()
  }
}
