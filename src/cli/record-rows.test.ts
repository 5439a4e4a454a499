import { expect, test } from 'vitest'
import { JsonRecord } from './input-record.ts'
import { rowMaker } from './record-rows.ts'

const RULES = { key: ['id'], separator: ':', prefix: '', value: undefined, keepKey: false, hex: false }
const record = (value: object) => new JsonRecord(JSON.stringify(value))
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

test('the rest of the record is the value, as JSON', () => {
  const row = rowMaker(RULES)(record({ id: '7', name: 'Ada', age: 36 }), 1)
  expect(text(row.key)).toBe('7')
  expect(text(row.value)).toBe('{"name":"Ada","age":36}')
})

test('several key columns, a prefix, and a value column', () => {
  const rules = { ...RULES, key: ['country', 'city'], separator: '/', prefix: 'c/', value: 'people' }
  const row = rowMaker(rules)(record({ country: 'FR', city: 'Paris', people: 2_100_000 }), 1)
  expect(text(row.key)).toBe('c/FR/Paris')
  expect(text(row.value)).toBe('2100000')
})

test('the key columns stay when asked', () => {
  expect(text(rowMaker({ ...RULES, keepKey: true })(record({ id: 'a', x: 1 }), 1).value)).toBe('{"id":"a","x":1}')
})

test('hex is read only when asked', () => {
  const hexed = record({ id: '0x00ff', v: '0x01' })
  expect(rowMaker({ ...RULES, value: 'v', hex: true })(hexed, 1)).toEqual({
    key: Uint8Array.of(0, 255),
    value: Uint8Array.of(1),
  })
  expect(text(rowMaker({ ...RULES, value: 'v' })(hexed, 1).key)).toBe('0x00ff')
})

test('what is wrong says which record and which column', () => {
  expect(() => rowMaker(RULES)(record({ name: 'x' }), 12)).toThrow('record 12 has no column "id"; it has: name')
  expect(() => rowMaker(RULES)(record({ id: '' }), 3)).toThrow('record 3: the key is empty (columns id)')
})
