// Texts in stored records: kept to the byte when a record is written again, and refused when they are no texts.

import { expect, test } from 'vitest'
import { encodeUtf8 } from '../bytes/text.ts'
import { decodeBoundary } from './boundary.ts'
import { decodeFilterBlock, encodeFilterBlock } from './filter-block.ts'
import { decodeManifest, encodeManifest, initialManifest, type Manifest } from './manifest.ts'

const NAME = '\uFEFFmine'

const named: Manifest = {
  ...initialManifest({ segmentExtractorName: NAME }),
  checkpoints: [
    {
      id: '01234567-89ab-cdef-0123-456789abcdef',
      manifestId: 1,
      expireTime: undefined,
      createTime: 1,
      name: NAME,
    },
  ],
}

/** The bytes with the first occurrence of `text` made something that is no UTF-8. */
function spoiled(bytes: Uint8Array, text: string): Uint8Array {
  const at = Buffer.from(bytes).indexOf(text)
  expect(at).toBeGreaterThan(0)
  const bad = bytes.slice()
  bad[at] = 0xff
  return bad
}

test('a leading U+FEFF of a checkpoint name survives every rewrite of a manifest', () => {
  const again = decodeManifest(encodeManifest(named), 'm')
  expect(again.checkpoints[0]!.name).toBe(NAME)
  expect(again.segmentExtractorName).toBe(NAME)
  expect(encodeManifest(decodeManifest(encodeManifest(again), 'm'))).toEqual(encodeManifest(named))
})

test('a checkpoint name that is no UTF-8 is a Data error that names the object', () => {
  expect(() => decodeManifest(spoiled(encodeManifest(named), 'mine'), 'manifest/7')).toThrow(
    expect.objectContaining({ kind: 'Data', message: expect.stringMatching(/manifest\/7.*not UTF-8/) }),
  )
})

test('a filter name keeps its U+FEFF, and one that is no UTF-8 is a Data error', () => {
  const block = encodeFilterBlock([{ name: NAME, data: new Uint8Array(3) }], 'composite')
  expect(decodeFilterBlock(block, 'composite')[0]!.name).toBe(NAME)
  expect(() => decodeFilterBlock(spoiled(block, 'mine'), 'composite')).toThrow(
    expect.objectContaining({ kind: 'Data' }),
  )
})

test('a boundary that is no UTF-8 is a Data error', () => {
  expect(() => decodeBoundary(Uint8Array.of(0x31, 0xff), 'b')).toThrow(expect.objectContaining({ kind: 'Data' }))
  expect(decodeBoundary(encodeUtf8(' 17\n'), 'b')).toBe(17)
})
