// What a read gives to the caller.

import type { Slab } from '../bytes/slab.ts'
import { toBigInt } from '../bytes/u64.ts'
import { NO_TS, type Row } from '../cursor/row.ts'

/** One row as a read returns it; key and value are copies that belong to the caller. */
export class KeyValue {
  readonly key: Uint8Array
  readonly value: Uint8Array
  /** Milliseconds since 1970; 0 for a row without a timestamp. */
  readonly createTs: number
  /** Milliseconds since 1970; `undefined` = never. */
  readonly expireTs: number | undefined
  readonly seqHi: number
  readonly seqLo: number

  constructor(
    key: Uint8Array,
    value: Uint8Array,
    seqHi: number,
    seqLo: number,
    createTs: number,
    expireTs: number | undefined,
  ) {
    this.key = key
    this.value = value
    this.createTs = createTs
    this.expireTs = expireTs
    this.seqHi = seqHi
    this.seqLo = seqLo
  }

  /** Sequence number of the write; 2^64 - 1 for a transaction's own, uncommitted rows. */
  get seq(): bigint {
    return toBigInt(this.seqHi, this.seqLo)
  }
}

/** Copies the row out of the engine's buffers. */
export function keyValueOf(row: Row, slab: Slab): KeyValue {
  return new KeyValue(
    slab.copy(row.key, row.keyStart, row.keyEnd),
    slab.copy(row.value, row.valueStart, row.valueEnd),
    row.seqHi,
    row.seqLo,
    row.createTs === NO_TS ? 0 : row.createTs,
    row.expireTs === NO_TS ? undefined : row.expireTs,
  )
}
