// Settings from files, variables and JSON, in the package's own form and in that of the original's binding.

import {
  defaultSettings,
  parseSettings,
  setSetting,
  settingsFromEnv,
  settingsToJson,
} from '../../../src/db/settings.ts'
import type { Random } from '../../../src/env/random.ts'
import { invalid } from '../../../src/errors.ts'
import { Error as BindingError } from '../../../src/uniffi/errors.ts'
import { Settings } from '../../../src/uniffi/settings.ts'
import { mutateText } from '../mutate.ts'
import { must, mustBeSame, type Target } from '../target.ts'

const ODD: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1,
  0.5,
  1e21,
  2 ** 53,
  Number.MAX_VALUE,
  '',
  '5s',
  '1h',
  '-1ms',
  '100ms',
  '10MiB',
  'zstd',
  'lz4',
  '0.12',
  '0.15',
  '99999999999999999999s',
  '\uFEFF5s',
  '1e3s',
  [],
  [1],
  {},
  { a: 1 },
  '__proto__',
  'constructor',
]

type Plain = { [key: string]: unknown }

/** Settings as JSON, with some values that do not belong there. */
function settingsOf(random: Random): Plain {
  const era = random.pick(['0.12', '0.15'] as const)
  const plain = JSON.parse(JSON.stringify(settingsToJson(defaultSettings, era))) as Plain
  for (let n = random.int(0, 4); n > 0; n--) {
    let part = plain
    for (;;) {
      const keys = Object.keys(part)
      const key =
        keys.length === 0 || random.chance(0.1) ? random.pick(['zzz', '__proto__', 'toString']) : random.pick(keys)
      const inner = Object.hasOwn(part, key) ? part[key] : undefined
      if (typeof inner === 'object' && inner !== null && !Array.isArray(inner) && random.chance(0.8)) {
        part = inner as Plain
        continue
      }
      if (random.chance(0.2)) delete part[key]
      else
        Object.defineProperty(part, key, {
          value: structuredClone(random.pick(ODD)),
          enumerable: true,
          configurable: true,
          writable: true,
        })
      break
    }
  }
  return plain
}

const parsed: Target = {
  name: 'settings-parse',
  make(random) {
    const values = settingsOf(random)
    const unknownKeys = random.pick(['error', 'ignore'] as const)
    const absentKeys = random.pick(['base', 'required'] as const)
    return {
      input: JSON.stringify(values),
      run() {
        const settings = parseSettings(values, { unknownKeys, absentKeys })
        const again = parseSettings(JSON.parse(JSON.stringify(settingsToJson(settings))) as Plain)
        mustBeSame(again, settings, 'the settings written and read again, and as they were')
      },
    }
  },
}

const fromEnv: Target = {
  name: 'settings-env',
  make(random) {
    const names = [
      'FLUSH_INTERVAL',
      'L0_SST_SIZE_BYTES',
      'COMPACTOR_OPTIONS__MAX_SST_SIZE',
      'ZZZ',
      '__PROTO__',
      'MANIFEST_POLL_INTERVAL',
    ]
    const tokens = ['=', '_', '__', '"', '[', '{', '1', 's', 'MB', '\0', 'null']
    const variables = Object.fromEntries(
      Array.from({ length: random.int(1, 4) }, () => [
        `S_${mutateText(random, random.pick(names), tokens, random.int(0, 1))}`,
        mutateText(random, random.pick(['5s', '100', 'null', '{}', '64MiB']), tokens, random.int(0, 2)),
      ]),
    )
    return { input: JSON.stringify(variables), run: () => void settingsFromEnv('S_', variables, defaultSettings) }
  },
}

const one: Target = {
  name: 'settings-set',
  make(random) {
    const keys = [
      'flush_interval',
      'compactor_options.max_sst_size',
      'garbage_collector_options.wal_options.min_age',
      'a.b.c',
      '',
      '__proto__.x',
      'compactor_options',
    ]
    const key = mutateText(random, random.pick(keys), ['.', '..', '_', '[0]', ' '], random.int(0, 1))
    const literal = mutateText(random, JSON.stringify(random.pick(ODD)), ['"', '{', 'null', '1', ','], random.int(0, 1))
    return { input: `${key} = ${literal}`, run: () => void setSetting(defaultSettings, key, literal) }
  },
}

const binding: Target = {
  name: 'settings-uniffi',
  make(random) {
    const good = JSON.stringify(settingsOf(random))
    const input = random.chance(0.6)
      ? good
      : mutateText(random, good, ['{', '}', '"', ':', ',', 'null', '1e999', '['.repeat(5000)])
    return {
      input,
      run() {
        try {
          const settings = Settings.from_json_string(input)
          const text = settings.to_json_string()
          must(
            Settings.from_json_string(text).to_json_string() === text,
            'other settings when they are written and read again',
          )
        } catch (error) {
          // The binding has error classes of its own.
          if (error instanceof BindingError) throw invalid('BINDING', error.message)
          throw error
        }
      },
    }
  },
}

export const settingsTargets: readonly Target[] = [parsed, fromEnv, one, binding]
