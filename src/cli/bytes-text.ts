// Keys and values on a terminal. Bytes that are text are shown as text; all others as hex with `0x` in front.
// Text that itself begins with `0x` is shown as hex too, so that what was printed can always be read back exactly.

import { invalid } from '../errors.ts'
import { inert, inertLine, isInert } from './inert.ts'

/** How bytes are shown; `len` and `none` are for values only (features.md D.1). */
export const SHOW_MODES = ['auto', 'hex', 'utf8', 'len', 'none'] as const
export type ShowMode = (typeof SHOW_MODES)[number]

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const lossy = new TextDecoder('utf-8', { ignoreBOM: true })
const encoder = new TextEncoder()

/** The text that `bytes` are, or `undefined` when they are not UTF-8 or could be mistaken for hex. */
function asText(bytes: Uint8Array): string | undefined {
  try {
    const text = strict.decode(bytes)
    return text.startsWith('0x') ? undefined : text
  } catch {
    return undefined
  }
}

/** Text for one line of a terminal: line breaks and tabs are escaped, other control characters make it binary. */
function asLine(bytes: Uint8Array): string | undefined {
  const text = asText(bytes)?.replace(/[\n\r\t]/g, (c) => (c === '\n' ? '\\n' : c === '\r' ? '\\r' : '\\t'))
  return text === undefined || !isInert(text) ? undefined : text
}

export function toHex(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`
}

/** Reversible, for CSV and JSON, which quote what needs quoting: text where it is text, `0x…` otherwise. */
export function exactText(bytes: Uint8Array): string {
  return asText(bytes) ?? toHex(bytes)
}

export function showKey(bytes: Uint8Array, mode: ShowMode): string {
  if (mode === 'utf8') return inertLine(lossy.decode(bytes))
  if (mode === 'hex') return toHex(bytes)
  const text = asText(bytes)
  return text === undefined || !isInert(text) ? toHex(bytes) : text
}

export function showValue(bytes: Uint8Array, mode: ShowMode): string {
  if (mode === 'none') return ''
  if (mode === 'len') return String(bytes.length)
  if (mode === 'utf8') return inert(lossy.decode(bytes), '\n\t')
  if (mode === 'hex') return toHex(bytes)
  return asLine(bytes) ?? `<binary ${bytes.length} bytes>`
}

/** What a user typed: `0x…` is hex (in mode auto), anything else UTF-8 text. */
export function parseBytes(text: string, mode: 'auto' | 'hex' | 'utf8', what: string): Uint8Array {
  if (mode === 'utf8' || (mode === 'auto' && !text.startsWith('0x'))) {
    // Half of a surrogate pair would be written as U+FFFD, and two different keys would become one.
    if (/\p{Surrogate}/u.test(text)) {
      throw invalid('TEXT', `${what} ${JSON.stringify(text)} has half of a surrogate pair, which UTF-8 cannot hold`)
    }
    return encoder.encode(text)
  }
  const digits = text.startsWith('0x') ? text.slice(2) : text
  if (digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) {
    throw invalid('HEX', `${what} ${JSON.stringify(text)} is not hex: expected pairs of the digits 0-9 and a-f`)
  }
  return new Uint8Array(Buffer.from(digits, 'hex'))
}
