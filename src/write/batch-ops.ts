// Operations of a batch as they came: one growing arena with copies of keys and values, columns beside it. Operations
// are never removed; which of them count is decided when the batch is prepared or read.

import { compareRange } from '../bytes/compare.ts'
import { ByteWriter } from '../bytes/writer.ts'
import { NO_TS, type Row, type RowKind } from '../cursor/row.ts'
import { invalid, show } from '../errors.ts'
import { MAX_ROW_LENGTH } from '../format/seal.ts'
import type { OrderedRows } from '../memtable/directory.ts'
import type { PreparedRows } from '../memtable/memtable.ts'
import type { Ttl } from './options.ts'

const MAX_ARENA = 0xffffffff
/** A batch that was cleared keeps at most this much for the next operations. */
const KEEP_BYTES = 1 << 20

const TTL_DEFAULT = 0
const TTL_NONE = 1
const TTL_AFTER = 2
const TTL_AT = 3
const I64_LIMIT = 2 ** 63

/** Row i of the ordered rows is operation i; a later operation is newer. */
export class BatchOps implements OrderedRows {
  count = 0
  /** Length of the longest key: the database that takes the batch says how long keys may be. */
  longestKey = 0
  arena: ByteWriter
  at: Uint32Array
  keyLength: Uint32Array
  valueLength: Uint32Array
  kind: Uint8Array
  expireTs: Float64Array
  #ttlForm: Uint8Array
  #ttl: Float64Array
  #capacity: number

  constructor(capacity: number) {
    this.arena = new ByteWriter(capacity * 32)
    this.#capacity = capacity
    this.at = new Uint32Array(capacity)
    this.keyLength = new Uint32Array(capacity)
    this.valueLength = new Uint32Array(capacity)
    this.kind = new Uint8Array(capacity)
    this.expireTs = new Float64Array(capacity)
    this.#ttlForm = new Uint8Array(capacity)
    this.#ttl = new Float64Array(capacity)
  }

  clear(): void {
    this.count = 0
    this.longestKey = 0
    if (this.arena.bytes.length > KEEP_BYTES) this.arena = new ByteWriter(256)
    this.arena.length = 0
  }

  add(key: Uint8Array, value: Uint8Array, kind: RowKind, ttl: Ttl | undefined): void {
    checkKey(key)
    checkValue(value)
    checkRow(key.length, value.length)
    const { arena } = this
    const at = arena.length
    if (at + key.length + value.length > MAX_ARENA) {
      throw invalid('BATCH_TOO_LARGE', 'a write batch holds at most 4 GiB; write it in parts')
    }
    this.#setTtl(this.count, ttl)
    if (key.length > this.longestKey) this.longestKey = key.length
    arena.append(key)
    arena.append(value)
    this.push(at, key.length, value.length, kind)
    this.count++
  }

  copyTo(other: BatchOps): void {
    other.clear()
    other.arena.append(this.arena.bytes, 0, this.arena.length)
    while (other.#capacity < this.count) other.#grow()
    other.at.set(this.at.subarray(0, this.count))
    other.keyLength.set(this.keyLength.subarray(0, this.count))
    other.valueLength.set(this.valueLength.subarray(0, this.count))
    other.kind.set(this.kind.subarray(0, this.count))
    other.#ttlForm.set(this.#ttlForm.subarray(0, this.count))
    other.#ttl.set(this.#ttl.subarray(0, this.count))
    other.count = this.count
    other.longestKey = this.longestKey
  }

  /** Rows for a memtable: `count` entries of `order`, or all operations as they came. */
  prepared(order: Uint32Array | undefined, count: number): PreparedRows {
    let usedBytes = this.arena.length
    if (order !== undefined) {
      usedBytes = 0
      for (let i = 0; i < count; i++) usedBytes += this.keyLength[order[i]!]! + this.valueLength[order[i]!]!
    }
    return {
      count,
      bytes: this.arena.bytes,
      byteLength: this.arena.length,
      usedBytes,
      order,
      at: this.at,
      keyLength: this.keyLength,
      valueLength: this.valueLength,
      kind: this.kind,
      expireTs: this.expireTs,
    }
  }

  /** Writes the columns of the entry behind the last operation, without counting it in. */
  push(at: number, keyLength: number, valueLength: number, kind: RowKind, index = this.count): void {
    if (index === this.#capacity) this.#grow()
    this.at[index] = at
    this.keyLength[index] = keyLength
    this.valueLength[index] = valueLength
    this.kind[index] = kind
  }

  /** Fixes expire_ts of all operations to a moment (W-4). */
  expireAt(now: number, defaultTtlMs: number | undefined): void {
    const inherited = defaultTtlMs === undefined ? NO_TS : expiry(now + defaultTtlMs)
    for (let i = 0; i < this.count; i++) {
      const form = this.#ttlForm[i]!
      if (form === TTL_DEFAULT) this.expireTs[i] = inherited
      else if (form === TTL_NONE) this.expireTs[i] = NO_TS
      else this.expireTs[i] = expiry(form === TTL_AFTER ? now + this.#ttl[i]! : this.#ttl[i]!)
    }
  }

  /** The operation as a row: its number is its sequence number, timestamps are for `prepare` to say. */
  place(id: number, row: Row): void {
    const bytes = this.arena.bytes
    const start = this.at[id]!
    const end = start + this.keyLength[id]!
    row.key = bytes
    row.keyStart = start
    row.keyEnd = end
    row.value = bytes
    row.valueStart = end
    row.valueEnd = end + this.valueLength[id]!
    row.seqHi = 0
    row.seqLo = id
    row.kind = this.kind[id]! as RowKind
    row.createTs = NO_TS
    row.expireTs = NO_TS
  }

  compareKey(id: number, key: Uint8Array, start: number, end: number, skip: number): number {
    const at = this.at[id]!
    return compareRange(this.arena.bytes, at + skip, at + this.keyLength[id]!, key, start + skip, end)
  }

  compareAge(id: number, seqHi: number, seqLo: number): number {
    return seqHi !== 0 ? seqHi : seqLo - id
  }

  /** A batch is small enough to be there already. */
  touch(): number {
    return 0
  }

  #setTtl(index: number, ttl: Ttl | undefined): void {
    if (index === this.#capacity) this.#grow()
    if (ttl === undefined || ttl === 'default') this.#ttlForm[index] = TTL_DEFAULT
    else if (ttl === 'none') this.#ttlForm[index] = TTL_NONE
    else {
      const isAfter = 'after' in ttl
      const ms = isAfter ? ttl.after : ttl.at
      const isWhole = Number.isInteger(ms) || ms === Number.POSITIVE_INFINITY || ms === Number.NEGATIVE_INFINITY
      if (!isWhole || (isAfter && ms < 0)) {
        throw invalid('INVALID_TTL', `a ttl is whole milliseconds${isAfter ? ' from 0 up' : ''}, not ${show(ms)}`)
      }
      this.#ttlForm[index] = isAfter ? TTL_AFTER : TTL_AT
      this.#ttl[index] = ms
    }
  }

  #grow(): void {
    const capacity = this.#capacity * 2
    this.at = grown(this.at, new Uint32Array(capacity))
    this.keyLength = grown(this.keyLength, new Uint32Array(capacity))
    this.valueLength = grown(this.valueLength, new Uint32Array(capacity))
    this.kind = grown(this.kind, new Uint8Array(capacity))
    this.expireTs = grown(this.expireTs, new Float64Array(capacity))
    this.#ttlForm = grown(this.#ttlForm, new Uint8Array(capacity))
    this.#ttl = grown(this.#ttl, new Float64Array(capacity))
    this.#capacity = capacity
  }
}

function grown<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from)
  return to
}

/** A time no i64 can hold never comes (W-4). */
const expiry = (ts: number): number => (ts >= I64_LIMIT || ts < -I64_LIMIT ? NO_TS : ts)

export function checkKey(key: Uint8Array): void {
  if (!(key instanceof Uint8Array)) throw invalid('INVALID_KEY', `a key is a Uint8Array here, not ${show(key)}`)
  if (key.length === 0) throw invalid('EMPTY_KEY', 'keys have at least one byte; this one is empty')
}

function checkValue(value: Uint8Array): void {
  if (!(value instanceof Uint8Array)) throw invalid('INVALID_VALUE', `a value is a Uint8Array here, not ${show(value)}`)
}

/** A larger row would be written, and then refused by the decoders of blocks. */
export function checkRow(keyLength: number, valueLength: number): void {
  if (keyLength + valueLength <= MAX_ROW_LENGTH) return
  const [code, what] = keyLength > valueLength ? ['KEY_TOO_LARGE', 'key'] : ['VALUE_TOO_LARGE', 'value']
  throw invalid(
    code,
    `key and value have at most ${MAX_ROW_LENGTH} bytes together; this ${what} has ${Math.max(keyLength, valueLength)}`,
  )
}
