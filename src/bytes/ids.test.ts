import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isSlateDBError } from '../errors.ts'
import {
  isUlid,
  isUuid,
  mintUlid,
  mintUuid,
  parseUuid,
  ulidFromBytes,
  ulidFromHalves,
  ulidTime,
  ulidToBytes,
  ulidToHalves,
  uuidFromHalves,
  uuidToHalves,
} from './ids.ts'
import { fromHex, toHex } from './text.ts'

const invalid = (work: () => unknown) => {
  try {
    work()
  } catch (error) {
    return isSlateDBError(error) && error.kind === 'Invalid'
  }
  return false
}

describe('ULIDs', () => {
  test('known values', () => {
    // The example of the ULID specification.
    expect(ulidTime('01ARZ3NDEKTSV4RRFFQ69G5FAV')).toBe(1469922850259)
    expect(mintUlid(0, new Uint8Array(10))).toBe('00000000000000000000000000')
    expect(mintUlid(2 ** 48 - 1, new Uint8Array(10).fill(255))).toBe('7ZZZZZZZZZZZZZZZZZZZZZZZZZ')
    expect(toHex(ulidToBytes('01ARZ3NDEKTSV4RRFFQ69G5FAV'))).toBe('01563e3ab5d3d6764c61efb99302bd5b')
    expect(ulidFromHalves(0n, 1n)).toBe('00000000000000000000000001')
  })

  test('time out of range is cut, never wrapped', () => {
    expect(ulidTime(mintUlid(-5, new Uint8Array(10)))).toBe(0)
    expect(ulidTime(mintUlid(2 ** 60, new Uint8Array(10)))).toBe(2 ** 48 - 1)
  })

  test('every conversion leads back', () => {
    const property = fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      const text = ulidFromBytes(bytes)
      expect(isUlid(text)).toBe(true)
      expect(ulidToBytes(text)).toEqual(bytes)
      const { high, low } = ulidToHalves(text)
      expect(ulidFromHalves(high, low)).toBe(text)
      expect(ulidTime(text)).toBe(Number(BigInt(`0x${toHex(bytes.subarray(0, 6))}`)))
    })
    fc.assert(property)
  })

  test('text orders as time and bytes do', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31), fc.nat(2 ** 31), fc.uint8Array({ minLength: 10, maxLength: 10 }), (a, b, random) => {
        const order = mintUlid(a * 1000, random) < mintUlid(b * 1000, random)
        expect(order).toBe(a < b)
      }),
    )
  })

  test.each([
    '',
    '01ARZ3NDEKTSV4RRFFQ69G5FA',
    '81ARZ3NDEKTSV4RRFFQ69G5FAV',
    '01arz3ndektsv4rrffq69g5fav',
    '01ARZ3NDEKTSV4RRFFQ69G5FAI',
    '01ARZ3NDEKTSV4RRFFQ69G5FAVV',
    '01ARZ3NDEKTSV4RRFFQ69G5FÄV',
  ])('%j is none', (text) => {
    expect(isUlid(text)).toBe(false)
    expect(invalid(() => ulidToBytes(text))).toBe(true)
  })
})

describe('UUIDs', () => {
  test('version 4', () => {
    expect(mintUuid(new Uint8Array(16))).toBe('00000000-0000-4000-8000-000000000000')
    expect(mintUuid(new Uint8Array(16).fill(255))).toBe('ffffffff-ffff-4fff-bfff-ffffffffffff')
  })

  test('halves', () => {
    const text = '803c3d86-8218-445a-8fe1-e81943cf8e17'
    expect(uuidToHalves(text)).toEqual({ high: 0x803c3d868218445an, low: 0x8fe1e81943cf8e17n })
    fc.assert(
      fc.property(fc.uuid(), (uuid) => {
        const { high, low } = uuidToHalves(uuid)
        expect(uuidFromHalves(high, low)).toBe(uuid)
      }),
    )
  })

  test('what a user types', () => {
    expect(parseUuid(' 803C3D86-8218-445A-8FE1-E81943CF8E17 ')).toBe('803c3d86-8218-445a-8fe1-e81943cf8e17')
    expect(isUuid('803C3D86-8218-445A-8FE1-E81943CF8E17')).toBe(false)
    for (const text of ['', 'x', '803c3d868218445a8fe1e81943cf8e17', '803c3d86-8218-445a-8fe1-e81943cf8e1g']) {
      expect(invalid(() => parseUuid(text))).toBe(true)
    }
  })

  test('too little randomness is a bug', () => {
    expect(() => mintUuid(fromHex('00'))).toThrow('assertion')
    expect(() => mintUlid(0, fromHex('00'))).toThrow('assertion')
  })
})
