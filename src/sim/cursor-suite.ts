// The contract of Cursor as tests that run under any framework against any cursor. A cursor over cursors passes its
// sources through `wrap`, and then also proves that it carries WAIT upward at any moment and that errors stay.

import { compareBytes, EMPTY } from '../bytes/compare.ts'
import { EVERYTHING, inRange, type KeyRange } from '../bytes/range.ts'
import { toHex } from '../bytes/text.ts'
import { type Cursor, END, ROW, type Step, type VersionCursor, WAIT } from '../cursor/cursor.ts'
import { MERGE, NO_TS, pointAt, Row, type RowKind, rowKey, rowValue, TOMBSTONE, VALUE } from '../cursor/row.ts'
import { rowOf } from '../cursor/rows.ts'
import { Random } from '../env/random.ts'
import { check, same, settled } from './check.ts'

export interface CursorRequest {
  readonly descending: boolean
  /** Rows outside do not exist. */
  readonly range: KeyRange
  /** Sources of a cursor over cursors go through this. */
  readonly wrap: (source: VersionCursor) => VersionCursor
  /** Decides whatever the subject leaves open, for example how rows are dealt to sources. */
  readonly random: Random
}

export interface CursorSuiteOptions {
  /** Registers one test, for example vitest's `test`. */
  readonly test: (name: string, body: () => Promise<void>) => void
  /** Rows that are asked for; `plain` rows are values, one version per key. Default: several versions of all kinds. */
  readonly rows?: 'plain' | 'versions'
  /** What the cursor makes of the rows, where that is not the rows themselves. Ascending, in range. */
  readonly expected?: (rows: readonly Row[], descending: boolean) => readonly Row[]
  /** Directions the subject has. Default: both. */
  readonly directions?: readonly ('ascending' | 'descending')[]
}

/** Rows come in ascending order, newest first within a key; the subject decides how to hold them. */
export type MakeCursor = (rows: readonly Row[], request: CursorRequest) => Cursor | Promise<Cursor>

/** Registers the tests of the contract for one kind of cursor. */
export function cursorSuite(name: string, make: MakeCursor, options: CursorSuiteOptions): void {
  const directions = options.directions ?? ['ascending', 'descending']
  for (const direction of directions) {
    const descending = direction === 'descending'
    for (const [shape, keys] of Object.entries(SHAPES)) {
      for (const count of [0, 1, 40, 700]) {
        const subject = new Subject(name, make, options, shape, keys, count, descending)
        options.test(`${name}, ${direction}, ${shape}, ${count} rows: yields its rows`, () => subject.drains())
        options.test(`${name}, ${direction}, ${shape}, ${count} rows: seeks`, () => subject.seeks())
        options.test(`${name}, ${direction}, ${shape}, ${count} rows: waits`, () => subject.waits())
        options.test(`${name}, ${direction}, ${shape}, ${count} rows: errors stay`, () => subject.failsForGood())
      }
    }
  }
}

type Keys = (random: Random) => Uint8Array

const text = (words: string): Uint8Array => new TextEncoder().encode(words)

const SHAPES: Record<string, Keys> = {
  'short keys': (random) => random.bytes(random.int(1, 2)),
  'keys that extend each other': (random) => new Uint8Array(random.int(1, 30)).fill(random.int(254, 255)),
  'a long common prefix': (random) => text(`a/prefix/of/some/length/${random.int(0, 2000)}`),
}

class Subject {
  readonly #seed: string
  readonly #make: MakeCursor
  readonly #options: CursorSuiteOptions
  readonly #keys: Keys
  readonly #count: number
  readonly #descending: boolean

  constructor(
    name: string,
    make: MakeCursor,
    options: CursorSuiteOptions,
    shape: string,
    keys: Keys,
    count: number,
    descending: boolean,
  ) {
    this.#seed = `${name} ${shape} ${count} ${descending}`
    this.#make = make
    this.#options = options
    this.#keys = keys
    this.#count = count
    this.#descending = descending
  }

  async drains(): Promise<void> {
    const random = new Random(`drain ${this.#seed}`)
    const rows = this.#rows(random)
    for (let turn = 0; turn < 6; turn++) {
      const range = turn === 0 ? EVERYTHING : this.#range(random)
      const cursor = await this.#open(rows, range, random, (source) => source)
      const what = `${this.#seed}, seed ${random.u32()}`
      for (const row of this.#expected(rows, range)) {
        same(await drive(cursor, () => cursor.next()), ROW, what)
        same(show(cursor.row), show(row), what)
      }
      for (let i = 0; i < 3; i++) same(await drive(cursor, () => cursor.next()), END, `${what}: END stays`)
      const key = this.#keys(random)
      same(await drive(cursor, () => cursor.seek(key)), END, `${what}: END stays when one seeks`)
    }
  }

  async seeks(): Promise<void> {
    const random = new Random(`seek ${this.#seed}`)
    const rows = this.#rows(random)
    for (let turn = 0; turn < 20; turn++) {
      const range = random.chance(0.3) ? EVERYTHING : this.#range(random)
      const cursor = await this.#open(rows, range, random, (source) => source)
      await this.#walk(cursor, this.#expected(rows, range), random, rows)
    }
  }

  async waits(): Promise<void> {
    const random = new Random(`wait ${this.#seed}`)
    const rows = this.#rows(random)
    for (let turn = 0; turn < 20; turn++) {
      const range = this.#range(random)
      const chance = random.pick([0.1, 0.5, 0.9])
      const cursor = await this.#open(rows, range, random, (source) => new WaitingCursor(source, random, chance))
      await this.#walk(cursor, this.#expected(rows, range), random, rows)
    }
  }

  /** A source that fails ends the cursor: the same error, whatever is asked next. */
  async failsForGood(): Promise<void> {
    const random = new Random(`fail ${this.#seed}`)
    const rows = this.#rows(random)
    for (let turn = 0; turn < 10; turn++) {
      let failing: FailingCursor | undefined
      const cursor = await this.#open(rows, EVERYTHING, random, (source) => {
        failing ??= new FailingCursor(source, random.int(0, 6))
        return failing.base === source ? failing : source
      })
      const what = `${this.#seed}, turn ${turn}`
      let failed = false
      for (let i = 0; i <= rows.length && !failed; i++) {
        const outcome = await settled(drive(cursor, () => cursor.next()))
        failed = !outcome.ok
        if (outcome.ok && outcome.value === END) break
      }
      check(failed === (failing?.failed === true), `${what}: an error of a source comes up`)
      if (!failed) continue
      const next = await settled(drive(cursor, () => cursor.next()))
      check(!next.ok && next.error === failing!.error, `${what}: next() gives the same error again`)
      const key = this.#keys(random)
      const seek = await settled(drive(cursor, () => cursor.seek(key)))
      check(!seek.ok && seek.error === failing!.error, `${what}: seek() gives the same error again`)
    }
  }

  /** Steps and seeks at random beside a walk over the expected rows. */
  async #walk(cursor: Cursor, expected: readonly Row[], random: Random, rows: readonly Row[]): Promise<void> {
    let at = -1
    for (let i = 0; i < 40; i++) {
      const what = `${this.#seed}, step ${i}`
      let step: Step
      if (random.chance(0.6)) {
        step = await drive(cursor, () => cursor.next())
        at++
      } else {
        const near = expected[Math.min(expected.length - 1, Math.max(0, at + random.int(-2, 8)))]
        const key =
          near !== undefined && random.chance(0.7)
            ? rowKey(near)
            : random.chance(0.5) && rows.length > 0
              ? rowKey(random.pick(rows))
              : this.#keys(random)
        // Cursors over all versions can also leave a key behind.
        const past = isVersionCursor(cursor) && random.chance(0.4)
        step = await drive(cursor, () => (past ? cursor.pass(key) : cursor.seek(key)))
        at = Math.max(at, 0)
        const side = this.#descending ? -1 : 1
        const isBefore = (row: Row) => compareBytes(rowKey(row), key) * side < (past ? 1 : 0)
        while (at < expected.length && isBefore(expected[at]!)) at++
      }
      same(step, at < expected.length ? ROW : END, what)
      if (step === END) return
      same(show(cursor.row), show(expected[at]!), what)
    }
  }

  async #open(rows: readonly Row[], range: KeyRange, random: Random, wrap: (source: VersionCursor) => VersionCursor) {
    return await this.#make(rows, { descending: this.#descending, range, random, wrap })
  }

  #expected(rows: readonly Row[], range: KeyRange): readonly Row[] {
    const inside = rows.filter((row) => inRange(range, rowKey(row)))
    const { expected } = this.#options
    if (expected !== undefined) return expected(inside, this.#descending)
    return this.#descending ? inside.reverse() : inside
  }

  #range(random: Random): KeyRange {
    const bound = () => (random.chance(0.3) ? undefined : { key: this.#keys(random), inclusive: random.chance(0.5) })
    return { start: bound(), end: bound() }
  }

  #rows(random: Random): Row[] {
    const plain = this.#options.rows === 'plain'
    const rows = new Map<string, Row>()
    for (let i = 0; i < this.#count; i++) {
      const key = this.#keys(random)
      const seq = plain ? 7 : random.int(1, 9)
      const kind: RowKind = plain ? VALUE : random.pick([VALUE, VALUE, TOMBSTONE, MERGE])
      const value = kind === TOMBSTONE ? EMPTY : random.bytes(random.int(0, 20))
      const expireTs = kind !== TOMBSTONE && random.chance(0.3) ? random.int(1, 100) : NO_TS
      rows.set(`${toHex(key)}@${seq}`, rowOf(key, value, 0, seq, kind, seq * 10, expireTs))
    }
    return [...rows.values()].sort((a, b) => compareBytes(rowKey(a), rowKey(b)) || b.seqLo - a.seqLo)
  }
}

/** Says WAIT at random before it answers, and insists on being called the same way again. */
export class WaitingCursor implements VersionCursor {
  readonly row = new Row()
  readonly #base: VersionCursor
  readonly #random: Random
  readonly #chance: number
  #asked: string | undefined
  #isReady = false

  constructor(base: VersionCursor, random: Random, chance: number) {
    this.#base = base
    this.#random = random
    this.#chance = chance
  }

  next(): Step {
    return this.#waits('next') ? WAIT : this.#show(this.#base.next())
  }

  seek(key: Uint8Array): Step {
    return this.#waits(`seek ${toHex(key)}`) ? WAIT : this.#show(this.#base.seek(key))
  }

  pass(key: Uint8Array): Step {
    return this.#waits(`pass ${toHex(key)}`) ? WAIT : this.#show(this.#base.pass(key))
  }

  prune(key: Uint8Array, seqHi: number, seqLo: number): Step {
    check(this.#asked === undefined, 'prune() is called after ROW only')
    return this.#show(this.#base.prune(key, seqHi, seqLo))
  }

  async ready(): Promise<void> {
    check(this.#asked !== undefined, 'ready() is called after WAIT only')
    await Promise.resolve()
    this.#isReady = true
  }

  #show(step: Step): Step {
    if (step === ROW) pointAt(this.row, this.#base.row)
    return step
  }

  #waits(asked: string): boolean {
    if (this.#asked !== undefined) {
      same(asked, this.#asked, 'after WAIT, the call that is repeated')
      check(this.#isReady, 'ready() is awaited after WAIT')
      this.#asked = undefined
      return false
    }
    if (!this.#random.chance(this.#chance)) return false
    this.#asked = asked
    this.#isReady = false
    // What the row shows while it waits means nothing: nobody may look at it.
    this.row.keyStart = this.row.keyEnd = 0
    return true
  }
}

/** Fails for good after some calls. */
class FailingCursor implements VersionCursor {
  readonly row: Row
  readonly base: VersionCursor
  readonly error = new Error('a source that fails on purpose')
  failed = false
  #left: number

  constructor(base: VersionCursor, calls: number) {
    this.base = base
    this.row = base.row
    this.#left = calls
  }

  next(): Step {
    this.#count()
    return this.base.next()
  }

  seek(key: Uint8Array): Step {
    this.#count()
    return this.base.seek(key)
  }

  pass(key: Uint8Array): Step {
    this.#count()
    return this.base.pass(key)
  }

  prune(key: Uint8Array, seqHi: number, seqLo: number): Step {
    this.#count()
    return this.base.prune(key, seqHi, seqLo)
  }

  ready(): Promise<void> {
    return this.base.ready()
  }

  #count(): void {
    if (this.#left-- > 0) return
    this.failed = true
    throw this.error
  }
}

function isVersionCursor(cursor: Cursor): cursor is VersionCursor {
  return 'pass' in cursor
}

async function drive(cursor: Cursor, call: () => Step): Promise<Step> {
  let step: Step
  while ((step = call()) === WAIT) await cursor.ready()
  return step
}

function show(row: Row): string {
  const key = toHex(rowKey(row))
  return `${key}@${row.seqHi}.${row.seqLo} ${row.kind} ${toHex(rowValue(row))} ${row.createTs} ${row.expireTs}`
}
