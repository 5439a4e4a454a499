// Records out of files: CSV with a header line, or JSON lines, plain or compressed. Both stream, so a file may be larger than
// memory. What cannot be taken exactly as it stands there is refused.

import { createReadStream, statSync } from 'node:fs'
import { parse } from 'csv-parse'
import { systemClock } from '../env/system.ts'
import { invalid } from '../errors.ts'
import { decompressed } from './compressed-input.ts'
import { CsvRecord, type InputRecord, JsonRecord } from './input-record.ts'
import { NOT_UTF8, utf8Lines, validLength } from './utf8-lines.ts'

export type RecordFormat = 'csv' | 'jsonl'

export interface Input {
  /** Bytes of the file; `undefined` for standard input. */
  readonly totalBytes: number | undefined
  /** Bytes taken from the input so far: what the progress bar moves by. */
  readonly bytesRead: () => number
  /** Some records at a time. All records before a bad one come before its error. */
  readonly records: AsyncGenerator<InputRecord[]>
}

/** Opens `file`, or `stdin` for `-`. */
export function openInput(file: string, stdin: NodeJS.ReadableStream, format: RecordFormat, delimiter: string): Input {
  const name = file === '-' ? 'standard input' : file
  const totalBytes = file === '-' ? undefined : sizeOf(file)
  let read = 0
  async function* counted(): AsyncGenerator<Uint8Array> {
    const source = file === '-' ? stdin : createReadStream(file, { highWaterMark: 1 << 18 })
    for await (const chunk of source) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
      read += bytes.length
      yield bytes
    }
  }
  const bytes = decompressed(counted())
  return {
    totalBytes,
    bytesRead: () => read,
    records: named(name, format === 'csv' ? csvRecords(bytes, delimiter) : jsonRecords(bytes)),
  }
}

/** The format that a file's ending says, also behind the ending of a compressed file. */
export function formatOf(file: string): RecordFormat | undefined {
  const plain = file.replace(/\.(gz|gzip|zst|zstd)$/i, '')
  if (/\.(csv|tsv)$/i.test(plain)) return 'csv'
  return /\.(jsonl|ndjson|jsonlines)$/i.test(plain) ? 'jsonl' : undefined
}

export function delimiterOf(file: string): string {
  return /\.tsv(\.\w+)?$/i.test(file) ? '\t' : ','
}

/** Errors say which input they are about. */
async function* named(name: string, records: AsyncGenerator<InputRecord[]>): AsyncGenerator<InputRecord[]> {
  try {
    yield* records
  } catch (error) {
    throw badInput(name, error)
  }
}

async function* jsonRecords(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<InputRecord[]> {
  for await (const lines of utf8Lines(bytes)) {
    const records: InputRecord[] = []
    let failure: { error: unknown } | undefined
    for (const { text, number } of lines) {
      if (text.trim() === '') continue
      try {
        records.push(new JsonRecord(text))
      } catch (error) {
        failure = { error: badInput(`line ${number}`, error) }
        break
      }
    }
    if (records.length > 0) yield records
    if (failure !== undefined) throw failure.error
  }
}

/** Fed by hand rather than piped, so that every record before a bad one is seen before the error. */
async function* csvRecords(bytes: AsyncIterable<Uint8Array>, delimiter: string): AsyncGenerator<InputRecord[]> {
  // Both line ends count everywhere: otherwise one of the other kind in between would become part of a cell.
  const parser = parse({ bom: true, delimiter, skip_empty_lines: true, record_delimiter: ['\r\n', '\n'] })
  let failure: { error: unknown } | undefined
  let ended = false
  parser.on('error', (error) => (failure = { error }))
  parser.on('end', () => (ended = true))
  let names: readonly string[] | undefined
  const records = (): InputRecord[] => {
    const found: InputRecord[] = []
    for (let cells = parser.read() as string[] | null; cells !== null; cells = parser.read() as string[] | null) {
      if (names === undefined) names = checkedHeader(cells)
      else found.push(new CsvRecord(names, cells))
    }
    return found
  }
  let offset = 0
  let held: Uint8Array = new Uint8Array(0)
  for await (const chunk of bytes) {
    const all = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    const valid = validLength(all)
    held = all.subarray(valid)
    offset += valid
    parser.write(all.subarray(0, valid))
    yield records()
    await systemClock.yield()
    if (failure !== undefined) throw failure.error
    // A character that is cut off at the end of a chunk has at most three bytes there.
    if (held.length > 3) break
  }
  if (held.length > 0) {
    // The parser looks ahead, so it still holds records. The bad bytes push them out, and show as U+FFFD behind them.
    parser.end(held)
    const found = records()
    const bad = found.findIndex((record) => record.names.some((_, i) => record.text(i).includes('\uFFFD')))
    yield bad < 0 ? found : found.slice(0, bad)
    throw notUtf8(offset)
  }
  parser.end()
  while (!ended) {
    yield records()
    await systemClock.yield()
    if (failure !== undefined) throw failure.error
  }
}

function checkedHeader(names: readonly string[]): readonly string[] {
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice !== undefined) {
    throw invalid(
      'IMPORT_COLUMN',
      `two columns are named ${JSON.stringify(twice)}: rename one of them in the header line`,
    )
  }
  if (names.some((name) => name.includes('\r'))) {
    throw invalid(
      'IMPORT_FORMAT',
      "lines end in a carriage return alone: convert them, for example with tr '\\r' '\\n'",
    )
  }
  return names
}

function notUtf8(offset: number) {
  return invalid('IMPORT_ENCODING', `byte ${offset + 1}: ${NOT_UTF8}`)
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size
  } catch (error) {
    throw badInput(file, error)
  }
}

function badInput(name: string, error: unknown) {
  const message = error instanceof Error ? error.message : String(error)
  return invalid('IMPORT_FORMAT', `${name}${/^(line|byte) \d/.test(message) ? ', ' : ': '}${message}`, { cause: error })
}
