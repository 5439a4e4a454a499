// The order of a memtable: row ids in sorted leaves, below a directory of leaves. Beside each id stands a number made of
// the six key bytes that follow the prefix common to all keys of its leaf, so that nearly every compare of a search ends
// in one array of doubles and never touches a row. A finger remembers the last insert, which makes sequential inserts
// skip the search.

import { numericPrefix, sharedLength } from '../bytes/compare.ts'
import { Row } from '../cursor/row.ts'
import { copied, Directory, grownCapacity, type OrderedRows } from './directory.ts'

/** Ids per leaf: shifting half a leaf costs as much as the search does. */
const LEAF = 128
/** A longer prefix is worth new numbers when it is longer by this much: the four bytes that are left will mostly do. */
const WORTHWHILE = 3
/** After so many misses the finger is asked once in so many inserts: it costs a row that lies far away in memory. */
const PATIENCE = 16

export class SortedLeaves {
  /** Grows with every insert; a cursor that sees it changed finds its place again. */
  version = 0
  /** Rows in order; less than row ids when rows were replaced. */
  size = 0
  /** Where the last search ended: the first entry at or behind what was looked for, or `leafCount` and 0. */
  foundDir = 0
  foundAt = 0
  readonly #rows: OrderedRows
  readonly #directory: Directory
  // Leaf slots in order.
  #slots = new Uint32Array(1)
  // By leaf slot: ids and numbers, how many, the length of the prefix, and the place of the last insert.
  #ids = new Uint32Array(LEAF)
  #numbers = new Float64Array(LEAF)
  #counts = new Uint16Array(1)
  #skips = new Uint32Array(1)
  #marks = new Uint16Array(1)
  // The number of the key at hand. A field, because a double that is passed on is boxed.
  #number = 0
  #fingerDir = 0
  // Inserts in a row that did not belong behind the one before.
  #misses = 0
  readonly #first = new Row()
  readonly #scratch = new Row()

  constructor(rows: OrderedRows) {
    this.#rows = rows
    this.#directory = new Directory(rows)
  }

  get leafCount(): number {
    return this.#directory.count
  }

  get byteSize(): number {
    return this.#counts.length * (LEAF * 12 + 12) + this.#directory.byteSize
  }

  leafSize(dir: number): number {
    return this.#counts[this.#slots[dir]!]!
  }

  idAt(dir: number, at: number): number {
    return this.#ids[this.#slots[dir]! * LEAF + at]!
  }

  /** Where a leaf's ids are: ids[start, start + leafSize(dir)), until the next insert. */
  leafIds(dir: number): { readonly ids: Uint32Array; readonly start: number } {
    return { ids: this.#ids, start: this.#slots[dir]! * LEAF }
  }

  /** All ids in order. */
  forEach(visit: (id: number) => void): void {
    for (let dir = 0; dir < this.leafCount; dir++) {
      const base = this.#slots[dir]! * LEAF
      for (let i = base; i < base + this.leafSize(dir); i++) visit(this.#ids[i]!)
    }
  }

  /** Puts a stored row in its place; one with the same key and sequence number gives way (W-7). */
  insert(id: number, key: Uint8Array, start: number, end: number, seqHi: number, seqLo: number): void {
    this.version++
    if (this.size === 0) {
      this.#addLeaf(0, id, end - start)
      this.#put(0, 0, id, key, start, end)
      return
    }
    if (this.#looksAtFinger() && this.#atFinger(key, start, end, seqHi, seqLo)) this.#misses = 0
    else {
      this.#misses++
      const directory = this.#directory
      if (directory.locate(key, start, end, seqHi, seqLo) !== 0) {
        directory.admit(key, start, end)
        directory.locate(key, start, end, seqHi, seqLo)
      }
      const { dir } = directory
      if (this.#search(key, start, end, seqHi, seqLo)) {
        const slot = this.#slots[dir]!
        const place = slot * LEAF + this.foundAt
        if (
          this.foundAt < this.#counts[slot]! &&
          this.#numbers[place] === this.#number &&
          this.#tie(place, key, start, end, seqHi, seqLo, 0) === 0
        ) {
          this.#ids[place] = id
          return
        }
      } else {
        this.#shorten(this.#slots[dir]!, key, start, end)
      }
      if (dir === 0 && this.foundAt === 0) directory.lower(id)
    }
    this.#put(this.foundDir, this.foundAt, id, key, start, end)
  }

  /**
   * Finds the first entry that is not before (key, seq), newest first within a key: afterwards `foundDir`, `foundAt`.
   * A seqLo of -1 with seqHi 0 lies behind all versions of the key.
   */
  find(key: Uint8Array, start: number, end: number, seqHi: number, seqLo: number): void {
    const directory = this.#directory
    const side = this.size === 0 ? -1 : directory.locate(key, start, end, seqHi, seqLo)
    if (side !== 0) {
      this.foundDir = side < 0 ? 0 : this.leafCount
      this.foundAt = 0
      return
    }
    this.#search(key, start, end, seqHi, seqLo)
    if (this.foundAt === this.leafSize(this.foundDir)) {
      this.foundDir++
      this.foundAt = 0
    }
  }

  /**
   * Searches the located leaf; `foundAt` may be its size. False when the key lacks the leaf's prefix: its place is then
   * before or behind all entries. The loops cut a range down without a branch on the compare: a branch would be
   * mispredicted half of the time, which costs more than everything else in a step. They cut it to a quarter first,
   * because three reads that do not wait for each other fetch three cache lines in the time of one.
   */
  #search(key: Uint8Array, start: number, end: number, seqHi: number, seqLo: number): boolean {
    const { dir } = this.#directory
    const slot = this.#slots[dir]!
    const skip = this.#skips[slot]!
    const side = this.#directory.prefixSide(skip, key, start, end)
    this.foundDir = dir
    if (side !== 0) {
      this.foundAt = side < 0 ? 0 : this.#counts[slot]!
      return false
    }
    const number = numericPrefix(key, start + skip, end)
    this.#number = number
    const numbers = this.#numbers
    const base = slot * LEAF
    const behind = base + this.#counts[slot]!
    let place = base
    let n = behind - base
    while (n > 3) {
      const part = n >>> 2
      place +=
        part *
        (Number(numbers[place + part - 1]! < number) +
          Number(numbers[place + 2 * part - 1]! < number) +
          Number(numbers[place + 3 * part - 1]! < number))
      n -= 3 * part
    }
    while (n > 1) {
      const half = n >>> 1
      place += half * Number(numbers[place + half - 1]! < number)
      n -= half
    }
    place += Number(numbers[place]! < number)
    // Entries with an equal number are told apart by key and age. Most are versions of one key, and most who come want
    // the newest one, which is the first: steps grow from there.
    let high = place
    for (let step = 1; high < behind && numbers[high] === number; step *= 2) {
      if (this.#tie(high, key, start, end, seqHi, seqLo, skip) >= 0) break
      place = high + 1
      high += step
    }
    high = Math.min(high, behind)
    while (place < high) {
      const mid = (place + high) >>> 1
      if (numbers[mid] === number && this.#tie(mid, key, start, end, seqHi, seqLo, skip) < 0) place = mid + 1
      else high = mid
    }
    this.foundAt = place - base
    return true
  }

  /** Order of an entry and what is looked for, told by the row. Negative: the entry comes first. */
  #tie(place: number, key: Uint8Array, start: number, end: number, seqHi: number, seqLo: number, skip: number): number {
    const id = this.#ids[place]!
    const order = this.#rows.compareKey(id, key, start, end, skip)
    return order !== 0 ? order : this.#rows.compareAge(id, seqHi, seqLo)
  }

  #looksAtFinger(): boolean {
    return this.#misses < PATIENCE || (this.#misses & (PATIENCE - 1)) === 0
  }

  /** True when the new entry belongs directly behind the last inserted one, in whose leaf it has its number then. */
  #atFinger(key: Uint8Array, start: number, end: number, seqHi: number, seqLo: number): boolean {
    const dir = this.#fingerDir
    const slot = this.#slots[dir]!
    const at = this.#marks[slot]!
    const place = slot * LEAF + at
    const skip = this.#skips[slot]!
    const last = this.#scratch
    this.#rows.place(this.#ids[place]!, last)
    const shared = sharedLength(last.key, last.keyStart, last.keyEnd, key, start, end)
    if (shared < skip || start + shared === end) return false
    if (last.keyStart + shared < last.keyEnd && last.key[last.keyStart + shared]! > key[start + shared]!) return false
    const number = numericPrefix(key, start + skip, end)
    if (at + 1 < this.#counts[slot]!) {
      const next = this.#numbers[place + 1]!
      if (next < number) return false
      if (next === number && this.#tie(place + 1, key, start, end, seqHi, seqLo, skip) <= 0) return false
    } else if (dir + 1 < this.leafCount) {
      if (this.#tie(this.#slots[dir + 1]! * LEAF, key, start, end, seqHi, seqLo, 0) <= 0) return false
    }
    this.#number = number
    this.foundDir = dir
    this.foundAt = at + 1
    return true
  }

  /** Puts in an entry whose number is `#number`. */
  #put(dir: number, at: number, id: number, key: Uint8Array, start: number, end: number): void {
    const slot = this.#slots[dir]!
    if (this.#counts[slot]! < LEAF) {
      this.#putInto(dir, slot, at, id)
      return
    }
    // A run of ascending inserts leaves full leaves behind; anything else halves them.
    const isRun = at > LEAF >>> 1 && this.#marks[slot] === at - 1
    if (isRun && at === LEAF) {
      // What the new leaf will hold is not known yet; the last one was probably like it.
      const skip = this.#sharedWithFirst(slot, key, start, end)
      this.#number = numericPrefix(key, start + skip, end)
      this.#putInto(dir + 1, this.#addLeaf(dir + 1, id, skip), 0, id)
      this.#fit(slot)
      return
    }
    const keep = isRun ? at : LEAF >>> 1
    const fresh = this.#split(dir, keep)
    if (at <= keep) this.#putInto(dir, slot, at, id)
    else this.#putInto(dir + 1, fresh, at - keep, id)
    this.#fit(slot)
    this.#fit(fresh)
  }

  #putInto(dir: number, slot: number, at: number, id: number): void {
    const ids = this.#ids
    const numbers = this.#numbers
    const place = slot * LEAF + at
    const count = this.#counts[slot]!
    for (let i = slot * LEAF + count; i > place; i--) {
      ids[i] = ids[i - 1]!
      numbers[i] = numbers[i - 1]!
    }
    ids[place] = id
    numbers[place] = this.#number
    this.#counts[slot] = count + 1
    this.#marks[slot] = at
    this.#fingerDir = dir
    this.size++
  }

  /** Moves the entries from `keep` on to a new leaf behind; returns its slot. */
  #split(dir: number, keep: number): number {
    const slot = this.#slots[dir]!
    const from = slot * LEAF + keep
    const fresh = this.#addLeaf(dir + 1, this.#ids[from]!, this.#skips[slot]!)
    this.#ids.copyWithin(fresh * LEAF, from, (slot + 1) * LEAF)
    this.#numbers.copyWithin(fresh * LEAF, from, (slot + 1) * LEAF)
    this.#counts[slot] = keep
    this.#counts[fresh] = LEAF - keep
    return fresh
  }

  /** Makes an empty leaf, soon to begin with row `id`, the one at `dir`; returns its slot. */
  #addLeaf(dir: number, id: number, skip: number): number {
    const slot = this.leafCount
    if (slot === this.#counts.length) this.#grow()
    this.#slots.copyWithin(dir + 1, dir, slot)
    this.#slots[dir] = slot
    this.#skips[slot] = skip
    this.#marks[slot] = LEAF
    this.#directory.add(dir, id)
    return slot
  }

  #grow(): void {
    const capacity = grownCapacity(this.#counts.length)
    this.#ids = copied(this.#ids, new Uint32Array(capacity * LEAF))
    this.#numbers = copied(this.#numbers, new Float64Array(capacity * LEAF))
    this.#counts = copied(this.#counts, new Uint16Array(capacity))
    this.#skips = copied(this.#skips, new Uint32Array(capacity))
    this.#marks = copied(this.#marks, new Uint16Array(capacity))
    this.#slots = copied(this.#slots, new Uint32Array(capacity))
  }

  /** Shortens a leaf's prefix to what the key has of it; `#number` is the key's behind that. */
  #shorten(slot: number, key: Uint8Array, start: number, end: number): void {
    const skip = this.#sharedWithFirst(slot, key, start, end)
    this.#renumber(slot, skip)
    this.#number = numericPrefix(key, start + skip, end)
  }

  /** Lengthens a leaf's prefix when its entries have much more in common. */
  #fit(slot: number): void {
    const count = this.#counts[slot]!
    if (count < 2) return
    const last = this.#scratch
    this.#rows.place(this.#ids[slot * LEAF + count - 1]!, last)
    const shared = this.#sharedWithFirst(slot, last.key, last.keyStart, last.keyEnd)
    if (shared >= this.#skips[slot]! + WORTHWHILE) this.#renumber(slot, shared)
  }

  #sharedWithFirst(slot: number, key: Uint8Array, start: number, end: number): number {
    const first = this.#first
    this.#rows.place(this.#ids[slot * LEAF]!, first)
    return sharedLength(first.key, first.keyStart, first.keyEnd, key, start, end)
  }

  #renumber(slot: number, skip: number): void {
    const row = this.#scratch
    const base = slot * LEAF
    for (let i = base; i < base + this.#counts[slot]!; i++) {
      this.#rows.place(this.#ids[i]!, row)
      this.#numbers[i] = numericPrefix(row.key, row.keyStart + skip, row.keyEnd)
    }
    this.#skips[slot] = skip
  }
}
