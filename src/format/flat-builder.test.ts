import fc from 'fast-check'
import { Builder as Official } from 'flatbuffers'
import { expect, test } from 'vitest'
import { Builder } from './flat-builder.ts'

/** What both builders are asked to write: a table of fields, some of which point to other things. */
type Field =
  | { kind: 'i8' | 'i16' | 'i32'; value: number }
  | { kind: 'i64'; value: bigint }
  | { kind: 'string'; value: string }
  | { kind: 'bytes'; value: Uint8Array }
  | { kind: 'u32s'; value: number[] }
  | { kind: 'table'; value: Table }
  | { kind: 'tables'; value: Table[] }
type Table = { slots: number; fields: [slot: number, field: Field][] }

type Both = Builder | Official

function write(builder: Both, { slots, fields }: Table): number {
  const targets = fields.map(([, field]) => target(builder, field))
  builder.startObject(slots)
  fields.forEach(([slot, field], i) => {
    if (field.kind === 'i8') builder.addFieldInt8(slot, field.value, 0)
    else if (field.kind === 'i16') builder.addFieldInt16(slot, field.value, slot % 2 === 0 ? 0 : null)
    else if (field.kind === 'i32') builder.addFieldInt32(slot, field.value, 0)
    else if (field.kind === 'i64') builder.addFieldInt64(slot, field.value, 0n)
    else builder.addFieldOffset(slot, targets[i]!, 0)
  })
  return builder.endObject()
}

function target(builder: Both, field: Field): number {
  switch (field.kind) {
    case 'string':
      return builder.createString(field.value)
    case 'bytes':
      return builder.createByteVector(field.value)
    case 'u32s':
      builder.startVector(4, field.value.length, 4)
      for (const one of field.value) builder.addInt32(one)
      return builder.endVector()
    case 'table':
      return write(builder, field.value)
    case 'tables': {
      const tables = field.value.map((one) => write(builder, one))
      builder.startVector(4, tables.length, 4)
      for (const one of tables.reverse()) builder.addOffset(one)
      return builder.endVector()
    }
    default:
      return 0
  }
}

const SLOTS = 20
const { table } = fc.letrec<{ table: Table; field: Field }>((tie) => {
  const number = (kind: 'i8' | 'i16' | 'i32', bits: number) =>
    fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 }).map((value): Field => ({ kind, value }))
  return {
    field: fc.oneof(
      { maxDepth: 3 },
      number('i8', 8),
      number('i16', 16),
      number('i32', 32),
      // As unsigned numbers too: the top bit is a bit like others.
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }).map((value): Field => ({ kind: 'i64', value })),
      fc.constant<Field>({ kind: 'i64', value: 0n }),
      fc.string({ unit: 'grapheme' }).map((value): Field => ({ kind: 'string', value })),
      fc.uint8Array({ maxLength: 40 }).map((value): Field => ({ kind: 'bytes', value })),
      fc.array(fc.integer()).map((value): Field => ({ kind: 'u32s', value })),
      tie('table').map((value): Field => ({ kind: 'table', value })),
      fc.array(tie('table'), { maxLength: 4 }).map((value): Field => ({ kind: 'tables', value })),
    ),
    table: fc
      .uniqueArray(fc.tuple(fc.nat({ max: SLOTS - 1 }), tie('field')), { selector: ([slot]) => slot, maxLength: 8 })
      .map((fields) => ({ slots: SLOTS, fields })),
  }
})

const written = (builder: Both, record: Table) => {
  builder.finish(write(builder, record))
  return Buffer.from(builder.asUint8Array())
}

test('records are byte for byte those of the official builder, whatever room both began with', () => {
  fc.assert(
    fc.property(table, fc.integer({ min: 1, max: 2000 }), (record, capacity) => {
      expect(written(new Builder(capacity), record).equals(written(new Official(1024), record))).toBe(true)
    }),
    { numRuns: 500 },
  )
})

test('tables of one shape share a vtable', () => {
  const row: Table = { slots: 3, fields: [[1, { kind: 'i64', value: 7n }]] }
  const size = (rows: number) =>
    written(new Builder(64), { slots: 1, fields: [[0, { kind: 'tables', value: Array<Table>(rows).fill(row) }]] })
      .length
  // 12 bytes of a table, 4 of padding, 4 in the vector; a vtable each would be 8 more.
  expect(size(1001) - size(1)).toBeLessThan(1000 * 21)
})

test('a record grows from no room at all', () => {
  const bytes = Uint8Array.from({ length: 5_000_000 }, (_, i) => i)
  const record: Table = { slots: 1, fields: [[0, { kind: 'bytes', value: bytes }]] }
  expect(written(new Builder(0), record).equals(written(new Official(1024), record))).toBe(true)
})

test('a table inside a table is a mistake of the caller', () => {
  const builder = new Builder(64)
  builder.startObject(1)
  expect(() => builder.startObject(1)).toThrow(/assertion/)
  expect(() => builder.createString('late')).toThrow(/assertion/)
})
