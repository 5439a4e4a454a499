import { describe, expect, test } from 'vitest'
import { decodeUtf8, encodeUtf8, parseJson, readableText } from './text.ts'

const NO_UTF8: readonly (readonly [string, number[]])[] = [
  ['a byte that begins nothing', [0x61, 0xff]],
  ['a character that is cut off', [0xe2, 0x82]],
  ['an over-long form', [0xc0, 0xaf]],
  ['a surrogate', [0xed, 0xa0, 0x80]],
]

describe('decodeUtf8', () => {
  test.each(['', 'a', '\uFEFF', '\uFEFFhello', 'a\uFEFFb', '\uFFFD', 'é🎉\0'])('%j comes back as it was', (text) => {
    expect(decodeUtf8(encodeUtf8(text))).toBe(text)
  })

  test.each(NO_UTF8)('%s is refused', (_, bytes) => {
    expect(() => decodeUtf8(Uint8Array.from(bytes))).toThrow(TypeError)
  })
})

test.each(NO_UTF8)('readableText shows %s as U+FFFD', (_, bytes) => {
  expect(readableText(Uint8Array.from(bytes))).toContain('\uFFFD')
})

describe('parseJson', () => {
  test('a byte order mark before the value is passed over, one inside a text is kept', () => {
    expect(parseJson(encodeUtf8('\uFEFF{"a":"\uFEFFb"}'))).toEqual({ a: '\uFEFFb' })
  })

  test('a text with bytes that are no UTF-8 is refused', () => {
    expect(() => parseJson(Uint8Array.from([0x22, 0xff, 0x22]))).toThrow(TypeError)
  })
})
