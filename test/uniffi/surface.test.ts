// Every name that the official binding declares is here, member by member, read from its own type declarations.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as peer from '@slatedb/uniffi'
import { expect, test } from 'vitest'
import * as ours from '../../src/uniffi/index.ts'

const file = fileURLToPath(new URL('../../node_modules/@slatedb/uniffi/slatedb.d.ts', import.meta.url))
const declarations = readFileSync(file, 'utf8')
const code = declarations.replace(/\/\*\*[\s\S]*?\*\//g, '')

interface Declared {
  readonly name: string
  readonly statics: string[]
  readonly members: string[]
}

const classes: Declared[] = [...code.matchAll(/export declare class (\w+) extends [^{]*\{([\s\S]*?)\n\}/g)].map(
  ([, name, body]) => ({
    name: name!,
    statics: [...body!.matchAll(/^ {2}static (\w+)\(/gm)].map((match) => match[1]!),
    members: [...body!.matchAll(/^ {2}(\w+)\(/gm)].map((match) => match[1]!).filter((one) => one !== 'constructor'),
  }),
)

type Module = Record<string, { prototype: Record<string, unknown> } & Record<string, unknown>>

type Named = Readonly<Record<string, unknown>>

test('the declarations were read', () => {
  expect(classes.length).toBeGreaterThan(20)
  expect(classes.find((one) => one.name === 'Db')!.members).toContain('get_key_value_with_options')
  expect(classes.find((one) => one.name === 'Settings')!.statics).toContain('from_json_string')
})

test('every export is there', () => {
  const missing = Object.keys(peer).filter((name) => !(name in ours))
  expect(missing).toEqual([])
})

test.each(classes)('$name has every member', ({ name, statics, members }) => {
  const own = (ours as unknown as Module)[name]!
  expect(statics.filter((member) => typeof own[member] !== 'function')).toEqual([])
  expect(members.filter((member) => typeof own.prototype[member] !== 'function')).toEqual([])
})

test('setters and functions take as many arguments', () => {
  const counted = classes.flatMap(({ name, members }) =>
    members.map((member) => {
      const of = (module: unknown) =>
        ((module as Module)[name]!.prototype[member] as (...args: never[]) => unknown).length
      return [`${name}.${member}`, of(ours), of(peer)] as const
    }),
  )
  expect(counted.length).toBeGreaterThan(80)
  expect(counted.filter(([, mine, theirs]) => mine !== theirs)).toEqual([])
})

test.each([
  'CloseReason',
  'DurabilityLevel',
  'FlushType',
  'IsolationLevel',
  'IterationOrder',
  'LogLevel',
  'RowEntryKind',
  'SstBlockSize',
] as const)('the enum %s is the same', (name) => {
  const [mine, theirs] = [ours as Named, peer as Named].map((binding) => binding[name])
  expect(mine).toEqual(theirs)
  expect(Object.isFrozen(mine)).toBe(true)
})

test('tagged values are the same', () => {
  for (const { Ttl, MetricValue } of [ours, peer]) {
    expect([Ttl.Default(), Ttl.NoExpiry(), Ttl.ExpireAfterTicks(5n), Ttl.ExpireAt(7)]).toEqual([
      { tag: 'Default' },
      { tag: 'NoExpiry' },
      { tag: 'ExpireAfterTicks', '': 5n },
      { tag: 'ExpireAt', '': 7 },
    ])
    expect([MetricValue.Counter(1n), MetricValue.Gauge(2), MetricValue.UpDownCounter(-3n)]).toEqual([
      { tag: 'Counter', '': 1n },
      { tag: 'Gauge', '': 2 },
      { tag: 'UpDownCounter', '': -3n },
    ])
  }
})

test('errors are the same classes', () => {
  for (const binding of [ours, peer]) {
    const closed = new binding.ErrorClosed('Fenced', 'text')
    expect(closed).toBeInstanceOf(binding.Error)
    expect(closed).toBeInstanceOf(globalThis.Error)
    expect({ ...closed, name: closed.name, message: closed.message }).toMatchObject({
      name: 'ErrorClosed',
      tag: 'Closed',
      reason: 'Fenced',
      message: 'text',
    })
    for (const kind of ['Transaction', 'Unavailable', 'Invalid', 'Data', 'Internal'] as const) {
      const error = new binding[`Error${kind}`]('text')
      expect([error.name, error.tag, error.message, error instanceof binding.Error]).toEqual([
        `Error${kind}`,
        kind,
        'text',
        true,
      ])
    }
    const failed = new binding.MergeOperatorCallbackErrorFailed('text')
    expect([failed.tag, failed instanceof binding.MergeOperatorCallbackError]).toEqual(['Failed', true])
  }
})
