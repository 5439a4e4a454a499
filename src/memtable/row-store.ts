// Rows of a memtable by row id, in the order they were inserted. Bytes live in arena chunks that are written once and
// never moved, so places handed out stay valid; everything else about a row is one record of 40 bytes, because a reader
// that jumps between rows should touch one cache line per row and not one per column.
//
//   record := createTs:f64 expireTs:f64 chunk:u32 at:u32 kind:2|keyLength:30:u32 valueLength:u32 seqHi:u32 seqLo:u32
//
// The key is chunk[at, at + keyLength), its value follows directly.

import { compareRange, EMPTY, equalRange } from '../bytes/compare.ts'
import { copyBytes } from '../bytes/writer.ts'
import type { Row, RowKind } from '../cursor/row.ts'
import type { OrderedRows } from './directory.ts'

const WORDS = 10
const DOUBLES = 5
const CHUNK = 4
const AT = 5
const KEY = 6
const VALUE_LENGTH = 7
const SEQ_HI = 8
const SEQ_LO = 9

const KIND_SHIFT = 30
const KEY_LENGTH_MASK = 0x3fffffff

const CACHE_LINE = 64
const FIRST_CHUNK_BYTES = 4096
const MAX_CHUNK_BYTES = 1 << 20
const FIRST_ROWS = 32

export class RowStore implements OrderedRows {
  rowCount = 0
  /** Bytes held: chunks as allocated, and records as allocated. */
  byteSize = 0
  #words: Uint32Array
  #doubles: Float64Array
  #capacity = FIRST_ROWS
  readonly #chunks: Uint8Array[] = []
  // The chunk that small rows go to; large ones get a chunk of their own and leave this one current.
  // No chunk is current before the first small row: an index of 0 would be mistaken for a large first chunk.
  #chunk: Uint8Array = EMPTY
  #chunkIndex = -1
  #used = 0

  constructor() {
    const buffer = new ArrayBuffer(FIRST_ROWS * WORDS * 4)
    this.#words = new Uint32Array(buffer)
    this.#doubles = new Float64Array(buffer)
    this.byteSize = buffer.byteLength
  }

  /** Copies a row in and returns its id. */
  add(
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
    kind: RowKind,
    seqHi: number,
    seqLo: number,
    createTs: number,
    expireTs: number,
  ): number {
    const keyLength = keyEnd - keyStart
    const valueLength = valueEnd - valueStart
    const size = keyLength + valueLength
    let chunk = this.#chunk
    let index = this.#chunkIndex
    let at = this.#used
    if (at + size <= chunk.length) {
      this.#used = at + size
    } else {
      index = this.#reserve(size)
      chunk = this.#chunks[index]!
      at = index === this.#chunkIndex ? this.#used - size : 0
    }
    copyBytes(key, keyStart, keyEnd, chunk, at)
    copyBytes(value, valueStart, valueEnd, chunk, at + keyLength)
    return this.record(index, at, keyLength, valueLength, kind, seqHi, seqLo, createTs, expireTs)
  }

  /** Copies many rows' bytes at once; rows then name places in them through `record(chunk, base + at, ...)`. */
  addBytes(bytes: Uint8Array, length: number): { readonly chunk: number; readonly base: number } {
    const chunk = this.#reserve(length)
    const base = chunk === this.#chunkIndex ? this.#used - length : 0
    copyBytes(bytes, 0, length, this.#chunks[chunk]!, base)
    return { chunk, base }
  }

  record(
    chunk: number,
    at: number,
    keyLength: number,
    valueLength: number,
    kind: RowKind,
    seqHi: number,
    seqLo: number,
    createTs: number,
    expireTs: number,
  ): number {
    const id = this.rowCount
    if (id === this.#capacity) this.#grow()
    this.rowCount = id + 1
    const words = this.#words
    const w = id * WORDS
    words[w + CHUNK] = chunk
    words[w + AT] = at
    words[w + KEY] = (kind << KIND_SHIFT) | keyLength
    words[w + VALUE_LENGTH] = valueLength
    words[w + SEQ_HI] = seqHi
    words[w + SEQ_LO] = seqLo
    this.#doubles[id * DOUBLES] = createTs
    this.#doubles[id * DOUBLES + 1] = expireTs
    return id
  }

  /** Makes `row` point at a row. */
  place(id: number, row: Row): void {
    const words = this.#words
    const w = id * WORDS
    const chunk = this.#chunks[words[w + CHUNK]!]!
    const at = words[w + AT]!
    const kindAndLength = words[w + KEY]!
    const keyEnd = at + (kindAndLength & KEY_LENGTH_MASK)
    row.key = chunk
    row.keyStart = at
    row.keyEnd = keyEnd
    row.value = chunk
    row.valueStart = keyEnd
    row.valueEnd = keyEnd + words[w + VALUE_LENGTH]!
    row.seqHi = words[w + SEQ_HI]!
    row.seqLo = words[w + SEQ_LO]!
    row.kind = (kindAndLength >>> KIND_SHIFT) as RowKind
    row.createTs = this.#doubles[id * DOUBLES]!
    row.expireTs = this.#doubles[id * DOUBLES + 1]!
  }

  /**
   * Rows that were inserted in another order lie far apart, and reads that do not wait for each other fetch several of
   * them in the time of one. The result must be used, or the reads would be optimised away.
   */
  touch(ids: Uint32Array, from: number, to: number): number {
    const words = this.#words
    const chunks = this.#chunks
    let sum = 0
    for (let i = from; i < to; i++) sum ^= words[ids[i]! * WORDS + AT]!
    for (let i = from; i < to; i++) {
      const w = ids[i]! * WORDS
      const chunk = chunks[words[w + CHUNK]!]!
      const at = words[w + AT]!
      const next = at + CACHE_LINE
      sum ^= chunk[at]!
      if (next < chunk.length) sum ^= chunk[next]!
    }
    return sum
  }

  /** Order of a row's key and key[start, end); the first `skip` bytes are known to be equal. */
  compareKey(id: number, key: Uint8Array, start: number, end: number, skip: number): number {
    const words = this.#words
    const w = id * WORDS
    const at = words[w + AT]!
    const chunk = this.#chunks[words[w + CHUNK]!]!
    return compareRange(chunk, at + skip, at + (words[w + KEY]! & KEY_LENGTH_MASK), key, start + skip, end)
  }

  hasKey(id: number, key: Uint8Array, start: number, end: number): boolean {
    const words = this.#words
    const w = id * WORDS
    const at = words[w + AT]!
    return equalRange(this.#chunks[words[w + CHUNK]!]!, at, at + (words[w + KEY]! & KEY_LENGTH_MASK), key, start, end)
  }

  /** Negative when the row is newer than the sequence number, that is: when it sorts before it within a key. */
  compareAge(id: number, seqHi: number, seqLo: number): number {
    const w = id * WORDS
    const hi = this.#words[w + SEQ_HI]!
    return hi !== seqHi ? seqHi - hi : seqLo - this.#words[w + SEQ_LO]!
  }

  #grow(): void {
    // Half as much again keeps memory near what is used; the copy is amortised either way.
    const capacity = this.#capacity < 4096 ? this.#capacity * 2 : this.#capacity + (this.#capacity >>> 1)
    const buffer = new ArrayBuffer(capacity * WORDS * 4)
    const words = new Uint32Array(buffer)
    words.set(this.#words)
    this.byteSize += buffer.byteLength - this.#words.byteLength
    this.#words = words
    this.#doubles = new Float64Array(buffer)
    this.#capacity = capacity
  }

  /** The index of a chunk with `size` bytes taken: the current one's next bytes, or all of a chunk of its own. */
  #reserve(size: number): number {
    if (this.#used + size <= this.#chunk.length) {
      this.#used += size
      return this.#chunkIndex
    }
    const next = Math.min(MAX_CHUNK_BYTES, Math.max(FIRST_CHUNK_BYTES, this.#chunk.length * 2))
    const chunk = new Uint8Array(size > next >>> 1 ? size : next)
    this.byteSize += chunk.length
    this.#chunks.push(chunk)
    const index = this.#chunks.length - 1
    if (size <= next >>> 1) {
      this.#chunk = chunk
      this.#chunkIndex = index
      this.#used = size
    }
    return index
  }
}
