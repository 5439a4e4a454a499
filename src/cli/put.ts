// slatedb-ts put <key> <value>

import { readFileSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import type { Command } from 'commander'
import { parseDuration } from '../db/duration.ts'
import { invalid } from '../errors.ts'
import { parseBytes } from './bytes-text.ts'
import type { Action } from './program.ts'
import { addTakeOverFlag, withWriter } from './session.ts'
import type { Shell } from './shell.ts'

interface PutFlags {
  readonly file?: string
  readonly ttl?: string
  readonly takeOver?: boolean
}

export function addPut(program: Command, action: Action): void {
  addTakeOverFlag(program.command('put'))
    .summary('write one key')
    .description(
      'Writes one key and waits until it is durable. Refuses while another writer seems to be at work, unless --take-over.',
    )
    .argument('<key>', '0x… means bytes in hex')
    .argument('[value]', '"-" reads standard input')
    .option('-f, --file <file>', 'the value is the content of this file')
    .option('--ttl <duration>', 'expire after, for example 30m')
    .action(action(put))
}

async function put(shell: Shell, keyText: string, valueText: string | undefined, flags: PutFlags): Promise<undefined> {
  const key = parseBytes(keyText, 'auto', 'key')
  const value = await readValue(shell, valueText, flags)
  const ttl = flags.ttl === undefined ? undefined : ttlOf(flags.ttl)
  const handle = await withWriter(shell, { closeWith: 'wal', takeOver: flags.takeOver }, (db, signal) =>
    db.put(key, value, ttl === undefined ? { signal } : { ttl, signal }),
  )
  if (shell.json) await shell.printJson({ seq: handle.seq, createTs: handle.createTs })
  else shell.note(`written and durable, sequence number ${handle.seq}`)
}

async function readValue(shell: Shell, text: string | undefined, flags: PutFlags): Promise<Uint8Array> {
  if (flags.file !== undefined) {
    if (text !== undefined) throw invalid('PUT_VALUE', 'give the value or --file, not both')
    return readValueFile(flags.file)
  }
  if (text === undefined)
    throw invalid('PUT_VALUE', 'what value? Give it after the key, "-" for standard input, or --file')
  return text === '-' ? buffer(shell.streams.stdin) : parseBytes(text, 'auto', 'value')
}

function readValueFile(file: string): Uint8Array {
  try {
    return readFileSync(file)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'error'
    throw invalid('PUT_VALUE', `file ${JSON.stringify(file)} cannot be read (${code})`, { cause: error })
  }
}

function ttlOf(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined)
    throw invalid('DURATION', `--ttl ${JSON.stringify(text)} is no duration: use for example 90s or 7days`)
  return ms
}
