// The block index of an SST (format.md section 6), a FlatBuffer.
//
//   TableIndex := 0 blocks:[BlockMeta]          BlockMeta := 0 offset:u64 1 firstKey:[u8] 2 encodedLength:u32
//
// `encodedLength` is there only where zero bytes follow the block up to the next one (format.md 4.3, since 0.18): what is
// behind it belongs to no checksum and never reaches a decoder.
//
// `firstKey` is a separator: greater than the last key of the block before, or equal to it when versions of that key
// continue in this block, and not greater than the block's own first key. Block 0 has the empty one. In WAL tables it is
// the first row's sequence number. The index is checked once and then searched in place.

import { compareRange, numericPrefix, sharedLength } from '../bytes/compare.ts'
import { dataError, type SlateDBError } from '../errors.ts'
import { Builder } from './flat.ts'

export class IndexBuilder {
  readonly #builder = new Builder(1024)
  readonly #entries: number[] = []

  get length(): number {
    return this.#entries.length
  }

  /** `encodedLength`: of a block that padding follows, with its checksum. */
  add(offset: number, firstKey: Uint8Array, encodedLength = 0): void {
    const builder = this.#builder
    const key = builder.createByteVector(firstKey)
    builder.startObject(3)
    builder.addFieldInt64(0, BigInt(offset), 0n)
    builder.addFieldInt32(2, encodedLength, 0)
    builder.addFieldOffset(1, key, 0)
    this.#entries.push(builder.endObject())
  }

  finish(): Uint8Array {
    const builder = this.#builder
    builder.startVector(4, this.#entries.length, 4)
    for (let i = this.#entries.length - 1; i >= 0; i--) builder.addOffset(this.#entries[i]!)
    const blocks = builder.endVector()
    builder.startObject(1)
    builder.addFieldOffset(0, blocks, 0)
    builder.finish(builder.endObject())
    return builder.asUint8Array().slice()
  }
}

/** The shortest first bytes of `key` that separate it from the key before it: all of it when the two are equal. */
export function separator(before: Uint8Array, beforeEnd: number, key: Uint8Array, start: number, end: number) {
  const shared = sharedLength(before, 0, beforeEnd, key, start, end)
  return key.slice(start, Math.min(end, start + shared + 1))
}

export class BlockIndex {
  /** Number of blocks. */
  readonly length: number
  readonly #bytes: Uint8Array
  /** Where each block begins, and behind them all where the last one ends. */
  readonly #offsets: Float64Array
  /** Length of each block that padding follows, 0 of the others; absent when there is no padding, as nearly always. */
  #padded: Uint32Array | undefined
  readonly #keyStarts: Int32Array
  readonly #keyEnds: Int32Array
  /** What all separators but the empty first have in common, and each one's next six bytes as a number. */
  readonly #common: number
  readonly #prefixes: Float64Array

  /** `bytes` must stay as they are; `dataEnd` = end of the last block. Throws a Data error when something is wrong. */
  constructor(bytes: Uint8Array, dataEnd: number, type: 'compacted' | 'wal') {
    const reader = new IndexReader(bytes)
    const length = reader.length
    // Every block takes a byte and more: a number of them that cannot be true costs no memory.
    if (length > dataEnd) throw damagedIndex(`${length} blocks in ${dataEnd} bytes`)
    this.length = length
    this.#bytes = bytes
    this.#offsets = new Float64Array(length + 1)
    this.#keyStarts = new Int32Array(length)
    this.#keyEnds = new Int32Array(length)
    this.#prefixes = new Float64Array(length)
    let before = -1
    for (let i = 0; i < length; i++) {
      reader.entry(i)
      const offset = reader.offset
      if (offset <= before || offset >= dataEnd) {
        throw damagedIndex(`block ${i} at ${offset}, after ${before}, data ends at ${dataEnd}`)
      }
      this.#offsets[i] = before = offset
      if (reader.encodedLength > 0) {
        this.#padded ??= new Uint32Array(length)
        this.#padded[i] = reader.encodedLength
      }
      this.#keyStarts[i] = reader.keyStart
      this.#keyEnds[i] = reader.keyEnd
      if (i > 1 && type === 'compacted' && this.#compare(i - 1, bytes, reader.keyStart, reader.keyEnd) > 0) {
        throw damagedIndex(`separator ${i} is less than the one before`)
      }
    }
    this.#offsets[length] = dataEnd
    this.#checkPadding()
    this.#common = this.#commonLength()
    for (let i = 1; i < length; i++) {
      this.#prefixes[i] = numericPrefix(bytes, this.#keyStarts[i]! + this.#common, this.#keyEnds[i]!)
    }
  }

  start(block: number): number {
    return this.#offsets[block]!
  }

  /** Also where the next block starts. */
  end(block: number): number {
    return this.#offsets[block + 1]!
  }

  /** Where the checksum of the block ends: the padding behind it, if there is any, is not to be looked at. */
  sealedEnd(block: number): number {
    const length = this.#padded === undefined ? 0 : this.#padded[block]!
    return length === 0 ? this.end(block) : this.start(block) + length
  }

  /** Memory that this index takes. */
  get byteSize(): number {
    return this.#bytes.length + (this.#padded === undefined ? 24 : 28) * this.length + 200
  }

  separator(block: number): Uint8Array {
    return this.#bytes.slice(this.#keyStarts[block]!, this.#keyEnds[block]!)
  }

  /** The first block that may hold `key`: the last one whose separator is less, since equal ones may straddle. */
  firstFor(key: Uint8Array): number {
    return this.#partition(key, false)
  }

  /** The last block that may hold `key` or a smaller one: the last whose separator is not greater. */
  lastFor(key: Uint8Array): number {
    return this.#partition(key, true)
  }

  /** Whether `block` may hold `key` or a smaller one. */
  startsAtOrBefore(block: number, key: Uint8Array): boolean {
    return block === 0 || this.#compare(block, key, 0, key.length) <= 0
  }

  /** Last block whose separator is less than (or also equal to) the key; 0 when there is none. */
  #partition(key: Uint8Array, orEqual: boolean): number {
    const common = this.#common
    const bytes = this.#bytes
    const keyLength = key.length
    if (this.length < 2) return 0
    if (common > 0) {
      const start = this.#keyStarts[1]!
      let i = 0
      while (i < common && i < keyLength && bytes[start + i] === key[i]) i++
      if (i < common) return i < keyLength && key[i]! > bytes[start + i]! ? this.length - 1 : 0
    }
    const prefix = numericPrefix(key, common, keyLength)
    const prefixes = this.#prefixes
    let low = 0
    let high = this.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      const d = prefixes[middle]! - prefix
      let less = d < 0
      if (d === 0) {
        const order = compareRange(
          bytes,
          this.#keyStarts[middle]! + common,
          this.#keyEnds[middle]!,
          key,
          common,
          keyLength,
        )
        less = order < 0 || (orEqual && order === 0)
      }
      if (less) low = middle
      else high = middle - 1
    }
    return low
  }

  #compare(block: number, key: Uint8Array, start: number, end: number): number {
    return compareRange(this.#bytes, this.#keyStarts[block]!, this.#keyEnds[block]!, key, start, end)
  }

  #checkPadding(): void {
    for (let i = 0; this.#padded !== undefined && i < this.length; i++) {
      if (this.sealedEnd(i) > this.end(i)) {
        throw damagedIndex(
          `block ${i} has ${this.#padded[i]} bytes, but the next one begins after ${this.end(i) - this.start(i)}`,
        )
      }
    }
  }

  /** The separators are in order, so the outer two decide. */
  #commonLength(): number {
    const last = this.length - 1
    if (last < 1) return 0
    const bytes = this.#bytes
    const starts = this.#keyStarts
    const ends = this.#keyEnds
    return sharedLength(bytes, starts[1]!, ends[1]!, bytes, starts[last]!, ends[last]!)
  }
}

/** Walks the FlatBuffer without an object per block; every position is checked, and no byte is gone over too often. */
class IndexReader {
  readonly length: number
  offset = 0
  encodedLength = 0
  keyStart = 0
  keyEnd = 0
  readonly #view: DataView
  readonly #vector: number
  #budget: number

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#budget = bytes.length * 8
    const root = this.#follow(0)
    const field = this.#field(root, 0, 4)
    if (field === 0) throw damagedIndex('the list of blocks is missing')
    this.#vector = this.#follow(field)
    this.length = this.#u32(this.#vector)
    this.#need(this.#vector + 4, this.length * 4)
  }

  /** Puts entry `i` into the fields. */
  entry(i: number): void {
    const table = this.#follow(this.#vector + 4 + 4 * i)
    const offsetField = this.#field(table, 0, 8)
    const keyField = this.#field(table, 1, 4)
    const lengthField = this.#field(table, 2, 4)
    if (keyField === 0) throw damagedIndex(`block ${i} has no key`)
    this.offset = offsetField === 0 ? 0 : this.#safeU64(offsetField)
    this.encodedLength = lengthField === 0 ? 0 : this.#u32(lengthField)
    const key = this.#follow(keyField)
    const length = this.#u32(key)
    this.#need(key + 4, length)
    this.#budget -= length
    if (this.#budget < 0) throw damagedIndex('keys overlap')
    this.keyStart = key + 4
    this.keyEnd = key + 4 + length
  }

  /** Position of a table's field, 0 when it is absent. */
  #field(table: number, slot: number, size: number): number {
    this.#need(table, 4)
    const vtable = table - this.#view.getInt32(table, true)
    this.#need(vtable, 4)
    const entry = 4 + 2 * slot
    if (entry + 2 > this.#view.getUint16(vtable, true)) return 0
    this.#need(vtable, entry + 2)
    const offset = this.#view.getUint16(vtable + entry, true)
    if (offset === 0) return 0
    this.#need(table + offset, size)
    return table + offset
  }

  #follow(at: number): number {
    return at + this.#u32(at)
  }

  #u32(at: number): number {
    this.#need(at, 4)
    return this.#view.getUint32(at, true)
  }

  #safeU64(at: number): number {
    const high = this.#view.getUint32(at + 4, true)
    if (high > 0x1fffff) throw damagedIndex('a block offset beyond 2^53')
    return high * 0x100000000 + this.#view.getUint32(at, true)
  }

  #need(at: number, length: number): void {
    if (at < 0 || at + length > this.#view.byteLength) throw damagedIndex(`${length} bytes wanted at offset ${at}`)
  }
}

const damagedIndex = (detail: string): SlateDBError => dataError('INVALID_INDEX', `damaged block index: ${detail}`)
