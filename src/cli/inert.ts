// Text that cannot steer a terminal. Keys, names and messages of servers may hold escape sequences, which would move the
// cursor, change the title or hide what comes after.

/** Control characters, line separators, and the marks that turn the direction of text. */
const CONTROL = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/** True when `text` can be shown on one line as it is. */
export function isInert(text: string): boolean {
  return text.search(CONTROL) < 0
}

/** Each control character as `\\x1b` or `\\u2028`; line feeds stay, and those of `keep`. */
export function inert(text: string, keep = '\n'): string {
  return text.replace(CONTROL, (char) => (keep.includes(char) ? char : escaped(char)))
}

/** For text that is to stay on its line: line feeds are escaped as well. */
export function inertLine(text: string): string {
  return inert(text, '')
}

/** JSON that is the same value and has no control characters. */
export function inertJson(json: string): string {
  return json.replace(CONTROL, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function escaped(char: string): string {
  if (char === '\n') return '\\n'
  const code = char.charCodeAt(0)
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`
}
