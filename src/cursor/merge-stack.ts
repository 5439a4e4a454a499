// Operands of one key on their way to a value: pushed newest to oldest, resolved at once (MO-2). Reads, folds, point
// lookups and write batches all end here.

import { copyOf } from '../bytes/copy.ts'
import { showKey } from '../bytes/text.ts'
import { compareU64 } from '../bytes/u64.ts'
import { invalid } from '../errors.ts'
import type { MergeOperator } from './merge-operator.ts'
import { MERGE, NO_TS, type Row, rowKey, TOMBSTONE, VALUE } from './row.ts'

/** Operands per call of the operator; the grouping is part of the contract with the original (MO-2). */
const CHUNK = 100

interface Operand {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

export class MergeStack {
  readonly #operator: MergeOperator
  #key: Uint8Array = new Uint8Array(0)
  readonly #operands: Operand[] = []
  #base: Operand | undefined
  #hasBase = false
  // The newest row's sequence number, the one pushed last, the greatest create_ts and the least expire_ts (MO-4).
  #seqHi = 0
  #seqLo = 0
  #lastHi = 0
  #lastLo = 0
  #createTs = NO_TS
  #expireTs = NO_TS

  constructor(operator: MergeOperator) {
    this.#operator = operator
  }

  /** Begins with the newest operand of a key. */
  start(row: Row): void {
    this.#key = rowKey(row)
    this.#operands.length = 0
    this.#base = undefined
    this.#hasBase = false
    this.#createTs = NO_TS
    this.#expireTs = NO_TS
    this.#seqHi = this.#lastHi = row.seqHi
    this.#seqLo = this.#lastLo = row.seqLo
    this.push(row)
  }

  isSameKey(row: Row): boolean {
    const key = this.#key
    if (row.keyEnd - row.keyStart !== key.length) return false
    for (let i = key.length - 1; i >= 0; i--) if (key[i] !== row.key[row.keyStart + i]) return false
    return true
  }

  /** The next older version. True when it is the base: a value or tombstone, under which nothing counts. */
  push(row: Row): boolean {
    if (compareU64(row.seqHi, row.seqLo, this.#lastHi, this.#lastLo) > 0) {
      throw invalid('INVALID_SEQUENCE_ORDER', `versions of key ${showKey(this.#key)} are not ordered newest to oldest`)
    }
    this.#lastHi = row.seqHi
    this.#lastLo = row.seqLo
    if (row.createTs > this.#createTs) this.#createTs = row.createTs
    if (row.expireTs !== NO_TS && (this.#expireTs === NO_TS || row.expireTs < this.#expireTs)) {
      this.#expireTs = row.expireTs
    }
    // Values lie in buffers that never change, so a place in one outlives the row.
    const operand = { bytes: row.value, start: row.valueStart, end: row.valueEnd }
    if (row.kind === MERGE) {
      this.#operands.push(operand)
      return false
    }
    this.#hasBase = true
    if (row.kind !== TOMBSTONE) this.#base = operand
    return true
  }

  /** Combines what was pushed and makes `out` the result: VALUE when a base was met, else MERGE (MO-3). */
  resolve(out: Row): void {
    // The operator gets bytes of its own: it may change or keep them, and ours are shared with every other reader.
    const key = copyOf(this.#key)
    const base = this.#base === undefined ? undefined : copyOf(this.#base.bytes, this.#base.start, this.#base.end)
    const operands = copies(this.#operands)
    const intermediates: Uint8Array[] = []
    for (let i = 0; i < operands.length; i += CHUNK) {
      intermediates.push(this.#operator(key, undefined, operands.slice(i, i + CHUNK).reverse()))
    }
    // The operator may use its buffer again for the next key, while this row is still to be read.
    const value = copyOf(this.#operator(key, base, intermediates.reverse()))
    this.#operands.length = 0
    out.key = this.#key
    out.keyStart = 0
    out.keyEnd = this.#key.length
    out.value = value
    out.valueStart = 0
    out.valueEnd = value.length
    out.seqHi = this.#seqHi
    out.seqLo = this.#seqLo
    out.kind = this.#hasBase ? VALUE : MERGE
    out.createTs = this.#createTs
    out.expireTs = this.#expireTs
  }
}

/** Copies of all operands in one fresh buffer. */
function copies(operands: readonly Operand[]): Uint8Array[] {
  let length = 0
  for (const { start, end } of operands) length += end - start
  const buffer = new Uint8Array(length)
  let at = 0
  return operands.map(({ bytes, start, end }) => {
    buffer.set(bytes.subarray(start, end), at)
    at += end - start
    return buffer.subarray(at - (end - start), at)
  })
}
