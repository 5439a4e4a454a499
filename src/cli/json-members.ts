// A JSON object as its members' own text. JSON.parse would round numbers that a double cannot hold, and forget a member
// that is there twice; so it only checks the line, and the members are cut out of the text as they stand there.

import { invalid } from '../errors.ts'

export interface JsonMembers {
  readonly names: string[]
  /** JSON text of each value, without white space outside of strings. */
  readonly values: string[]
}

/** @throws SyntaxError when `text` is no JSON, Invalid when it is no object or names a member twice. */
export function jsonMembers(text: string): JsonMembers {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid('IMPORT_FORMAT', 'expected a JSON object on every line')
  }
  const names: string[] = []
  const values: string[] = []
  let at = text.indexOf('{') + 1
  for (;;) {
    at = skipSpace(text, at)
    if (text[at] === '}') break
    const nameEnd = stringEnd(text, at)
    names.push(JSON.parse(text.slice(at, nameEnd)) as string)
    at = skipSpace(text, skipSpace(text, nameEnd) + 1)
    const end = valueEnd(text, at)
    values.push(compact(text.slice(at, end)))
    at = skipSpace(text, end)
    if (text[at] === '}') break
    at++
  }
  if (new Set(names).size < names.length) {
    const twice = names.find((name, i) => names.indexOf(name) < i)
    throw invalid('IMPORT_COLUMN', `the member ${JSON.stringify(twice)} is there twice`)
  }
  return { names, values }
}

// The text has passed JSON.parse: what follows need not ask whether it is well formed.

function skipSpace(text: string, at: number): number {
  while (isSpace(text.charCodeAt(at))) at++
  return at
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
}

/** Behind the closing quote of the string that begins at `at`. */
function stringEnd(text: string, at: number): number {
  for (let i = at + 1; ; i++) {
    const char = text[i]
    if (char === '\\') i++
    else if (char === '"') return i + 1
  }
}

/** Behind the value that begins at `at`. */
function valueEnd(text: string, at: number): number {
  let depth = 0
  for (let i = at; ; i++) {
    const char = text[i]
    if (char === '"') i = stringEnd(text, i) - 1
    else if (char === '{' || char === '[') depth++
    else if (char === '}' || char === ']') {
      if (depth === 0) return i
      depth--
    } else if (char === ',' && depth === 0) return i
  }
}

const SPACE_OUTSIDE = /"(?:[^"\\]|\\.)*"|[ \n\r\t]+/g

function compact(value: string): string {
  return /[ \n\r\t]/.test(value) ? value.replace(SPACE_OUTSIDE, (part) => (part[0] === '"' ? part : '')) : value
}
