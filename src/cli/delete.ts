// slatedb-ts delete <key...>

import type { Command } from 'commander'
import { parseBytes } from './bytes-text.ts'
import { plural } from './human.ts'
import type { Action } from './program.ts'
import { withWriter } from './session.ts'
import type { Shell } from './shell.ts'

export function addDelete(program: Command, action: Action): void {
  program
    .command('delete')
    .alias('del')
    .summary('delete keys')
    .description(
      'Deletes keys in one atomic write and waits until that is durable. A key that is not there is no error.',
    )
    .argument('<keys...>', '0x… means bytes in hex')
    .action(action(remove))
}

async function remove(shell: Shell, keyTexts: string[]): Promise<undefined> {
  const keys = keyTexts.map((text) => parseBytes(text, 'auto', 'key'))
  const handle = await withWriter(shell, { closeWith: 'wal' }, (db) =>
    db.batch(keys.map((key) => ({ type: 'delete' as const, key }))),
  )
  if (shell.json) await shell.printJson({ seq: handle.seq, deleted: keys.length })
  else shell.note(`deleted ${plural(keys.length, 'key')}, sequence number ${handle.seq}`)
}
