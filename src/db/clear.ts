// Deleting a range. It is a scan and deletions in slices, so that neither memory nor a commit grows with the range; a
// reader may see a part of it done. What was written after the clear began stays: commits are recorded while it runs, as
// they are for transactions, and a key that one of them wrote is not deleted. The format has no compare-and-delete, so a
// merge operand that came meanwhile keeps what lay below it.

import { compareBytes } from '../bytes/compare.ts'
import { copyRange, type KeyRange } from '../bytes/range.ts'
import { compareU64 } from '../bytes/u64.ts'
import type { KeyValue } from '../read/key-value.ts'
import type { SeqBound } from '../read/reads.ts'
import { WriteBatch } from '../write/batch.ts'
import type { WriteHandle } from '../write/handle.ts'
import type { Engine } from './engine.ts'

export interface ClearOptions {
  /** From the greatest key to the smallest. */
  readonly descending?: boolean | undefined
  /** At most this many of the rows that are there now. */
  readonly limit?: number | undefined
  /** Every key of the range starts with it: see `ScanOptions`. */
  readonly prefix?: Uint8Array | undefined
  /** Stops between two slices; what was cleared stays cleared. */
  readonly signal?: AbortSignal | undefined
}

export interface Cleared {
  /** Rows deleted. */
  readonly count: number
  /** The last deletion: when it is durable, all are. `undefined` when there was nothing to delete. */
  readonly last: WriteHandle | undefined
}

/** Rows deleted in one commit: about 2 ms. */
const SLICE_ROWS = 512
/** Recorded keys after which the scan begins anew where it stands, at the sequence number of then, and forgets them. */
const MOST_RECORDED = 4096

/** Begins in this step: everything written after the call stays. */
export async function clearRange(engine: Engine, range: KeyRange, options: ClearOptions): Promise<Cleared> {
  const clear = new Clear(engine, options)
  let rest: KeyRange | undefined = copyRange(range)
  while (rest !== undefined) rest = await clear.stretch(rest)
  return clear
}

class Clear implements Cleared {
  count = 0
  last: WriteHandle | undefined
  readonly #engine: Engine
  readonly #options: ClearOptions
  /** Rows newer than this stay. */
  readonly #began: SeqBound
  #left: number

  constructor(engine: Engine, options: ClearOptions) {
    this.#engine = engine
    this.#options = options
    this.#began = boundOf(engine)
    this.#left = options.limit ?? Number.POSITIVE_INFINITY
  }

  /** Clears until the end of the range or until too much is recorded; then the range that is left. */
  async stretch(range: KeyRange): Promise<KeyRange | undefined> {
    const { descending, prefix, signal } = this.#options
    const { conflicts } = this.#engine.writer
    const seen = boundOf(this.#engine)
    const scan = this.#engine.scan(range, seen, { descending, prefix, signal })
    conflicts.begin(seen)
    try {
      while (this.#left > 0) {
        const rows = await scan.nextBatch(Math.min(SLICE_ROWS, this.#left))
        const lastKey = rows.at(-1)?.key
        if (lastKey === undefined) return undefined
        await this.#delete(rows, seen)
        this.#left -= rows.length
        // A limit counts the rows of the beginning, which a later view does not tell apart.
        if (this.#left === Number.POSITIVE_INFINITY && conflicts.countSince(seen) > MOST_RECORDED) {
          const behind = { key: lastKey, inclusive: false }
          return descending ? { start: range.start, end: behind } : { start: behind, end: range.end }
        }
      }
      return undefined
    } finally {
      conflicts.end(seen)
      scan.close()
    }
  }

  async #delete(rows: readonly KeyValue[], seen: SeqBound): Promise<void> {
    const { env, writer } = this.#engine
    const { signal } = this.#options
    signal?.throwIfAborted()
    if (writer.isStalled) await writer.backpressure(signal)
    // From here to the commit nothing else is written.
    const { seqHi, seqLo } = this.#began
    const keys = rows.filter((row) => compareU64(row.seqHi, row.seqLo, seqHi, seqLo) <= 0).map((row) => row.key)
    if (this.#options.descending) keys.sort(compareBytes)
    const written = writer.conflicts.writtenSince(seen, keys)
    const batch = new WriteBatch()
    for (const key of keys) if (!written.has(key)) batch.delete(key)
    if (batch.isEmpty) return
    this.last = this.#engine.commit(batch, undefined, undefined, seen)
    this.count += batch.size
    await env.turns.after(undefined, batch.units)
  }
}

function boundOf({ state }: Engine): SeqBound {
  return { seqHi: state.lastSeqHi, seqLo: state.lastSeqLo }
}
