// Objects of the golden databases, as inputs that mutations start from.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Random } from '../../src/env/random.ts'

const ROOT = join(process.cwd(), 'test/fixtures')
const LARGEST = 64 * 1024

const names = new Map<string, readonly string[]>()
const read = new Map<string, Uint8Array>()

/** An object whose path below the fixtures matches; never empty, and none of the large ones. */
export function fixture(random: Random, pattern: RegExp): Uint8Array {
  let found = names.get(pattern.source)
  if (found === undefined) {
    found = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
      .filter((name) => pattern.test(name))
      .filter((name) => {
        const { size } = statSync(join(ROOT, name))
        return size > 0 && size <= LARGEST
      })
      .sort()
    if (found.length === 0) throw new Error(`no fixture matches ${pattern}`)
    names.set(pattern.source, found)
  }
  const name = random.pick(found)
  let bytes = read.get(name)
  if (bytes === undefined) read.set(name, (bytes = new Uint8Array(readFileSync(join(ROOT, name)))))
  return bytes
}
