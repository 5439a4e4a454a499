// Rows as plain objects for the tests of blocks and tables: random ones, and what a reader saw.

import { compareBytes } from '../../src/bytes/compare.ts'
import { toHex } from '../../src/bytes/text.ts'
import { hiOf, loOf, toBigInt } from '../../src/bytes/u64.ts'
import { MERGE, NO_TS, type Row, type RowKind, rowKey, rowValue, TOMBSTONE, VALUE } from '../../src/cursor/row.ts'
import type { Random } from '../../src/env/random.ts'

export interface PlainRow {
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly seq: bigint
  readonly kind: RowKind
  readonly createTs: number
  readonly expireTs: number
}

/** Puts a plain row behind `row`, at an odd place of a larger buffer, as real ones are. */
export function place(plain: PlainRow, row: Row): Row {
  row.key = padded(plain.key)
  row.keyStart = 3
  row.keyEnd = 3 + plain.key.length
  row.value = padded(plain.value)
  row.valueStart = 3
  row.valueEnd = 3 + plain.value.length
  row.seqHi = hiOf(plain.seq)
  row.seqLo = loOf(plain.seq)
  row.kind = plain.kind
  row.createTs = plain.createTs
  row.expireTs = plain.expireTs
  return row
}

export function lift(row: Row): PlainRow {
  return {
    key: rowKey(row),
    value: row.kind === TOMBSTONE ? new Uint8Array(0) : rowValue(row),
    seq: toBigInt(row.seqHi, row.seqLo),
    kind: row.kind,
    createTs: row.createTs,
    expireTs: row.expireTs,
  }
}

/** One line per row: what assertions compare, and show. */
export function line(row: PlainRow): string {
  const kind = row.kind === TOMBSTONE ? 'T' : row.kind === MERGE ? 'M' : 'V'
  return `${toHex(row.key)}@${row.seq}${kind}=${toHex(row.value)} ${row.createTs} ${row.expireTs}`
}

export const lines = (rows: readonly PlainRow[]): string[] => rows.map(line)

export interface RowShape {
  readonly count: number
  /** Key bytes are drawn from this many different ones: few make for shared beginnings. */
  readonly alphabet: number
  readonly maxKeyLength: number
  readonly maxValueLength: number
  /** Chance that the next row is another version of the same key. */
  readonly versions: number
}

export function randomShape(random: Random, count: number): RowShape {
  return {
    count,
    alphabet: random.pick([2, 4, 256]),
    maxKeyLength: random.pick([3, 12, 40, 300]),
    maxValueLength: random.pick([0, 10, 100, 400]),
    versions: random.pick([0, 0.2, 0.9]),
  }
}

/** In table order: key ascending, sequence number descending. */
export function randomRows(random: Random, shape: RowShape): PlainRow[] {
  const keys = new Map<string, Uint8Array>()
  const rows: PlainRow[] = []
  let key: Uint8Array = new Uint8Array([1])
  for (let i = 0; i < shape.count; i++) {
    if (i === 0 || !random.chance(shape.versions)) {
      key = new Uint8Array(random.int(1, shape.maxKeyLength))
      for (let j = 0; j < key.length; j++) key[j] = (random.int(0, shape.alphabet - 1) * 255) / (shape.alphabet - 1)
      if (keys.size > 0 && random.chance(0.3)) {
        const other = random.pick([...keys.values()])
        const tail = key.slice(0, 4)
        key = new Uint8Array(other.length + tail.length)
        key.set(other)
        key.set(tail, other.length)
        if (key.length > 600) key = key.slice(0, 600)
      }
      keys.set(toHex(key), key)
    }
    const kind = random.pick([VALUE, VALUE, VALUE, TOMBSTONE, MERGE] as const)
    rows.push({
      key,
      value: kind === TOMBSTONE ? new Uint8Array(0) : random.bytes(random.int(0, shape.maxValueLength)),
      seq: random.chance(0.05) ? BigInt(i + 1) + 2n ** 40n : BigInt(i + 1),
      kind,
      createTs: random.chance(0.8) ? random.int(0, 2 ** 41) : NO_TS,
      expireTs: random.chance(0.2) && kind !== TOMBSTONE ? random.int(-1000, 2 ** 42) : NO_TS,
    })
  }
  return rows.sort((a, b) => compareBytes(a.key, b.key) || (a.seq < b.seq ? 1 : a.seq > b.seq ? -1 : 0))
}

/** A key that may be one of the rows', next to one, or anywhere. */
export function randomProbe(random: Random, rows: readonly PlainRow[]): Uint8Array {
  const key = rows.length === 0 ? new Uint8Array([7]) : random.pick(rows).key.slice()
  const way = random.int(0, 4)
  if (way === 0) return key
  if (way === 1) return key.slice(0, Math.max(1, random.int(0, key.length)))
  if (way === 2) return new Uint8Array([...key, random.int(0, 255)])
  if (way === 3) {
    key[random.int(0, key.length - 1)] = random.int(0, 255)
    return key
  }
  return random.bytes(random.int(1, 5))
}

/** The newest version of a key not above a bound. */
export function newest(rows: readonly PlainRow[], key: Uint8Array, maxSeq: bigint): PlainRow | undefined {
  return rows.find((row) => row.seq <= maxSeq && compareBytes(row.key, key) === 0)
}

/** Reads a cursor that never waits to its end. */
export function drain(cursor: { next(): boolean; readonly row: Row }): PlainRow[] {
  const rows: PlainRow[] = []
  while (cursor.next()) rows.push(lift(cursor.row))
  return rows
}

function padded(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length + 8).fill(0xaa)
  out.set(bytes, 3)
  return out
}
