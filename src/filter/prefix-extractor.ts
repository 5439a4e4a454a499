// A prefix extractor cuts the part of a key that groups it: prefixes go into bloom filters, and route keys to segments.

import { invalid } from '../errors.ts'

/**
 * Where the grouping prefix of a key ends. The name is stored with what depends on it, so a changed rule needs a new
 * name.
 */
export interface PrefixExtractor {
  readonly name: string
  /**
   * The length of the prefix of key[start, end), or `undefined` when the key has none. For `kind` `prefix` the bytes are
   * only the beginning of a key: answer a number only when every key that begins so has this same prefix (FT-5).
   */
  prefixLen(key: Uint8Array, start: number, end: number, kind: 'point' | 'prefix'): number | undefined
}

/** The first `length` bytes; shorter keys have no prefix. */
export function fixedPrefix(length: number): PrefixExtractor {
  if (!Number.isInteger(length) || length < 1 || length > 65535) {
    throw invalid('PREFIX_LENGTH', `a fixed prefix is 1 to 65535 bytes long, not ${length}`)
  }
  // A beginning that holds the whole prefix decides it for every key that goes on from it.
  return { name: `fixed(${length})`, prefixLen: (_key, start, end) => (end - start >= length ? length : undefined) }
}

/** Up to and including the first `delimiter` (one ASCII character); keys without it have no prefix. */
export function delimiterPrefix(delimiter: string): PrefixExtractor {
  const code = delimiter.charCodeAt(0)
  if (delimiter.length !== 1 || code > 0x7f) {
    throw invalid('PREFIX_DELIMITER', `a prefix delimiter is one ASCII character, not ${JSON.stringify(delimiter)}`)
  }
  return {
    name: `delimiter(${delimiter})`,
    prefixLen(key, start, end) {
      for (let i = start; i < end; i++) if (key[i] === code) return i - start + 1
      return undefined
    },
  }
}

/** Asks the extractor and refuses an answer that is no length of key[start, end). */
export function extractPrefix(
  extractor: PrefixExtractor,
  key: Uint8Array,
  start: number,
  end: number,
  kind: 'point' | 'prefix',
): number | undefined {
  const length = extractor.prefixLen(key, start, end, kind)
  if (length === undefined || (Number.isInteger(length) && length >= 0 && length <= end - start)) return length
  throw invalid(
    'PREFIX_EXTRACTOR',
    `prefix extractor ${JSON.stringify(extractor.name)} answered ${length} for a key of ${end - start} bytes`,
  )
}
