// slatedb-ts export [file]: rows as CSV or JSON lines. `import` reads back exactly what was written.

import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { type Command, Option } from 'commander'
import { invalid } from '../errors.ts'
import { exactText } from './bytes-text.ts'
import { count, duration } from './human.ts'
import type { Action } from './program.ts'
import { startProgress } from './progress.ts'
import { formatOf, type RecordFormat } from './records.ts'
import { addRangeFlags, checkRange, eachBatch, type RangeFlags } from './scan.ts'
import { withReader } from './session.ts'
import type { Shell } from './shell.ts'

interface ExportFlags extends RangeFlags {
  readonly format?: RecordFormat
}

export function addExport(program: Command, action: Action): void {
  const command = program
    .command('export')
    .summary('write rows as CSV or JSON lines')
    .description(
      'Writes key and value of the chosen rows as CSV or JSON lines, to a file or to standard output. Bytes that are not ' +
        'text are written as 0x…; "import" reads the file back exactly.',
    )
    .argument('[file]', 'default: standard output')
  addRangeFlags(command)
    .addOption(
      new Option('--format <format>', 'default: by the ending of the file, else jsonl').choices(['csv', 'jsonl']),
    )
    .action(action(exportRows))
}

async function exportRows(shell: Shell, file: string | undefined, flags: ExportFlags): Promise<undefined> {
  checkRange(flags)
  const format = flags.format ?? (file === undefined ? 'jsonl' : (formatOf(file) ?? 'jsonl'))
  const line = format === 'csv' ? csvLine : jsonLine
  const output = file === undefined ? undefined : createWriteStream(file)
  const failed = output === undefined ? undefined : openFailure(output, file!)
  const progress = startProgress(shell, { label: 'export', total: undefined, unit: 'rows' })
  const write = async (text: string) => {
    const sink = output ?? shell.streams.stdout
    if (!sink.write(text))
      await Promise.race([once(sink, 'drain', { signal: shell.signal }), ...(failed ? [failed] : [])])
  }
  let rows = 0
  let ms = 0
  try {
    if (format === 'csv') await write('key,value\n')
    await withReader(shell, (reader) =>
      eachBatch(shell, reader, flags, async (batch) => {
        rows += batch.length
        await write(batch.map((row) => line(exactText(row.key), exactText(row.value))).join(''))
        progress.update(rows, rows)
      }),
    )
    if (output !== undefined) {
      output.end()
      await Promise.race([finished(output), failed!])
    }
  } finally {
    output?.destroy()
    ms = progress.stop()
  }
  shell.note(`${count(rows)} rows exported in ${duration(ms)}`)
}

/** Rejects when the file cannot be written; never settles otherwise. */
function openFailure(output: NodeJS.WritableStream, file: string): Promise<never> {
  const failure = new Promise<never>((_, reject) => {
    output.on('error', (error: NodeJS.ErrnoException) =>
      reject(
        invalid('EXPORT_FILE', `file ${JSON.stringify(file)} cannot be written (${error.code})`, { cause: error }),
      ),
    )
  })
  failure.catch(() => {})
  return failure
}

function jsonLine(key: string, value: string): string {
  return `${JSON.stringify({ key, value })}\n`
}

function csvLine(key: string, value: string): string {
  return `${csvCell(key)},${csvCell(value)}\n`
}

/** RFC 4180: quoted when a delimiter, a quote, a line break or outer space would be misread. */
function csvCell(text: string): string {
  return /[",\r\n]|^\s|\s$|^$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
