// Names of objects, the same rules for every store: what is refused here never reaches a server or a file system.

import { encodeUtf8 } from '../bytes/text.ts'
import { storeError } from '../errors.ts'

/** S3, GCS and Azure Blob all stop at 1,024 bytes. */
const MAX_PATH_BYTES = 1024

// Control characters cannot travel in the XML of a listing; a lone surrogate has no UTF-8 form.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
const UNSPEAKABLE = /[\u0000-\u001f\u007f]|\p{Surrogate}/u

/** Throws `InvalidPath` unless `path` names an object: segments joined by single slashes, none of them `.` or `..`. */
export function checkPath(path: string): void {
  checkSegments(path, path.split('/'))
}

/** Throws `InvalidPath` unless `prefix` may start the name of an object; empty, or ending in half a name, is fine. */
export function checkPrefix(prefix: string): void {
  const folders = prefix.split('/')
  const rest = folders.pop()!
  if (folders.length > 0) checkSegments(prefix, folders)
  if (UNSPEAKABLE.test(rest)) throw refused(prefix, 'has a control character or is not well-formed text')
}

function checkSegments(path: string, segments: readonly string[]): void {
  for (const segment of segments) {
    if (segment === '') throw refused(path, 'has an empty segment (no leading, trailing or double slash)')
    if (segment === '.' || segment === '..') throw refused(path, 'has a segment "." or ".."')
  }
  if (UNSPEAKABLE.test(path)) throw refused(path, 'has a control character or is not well-formed text')
  // A code unit is at most three bytes of UTF-8, so short names need no counting.
  if (path.length * 3 > MAX_PATH_BYTES && encodeUtf8(path).length > MAX_PATH_BYTES) {
    throw refused(path.slice(0, 64), `is longer than ${MAX_PATH_BYTES} bytes`)
  }
}

const refused = (path: string, why: string) => storeError('InvalidPath', path, `the name ${why}; use another name`)

/** Order of two names as UTF-8 bytes, which differs from JavaScript's order of strings where surrogate pairs occur. */
export function comparePaths(a: string, b: string): number {
  const n = Math.min(a.length, b.length)
  for (let i = 0; i < n; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    // A surrogate stands for a character above U+FFFF, so it orders behind every other unit.
    const xPaired = x >= 0xd800 && x <= 0xdfff
    const yPaired = y >= 0xd800 && y <= 0xdfff
    if (xPaired !== yPaired) return xPaired ? 1 : -1
    return x - y
  }
  return a.length - b.length
}

/** Position of the first of `sorted` that is not below `name`. */
export function lowerBound(sorted: readonly string[], name: string): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (comparePaths(sorted[middle]!, name) < 0) low = middle + 1
    else high = middle
  }
  return low
}
