// What a read gives to the caller.

import { copyOf } from '../bytes/copy.ts'
import { toBigInt } from '../bytes/u64.ts'
import { NO_TS, type Row } from '../cursor/row.ts'
import { jsonOf } from '../shown.ts'
import type { ResultBytes } from './result-bytes.ts'

/** One row as a read returns it; key and value are copies that belong to the caller. */
export class KeyValue {
  readonly key: Uint8Array
  /** Milliseconds since 1970; 0 for a row without a timestamp. */
  readonly createTs: number
  /** Milliseconds since 1970; `undefined` = never. */
  readonly expireTs: number | undefined
  readonly seqHi: number
  readonly seqLo: number
  // Plain fields, since one of these is made per row: private names would cost a third of a scan's time.
  private readonly results: ResultBytes
  private readonly start: number
  private readonly end: number
  // The engine's buffer, which never changes, until the value is asked for; then the caller's.
  private bytes: Uint8Array
  private copied: boolean

  constructor(row: Row, bytes: ResultBytes) {
    this.key = copyOf(row.key, row.keyStart, row.keyEnd)
    this.createTs = row.createTs === NO_TS ? 0 : row.createTs
    this.expireTs = row.expireTs === NO_TS ? undefined : row.expireTs
    this.seqHi = row.seqHi
    this.seqLo = row.seqLo
    this.results = bytes
    this.bytes = row.value
    this.start = row.valueStart
    this.end = row.valueEnd
    this.copied = false
  }

  /** Copied when it is first asked for: what is done to the bytes of one row reaches none that is still to come. */
  get value(): Uint8Array {
    if (!this.copied) {
      this.bytes = this.results.copy(this.bytes, this.start, this.end)
      this.copied = true
    }
    return this.bytes
  }

  /** Length of the value. */
  get valueSize(): number {
    return this.end - this.start
  }

  /** Sequence number of the write; 2^64 - 1 for a transaction's own, uncommitted rows. */
  get seq(): bigint {
    return toBigInt(this.seqHi, this.seqLo)
  }

  /** For `JSON.stringify`, which cannot write a bigint. */
  toJSON(): Record<string, unknown> {
    const { key, value, seq, createTs, expireTs } = this
    return jsonOf({ key, value, seq, createTs, expireTs })
  }
}
