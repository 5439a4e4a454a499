// slatedb-ts scan: rows in key order, as `key<TAB>value` lines or JSON (features.md D.1).

import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Reader } from '../api/reader.ts'
import type { Row } from '../api/source.ts'
import { invalid } from '../errors.ts'
import { parseBytes, SHOW_MODES, type ShowMode, showKey, showValue } from './bytes-text.ts'
import { rowForJson } from './get.ts'
import type { Action } from './program.ts'
import { withReader } from './session.ts'
import type { Shell } from './shell.ts'

/** Flags that choose rows: shared with `export`. */
export interface RangeFlags {
  readonly prefix?: string
  readonly from?: string
  readonly to?: string
  readonly maxKeys?: number
  readonly reverse?: boolean
}

interface ScanFlags extends RangeFlags {
  readonly key: ShowMode
  readonly value: ShowMode
  readonly count?: boolean
}

const ROWS_PER_BATCH = 1000

export function addScan(program: Command, action: Action): void {
  const command = program
    .command('scan')
    .alias('list')
    .summary('print rows in key order')
    .description(
      'Prints rows in key order, as key<TAB>value lines. Writes nothing and does not disturb a running writer.',
    )
  addRangeFlags(command)
    .addOption(new Option('--key <mode>', 'how keys are shown').choices(['auto', 'hex', 'utf8']).default('auto'))
    .addOption(new Option('--value <mode>', 'how values are shown').choices(SHOW_MODES).default('auto'))
    .option('--count', 'only how many rows and bytes there are')
    .action(action(scan))
}

export function addRangeFlags(command: Command): Command {
  return command
    .option('--prefix <prefix>', 'keys that begin with this (0x… means bytes in hex)')
    .option('--from <key>', 'first key, included')
    .option('--to <key>', 'last key, not included')
    .option('-n, --max-keys <n>', 'stop after so many rows', positive)
    .option('--reverse', 'descending order')
}

async function scan(shell: Shell, flags: ScanFlags): Promise<undefined> {
  checkRange(flags)
  let keys = 0
  let size = 0
  await withReader(shell, (reader) =>
    eachBatch(shell, reader, flags, async (rows) => {
      keys += rows.length
      for (const row of rows) size += row.key.length + row.value.length
      if (flags.count !== true) await printRows(shell, rows, flags)
    }),
  )
  if (flags.count !== true) return
  if (shell.json) await shell.printJson({ entries: keys, bytes: size })
  else await shell.print(`${keys} entries, ${size} bytes`)
}

/** Runs `body` over the chosen rows, a batch at a time. */
export async function eachBatch(
  shell: Shell,
  reader: Reader,
  flags: RangeFlags,
  body: (rows: readonly Row[]) => Promise<void>,
): Promise<void> {
  const scan = reader.scan(rangeOf(flags))
  let batch: Row[] = []
  for await (const row of scan.rows()) {
    batch.push(row)
    if (batch.length < ROWS_PER_BATCH) continue
    shell.signal.throwIfAborted()
    await body(batch)
    batch = []
  }
  if (batch.length > 0) await body(batch)
}

/** Before anything is opened: a wrong flag should not cost a request. */
export function checkRange({ prefix, from, to }: RangeFlags): void {
  if (prefix !== undefined && (from !== undefined || to !== undefined)) {
    throw invalid('SCAN_RANGE', 'give --prefix, or --from and --to, not both')
  }
}

function rangeOf(flags: RangeFlags) {
  const { prefix, from, to } = flags
  return {
    ...(prefix === undefined ? {} : { prefix: parseBytes(prefix, 'auto', '--prefix') }),
    ...(from === undefined ? {} : { gte: parseBytes(from, 'auto', '--from') }),
    ...(to === undefined ? {} : { lt: parseBytes(to, 'auto', '--to') }),
    ...(flags.maxKeys === undefined ? {} : { limit: flags.maxKeys }),
    ...(flags.reverse === true ? { reverse: true } : {}),
  }
}

/** One write per batch: a line per row and write would cost a system call each. */
async function printRows(shell: Shell, rows: readonly Row[], flags: ScanFlags): Promise<void> {
  if (shell.json) {
    for (const row of rows) await shell.printJson(rowForJson(row))
    return
  }
  const lines = rows.map((row) => {
    const key = showKey(row.key, flags.key)
    return flags.value === 'none' ? key : `${key}\t${showValue(row.value, flags.value)}`
  })
  await shell.print(lines.join('\n'))
}

function positive(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('Expected a whole number above 0.')
  return value
}
