// Our engine in a process of its own, so that it can be killed: the same lines of JSON as driver.py.

import { createInterface } from 'node:readline'
import type { FormatGeneration } from '../../../src/db/settings.ts'
import { isSlateDBError } from '../../../src/errors.ts'
import { Ours } from './ours.ts'

// biome-ignore lint/suspicious/noExplicitAny: commands come from our own tests, as JSON.
type Parameters = any

const generation = process.argv[2] as FormatGeneration | ''
const ours = new Ours(generation === '' ? undefined : generation)
const commands: Readonly<Record<string, (parameters: Parameters) => Promise<unknown>>> = {
  open: (parameters) => ours.open(parameters),
  openReader: (parameters) => ours.openReader(parameters),
  write: ({ batches, durable }) => ours.write(batches, durable),
  flush: ({ type }) => ours.flush(type),
  get: ({ keys }) => ours.get(keys),
  scan: ({ bounds, descending }) => ours.scan(bounds, descending),
  close: () => ours.close(),
}

for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...parameters } = JSON.parse(line)
  let answer: unknown
  try {
    answer = { ok: (await commands[name]!(parameters)) ?? null }
  } catch (error) {
    const typed = isSlateDBError(error) ? { kind: error.kind, reason: error.closeReason } : { kind: 'Error' }
    answer = { error: { ...typed, message: error instanceof Error ? (error.stack ?? error.message) : String(error) } }
  }
  const text = JSON.stringify(answer, (_, value) => (typeof value === 'bigint' ? Number(value) : value))
  process.stdout.write(`${text}\n`)
}
process.exit(0)
