// Reads a database in every way there is and compares the ways with each other.

import { EVERYTHING, type KeyRange } from '../../src/bytes/range.ts'
import type { KeyValue } from '../../src/read/key-value.ts'
import type { ReadOptions, ScanOptions } from '../../src/read/options.ts'
import { toBytes } from '../model/bytes.ts'
import { type SeenRow, seenRow } from '../model/model.ts'

type MaybePromise<T> = T | Promise<T>

/** What a writer's handle, a reader, a snapshot and a transaction have in common. */
export interface Readable {
  get(key: Uint8Array, options?: ReadOptions): MaybePromise<Uint8Array | undefined>
  getRow(key: Uint8Array, options?: ReadOptions): MaybePromise<KeyValue | undefined>
  getMany(keys: readonly Uint8Array[], options?: ReadOptions): Promise<(Uint8Array | undefined)[]>
  scan(range: KeyRange, options?: ScanOptions): { next(): MaybePromise<KeyValue | undefined>; close(): void }
}

export async function scanAll(db: Readable, range: KeyRange = EVERYTHING, options?: ScanOptions): Promise<SeenRow[]> {
  const rows: SeenRow[] = []
  const scan = db.scan(range, options)
  for (let row = await scan.next(); row !== undefined; row = await scan.next()) rows.push(seenRow(row))
  return rows
}

/** Every way of reading gives `rows`, and nothing else; throws an Error that names the way and the row. */
export async function expectEverywhere(db: Readable, rows: readonly SeenRow[]): Promise<void> {
  same('forward scan', await scanAll(db), rows)
  same('reverse scan', (await scanAll(db, EVERYTHING, { descending: true })).reverse(), rows)
  const found: SeenRow[] = []
  for (const row of rows) {
    const got = await db.getRow(toBytes(row.key))
    if (got !== undefined) found.push(seenRow(got))
  }
  same('point gets', found, rows)
  const values = await db.getMany(rows.map((row) => toBytes(row.key)))
  for (const [at, row] of rows.entries()) {
    if (values[at] === undefined || Buffer.compare(values[at], toBytes(row.value)) !== 0) {
      throw new Error(`getMany: key ${JSON.stringify(row.key)} differs`)
    }
  }
  const keys = new Set(rows.map((row) => row.key))
  for (const row of rows.slice(0, 100)) {
    for (const stranger of [`${row.key}\0`, row.key.slice(0, -1), `${row.key}~`]) {
      if (stranger === '' || stranger.length > 65535 || keys.has(stranger)) continue
      if ((await db.get(toBytes(stranger))) !== undefined)
        throw new Error(`get: ${JSON.stringify(stranger)} must not exist`)
    }
  }
  await expectRanges(db, rows)
}

/** Ranges that begin and end on, before and after rows, in both directions. */
async function expectRanges(db: Readable, rows: readonly SeenRow[]): Promise<void> {
  if (rows.length === 0) return
  const step = Math.max(1, Math.floor(rows.length / 7))
  for (let i = 0; i < rows.length; i += step) {
    const j = Math.min(rows.length - 1, i + Math.max(1, Math.floor(rows.length / 5)))
    const [from, to] = [rows[i]!.key, rows[j]!.key]
    for (const [startInclusive, endInclusive] of [
      [true, false],
      [false, true],
    ] as const) {
      const range: KeyRange = {
        start: { key: toBytes(from), inclusive: startInclusive },
        end: { key: toBytes(to), inclusive: endInclusive },
      }
      const expected = rows.slice(startInclusive ? i : i + 1, endInclusive ? j + 1 : j)
      const what = `scan ${startInclusive ? '[' : '('}row ${i}, row ${j}${endInclusive ? ']' : ')'}`
      same(what, await scanAll(db, range), expected)
      same(`reverse ${what}`, (await scanAll(db, range, { descending: true })).reverse(), expected)
    }
  }
}

function same(what: string, got: readonly SeenRow[], expected: readonly SeenRow[]): void {
  for (let i = 0; i < Math.max(got.length, expected.length); i++) {
    if (rowText(got[i]) !== rowText(expected[i])) {
      throw new Error(`${what}: row ${i} of ${got.length} is ${rowText(got[i])}, expected ${rowText(expected[i])}`)
    }
  }
}

function rowText(row: SeenRow | undefined): string {
  if (row === undefined) return 'nothing'
  const { key, value, seq, createTs, expireTs } = row
  const short = (text: string) =>
    text.length > 80 ? `${text.slice(0, 60)}...${text.slice(-10)} (${text.length})` : text
  return JSON.stringify([short(key), short(value), String(seq), createTs, expireTs ?? null])
}
