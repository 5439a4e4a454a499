// slatedb-ts delete <key...>

import type { Command } from 'commander'
import { parseBytes } from './bytes-text.ts'
import { plural } from './human.ts'
import type { Action } from './program.ts'
import { addTakeOverFlag, withWriter } from './session.ts'
import type { Shell } from './shell.ts'

export function addDelete(program: Command, action: Action): void {
  addTakeOverFlag(program.command('delete'))
    .alias('del')
    .summary('delete keys')
    .description(
      'Deletes keys in one atomic write and waits until that is durable. A key that is not there is no error. Refuses ' +
        'while another writer seems to be at work, unless --take-over.',
    )
    .argument('<keys...>', '0x… means bytes in hex')
    .action(action(remove))
}

async function remove(shell: Shell, keyTexts: string[], flags: { readonly takeOver?: boolean }): Promise<undefined> {
  const keys = keyTexts.map((text) => parseBytes(text, 'auto', 'key'))
  const { handle, found } = await withWriter(
    shell,
    { closeWith: 'wal', takeOver: flags.takeOver },
    async (db, signal) => {
      const rows = await db.getMany(keys)
      const handle = await db.batch(
        keys.map((key) => ({ type: 'delete' as const, key })),
        { signal },
      )
      return { handle, found: rows.filter((row) => row !== undefined).length }
    },
  )
  if (shell.json) await shell.printJson({ seq: handle.seq, deleted: found, keys: keys.length })
  else {
    const rest =
      found === keys.length
        ? ''
        : ` (${plural(keys.length - found, 'key')} ${keys.length - found === 1 ? 'was' : 'were'} not there)`
    shell.note(`deleted ${plural(found, 'key')}${rest}, sequence number ${handle.seq}`)
  }
}
