// Data blocks of SST format version 1, read only: they are turned into the form of version 2 when they are loaded.
//
//   block := row* rowOffset:u16 * n  n:u16
//   row   := shared:u16 unshared:u16 keyTail seq:u64 flags:u8 [expireTs:i64] [createTs:i64] [valueLength:u32 value]
//
// Keys drop what they share with the first key of the block. A tombstone has no value at all, and its expireTs is ignored.

import { getU16, getU32, putU16, putVarint } from '../bytes/writer.ts'
import { damagedBlock, invalidFlags } from './block.ts'
import { FLAG_CREATE_TS, FLAG_EXPIRE_TS, FLAG_TOMBSTONE, flagsAreValid } from './rows.ts'

/** Writers of version 1 refused longer keys. */
const MAX_KEY_LENGTH = 0xffff

/** The same rows as a block of version 2. Throws a Data error for a damaged block. */
export function upgradeBlock(block: Uint8Array): Uint8Array {
  const length = block.length
  const rowCount = length < 2 ? 0 : getU16(block, length - 2)
  const end = length - 2 - 2 * rowCount
  if (rowCount === 0 || end <= 0) throw damagedBlock(Math.max(0, length - 2), `${rowCount} rows in ${length} bytes`)
  const out = new Output(length + 16 * rowCount)
  const first = { at: 0, length: 0 }
  let at = 0
  for (let i = 0; i < rowCount; i++) {
    if (getU16(block, end + 2 * i) !== (at & 0xffff)) throw damagedBlock(end + 2 * i, `row ${i} is not at ${at}`)
    const start = at
    need(block, start, at, 4, end)
    const shared = getU16(block, at)
    const unshared = getU16(block, at + 2)
    at += 4
    need(block, start, at, unshared + 9, end)
    const keyAt = at
    if (shared > first.length) throw damagedBlock(start, `${shared} bytes shared with a key of ${first.length}`)
    if (shared + unshared > MAX_KEY_LENGTH) throw damagedBlock(start, `a key of ${shared + unshared} bytes`)
    at += unshared
    const seqAt = at
    const flags = block[at + 8]!
    if (!flagsAreValid(flags)) throw invalidFlags(at + 8, flags)
    at += 9
    let expireAt = 0
    let createAt = 0
    if ((flags & FLAG_EXPIRE_TS) !== 0) {
      need(block, start, at, 8, end)
      expireAt = at
      at += 8
    }
    if ((flags & FLAG_CREATE_TS) !== 0) {
      need(block, start, at, 8, end)
      createAt = at
      at += 8
    }
    let valueLength = 0
    if ((flags & FLAG_TOMBSTONE) === 0) {
      need(block, start, at, 4, end)
      valueLength = getU32(block, at)
      at += 4
      need(block, start, at, valueLength, end)
    } else expireAt = 0
    if (i === 0) {
      first.at = keyAt
      first.length = unshared
    }
    out.row(block, first.at, shared, keyAt, unshared, at, valueLength, seqAt, flags, expireAt, createAt)
    at += valueLength
  }
  if (at !== end) throw damagedBlock(at, 'bytes that belong to no row')
  return out.finish()
}

function need(block: Uint8Array, start: number, at: number, bytes: number, end: number): void {
  if (at + bytes > end || end > block.length) throw damagedBlock(start, 'a row goes beyond the rows')
}

const RESTART_INTERVAL = 16
const MAX_SPELLED = 1024

/** Version 2 from pieces of version 1. A row says only what it does not share with the row before. */
class Output {
  #bytes: Uint8Array
  #length = 0
  #rows = 0
  readonly #limit: number
  readonly #restarts: number[] = []
  /** Of the row before: how much of the block's first key it begins with, and its own bytes behind that. */
  #lastShared = 0
  #lastTailAt = 0
  #lastTail = 0

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity)
    this.#limit = capacity * 16 + MAX_KEY_LENGTH
  }

  row(
    block: Uint8Array,
    firstAt: number,
    prefix: number,
    tailAt: number,
    tail: number,
    valueAt: number,
    valueLength: number,
    seqAt: number,
    flags: number,
    expireAt: number,
    createAt: number,
  ): void {
    const keyLength = prefix + tail
    // A restart spells a key whole; a long shared beginning is worth more than a shorter search.
    const restart =
      this.#rows === 0 || (this.#rows % RESTART_INTERVAL === 0 && this.#length <= 0xffff && prefix <= MAX_SPELLED)
    const shared = restart ? 0 : this.#sharedWithLast(block, firstAt, prefix, tailAt, tail)
    // Sorted rows share less and less with the first key, so only rows that are not sorted spell its bytes again and
    // again.
    if (this.#length > this.#limit) throw damagedBlock(tailAt, 'the keys are not in order')
    this.#reserve(keyLength - shared + valueLength + 48)
    if (restart) this.#restarts.push(this.#length)
    const out = this.#bytes
    let at = putVarint(out, this.#length, shared)
    at = putVarint(out, at, keyLength - shared)
    at = putVarint(out, at, valueLength)
    if (shared < prefix) {
      out.set(block.subarray(firstAt + shared, firstAt + prefix), at)
      at += prefix - shared
    }
    const from = tailAt + Math.max(0, shared - prefix)
    out.set(block.subarray(from, tailAt + tail), at)
    at += tailAt + tail - from
    out.set(block.subarray(valueAt, valueAt + valueLength), at)
    at += valueLength
    out.set(block.subarray(seqAt, seqAt + 8), at)
    out[at + 8] = expireAt === 0 ? flags & ~FLAG_EXPIRE_TS : flags
    at += 9
    for (const stampAt of [expireAt, createAt]) {
      if (stampAt === 0) continue
      out.set(block.subarray(stampAt, stampAt + 8), at)
      at += 8
    }
    this.#length = at
    this.#rows++
    this.#lastShared = prefix
    this.#lastTailAt = tailAt
    this.#lastTail = tail
  }

  finish(): Uint8Array {
    this.#reserve(2 * this.#restarts.length + 2)
    let at = this.#length
    for (const restart of this.#restarts) {
      putU16(this.#bytes, at, restart)
      at += 2
    }
    putU16(this.#bytes, at, this.#restarts.length)
    return this.#bytes.slice(0, at + 2)
  }

  /** A lower bound is enough, and costs no more than the bytes that rows spell themselves. */
  #sharedWithLast(block: Uint8Array, firstAt: number, prefix: number, tailAt: number, tail: number): number {
    if (prefix !== this.#lastShared) {
      // The longer one goes on with bytes of the first key, where the shorter one spells bytes of its own.
      const shorter = Math.min(prefix, this.#lastShared)
      const [ownAt, own] = prefix < this.#lastShared ? [tailAt, tail] : [this.#lastTailAt, this.#lastTail]
      const most = Math.min(own, Math.max(prefix, this.#lastShared) - shorter)
      let n = 0
      while (n < most && block[ownAt + n] === block[firstAt + shorter + n]) n++
      return shorter + n
    }
    const most = Math.min(tail, this.#lastTail)
    let n = 0
    while (n < most && block[tailAt + n] === block[this.#lastTailAt + n]) n++
    return prefix + n
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.#length + more, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }
}
