import { describe, expect, test } from 'vitest'
import { exactText, parseBytes, showKey, showValue } from './bytes-text.ts'

const utf8 = (text: string) => new TextEncoder().encode(text)

describe('bytes on a terminal', () => {
  test.each<[string, Uint8Array, string, string]>([
    ['plain text', utf8('user:1'), 'user:1', 'user:1'],
    ['other scripts', utf8('Zürich 東京'), 'Zürich 東京', 'Zürich 東京'],
    ['nothing', new Uint8Array(0), '', ''],
    ['no UTF-8', Uint8Array.of(0xff, 0x00), '0xff00', '<binary 2 bytes>'],
    ['a surrogate in UTF-8', Uint8Array.of(0xed, 0xa0, 0x80), '0xeda080', '<binary 3 bytes>'],
    ['text that looks like hex', utf8('0xff'), '0x30786666', '<binary 4 bytes>'],
    ['line breaks and tabs', utf8('a\nb\tc\r'), '0x610a6209630d', 'a\\nb\\tc\\r'],
    ['an escape sequence', utf8('\u001b[31m'), '0x1b5b33316d', '<binary 5 bytes>'],
    ['a byte order mark', Uint8Array.of(0xef, 0xbb, 0xbf, 0x61), '\ufeffa', '\ufeffa'],
  ])('%s', (_name, bytes, asKey, asValue) => {
    expect(showKey(bytes, 'auto')).toBe(asKey)
    expect(showValue(bytes, 'auto')).toBe(asValue)
  })

  test('every byte string that export writes is read back exactly', () => {
    const cases = [
      utf8('a'),
      utf8('0x'),
      utf8('0xzz'),
      utf8('a\nb'),
      Uint8Array.of(0),
      Uint8Array.of(0xc3, 0x28),
      utf8(''),
    ]
    for (let byte = 0; byte < 256; byte++) cases.push(Uint8Array.of(0x41, byte))
    for (const bytes of cases) expect(parseBytes(exactText(bytes), 'auto', 'key')).toEqual(bytes)
  })

  test('the other modes', () => {
    const bytes = Uint8Array.of(0x61, 0xff)
    expect(showValue(bytes, 'hex')).toBe('0x61ff')
    expect(showValue(bytes, 'len')).toBe('2')
    expect(showValue(bytes, 'none')).toBe('')
    expect(showValue(bytes, 'utf8')).toBe('a\ufffd')
    expect(parseBytes('61FF', 'hex', 'key')).toEqual(bytes)
    expect(parseBytes('0x61', 'utf8', 'key')).toEqual(utf8('0x61'))
  })

  test.each(['0x1', '0xgg', '0x1 2'])('%s is not hex', (text) => {
    expect(() => parseBytes(text, 'auto', 'key')).toThrow(/is not hex/)
  })
})
