// A cursor that compares neighbouring rows needs the earlier key after its row is gone.

import { equalRange } from '../bytes/compare.ts'
import { copyBytes } from '../bytes/writer.ts'
import type { Row } from './row.ts'

/** A key kept beyond the life of the row it came from. */
export class KeptKey {
  bytes = new Uint8Array(64)
  length = -1

  keep(row: Row): void {
    const length = row.keyEnd - row.keyStart
    if (length > this.bytes.length) this.bytes = new Uint8Array(2 * length)
    copyBytes(row.key, row.keyStart, row.keyEnd, this.bytes, 0)
    this.length = length
  }

  is(row: Row): boolean {
    return equalRange(this.bytes, 0, this.length, row.key, row.keyStart, row.keyEnd)
  }

  forget(): void {
    this.length = -1
  }
}
