// slatedb-ts import <file>: CSV with a header line or JSON lines into the database, streaming, in batches that ride the
// same flushes. What was reported as imported is durable; an interrupted import says how many records to skip.

import { type Command, InvalidArgumentError, Option } from 'commander'
import type { SlateDB } from '../api/slatedb.ts'
import { invalid } from '../errors.ts'
import { WriteBatch } from '../write/batch.ts'
import { count, duration, rate } from './human.ts'
import type { Action } from './program.ts'
import { startProgress } from './progress.ts'
import { rowMaker } from './record-rows.ts'
import { formatOf, type Input, openInput, type RecordFormat } from './records.ts'
import { withWriter } from './session.ts'
import type { Shell } from './shell.ts'

interface ImportFlags {
  readonly format?: RecordFormat
  readonly key?: string[]
  readonly separator: string
  readonly prefix: string
  readonly value?: string
  readonly keepKey?: boolean
  readonly hex?: boolean
  readonly delimiter?: string
  readonly skip: number
  readonly batch: number
}

export function addImport(program: Command, action: Action): void {
  program
    .command('import')
    .summary('load CSV or JSON lines')
    .description(
      'Loads records from a CSV file with a header line or from JSON lines; "-" reads standard input. The key is made of ' +
        'one or several columns, the value is the rest of the record as JSON, or one column as it is.',
    )
    .argument('<file>')
    .addOption(new Option('--format <format>', 'default: by the ending of the file').choices(['csv', 'jsonl']))
    .option('-k, --key <columns...>', 'columns that make the key (default: the column "key")')
    .option('--separator <text>', 'between the parts of a key', ':')
    .option('--prefix <text>', 'before every key', '')
    .option('--value <column>', 'store this column as the value (default: "value" in a file with only key and value)')
    .option('--keep-key', 'keep the key columns in the JSON value')
    .option('--hex', '0x… in keys and in the value column means bytes, as export writes them')
    .option('--delimiter <character>', 'of CSV columns (default: a comma, a tab for .tsv)')
    .option('--skip <records>', 'leave out the first records, to resume', whole, 0)
    .option('--batch <rows>', 'rows per atomic write', whole, 1000)
    .action(action(importFile))
}

async function importFile(shell: Shell, file: string, flags: ImportFlags): Promise<undefined> {
  const format = flags.format ?? formatOf(file)
  if (format === undefined) throw invalid('IMPORT_FORMAT', `${file}: is it --format csv or --format jsonl?`)
  const input = openInput(file, shell.streams.stdin, format, flags.delimiter ?? (/\.tsv$/i.test(file) ? '\t' : ','))
  const progress = startProgress(shell, { label: 'import', total: input.totalBytes, unit: 'bytes' })
  let done = 0
  let ms = 0
  try {
    done = await withWriter(shell, { closeWith: 'memtable' }, (db) =>
      load(shell, db, input, flags, (records) => progress.update(input.bytesRead(), records)),
    )
  } finally {
    ms = progress.stop()
  }
  if (shell.json) await shell.printJson({ records: done, ms: Math.round(ms), interrupted: shell.signal.aborted })
  else shell.note(`${count(done)} records imported and durable in ${duration(ms)} (${rate(done, ms)})`)
  if (shell.signal.aborted) {
    shell.complain(`interrupted; continue with: --skip ${flags.skip + done}`)
    throw shell.signal.reason
  }
}

/** Returns how many records were written; all of them are durable when the database is closed after it. */
async function load(
  shell: Shell,
  db: SlateDB,
  input: Input,
  flags: ImportFlags,
  onProgress: (records: number) => void,
): Promise<number> {
  let makeRow: ReturnType<typeof rowMaker> | undefined
  let batch = new WriteBatch()
  let inBatch = 0
  let seen = 0
  let written = 0
  const write = async () => {
    if (inBatch === 0) return
    await db.write(batch, { durability: 'memory' })
    written += inBatch
    batch = new WriteBatch()
    inBatch = 0
    onProgress(written)
  }
  for await (const record of input.records) {
    if (shell.signal.aborted) break
    seen++
    if (seen <= flags.skip) continue
    makeRow ??= rowMaker(rulesFor(flags, Object.keys(record)))
    const row = makeRow(record, seen)
    batch.put(row.key, row.value)
    if (++inBatch >= flags.batch) await write()
  }
  await write()
  return written
}

/** What the flags and the columns of the first record say about keys and values. */
function rulesFor(flags: ImportFlags, columns: readonly string[]) {
  const key = flags.key ?? (columns.includes('key') ? ['key'] : undefined)
  if (key === undefined) {
    throw invalid(
      'IMPORT_COLUMN',
      `which columns make the key? Give --key <columns>; the file has: ${columns.join(', ')}`,
    )
  }
  const plain = flags.key === undefined && columns.length === 2 && columns.includes('value')
  return {
    key,
    separator: flags.separator,
    prefix: flags.prefix,
    value: flags.value ?? (plain ? 'value' : undefined),
    keepKey: flags.keepKey === true,
    hex: flags.hex === true || plain,
  }
}

function whole(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('Expected a whole number.')
  return value
}
