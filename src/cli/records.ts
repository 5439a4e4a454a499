// Records out of files: CSV with a header line, or JSON lines. Both stream, so a file may be larger than memory.

import { createReadStream, statSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Transform } from 'node:stream'
import { parse } from 'csv-parse'
import { invalid } from '../errors.ts'

export type RecordFormat = 'csv' | 'jsonl'

/** One record: column or property names to values. CSV values are always text. */
export type InputRecord = Readonly<Record<string, unknown>>

export interface Input {
  /** Bytes of the file; `undefined` for standard input. */
  readonly totalBytes: number | undefined
  /** Bytes taken from the input so far: what the progress bar moves by. */
  readonly bytesRead: () => number
  readonly records: AsyncIterable<InputRecord>
}

/** Opens `file`, or `stdin` for `-`. */
export function openInput(file: string, stdin: NodeJS.ReadableStream, format: RecordFormat, delimiter: string): Input {
  const totalBytes = file === '-' ? undefined : sizeOf(file)
  let read = 0
  const counter = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      read += chunk.length
      done(null, chunk)
    },
  })
  const source: NodeJS.ReadableStream = file === '-' ? stdin : createReadStream(file, { highWaterMark: 1 << 18 })
  source.on('error', (error: Error) => counter.destroy(error))
  source.pipe(counter)
  const name = file === '-' ? 'standard input' : file
  return {
    totalBytes,
    bytesRead: () => read,
    records: format === 'csv' ? csvRecords(counter, name, delimiter) : jsonRecords(counter, name),
  }
}

/** The format that a file's ending says. */
export function formatOf(file: string): RecordFormat | undefined {
  if (/\.(csv|tsv)$/i.test(file)) return 'csv'
  return /\.(jsonl|ndjson|jsonlines)$/i.test(file) ? 'jsonl' : undefined
}

async function* csvRecords(input: Transform, name: string, delimiter: string): AsyncIterable<InputRecord> {
  const parser = parse({ columns: true, bom: true, delimiter, skip_empty_lines: true })
  input.on('error', (error) => parser.destroy(error))
  input.pipe(parser)
  try {
    yield* parser as AsyncIterable<InputRecord>
  } catch (error) {
    throw badInput(name, error)
  } finally {
    input.destroy()
  }
}

async function* jsonRecords(input: Transform, name: string): AsyncIterable<InputRecord> {
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
  // readline does not pass on its input's errors while it is iterated.
  let failed: unknown
  input.on('error', (error) => {
    failed = error
    lines.close()
  })
  let number = 0
  try {
    for await (const line of lines) {
      number++
      if (line.trim() !== '') yield parseLine(line, number, name)
    }
  } finally {
    input.destroy()
  }
  if (failed !== undefined) throw badInput(name, failed)
}

function parseLine(line: string, number: number, name: string): InputRecord {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    throw badInput(`${name}, line ${number}`, error)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid('IMPORT_FORMAT', `${name}, line ${number}: expected a JSON object on every line`)
  }
  return value as InputRecord
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size
  } catch (error) {
    throw badInput(file, error)
  }
}

function badInput(name: string, error: unknown) {
  return invalid('IMPORT_FORMAT', `${name}: ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
  })
}
