// Files that `import` reads.

import { Readable } from 'node:stream'
import { encodeUtf8 } from '../../../src/bytes/text.ts'
import { openInput, type RecordFormat } from '../../../src/cli/records.ts'
import type { Random } from '../../../src/env/random.ts'
import { mutate, mutateText, someSize } from '../mutate.ts'
import { must, type Target } from '../target.ts'

const CELLS = [
  'a',
  '',
  '1',
  'é',
  '"q"',
  'a,b',
  'x\ny',
  '\uFEFF',
  '\u2028',
  'null',
  '12345678901234567890',
  '1e400',
  '__proto__',
]

const csvOf = (random: Random): string => {
  const columns = random.int(1, 4)
  const quote = (cell: string) => (/[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)
  const row = () => Array.from({ length: columns }, () => quote(random.pick(CELLS))).join(',')
  return [
    Array.from({ length: columns }, (_, i) => `c${i}`).join(','),
    ...Array.from({ length: someSize(random, 8, 3000) }, row),
  ].join(random.pick(['\n', '\r\n', '\r']))
}

const jsonlOf = (random: Random): string =>
  Array.from({ length: someSize(random, 8, 3000) }, () =>
    JSON.stringify(
      Object.fromEntries([
        ['k', random.pick(CELLS)],
        [random.pick(CELLS), random.pick([1, null, 'x', [1]])],
      ]),
    ),
  ).join(random.pick(['\n', '\r\n', '\n\n']))

function recordsTarget(
  name: string,
  format: RecordFormat,
  make: (random: Random) => string,
  tokens: readonly string[],
): Target {
  return {
    name,
    make(random) {
      const good = make(random)
      const text = mutateText(random, good, tokens, random.int(0, 3))
      const input = random.chance(0.2) ? mutate(random, encodeUtf8(text)) : encodeUtf8(text)
      const pieces = random.pick([1, 7, 1000, 1 << 20])
      return {
        input,
        async run() {
          const chunks = function* () {
            for (let at = 0; at < input.length; at += pieces) yield Buffer.from(input.subarray(at, at + pieces))
          }
          const { records } = openInput('-', Readable.from(chunks()), format, ',')
          for await (const record of records)
            must(typeof record === 'object' && record !== null, 'a record is no object')
        },
      }
    },
  }
}

export const cliTargets: readonly Target[] = [
  recordsTarget('records-csv', 'csv', csvOf, ['"', ',', '\n', '\r', '""', '\0', '\uFEFF', ';']),
  recordsTarget('records-jsonl', 'jsonl', jsonlOf, [
    '{',
    '}',
    '"',
    '\n',
    '\r',
    '\u2028',
    '[',
    'null',
    '1e400',
    '['.repeat(5000),
  ]),
]
