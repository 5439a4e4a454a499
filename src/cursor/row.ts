// Rows do not exist; cursors do. A Row is a place in two buffers that a cursor moves; nothing is allocated per row.
// This room is pure and synchronous: it knows neither tables nor stores.

import { EMPTY } from '../bytes/compare.ts'
import { copyOf } from '../bytes/copy.ts'

/** Row kinds in memory. On storage they are flag bits, see format/rows.ts. */
export const VALUE = 0
export const TOMBSTONE = 1
export const MERGE = 2
export type RowKind = typeof VALUE | typeof TOMBSTONE | typeof MERGE

/** "No timestamp": rows may lack create_ts or expire_ts. NaN would compare unequal to itself. */
export const NO_TS = Number.NEGATIVE_INFINITY

/** Where the current row's bytes are. Valid until the cursor that owns it moves. */
export class Row {
  /** The key is key[keyStart, keyEnd). Block cursors rebuild keys in a buffer of their own; memtables point into theirs. */
  key: Uint8Array = EMPTY
  keyStart = 0
  keyEnd = 0
  /** The value is value[valueStart, valueEnd), in an immutable buffer: it stays valid after the cursor has moved. */
  value: Uint8Array = EMPTY
  valueStart = 0
  valueEnd = 0
  /** Sequence number, a u64 in two halves. */
  seqHi = 0
  seqLo = 0
  kind: RowKind = VALUE
  /** Milliseconds, or NO_TS. */
  createTs = NO_TS
  expireTs = NO_TS
}

/** Makes `to` point at what `from` points at; shares the buffers. */
export function pointAt(to: Row, from: Row): void {
  to.key = from.key
  to.keyStart = from.keyStart
  to.keyEnd = from.keyEnd
  to.value = from.value
  to.valueStart = from.valueStart
  to.valueEnd = from.valueEnd
  to.seqHi = from.seqHi
  to.seqLo = from.seqLo
  to.kind = from.kind
  to.createTs = from.createTs
  to.expireTs = from.expireTs
}

export const rowKey = (row: Row): Uint8Array => copyOf(row.key, row.keyStart, row.keyEnd)
export const rowValue = (row: Row): Uint8Array => copyOf(row.value, row.valueStart, row.valueEnd)
