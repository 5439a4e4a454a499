// Encodings of keys and values, names of objects, URLs of stores.

import { codecOf } from '../../../src/api/encoding.ts'
import type { Tuple, TupleElement } from '../../../src/api/tuple.ts'
import { compareBytes } from '../../../src/bytes/compare.ts'
import { encodeUtf8 } from '../../../src/bytes/text.ts'
import type { Random } from '../../../src/env/random.ts'
import { normalizeRoot, Paths } from '../../../src/format/paths.ts'
import { checkPath, checkPrefix, comparePaths } from '../../../src/objects/store-path.ts'
import { parseStoreUrl } from '../../../src/stores/store-urls.ts'
import { mutate, mutateText, someSize } from '../mutate.ts'
import { must, mustEqual, type Target } from '../target.ts'

const CHARACTERS = ['a', 'é', '🎉', '\0', '\u0001', '\uFEFF', '\uFFFD', '\u2028', '"', '\\', '/', '\n', 'zz']

const textOf = (random: Random, most: number): string =>
  Array.from({ length: random.int(0, most) }, () => random.pick(CHARACTERS)).join('')

function elementOf(random: Random, depth: number): TupleElement {
  switch (random.int(0, depth > 3 ? 5 : 6)) {
    case 0:
      return random.pick([null, true, false])
    case 1:
      return random.bytes(random.int(0, 6)).map((byte) => byte & random.pick([1, 3, 255]))
    case 2:
      return textOf(random, 5)
    case 3:
      return (random.chance(0.5) ? 1n : -1n) * BigInt(random.int(0, 2 ** 40)) ** BigInt(random.int(0, 9))
    case 4:
      return random.pick([0, 1, -1, 0.1, -1e300, 5e-324, Number.POSITIVE_INFINITY, random.int(-999, 999)])
    case 5:
      return random.int(-5, 5)
    default:
      return Array.from({ length: random.int(0, 3) }, () => elementOf(random, depth + 1))
  }
}

const tupleCodec = codecOf('tuple', 'key')

const tuple: Target = {
  name: 'tuple',
  make(random) {
    const elements: Tuple = Array.from({ length: someSize(random, 8, 2000) }, () => elementOf(random, 0))
    const good = random.chance(0.02)
      ? new Uint8Array(random.int(1, 65_535)).fill(random.pick([5, 3, 2, 0x0c]))
      : tupleCodec.encode(elements)
    const input = random.chance(0.3) ? good : mutate(random, good)
    return {
      input,
      run() {
        mustEqual(tupleCodec.encode(tupleCodec.decode(input)), input, 'a tuple has one form, encoded again')
      },
    }
  },
}

const utf8Codec = codecOf('utf8', 'value')

const utf8: Target = {
  name: 'encoding-utf8',
  make(random) {
    const good = encodeUtf8(textOf(random, someSize(random, 60, 20_000)))
    const valid = random.chance(0.2)
    const input = valid ? good : mutate(random, good)
    return {
      input,
      valid,
      run: () => mustEqual(utf8Codec.encode(utf8Codec.decode(input)), input, 'a text encoded again'),
    }
  },
}

const jsonCodec = codecOf('json', 'value')

function jsonOf(random: Random, depth: number): unknown {
  const way = random.int(0, depth > 3 ? 4 : 6)
  if (way === 0) return random.pick([null, true, false])
  if (way === 1) return random.pick([0, -0, 1e21, 1e-7, 2 ** 53, random.int(-999, 999)])
  if (way < 5) return textOf(random, 4)
  if (way === 5) return Array.from({ length: random.int(0, 3) }, () => jsonOf(random, depth + 1))
  return Object.fromEntries(
    Array.from({ length: random.int(0, 3) }, () => [
      random.pick(['a', '__proto__', 'constructor', textOf(random, 2)]),
      jsonOf(random, depth + 1),
    ]),
  )
}

const json: Target = {
  name: 'encoding-json',
  make(random) {
    const good = random.chance(0.02)
      ? encodeUtf8(random.pick(['[', '{"a":']).repeat(random.int(1, 50_000)))
      : jsonCodec.encode(jsonOf(random, 0))
    const input = random.chance(0.3) ? good : mutate(random, good)
    return {
      input,
      run() {
        const value = jsonCodec.decode(input)
        const again = jsonCodec.encode(value)
        mustEqual(jsonCodec.encode(jsonCodec.decode(again)), again, 'JSON encoded again')
      },
    }
  },
}

const NAME_TOKENS = [
  '/',
  '//',
  '.',
  '..',
  '%2e',
  '%',
  '\0',
  '\n',
  '\u007f',
  '\ud800',
  '🎉',
  'é',
  ' ',
  '#',
  '?',
  '\\',
  ':',
]
const NAMES = ['db/wal/00000000000000000007.sst', 'db/manifest/18446744073709551615.manifest', 'a', '']

const storePath: Target = {
  name: 'store-path',
  make(random) {
    const way = random.chance(0.01) ? 'x/'.repeat(random.int(1, 50_000)) : random.pick(NAMES)
    const input = mutateText(random, way, NAME_TOKENS, random.int(0, 3))
    const other = mutateText(random, input, NAME_TOKENS, 1)
    return {
      input,
      run() {
        const order = compareBytes(encodeUtf8(input), encodeUtf8(other))
        const paired = !/\p{Surrogate}/u.test(input + other)
        if (paired) must(Math.sign(comparePaths(input, other)) === Math.sign(order), 'names order as their bytes do')
        checkPrefix(input)
        checkPath(input)
        must(
          !input.split('/').some((part) => part === '' || part === '.' || part === '..'),
          'a segment that leads away',
        )
      },
    }
  },
}

const objectPath: Target = {
  name: 'object-path',
  make(random) {
    const input = mutateText(random, random.pick(['db', 'a/b/c', '', '/x/']), NAME_TOKENS, random.int(0, 3))
    const paths = new Paths('db')
    const id = random.pick([0, 1, random.int(0, 2 ** 50), Number.MAX_SAFE_INTEGER])
    const good = random.pick([
      paths.wal(id),
      paths.manifest(id),
      paths.compactions(id),
      paths.table('01M6A6FT51VA2SEY2SG7PE5QFR'),
    ])
    const valid = random.chance(0.3)
    const name = valid ? good : mutateText(random, good, [...NAME_TOKENS, '0', '9', '00'])
    return {
      input: `${input} ${name}`,
      run() {
        const ids = [paths.parseWal(name), paths.parseManifest(name), paths.parseCompactions(name)]
        const table = paths.parseTable(name)
        const found = ids.filter((one) => one !== undefined).length + (table === undefined ? 0 : 1)
        must(found === 1 || (found === 0 && !valid), `${found} readings of one name`)
        for (const one of ids) if (one !== undefined) must(Number.isSafeInteger(one), `${one} is no id`)
        if (ids[0] !== undefined) must(paths.wal(ids[0]) === name, 'a log name has one spelling')
        must(normalizeRoot(normalizeRoot(input)) === normalizeRoot(input), 'a root stays as it is')
      },
    }
  },
}

const URLS = [
  's3://bucket/a/b',
  'gs://b/p?x=1',
  'az://acc/c/p',
  'file:///tmp/x',
  'memory://',
  'https://h:1/p',
  'abfss://c@a.dfs.core.windows.net/p',
  './rel/x',
]

const storeUrl: Target = {
  name: 'store-url',
  make(random) {
    const tokens = [...NAME_TOKENS, '@', 'user:pw@', '[::1]', 's3:', 'https:', '//', '?a=b', '#f', '%zz', '%ff']
    const input = mutateText(random, random.pick(URLS), tokens, random.int(0, 3))
    return { input, run: () => void parseStoreUrl(input, ['memory']) }
  },
}

export const textTargets: readonly Target[] = [tuple, utf8, json, storePath, objectPath, storeUrl]
