// slatedb-ts import <file>: CSV with a header line or JSON lines into the database, streaming, in batches that ride the
// same flushes. What was reported as imported is durable; an import that ends early says how many records to skip.

import { type Command, InvalidArgumentError, Option } from 'commander'
import { invalid } from '../errors.ts'
import { Advised } from './exit-codes.ts'
import { count, duration, rate } from './human.ts'
import { Importer } from './importer.ts'
import type { Action } from './program.ts'
import { startProgress } from './progress.ts'
import { rowMaker } from './record-rows.ts'
import { delimiterOf, formatOf, openInput, type RecordFormat } from './records.ts'
import { addTakeOverFlag, withWriter } from './session.ts'
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
  readonly takeOver?: boolean
}

export function addImport(program: Command, action: Action): void {
  addTakeOverFlag(program.command('import'))
    .summary('load CSV or JSON lines')
    .description(
      'Loads records from a CSV file with a header line or from JSON lines; "-" reads standard input. The key is made of ' +
        'one or several columns, the value is the rest of the record as JSON, or one column as it is. Files may be ' +
        'compressed with gzip or Zstandard. What UTF-8 or the columns cannot say exactly is refused, with the record.',
    )
    .argument('<file>')
    .addOption(new Option('--format <format>', 'default: by the ending of the file').choices(['csv', 'jsonl']))
    .option('-k, --key <columns...>', 'columns that make the key (default: the column "key")')
    .option('--separator <text>', 'between the parts of a key', ':')
    .option('--prefix <text>', 'before every key', '')
    .option('--value <column>', 'store this column as the value (default: "value" in a file with only key and value)')
    .option('--keep-key', 'keep the key columns in the JSON value')
    .option(
      '--hex',
      '0x… in keys and values means bytes, as export writes them (default in a file with only key and value)',
    )
    .option('--no-hex', '0x… is text')
    .option('--delimiter <character>', 'of CSV columns (default: a comma, a tab for .tsv)')
    .option('--skip <records>', 'leave out the first records, to resume', whole, 0)
    .option('--batch <rows>', 'rows per atomic write', positive, 1000)
    .action(action(importFile))
}

async function importFile(shell: Shell, file: string, flags: ImportFlags): Promise<undefined> {
  const format = flags.format ?? formatOf(file)
  if (format === undefined) throw invalid('IMPORT_FORMAT', `${file}: is it --format csv or --format jsonl?`)
  const input = openInput(file, shell.streams.stdin, format, flags.delimiter ?? delimiterOf(file))
  const progress = startProgress(shell, { label: 'import', total: input.totalBytes, unit: 'bytes' })
  const importer = new Importer({
    batchRows: flags.batch,
    skip: flags.skip,
    rowMaker: (columns) => rowMaker(rulesFor(flags, columns)),
    onProgress: (records) => progress.update(input.bytesRead(), records),
  })
  const options = {
    takeOver: flags.takeOver,
    sayWait: progress.waiting,
    closeWith: () => (importer.problem === undefined ? 'memtable' : 'wal') as 'memtable' | 'wal',
  }
  let ms = 0
  try {
    await withWriter(shell, options, (db, signal) => {
      shell.adviceWhenGivenUp = () => {
        progress.stop()
        return importer.advice()
      }
      return importer.run(db, input.records, signal)
    })
    importer.closed()
    ms = progress.stop()
  } catch (error) {
    progress.stop()
    throw shell.adviceWhenGivenUp === undefined ? error : new Advised(error, importer.advice())
  }
  const { durable, problem } = importer
  const goOn = problem === undefined ? {} : { continueWith: flags.skip + durable }
  if (shell.json) {
    await shell.printJson({ records: durable, ms: Math.round(ms), interrupted: shell.signal.aborted, ...goOn })
  }
  if (problem !== undefined) throw new Advised(problem.error, importer.advice())
  if (!shell.json)
    shell.note(`${count(durable)} records imported and durable in ${duration(ms)} (${rate(durable, ms)})`)
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
    noOthers: plain && flags.value === undefined,
    hex: flags.hex ?? plain,
  }
}

function positive(text: string): number {
  const value = whole(text)
  if (value === 0) throw new InvalidArgumentError('Expected a whole number above 0.')
  return value
}

function whole(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('Expected a whole number.')
  return value
}
