// The filter block of an SST (format.md section 7). What is in a filter is its policy's business.
//
//   legacy    := the payload of the one policy named `_bf`
//   composite := count:u16 (nameLength:u16 name dataLength:u64 data) * count

import { decodeUtf8, encodeUtf8 } from '../bytes/text.ts'
import { ByteWriter, getU16, getU32 } from '../bytes/writer.ts'
import { dataError, type SlateDBError } from '../errors.ts'

/** The only policy that legacy blocks can hold. */
export const LEGACY_FILTER_NAME = '_bf'

export interface StoredFilter {
  readonly name: string
  readonly data: Uint8Array
}

export function encodeFilterBlock(filters: readonly StoredFilter[], format: 'legacy' | 'composite'): Uint8Array {
  if (format === 'legacy') return filters.find((filter) => filter.name === LEGACY_FILTER_NAME)!.data
  const out = new ByteWriter(64 + filters.reduce((sum, filter) => sum + filter.data.length, 0))
  out.u16(filters.length)
  for (const { name, data } of filters) {
    const text = encodeUtf8(name)
    out.u16(text.length)
    out.append(text)
    out.u64(0, data.length)
    out.append(data)
  }
  return out.toBytes()
}

/** Views into `raw`. Throws a Data error. */
export function decodeFilterBlock(raw: Uint8Array, format: 'legacy' | 'composite'): StoredFilter[] {
  if (format === 'legacy') return [{ name: LEGACY_FILTER_NAME, data: raw }]
  if (raw.length < 2) throw damaged(0, 'no count')
  const count = getU16(raw, 0)
  const filters: StoredFilter[] = []
  let at = 2
  for (let i = 0; i < count; i++) {
    if (at + 2 > raw.length) throw damaged(at, 'cut off')
    const nameEnd = at + 2 + getU16(raw, at)
    if (nameEnd + 8 > raw.length) throw damaged(at, 'cut off')
    const length = getU32(raw, nameEnd) * 0x100000000 + getU32(raw, nameEnd + 4)
    const dataEnd = nameEnd + 8 + length
    if (dataEnd > raw.length) throw damaged(nameEnd, `a filter of ${length} bytes`)
    filters.push({ name: nameAt(raw, at + 2, nameEnd), data: raw.subarray(nameEnd + 8, dataEnd) })
    at = dataEnd
  }
  if (at !== raw.length) throw damaged(at, `${raw.length - at} bytes too many`)
  return filters
}

function nameAt(raw: Uint8Array, start: number, end: number): string {
  try {
    return decodeUtf8(raw.subarray(start, end))
  } catch {
    throw damaged(start, 'a name that is not UTF-8')
  }
}

const damaged = (at: number, detail: string): SlateDBError =>
  dataError('INVALID_FILTER_BLOCK', `damaged filter block at offset ${at}: ${detail}`)
