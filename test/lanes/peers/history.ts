// A random history that two engines write in turns, and what both must read of it.

import { Random } from '../../../src/env/random.ts'
import { check, same } from '../../../src/sim/check.ts'
import { show } from '../../model/bytes.ts'
import { Model, type Op, type SeenRow } from '../../model/model.ts'
import { Operations } from '../../model/operations.ts'
import type { Got, Side } from './side.ts'

/** A batch that was under way when its writer was killed: it is there as a whole, or not at all. */
interface Maybe {
  readonly marker: string
  readonly ops: readonly Op[]
}

export interface HistoryOptions {
  readonly ttl?: boolean
  /** More keys, so that tables have many blocks. */
  readonly manyKeys?: number
}

export class History {
  readonly model = new Model()
  readonly random: Random
  readonly #operations: Operations
  readonly #manyKeys: number
  #maybe: Maybe[] = []
  #markers = 0

  constructor(seed: string, options: HistoryOptions = {}) {
    this.random = new Random(seed)
    this.#operations = new Operations(this.random.fork('operations'), { ttl: options.ttl ?? true })
    this.#manyKeys = options.manyKeys ?? 0
  }

  /** Writes `count` random batches; returns once they are acknowledged as durable, or just committed. */
  async write(side: Side, count: number, durable = this.random.chance(0.5)): Promise<void> {
    const batches = Array.from({ length: count }, () => this.#batch())
    const written = await side.write(batches, durable)
    batches.forEach((ops, i) => {
      this.model.commit(ops, BigInt(written[i]!.seq), written[i]!.createTs)
    })
    // Nothing of it may be lost when the next one is killed.
    if (!durable) await side.flush('wal')
  }

  /** Starts batches that nobody waits for; then the side is to be killed. */
  begin(side: Side, count: number): void {
    const maybe = Array.from({ length: count }, () => {
      const marker = `marker-${++this.#markers}`
      const ops: Op[] = [...this.#batch(), { kind: 'put', key: marker, value: marker, ttl: 'none' }]
      return { marker, ops }
    })
    this.#maybe.push(...maybe)
    side
      .write(
        maybe.map((one) => one.ops),
        this.random.chance(0.5),
      )
      .catch(() => {})
  }

  /** After a kill: learns from the next owner which batches survived. They are a prefix of those that were begun. */
  async settle(side: Side): Promise<number> {
    const maybe = this.#maybe
    this.#maybe = []
    let survived = 0
    for (const { marker, ops } of maybe) {
      const bounds = { from: marker, to: marker, toInclusive: true }
      const [row] = await side.scan(bounds, false)
      if (row === undefined) continue
      same(
        survived,
        maybe.findIndex((one) => one.marker === marker),
        `what survived before ${marker}`,
      )
      survived++
      this.model.commit(ops, row.seq, row.createTs)
    }
    return survived
  }

  /** Everything the side shows: whole scans both ways, ranges, points. */
  async check(side: Side, what: string): Promise<void> {
    const view = { seq: this.model.lastSeq }
    const judge = (complaint: string | undefined) => {
      if (complaint !== undefined) throw new Error(`${what}, as ${side.name} reads it: ${complaint}`)
    }
    const rows = await side.scan({}, false)
    judge(this.model.scanComplaint(rows, view))
    const reversed = this.model.scanComplaint(await side.scan({}, true), view, {}, true)
    // What the original is known to get wrong in some releases is measured, not judged.
    if (side.isOriginal) countWeakness(side.name, 'descending scans', reversed)
    else judge(reversed)
    for (let i = 0; i < 8; i++) {
      const bounds = this.#operations.bounds()
      const { from, to, fromInclusive = true, toInclusive = false } = bounds
      // The bindings refuse a range that can hold nothing.
      if (from !== undefined && to !== undefined && (from > to || (from === to && !(fromInclusive && toInclusive))))
        continue
      const descending = this.random.chance(0.5) && !side.isOriginal
      const complaint = this.model.scanComplaint(await side.scan(bounds, descending), view, bounds, descending)
      if (side.isOriginal && from !== undefined && from === to) countWeakness(side.name, 'scans of one key', complaint)
      else judge(complaint)
    }
    const keys = this.#probes(rows)
    const got = await side.get(keys)
    keys.forEach((key, i) => {
      judge(this.#pointComplaint(key, got[i], view))
    })
  }

  get rowCount(): number {
    return this.model.entries.length
  }

  #pointComplaint(key: string, got: Got, view: { seq: number }): string | undefined {
    if (got === undefined || 'seq' in got) return this.model.complaint(key, got, view)
    return this.model.valueComplaint(key, got.value, view)
  }

  /** Keys of the history, some of many, and some that are nowhere. */
  #probes(rows: readonly SeenRow[]): string[] {
    const many = Array.from({ length: Math.min(60, rows.length) }, () => this.random.pick(rows).key)
    const absent = [
      'nowhere',
      '\x01',
      '\xff\xff\xff\xff',
      ...this.#operations.keys.slice(0, 5).map((key) => `${key}\0!`),
    ]
    return [...new Set([...this.#operations.keys, ...many, ...absent])]
  }

  #batch(): Op[] {
    const { random } = this
    if (this.#manyKeys > 0 && random.chance(0.7)) {
      return Array.from({ length: random.int(1, 12) }, () => {
        const key = `row/${String(random.int(0, this.#manyKeys - 1)).padStart(6, '0')}`
        const kind = random.chance(0.15) ? 'delete' : random.chance(0.2) ? 'merge' : 'put'
        return { kind, key, value: kind === 'delete' ? '' : this.#operations.value(), ttl: 'none' } as const
      }).filter((op, i, all) => all.findIndex((other) => other.key === op.key) === i)
    }
    return this.#operations.batch(Date.now(), random.chance(0.5) ? 1 : random.int(2, 8))
  }
}

interface Weakness {
  readonly side: string
  readonly what: string
  tried: number
  wrong: number
  example: string
}

const weaknesses = new Map<string, Weakness>()

function countWeakness(side: string, what: string, complaint: string | undefined): void {
  const id = `${side}/${what}`
  const weakness = weaknesses.get(id) ?? { side, what, tried: 0, wrong: 0, example: '' }
  weaknesses.set(id, weakness)
  weakness.tried++
  if (complaint === undefined) return
  weakness.wrong++
  weakness.example = complaint
}

/** What the original itself got wrong so far, a line each. */
export function weaknessesOf(side: string): string[] {
  return [...weaknesses.values()].flatMap((one) => {
    if (one.side !== side) return []
    const example = one.wrong === 0 ? '' : `, such as: ${one.example}`
    return `${one.wrong} of ${one.tried} ${one.what} by ${side} itself were wrong${example}`
  })
}

/** Runs `work` and puts the seed in front of whatever goes wrong. */
export async function seeded(seed: string, work: (history: History) => Promise<void>, options?: HistoryOptions) {
  const history = new History(seed, options)
  try {
    await work(history)
  } catch (error) {
    throw new Error(`seed ${show(seed)}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
  check(history.rowCount > 0, 'something to be written')
}
