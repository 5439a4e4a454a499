// The sequence tracker: pairs (sequence number, unix seconds), ascending (format.md section 14).

export interface SequenceTracker {
  readonly seqs: readonly bigint[]
  /** Unix seconds. */
  readonly times: readonly number[]
}

export const EMPTY_TRACKER: SequenceTracker = { seqs: [], times: [] }
