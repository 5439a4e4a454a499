import { crc32 as native } from 'node:zlib'
import { expect, test } from 'vitest'
import { Random } from '../env/random.ts'
import { crc32 } from './crc32.ts'
import { encodeUtf8 } from './text.ts'

test('check values', () => {
  expect(crc32(encodeUtf8('123456789'))).toBe(0xcbf43926)
  expect(crc32(new Uint8Array(0))).toBe(0)
})

test('as the native one, at every length and offset', () => {
  const bytes = new Random('crc').bytes(300)
  for (let start = 0; start < 9; start++) {
    for (let end = start; end <= bytes.length; end++) {
      expect(crc32(bytes, start, end)).toBe(native(bytes.subarray(start, end)))
    }
  }
})
