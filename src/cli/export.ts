// slatedb-ts export [file]: rows as CSV or JSON lines. `import` reads back exactly what was written.

import { existsSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { invalid } from '../errors.ts'
import { exactText } from './bytes-text.ts'
import { type ExportTarget, fileTarget, isPlain, streamTarget } from './export-target.ts'
import { count, duration } from './human.ts'
import type { Action } from './program.ts'
import { startProgress } from './progress.ts'
import { formatOf, type RecordFormat } from './records.ts'
import { addRangeFlags, checkRange, eachBatch, type RangeFlags } from './scan.ts'
import { withReader } from './session.ts'
import type { Shell } from './shell.ts'

interface ExportFlags extends RangeFlags {
  readonly format?: RecordFormat
  readonly force?: boolean
}

export function addExport(program: Command, action: Action): void {
  const command = program
    .command('export')
    .summary('write rows as CSV or JSON lines')
    .description(
      'Writes key and value of the chosen rows as CSV or JSON lines, to a file or to standard output. Bytes that are not ' +
        'text are written as 0x…; "import" reads the file back exactly. The file appears when it is complete; one of that ' +
        'name is replaced only with --force.',
    )
    .argument('[file]', 'default: standard output')
  addRangeFlags(command)
    .option('--force', 'replace the file when there is one')
    .addOption(
      new Option('--format <format>', 'default: by the ending of the file, else jsonl').choices(['csv', 'jsonl']),
    )
    .action(action(exportRows))
}

async function exportRows(shell: Shell, file: string | undefined, flags: ExportFlags): Promise<undefined> {
  checkRange(flags)
  if (file !== undefined && flags.force !== true && existsSync(file) && isPlain(file)) {
    throw invalid('EXPORT_FILE', `file ${JSON.stringify(file)} is there already; --force replaces it`)
  }
  const format = flags.format ?? (file === undefined ? 'jsonl' : (formatOf(file) ?? 'jsonl'))
  const line = format === 'csv' ? csvLine : jsonLine
  const progress = startProgress(shell, { label: 'export', total: undefined, unit: 'rows' })
  let rows = 0
  let ms = 0
  let target: ExportTarget | undefined
  try {
    await withReader(shell, async (reader) => {
      // Only now is it known that there is something to export.
      const write = (target = file === undefined ? streamTarget(shell) : fileTarget(file)).write
      if (format === 'csv') await write('key,value\n')
      await eachBatch(shell, reader, flags, async (batch) => {
        await write(batch.map((row) => line(exactText(row.key), exactText(row.value))).join(''))
        rows += batch.length
        progress.update(rows, rows)
      })
    })
    await target?.finish()
    ms = progress.stop()
  } catch (error) {
    progress.stop()
    target?.discard()
    throw error
  }
  shell.note(`${count(rows)} rows exported in ${duration(ms)}`)
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
