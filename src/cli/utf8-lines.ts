// Bytes of a text file, checked and cut into lines. Only \n and \r\n end a line: what else a platform may take for an end,
// such as U+2028, is text. Bytes that are no UTF-8 are an error that says where they are, never U+FFFD: two keys that
// differ there would become one.

import { invalid } from '../errors.ts'

const LF = 0x0a
const CR = 0x0d
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** A line is held in memory as a whole, and text may have 512 Mi characters. */
const LONGEST_LINE = 500 << 20

export interface Line {
  readonly text: string
  /** From 1. */
  readonly number: number
}

/** The lines of `input`, some at a time, without their ends. A byte order mark at the start of the file is no text. */
export async function* utf8Lines(input: AsyncIterable<Uint8Array>): AsyncGenerator<Line[]> {
  let rest: Uint8Array[] = []
  let restSize = 0
  let number = 0
  const lineOf = (bytes: Uint8Array): Line => {
    number++
    const end = bytes.length > 0 && bytes[bytes.length - 1] === CR ? bytes.length - 1 : bytes.length
    return { text: decodeLine(withoutMark(bytes, number).subarray(0, end), number), number }
  }
  for await (const chunk of input) {
    const lines: Line[] = []
    let start = 0
    let failure: { error: unknown } | undefined
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, start)) {
      const part = chunk.subarray(start, end)
      start = end + 1
      try {
        lines.push(lineOf(rest.length === 0 ? part : Buffer.concat([...rest, part])))
      } catch (error) {
        failure = { error }
        break
      }
      rest = []
      restSize = 0
    }
    if (lines.length > 0) yield lines
    if (failure !== undefined) throw failure.error
    if (start === chunk.length) continue
    rest.push(chunk.subarray(start))
    restSize += chunk.length - start
    if (restSize > LONGEST_LINE) throw invalid('IMPORT_FORMAT', `line ${number + 1} is longer than 500 MiB`)
  }
  if (restSize > 0) yield [lineOf(Buffer.concat(rest))]
}

function withoutMark(bytes: Uint8Array, number: number): Uint8Array {
  return number === 1 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes
}

function decodeLine(bytes: Uint8Array, number: number): string {
  try {
    return strict.decode(bytes)
  } catch (error) {
    throw invalid('IMPORT_ENCODING', `line ${number}, byte ${validLength(bytes) + 1} of it: ${NOT_UTF8}`, {
      cause: error,
    })
  }
}

export const NOT_UTF8 = 'the file is not UTF-8. Convert it first, for example with iconv -f latin1 -t utf-8'

/** How many bytes at the start of `bytes` are whole characters of valid UTF-8. */
export function validLength(bytes: Uint8Array): number {
  if (isValidStart(bytes)) return bytes.length - unfinished(bytes)
  let low = 0
  let high = bytes.length
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (isValidStart(bytes.subarray(0, middle))) low = middle
    else high = middle - 1
  }
  return low - unfinished(bytes.subarray(0, low))
}

/** True when nothing in `bytes` is wrong yet: a character may be cut off at their end. */
function isValidStart(bytes: Uint8Array): boolean {
  try {
    // Not the shared decoder: one that streams keeps what it has seen.
    new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: true })
    return true
  } catch {
    return false
  }
}

/** How many bytes at the end belong to a character that is cut off there. */
function unfinished(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!
    if (byte < 0x80) return 0
    if (byte < 0xc0) continue
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
    return needed > back ? back : 0
  }
  return 0
}
