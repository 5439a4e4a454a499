import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EMPTY } from '../bytes/compare.ts'
import type { Bound } from '../bytes/range.ts'
import { encodeUtf8, toHex } from '../bytes/text.ts'
import { isSlateDBError } from '../errors.ts'
import { decodeBoundary, encodeBoundary } from './boundary.ts'
import {
  COMPACTION_STATUSES,
  type Compaction,
  type CompactionSpec,
  type Compactions,
  decodeCompactions,
  encodeCompactions,
  initialCompactions,
  isTerminal,
} from './compactions.ts'
import type { TableRef } from './table-info.ts'

const FIXTURES = join(import.meta.dirname, '../../test/fixtures')
const records = readdirSync(FIXTURES, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.compactions'))
  .sort()
  .map((name) => ({ name, bytes: new Uint8Array(readFileSync(join(FIXTURES, name))) }))

// biome-ignore lint/suspicious/noExplicitAny: the shape of objects.json, written by an independent decoder.
type Json = any

/** A record in the shape of objects.json, where a field equal to its default is absent. */
function asJson(compactions: Compactions): Json {
  return sparse({
    compactor_epoch: compactions.compactorEpoch,
    recent_compactions: compactions.entries.map((entry) =>
      sparse({
        id: entry.id,
        spec_type: entry.spec.kind === 'tiered' ? 'TieredCompactionSpec' : 'DrainSegmentSpec',
        spec: {
          ...(compactions.formatVersion === 2 && { segment: toHex(entry.spec.segment) }),
          ...(compactions.formatVersion === 2 &&
            entry.spec.kind === 'tiered' &&
            entry.spec.destination > 0 && { destination: entry.spec.destination }),
          ...(entry.spec.l0.length > 0 && { l0_view_ids: entry.spec.l0 }),
          ...(entry.spec.runs.length > 0 && { sorted_runs: entry.spec.runs }),
        },
        status: COMPACTION_STATUSES.indexOf(entry.status),
        output_ssts: idsOf(entry.outputs),
        worker: entry.claim && { worker_id: entry.claim.workerId, last_heartbeat_ms: entry.claim.lastHeartbeatMs },
        ctx_type: entry.context === undefined ? 'NONE' : 'TieredCompactionContext',
        ctx: entry.context && {
          subcompactions: entry.context.subcompactions.map((part) =>
            sparse({
              range: { start_bound: boundJson(part.range.start), end_bound: boundJson(part.range.end) },
              output_ssts: idsOf(part.outputs),
              status: part.status === 'completed' ? 1 : 0,
            }),
          ),
          retention_min_seq: Number(entry.context.retentionMinSeq),
        },
      }),
    ),
  })
}

const idsOf = (tables: readonly TableRef[]) => (tables.length === 0 ? undefined : tables.map((table) => table.id))

const boundJson = (bound: Bound | undefined): Json =>
  bound === undefined ? { bound_type: 1 } : { key: toHex(bound.key), bound_type: bound.inclusive ? 2 : 3 }

/** Tables by their ids, and no empty lists: how much of them objects.json is compared with. */
function briefOutputs(json: Json): void {
  if (json.output_ssts?.length > 0) json.output_ssts = json.output_ssts.map((output: Json) => output.id)
  else delete json.output_ssts
}

function sparse(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== 0))
}

test.each(['compaction', 'gc'])('records written by 0.12.1, case %s: every field', (name) => {
  const folder = join(FIXTURES, 'slatedb-0.12.1', name)
  const listed: Json[] = JSON.parse(readFileSync(join(folder, 'objects.json'), 'utf8'))
  const expected = listed.filter((one) => one.path.endsWith('.compactions'))
  expect(expected.length).toBeGreaterThan(0)
  for (const one of expected) {
    const decoded = decodeCompactions(new Uint8Array(readFileSync(join(folder, one.path))), one.path)
    expect(decoded.formatVersion).toBe(one.format_version)
    for (const entry of one.compactions.recent_compactions) briefOutputs(entry)
    expect(asJson(decoded)).toEqual(one.compactions)
    for (const { spec } of decoded.entries) {
      if (spec.kind !== 'tiered') throw new Error('0.12.1 knows no drains')
      expect(spec.destination).toBe(spec.runs.length === 0 ? 0 : Math.min(...spec.runs))
    }
  }
})

const CASES_018 = readdirSync(join(FIXTURES, 'slatedb-0.18.0')).filter((name) =>
  records.some((record) => record.name.startsWith(`slatedb-0.18.0/${name}/`)),
)

test.each(CASES_018)('records written by 0.18.0, case %s: every field', (name) => {
  const folder = join(FIXTURES, 'slatedb-0.18.0', name)
  const listed: Json[] = JSON.parse(readFileSync(join(folder, 'objects.json'), 'utf8'))
  for (const one of listed.filter((object) => object.path.endsWith('.compactions'))) {
    const decoded = decodeCompactions(new Uint8Array(readFileSync(join(folder, one.path))), one.path)
    expect(decoded.formatVersion).toBe(one.format_version)
    expect(decoded.unknownFields).toBeUndefined()
    for (const entry of one.compactions.recent_compactions) {
      briefOutputs(entry)
      for (const part of entry.ctx?.subcompactions ?? []) briefOutputs(part)
    }
    expect(asJson(decoded), one.path).toEqual(one.compactions)
  }
})

test('the status of a subcompaction is carried through, and one of a later release is refused (CS-3, CS-14)', () => {
  const { bytes, name } = records.findLast((record) => record.name.includes('compactions-running/'))!
  const statuses = (record: Compactions) => record.entries[0]!.context!.subcompactions.map((part) => part.status)
  const decoded = decodeCompactions(bytes, name)
  expect(statuses(decoded)).toEqual(['in-progress', 'completed', 'in-progress', 'completed'])
  const rewritten = encodeCompactions({ ...decoded, compactorEpoch: 9 })
  expect(statuses(decodeCompactions(rewritten, name))).toEqual(statuses(decoded))
  const later = (at: number) => {
    try {
      return decodeCompactions(rewritten.with(at, 2), name) && ''
    } catch (error) {
      return isSlateDBError(error) ? error.message : 'something else'
    }
  }
  const refusals = [...rewritten.keys()].filter((at) => later(at).includes('subcompaction status 2 is not known'))
  expect(refusals.length).toBeGreaterThanOrEqual(2)
})

test('a version 2 record with worker and plan', () => {
  const { bytes } = records.find(({ name }) => name.includes('compactions-v2'))!
  const decoded = decodeCompactions(bytes, 'v2')
  expect(decoded.formatVersion).toBe(2)
  const [entry] = decoded.entries
  expect(entry).toMatchObject({
    status: 'compacted',
    claim: { workerId: 'w-1', lastHeartbeatMs: 1700000000000 },
    context: { retentionMinSeq: 60n },
  })
  const [low, high] = entry!.context!.subcompactions
  expect(low!.range.start).toBeUndefined()
  expect(low!.range.end).toEqual({ key: encodeUtf8('m'), inclusive: false })
  expect(high!.range).toEqual({ start: { key: encodeUtf8('m'), inclusive: true }, end: undefined })
})

test('every fixture survives a round trip', () => {
  expect(records.length).toBeGreaterThan(20)
  for (const { name, bytes } of records) {
    const decoded = decodeCompactions(bytes, name)
    expect(decodeCompactions(encodeCompactions(decoded), name), name).toEqual(decoded)
  }
})

test('a new record', () => {
  for (const version of [1, 2] as const) {
    const bytes = encodeCompactions(initialCompactions(version))
    expect(bytes[1]).toBe(version)
    expect(decodeCompactions(bytes, 'x')).toEqual(initialCompactions(version))
  }
})

describe('versions', () => {
  const spec = (runs: number[], destination: number): CompactionSpec => ({
    kind: 'tiered',
    segment: EMPTY,
    l0: ['01M81T94MX179YPTY251JGQ7AB'],
    runs,
    destination,
  })
  const withSpec = (formatVersion: 1 | 2, one: CompactionSpec): Compactions => ({
    formatVersion,
    compactorEpoch: 7,
    entries: [entryOf({ spec: one })],
  })
  const destination = (compactions: Compactions) => {
    const { spec: read } = decodeCompactions(encodeCompactions(compactions), 'x').entries[0]!
    return read.kind === 'tiered' ? read.destination : undefined
  }

  test('in version 2 the destination counts, in version 1 it follows from the sources', () => {
    expect(destination(withSpec(2, spec([], 9)))).toBe(9)
    expect(destination(withSpec(1, spec([], 9)))).toBe(0)
    expect(destination(withSpec(1, spec([8, 5], 5)))).toBe(5)
    expect(destination(withSpec(2, spec([0xffffffff], 0xffffffff)))).toBe(0xffffffff)
  })

  test('only Completed and Failed are terminal', () => {
    expect(COMPACTION_STATUSES.filter(isTerminal)).toEqual(['completed', 'failed'])
  })
})

describe('damage', () => {
  const damaged = (bytes: Uint8Array, code?: string) => {
    try {
      decodeCompactions(bytes, 'object x')
    } catch (error) {
      if (!isSlateDBError(error) || error.kind !== 'Data') throw error
      expect(error.message).toContain('object x')
      if (code !== undefined) expect(error.code).toBe(code)
      return true
    }
    return false
  }

  test('not a record', () => {
    expect(damaged(new Uint8Array(1), 'SLATEDB_EMPTY_COMPACTIONS')).toBe(true)
    expect(damaged(Uint8Array.of(0, 3, 0, 0), 'SLATEDB_INVALID_VERSION')).toBe(true)
  })

  test('an unknown status reads as Submitted, an unknown spec is refused', () => {
    const bytes = encodeCompactions({
      formatVersion: 2,
      compactorEpoch: 1,
      entries: [entryOf({ status: 'scheduled' })],
    })
    // Both are single bytes with values that occur once more at most; flip each byte and look.
    const seen = new Set<string>()
    for (let at = 2; at < bytes.length; at++) {
      if (bytes[at] !== 5 && bytes[at] !== 1) continue
      const copy = bytes.with(at, 99)
      try {
        const entry = decodeCompactions(copy, 'x').entries[0]
        if (entry?.status === 'submitted' && entry.spec.kind === 'tiered') seen.add('submitted')
      } catch (error) {
        if (!isSlateDBError(error)) throw error
        seen.add(error.code)
      }
    }
    expect([...seen]).toContain('submitted')
    expect([...seen]).toContain('SLATEDB_INVALID_COMPACTION')
  })

  test('every truncation and flip of every kind of record', () => {
    let refused = 0
    const seen = new Set<string>()
    for (const { name, bytes } of records) {
      // One of each shape: sizes tell them apart well enough.
      const shape = `${name.split('/')[0]} ${bytes.length}`
      if (seen.has(shape)) continue
      seen.add(shape)
      for (let length = 0; length < bytes.length; length++) if (damaged(bytes.slice(0, length))) refused++
      for (let at = 0; at < bytes.length; at++) {
        for (const mask of [0x01, 0x80, 0xff]) if (damaged(bytes.with(at, bytes[at]! ^ mask))) refused++
      }
    }
    expect(refused).toBeGreaterThan(500)
  })

  test('random damage', () => {
    const property = fc.property(
      fc.nat(records.length - 1),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      (index, edits) => {
        const copy = records[index]!.bytes.slice()
        for (const [at, value] of edits) copy[at % copy.length] = value
        damaged(copy)
      },
    )
    fc.assert(property, { numRuns: 5000 })
  })
})

test('whatever a record can say survives a round trip', () => {
  const id = fc.ulid()
  const key = fc.uint8Array({ minLength: 1, maxLength: 6 })
  const outputs = fc.array(id.map(tableRef), { maxLength: 2 })
  const sources = { l0: fc.array(id, { maxLength: 3 }), runs: fc.array(fc.nat(0xffffffff), { maxLength: 3 }) }
  const spec: fc.Arbitrary<CompactionSpec> = fc.oneof(
    fc.record({
      kind: fc.constant('tiered' as const),
      segment: fc.uint8Array({ maxLength: 6 }),
      ...sources,
      destination: fc.nat(0xffffffff),
    }),
    fc.record({ kind: fc.constant('drain' as const), segment: key, ...sources }),
  )
  const subcompaction = fc.record({
    range: fc.tuple(key, fc.boolean(), fc.boolean()).map(([at, from, to]) => ({
      start: from ? { key: at, inclusive: true } : undefined,
      end: to ? { key: at, inclusive: true } : undefined,
    })),
    outputs,
    status: fc.constantFrom('in-progress' as const, 'completed' as const),
  })
  const entry: fc.Arbitrary<Compaction> = fc.record({
    id,
    spec,
    status: fc.constantFrom(...COMPACTION_STATUSES),
    outputs,
    claim: fc.option(fc.record({ workerId: fc.string(), lastHeartbeatMs: fc.maxSafeNat() }), { nil: undefined }),
    context: fc.option(
      fc.record({
        subcompactions: fc.array(subcompaction, { maxLength: 3 }),
        retentionMinSeq: fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
      }),
      { nil: undefined },
    ),
  })
  const record = fc.record({
    formatVersion: fc.constant(2 as const),
    compactorEpoch: fc.maxSafeNat(),
    entries: fc.array(entry, { maxLength: 4 }),
  })
  fc.assert(
    fc.property(record, (compactions) => {
      expect(decodeCompactions(encodeCompactions(compactions), 'random')).toEqual(compactions)
    }),
  )
})

describe('boundary objects', () => {
  test('decimal digits, white space around them tolerated (BD-1)', () => {
    expect(encodeBoundary(12)).toEqual(encodeUtf8('12'))
    expect(decodeBoundary(encodeUtf8(' 12\n'), 'x')).toBe(12)
    expect(decodeBoundary(encodeUtf8('0'), 'x')).toBe(0)
    const path = join(FIXTURES, 'synthetic/checkpoints-named/store/db/gc/manifest.boundary')
    expect(decodeBoundary(new Uint8Array(readFileSync(path)), 'x')).toBeGreaterThanOrEqual(0)
  })

  test.each(['', '  ', 'x', '1 2', '-1', '1.5', '0x10', '9007199254740992', '1'.repeat(1000)])(
    '%j is damage',
    (text) => {
      try {
        decodeBoundary(encodeUtf8(text), 'object x')
      } catch (error) {
        expect(isSlateDBError(error) && error.kind).toBe('Data')
        return
      }
      expect.fail(`accepted ${toHex(encodeUtf8(text))}`)
    },
  )
})

function entryOf(over: Partial<Compaction>): Compaction {
  const spec: CompactionSpec = { kind: 'tiered', segment: EMPTY, l0: [], runs: [3, 2], destination: 2 }
  return {
    id: '01M81T94XR7KV32J035FQH1D42',
    spec,
    status: 'submitted',
    outputs: [],
    claim: undefined,
    context: undefined,
    ...over,
  }
}

function tableRef(id: string): TableRef {
  return {
    id,
    formatVersion: 2,
    info: {
      firstEntry: encodeUtf8('a'),
      lastEntry: encodeUtf8('z'),
      indexOffset: 1,
      indexLength: 2,
      filterOffset: 1,
      filterLength: 0,
      codec: 'zstd',
      type: 'compacted',
      statsOffset: 3,
      statsLength: 4,
      filterFormat: 'composite',
    },
  }
}
