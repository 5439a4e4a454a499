// Writes FlatBuffers, back to front: what a table points to is written before it, and every position is told as the
// distance from the end, which growing does not change. Byte for byte what the official builder makes of the same calls
// (flat-builder.test.ts). Ours because four kinds of record need a tenth of that runtime, and it would be the only
// package, 10 KB, that every start of the library loads.

import { encodeUtf8 } from '../bytes/text.ts'
import { assert } from '../errors.ts'

/** Offsets are i32. */
const MAX_SIZE = 2 ** 31 - 1

/**
 * One record. Fields whose value is the default are left out, except where `null` says that there is none; positions and
 * offsets count from the end.
 */
export class Builder {
  #bytes: Uint8Array
  #view: DataView
  /** Where the written part begins. */
  #start: number
  /** The widest alignment that was asked for: the whole record begins at a multiple of it. */
  #widest = 1
  /** Of the table being written: position of each field, 0 = left out. `undefined` = no table is open. */
  #fields: number[] | undefined
  #tableEnd = 0
  readonly #vtables: number[] = []
  #items = 0

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
    this.#start = capacity
  }

  startObject(slots: number): void {
    assert(this.#fields === undefined, 'a table is written after what it points to')
    this.#fields = new Array<number>(slots).fill(0)
    this.#tableEnd = this.#written
  }

  addFieldInt8(slot: number, value: number, absent: number): void {
    if (value === absent) return
    this.#make(1)
    this.#view.setInt8(this.#start, value)
    this.#fields![slot] = this.#written
  }

  addFieldInt16(slot: number, value: number, absent: number | null): void {
    if (value === absent) return
    this.#make(2)
    this.#view.setInt16(this.#start, value, true)
    this.#fields![slot] = this.#written
  }

  addFieldInt32(slot: number, value: number, absent: number): void {
    if (value === absent) return
    this.addInt32(value)
    this.#fields![slot] = this.#written
  }

  addFieldInt64(slot: number, value: bigint, absent: bigint): void {
    if (value === absent) return
    this.#make(8)
    this.#view.setBigInt64(this.#start, value, true)
    this.#fields![slot] = this.#written
  }

  addFieldOffset(slot: number, target: number, absent: number): void {
    if (target === absent) return
    this.addOffset(target)
    this.#fields![slot] = this.#written
  }

  /** Returns the table's position. Tables of one shape share a vtable. */
  endObject(): number {
    const fields = this.#fields!
    this.addInt32(0)
    const table = this.#written
    let slots = fields.length
    while (slots > 0 && fields[slots - 1] === 0) slots--
    const length = 4 + 2 * slots
    this.#reserve(length)
    this.#start -= length
    this.#view.setUint16(this.#start, length, true)
    this.#view.setUint16(this.#start + 2, table - this.#tableEnd, true)
    for (let slot = 0; slot < slots; slot++) {
      const at = fields[slot]!
      this.#view.setUint16(this.#start + 4 + 2 * slot, at === 0 ? 0 : table - at, true)
    }
    let vtable = this.#vtables.find((one) => this.#isRepeated(one, length))
    if (vtable === undefined) {
      vtable = this.#written
      this.#vtables.push(vtable)
    } else this.#start += length
    this.#view.setInt32(this.#bytes.length - table, vtable - table, true)
    this.#fields = undefined
    return table
  }

  /** Items follow, the last one first, and then `endVector`. */
  startVector(itemSize: number, items: number, alignment: number): void {
    assert(this.#fields === undefined, 'a vector is written before the table that points to it')
    this.#items = items
    this.#align(4, itemSize * items)
    this.#align(alignment, itemSize * items)
  }

  addInt32(value: number): void {
    this.#make(4)
    this.#view.setInt32(this.#start, value, true)
  }

  addOffset(target: number): void {
    this.#make(4)
    this.#view.setUint32(this.#start, this.#written - target, true)
  }

  endVector(): number {
    this.addInt32(this.#items)
    return this.#written
  }

  createByteVector(bytes: Uint8Array): number {
    this.startVector(1, bytes.length, 1)
    this.#reserve(bytes.length)
    this.#start -= bytes.length
    this.#bytes.set(bytes, this.#start)
    return this.endVector()
  }

  createString(text: string): number {
    // The zero behind it is not counted.
    this.#make(1)
    this.#bytes[this.#start] = 0
    return this.createByteVector(encodeUtf8(text))
  }

  finish(root: number): void {
    this.#align(this.#widest, 4)
    this.addOffset(root)
  }

  /** A view of the record. */
  asUint8Array(): Uint8Array {
    return this.#bytes.subarray(this.#start)
  }

  get #written(): number {
    return this.#bytes.length - this.#start
  }

  /** Room for a number of `size` bytes, aligned. */
  #make(size: number): void {
    this.#align(size, 0)
    this.#reserve(size)
    this.#start -= size
  }

  /** Pads so that what comes after `more` bytes is aligned. */
  #align(size: number, more: number): void {
    if (size > this.#widest) this.#widest = size
    const padding = -(this.#written + more) & (size - 1)
    this.#reserve(padding)
    this.#bytes.fill(0, this.#start - padding, this.#start)
    this.#start -= padding
  }

  #reserve(length: number): void {
    if (this.#start >= length) return
    const written = this.asUint8Array()
    const capacity = Math.max(2 * this.#bytes.length, written.length + length, 64)
    assert(written.length + length <= MAX_SIZE, 'a record stays below 2 GiB')
    this.#bytes = new Uint8Array(Math.min(capacity, MAX_SIZE))
    this.#view = new DataView(this.#bytes.buffer)
    this.#start = this.#bytes.length - written.length
    this.#bytes.set(written, this.#start)
  }

  /** Whether the vtable just written, of `length` bytes, is one that is there already. */
  #isRepeated(vtable: number, length: number): boolean {
    const there = this.#bytes.length - vtable
    for (let i = 0; i < length; i++) if (this.#bytes[there + i] !== this.#bytes[this.#start + i]) return false
    return true
  }
}
