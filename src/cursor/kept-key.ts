// A cursor that compares neighbouring rows needs the earlier key after its row is gone.

import { equalRange } from '../bytes/compare.ts'
import { copyBytes } from '../bytes/writer.ts'
import type { Row } from './row.ts'

/** A key kept beyond the life of the row it came from. */
export class KeptKey {
  bytes = new Uint8Array(64)
  length = -1

  get isKept(): boolean {
    return this.length >= 0
  }

  keep(row: Row): void {
    this.keepBytes(row.key, row.keyStart, row.keyEnd)
  }

  keepBytes(key: Uint8Array, start = 0, end = key.length): void {
    const length = end - start
    if (length > this.bytes.length) this.bytes = new Uint8Array(2 * length)
    copyBytes(key, start, end, this.bytes, 0)
    this.length = length
  }

  is(row: Row): boolean {
    return equalRange(this.bytes, 0, this.length, row.key, row.keyStart, row.keyEnd)
  }

  /** In memory of its own, of just its length. */
  copy(): Uint8Array {
    return this.bytes.slice(0, this.length)
  }

  forget(): void {
    this.length = -1
  }
}
