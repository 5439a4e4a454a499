// Every cursor of this room through the suite.

import { describe, test } from 'vitest'
import { compareBytes } from '../bytes/compare.ts'
import type { Random } from '../env/random.ts'
import { cursorSuite } from '../sim/cursor-suite.ts'
import { ChainCursor } from './chain.ts'
import { type Pacer, ROW, type Step, type VersionCursor } from './cursor.ts'
import { foldForReading, foldForRewriting } from './fold.ts'
import { mergeCursors } from './merge.ts'
import { normalizeMergeOperator } from './merge-operator.ts'
import { retain } from './retention.ts'
import { MERGE, NO_TS, Row, rowKey, TOMBSTONE, VALUE } from './row.ts'
import { RowsCursor } from './rows.ts'
import { visible } from './visible.ts'

/** Rebuilds each key in one buffer, as block cursors do: whoever keeps a key without copying it is found out. */
class RebuildingCursor implements VersionCursor {
  readonly row = new Row()
  readonly #base: VersionCursor
  readonly #buffer = new Uint8Array(256)

  constructor(base: VersionCursor) {
    this.#base = base
  }

  next(): Step {
    return this.#rebuild(this.#base.next())
  }

  seek(key: Uint8Array): Step {
    return this.#rebuild(this.#base.seek(key))
  }

  pass(key: Uint8Array): Step {
    return this.#rebuild(this.#base.pass(key))
  }

  prune(key: Uint8Array, seqHi: number, seqLo: number): Step {
    return this.#rebuild(this.#base.prune(key, seqHi, seqLo))
  }

  ready(): Promise<void> {
    return this.#base.ready()
  }

  #rebuild(step: Step): Step {
    this.#buffer.fill(0xee)
    if (step !== ROW) return step
    const from = this.#base.row
    Object.assign(this.row, from)
    this.#buffer.set(rowKey(from))
    this.row.key = this.#buffer
    this.row.keyStart = 0
    this.row.keyEnd = from.keyEnd - from.keyStart
    return step
  }
}

const append = normalizeMergeOperator((_key, existing, operand) => {
  const out = new Uint8Array((existing?.length ?? 0) + operand.length)
  if (existing !== undefined) out.set(existing)
  out.set(operand, existing?.length ?? 0)
  return out
})

/** Groups of one key, newest first. */
function byKey(rows: readonly Row[]): Row[][] {
  const groups: Row[][] = []
  for (const row of rows) {
    const last = groups.at(-1)
    if (last !== undefined && compareBytes(rowKey(last[0]!), rowKey(row)) === 0) last.push(row)
    else groups.push([row])
  }
  return groups
}

/** What a reader at seq 6 sees of a key. */
function seen(group: Row[]): Row[] {
  const rows: Row[] = []
  for (const row of group) {
    if (row.seqLo > 6) continue
    rows.push(row)
    if (row.kind !== MERGE) break
  }
  return rows
}

function folded(rows: Row[]): Row {
  const out = new Row()
  Object.assign(out, rows[0])
  if (rows[0]!.kind !== MERGE) return out
  const base = rows.at(-1)!
  const values = rows.filter((row) => row.kind !== TOMBSTONE).reverse()
  out.value = Uint8Array.from(values.flatMap((row) => Array.from(row.value)))
  out.valueStart = 0
  out.valueEnd = out.value.length
  out.kind = base.kind === MERGE ? MERGE : VALUE
  out.createTs = Math.max(...rows.map((row) => row.createTs))
  const expiries = rows.map((row) => row.expireTs).filter((ts) => ts !== NO_TS)
  out.expireTs = expiries.length === 0 ? NO_TS : Math.min(...expiries)
  return out
}

function deal(rows: readonly Row[], random: Random, count: number): Row[][] {
  const hands: Row[][] = Array.from({ length: count }, () => [])
  for (const row of rows) random.pick(hands).push(row)
  return hands
}

/** Asks for a turn of the event loop at random. */
function pausing(random: Random): Pacer {
  return { spend: () => random.chance(0.2), give: () => Promise.resolve() }
}

describe('cursors', () => {
  cursorSuite('rows', (rows, { descending, range }) => new RowsCursor(rows, descending, range), { test })

  for (const count of [1, 2, 3, 9]) {
    cursorSuite(
      `merge of ${count}`,
      (rows, { descending, range, random, wrap }) =>
        mergeCursors(
          deal(rows, random, count).map((hand) => wrap(new RebuildingCursor(new RowsCursor(hand, descending, range)))),
          descending,
        ),
      { test },
    )
  }

  cursorSuite(
    'chain',
    (rows, { descending, range, random, wrap }) => {
      const cuts = [0, random.int(0, rows.length), random.int(0, rows.length), rows.length].sort((a, b) => a - b)
      const parts = cuts.slice(1).map((cut, i) => {
        const part = rows.slice(cuts[i], cut)
        const edge = descending ? part[0] : part.at(-1)
        return {
          open: () => wrap(new RebuildingCursor(new RowsCursor(part, descending, range))),
          skips: (key: Uint8Array) => edge === undefined || compareBytes(rowKey(edge), key) * (descending ? -1 : 1) < 0,
        }
      })
      return new ChainCursor(descending ? parts.reverse() : parts, descending)
    },
    { test },
  )

  cursorSuite(
    'visible',
    (rows, { descending, range, random, wrap }) =>
      visible(wrap(new RebuildingCursor(new RowsCursor(rows, descending, range))), 0, 6, descending, pausing(random)),
    {
      test,
      expected: (rows, descending) => {
        const groups = byKey(rows).map(seen)
        return (descending ? groups.reverse() : groups).flat()
      },
    },
  )

  cursorSuite(
    'fold for reading over visible over merge',
    (rows, { descending, range, random, wrap }) => {
      const sources = deal(rows, random, 3).map((hand) => {
        return wrap(new RebuildingCursor(new RowsCursor(hand, descending, range)))
      })
      const pacer = pausing(random)
      const shown = visible(mergeCursors(sources, descending), 0, 6, descending, pacer)
      return foldForReading(shown, append, descending, NO_TS, pacer)
    },
    {
      test,
      expected: (rows, descending) => {
        const out = byKey(rows)
          .map(seen)
          .filter((group) => group.length > 0 && group[0]!.kind !== TOMBSTONE)
          .map(folded)
        return descending ? out.reverse() : out
      },
    },
  )

  cursorSuite(
    'fold for rewriting',
    (rows, { range, wrap }) =>
      foldForRewriting(wrap(new RebuildingCursor(new RowsCursor(rows, false, range))), append, { hi: 0, lo: 6 }),
    {
      test,
      directions: ['ascending'],
      expected: (rows) =>
        byKey(rows).flatMap((group) => {
          const out: Row[] = []
          for (let i = 0; i < group.length; ) {
            const first = group[i++]!
            if (first.kind !== MERGE || first.seqLo > 6) {
              out.push(first)
              continue
            }
            const run = [first]
            while (i < group.length && run.at(-1)!.kind === MERGE && group[i]!.expireTs === first.expireTs) {
              run.push(group[i++]!)
            }
            out.push(folded(run))
          }
          return out
        }),
    },
  )

  for (const dropTailTombstones of [false, true]) {
    cursorSuite(
      `retention${dropTailTombstones ? ' at the bottom' : ''}`,
      (rows, { range, random, wrap }) =>
        retain(wrap(new RebuildingCursor(new RowsCursor(rows, false, range))), {
          pacer: pausing(random),
          minSeq: { hi: 0, lo: 5 },
          nowTs: 50,
          dropTailTombstones,
        }),
      {
        test,
        directions: ['ascending'],
        expected: (rows) =>
          byKey(rows).flatMap((group) => {
            const kept: Row[] = []
            for (const row of group) {
              const expired = row.expireTs !== NO_TS && row.expireTs <= 50
              if (expired && row.kind === MERGE) continue
              const out = Object.assign(new Row(), row)
              if (expired) Object.assign(out, { kind: TOMBSTONE, valueStart: 0, valueEnd: 0, expireTs: NO_TS })
              kept.push(out)
              if (row.seqLo <= 5 && row.kind !== MERGE) break
            }
            while (dropTailTombstones && kept.at(-1)?.kind === TOMBSTONE) kept.pop()
            return kept
          }),
      },
    )
  }
})
