// Which row a record becomes: the key from chosen columns, the value from the rest. Pure, so that it can be tested and
// used by import alone.

import { encodeUtf8 } from '../bytes/text.ts'
import { invalid } from '../errors.ts'
import { parseBytes } from './bytes-text.ts'
import type { InputRecord } from './input-record.ts'

export interface RowRules {
  /** Columns that make the key, in this order. */
  readonly key: readonly string[]
  readonly separator: string
  readonly prefix: string
  /** The column that is the value; `undefined` = the record without its key columns, as JSON. */
  readonly value: string | undefined
  /** Keep the key columns in the JSON value too. */
  readonly keepKey: boolean
  /** The record is to have no other columns than those named: what it has besides would be lost. */
  readonly noOthers?: boolean
  /** `0x…` in keys and in the value column stands for bytes, as `export` writes them. */
  readonly hex: boolean
}

export interface ImportRow {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** Makes the function that turns a record into a row; `record` is its number, from 1, for messages. */
export function rowMaker(rules: RowRules): (record: InputRecord, number: number) => ImportRow {
  const keyColumns = new Set(rules.key)
  const mode = rules.hex ? 'auto' : 'utf8'
  const named = new Set([...rules.key, rules.value])
  return (record, number) => {
    const other = rules.noOthers === true ? record.names.find((name) => !named.has(name)) : undefined
    if (other !== undefined) {
      throw invalid(
        'IMPORT_COLUMN',
        `record ${number} has a column ${JSON.stringify(other)} besides key and value: give --key key to store the rest of ` +
          'each record as JSON, or --value value to leave out what else there is',
      )
    }
    const key =
      rules.prefix + rules.key.map((column) => record.text(indexOf(record, column, number))).join(rules.separator)
    if (key === '') throw invalid('EMPTY_KEY', `record ${number}: the key is empty (columns ${rules.key.join(', ')})`)
    return {
      key: parseBytes(key, mode, `record ${number}: key`),
      value:
        rules.value === undefined
          ? encodeUtf8(asJson(record, rules.keepKey ? NO_COLUMNS : keyColumns))
          : parseBytes(record.text(indexOf(record, rules.value, number)), mode, `record ${number}: value`),
    }
  }
}

const NO_COLUMNS: ReadonlySet<string> = new Set()

function indexOf(record: InputRecord, column: string, number: number): number {
  const index = record.names.indexOf(column)
  if (index >= 0) return index
  const known = record.names.slice(0, 12).join(', ')
  throw invalid('IMPORT_COLUMN', `record ${number} has no column ${JSON.stringify(column)}; it has: ${known}`)
}

function asJson(record: InputRecord, without: ReadonlySet<string>): string {
  const members: string[] = []
  for (const [index, name] of record.names.entries()) {
    if (!without.has(name)) members.push(`${JSON.stringify(name)}:${record.json(index)}`)
  }
  return `{${members.join(',')}}`
}
