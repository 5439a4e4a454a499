// Reads FlatBuffers; flat-builder.ts writes them. The official runtime trusts its input: here every offset and length is
// checked against the buffer, and the bytes visited are budgeted, so that overlapping or cyclic structures cost no more
// than linear work. A field is named by its vtable slot (format.md 19).
//
//   buffer := root:u32le ... table := vtable:i32le(back) fields ... vtable := size:u16le tableSize:u16le offset:u16le*
//   vector := n:u32le items       string := n:u32le utf8 0

import { EMPTY } from '../bytes/compare.ts'
import { decodeUtf8 } from '../bytes/text.ts'
import { dataError, type SlateDBError } from '../errors.ts'

export { Builder } from './flat-builder.ts'

/** So many unknown fields are named; a record with more of them is no more refused than one with these. */
const MAX_UNKNOWN = 16

/** What a FlatBuffer is read from: `what` names the object and record for error messages. */
export class FlatBuffer {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly what: string
  /** Fields that were met and that this version does not know, such as `ManifestV1.16`: see `FlatTable.knows`. */
  readonly unknown = new Set<string>()
  /** By position of a vtable: its last slots in use. Tables of one shape share a vtable. */
  readonly #lastSlots = new Map<number, number[]>()
  #budget: number

  constructor(bytes: Uint8Array, what: string) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.what = what
    this.#budget = bytes.length * 8 + 4096
  }

  root(): FlatTable {
    this.check(0, 4)
    return this.table(this.view.getUint32(0, true))
  }

  table(at: number): FlatTable {
    this.check(at, 4)
    const vtable = at - this.view.getInt32(at, true)
    this.check(vtable, 4)
    const size = this.view.getUint16(vtable, true)
    if (size < 4 || size % 2 !== 0) throw this.damaged(vtable, `vtable size ${size}`)
    this.check(vtable, size)
    this.spend(8)
    return new FlatTable(this, at, vtable, (size - 4) >> 1)
  }

  /** The last slots in use of a checked vtable, greatest first: looked through once, and paid for once. */
  lastSlots(vtable: number, slots: number): readonly number[] {
    let last = this.#lastSlots.get(vtable)
    if (last !== undefined) return last
    this.spend(2 * slots)
    last = []
    for (let slot = slots - 1; slot >= 0 && last.length < MAX_UNKNOWN; slot--) {
      if (this.view.getUint16(vtable + 4 + 2 * slot, true) !== 0) last.push(slot)
    }
    this.#lastSlots.set(vtable, last)
    return last
  }

  check(at: number, length: number): void {
    if (at < 0 || length < 0 || at + length > this.bytes.length) {
      throw this.damaged(at, `${length} bytes wanted, the record has ${this.bytes.length}`)
    }
  }

  spend(bytes: number): void {
    this.#budget -= bytes
    if (this.#budget < 0) throw this.damaged(0, 'structures overlap')
  }

  damaged(at: number, detail: string): SlateDBError {
    return dataError('INVALID_FLATBUFFER', `${this.what}: damaged FlatBuffer at offset ${at}: ${detail}`)
  }

  missing(field: string): SlateDBError {
    return dataError('INVALID_FLATBUFFER', `${this.what}: required field ${field} is missing`)
  }
}

export class FlatTable {
  readonly buffer: FlatBuffer
  readonly #at: number
  readonly #vtable: number
  readonly #slots: number

  constructor(buffer: FlatBuffer, at: number, vtable: number, slots: number) {
    this.buffer = buffer
    this.#at = at
    this.#vtable = vtable
    this.#slots = slots
  }

  /**
   * The schema of this table has `slots` fields. Those behind them are of a later release: they can be passed over when
   * reading, but not carried into another buffer, because nothing tells their types (OB-6).
   */
  knows(slots: number, name: string): this {
    const { buffer } = this
    if (this.#slots <= slots) return this
    for (const slot of buffer.lastSlots(this.#vtable, this.#slots)) {
      if (slot < slots || buffer.unknown.size >= MAX_UNKNOWN) break
      buffer.unknown.add(`${name}.${slot}`)
    }
    return this
  }

  has(slot: number): boolean {
    return this.#field(slot, 0) !== 0
  }

  u8(slot: number, absent = 0): number {
    const at = this.#field(slot, 1)
    return at === 0 ? absent : this.buffer.view.getUint8(at)
  }

  bool(slot: number): boolean {
    return this.u8(slot) !== 0
  }

  u16(slot: number, absent = 0): number {
    const at = this.#field(slot, 2)
    return at === 0 ? absent : this.buffer.view.getUint16(at, true)
  }

  u32(slot: number, absent = 0): number {
    const at = this.#field(slot, 4)
    return at === 0 ? absent : this.buffer.view.getUint32(at, true)
  }

  u64(slot: number): bigint {
    const at = this.#field(slot, 8)
    return at === 0 ? 0n : this.buffer.view.getBigUint64(at, true)
  }

  i64(slot: number): bigint {
    const at = this.#field(slot, 8)
    return at === 0 ? 0n : this.buffer.view.getBigInt64(at, true)
  }

  /** A u64 that must be a safe integer: ids, epochs, sizes (design.md D6). */
  safe(slot: number, name: string): number {
    const value = this.u64(slot)
    if (value > 0x1fffffffffffffn) {
      throw dataError('NUMBER_TOO_LARGE', `${this.buffer.what}: ${name} = ${value} is larger than 2^53 - 1`)
    }
    return Number(value)
  }

  /** A view into the buffer; `undefined` when absent. */
  bytes(slot: number): Uint8Array | undefined {
    const vector = this.#vector(slot, 1)
    return vector === undefined
      ? undefined
      : vector.length === 0
        ? EMPTY
        : this.buffer.bytes.subarray(vector.at, vector.at + vector.length)
  }

  string(slot: number): string | undefined {
    const bytes = this.bytes(slot)
    if (bytes === undefined) return undefined
    try {
      return decodeUtf8(bytes)
    } catch {
      throw this.buffer.damaged(bytes.byteOffset - this.buffer.bytes.byteOffset, 'a text is not UTF-8')
    }
  }

  table(slot: number): FlatTable | undefined {
    const at = this.#field(slot, 4)
    return at === 0 ? undefined : this.buffer.table(at + this.buffer.view.getUint32(at, true))
  }

  requiredTable(slot: number, name: string): FlatTable {
    const table = this.table(slot)
    if (table === undefined) throw this.buffer.missing(name)
    return table
  }

  /** `undefined` when the vector is absent. */
  tables(slot: number): FlatTable[] | undefined {
    const vector = this.#vector(slot, 4)
    if (vector === undefined) return undefined
    const out: FlatTable[] = new Array(vector.length)
    for (let i = 0; i < vector.length; i++) {
      const at = vector.at + 4 * i
      out[i] = this.buffer.table(at + this.buffer.view.getUint32(at, true))
    }
    return out
  }

  requiredTables(slot: number, name: string): FlatTable[] {
    const tables = this.tables(slot)
    if (tables === undefined) throw this.buffer.missing(name)
    return tables
  }

  u32s(slot: number): number[] | undefined {
    const vector = this.#vector(slot, 4)
    if (vector === undefined) return undefined
    return Array.from({ length: vector.length }, (_, i) => this.buffer.view.getUint32(vector.at + 4 * i, true))
  }

  /** Position of the field, 0 when absent (0 is never a field: the root offset is there). */
  #field(slot: number, size: number): number {
    if (slot >= this.#slots) return 0
    const offset = this.buffer.view.getUint16(this.#vtable + 4 + 2 * slot, true)
    if (offset === 0) return 0
    this.buffer.check(this.#at + offset, size)
    return this.#at + offset
  }

  #vector(slot: number, itemSize: number): { at: number; length: number } | undefined {
    const field = this.#field(slot, 4)
    if (field === 0) return undefined
    const at = field + this.buffer.view.getUint32(field, true)
    this.buffer.check(at, 4)
    const length = this.buffer.view.getUint32(at, true)
    this.buffer.check(at + 4, length * itemSize)
    this.buffer.spend(length * itemSize)
    return { at: at + 4, length }
  }
}
