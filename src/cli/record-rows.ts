// Which row a record becomes: the key from chosen columns, the value from the rest. Pure, so that it can be tested and
// used by import alone.

import { invalid } from '../errors.ts'
import { parseBytes } from './bytes-text.ts'
import type { InputRecord } from './records.ts'

export interface RowRules {
  /** Columns that make the key, in this order. */
  readonly key: readonly string[]
  readonly separator: string
  readonly prefix: string
  /** The column that is the value; `undefined` = the record without its key columns, as JSON. */
  readonly value: string | undefined
  /** Keep the key columns in the JSON value too. */
  readonly keepKey: boolean
  /** `0x…` in keys and in the value column stands for bytes, as `export` writes them. */
  readonly hex: boolean
}

export interface ImportRow {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

const encoder = new TextEncoder()

/** Makes the function that turns the n-th record (from 1) into a row. */
export function rowMaker(rules: RowRules): (record: InputRecord, number: number) => ImportRow {
  const keyColumns = new Set(rules.key)
  const mode = rules.hex ? 'auto' : 'utf8'
  return (record, number) => {
    const key = rules.prefix + rules.key.map((column) => text(record, column, number)).join(rules.separator)
    if (key === '') throw invalid('EMPTY_KEY', `record ${number}: the key is empty (columns ${rules.key.join(', ')})`)
    return {
      key: parseBytes(key, mode, `record ${number}: key`),
      value:
        rules.value === undefined
          ? encoder.encode(JSON.stringify(rules.keepKey ? record : without(record, keyColumns)))
          : parseBytes(text(record, rules.value, number), mode, `record ${number}: value`),
    }
  }
}

function text(record: InputRecord, column: string, number: number): string {
  const value = record[column]
  if (typeof value === 'string') return value
  if (value === undefined) {
    const known = Object.keys(record).slice(0, 12).join(', ')
    throw invalid('IMPORT_COLUMN', `record ${number} has no column ${JSON.stringify(column)}; it has: ${known}`)
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function without(record: InputRecord, columns: ReadonlySet<string>): InputRecord {
  return Object.fromEntries(Object.entries(record).filter(([name]) => !columns.has(name)))
}
