// slatedb-ts get <key>

import { type Command, Option } from 'commander'
import { exactText, parseBytes, SHOW_MODES, type ShowMode, showKey, showValue } from './bytes-text.ts'
import { EXIT } from './exit-codes.ts'
import { instant } from './human.ts'
import type { Action } from './program.ts'
import { withReader } from './session.ts'
import type { Shell } from './shell.ts'

interface GetFlags {
  readonly value: ShowMode
  readonly raw?: boolean
  readonly row?: boolean
}

export function addGet(program: Command, action: Action): void {
  program
    .command('get')
    .summary('print the value of a key')
    .description('Prints the value of a key (0x… means bytes in hex). Exit code 3 when there is none.')
    .argument('<key>')
    .addOption(new Option('--value <mode>', 'how the value is shown').choices(SHOW_MODES).default('auto'))
    .option('--raw', 'exactly the bytes of the value, nothing else')
    .option('--row', 'also sequence number and timestamps')
    .action(action(get))
}

async function get(shell: Shell, keyText: string, flags: GetFlags): Promise<number> {
  const key = parseBytes(keyText, 'auto', 'key')
  const row = await withReader(shell, (reader) => reader.getRow(key))
  if (row === undefined) {
    if (shell.json) await shell.printJson(null)
    else shell.note(`no such key: ${showKey(key, 'auto')}`)
    return EXIT.notFound
  }
  if (flags.raw === true) shell.streams.stdout.write(row.value)
  else if (shell.json) await shell.printJson(rowForJson(row))
  else {
    await shell.print(showValue(row.value, flags.value))
    if (flags.row === true) {
      const expires = row.expireTs === undefined ? 'never' : instant(row.expireTs)
      shell.note(`seq ${row.seq}, written ${instant(row.createTs)}, expires ${expires}`)
    }
  }
  return EXIT.ok
}

export interface PlainRow {
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly seq: bigint
  readonly createTs: number
  readonly expireTs?: number | undefined
}

/** A row for a program to read: keys and values as text, or as `0x…` where they are not text. */
export function rowForJson(row: PlainRow): Record<string, unknown> {
  return {
    key: exactText(row.key),
    value: exactText(row.value),
    seq: row.seq,
    createTs: row.createTs,
    ...(row.expireTs === undefined ? {} : { expireTs: row.expireTs }),
  }
}
