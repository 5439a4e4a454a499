// Puts replayed rows into memtables (RC-3, RC-7..RC-14). A memtable is cut only where a file ends, so that its stamp,
// the last file that is wholly inside it or an older one, is always true.

import { compareU64, hiOf, loOf } from '../bytes/u64.ts'
import { NO_TS, type Row } from '../cursor/row.ts'
import type { Env } from '../env/env.ts'
import { type SlateDBError, unavailable } from '../errors.ts'
import type { WriteClock } from '../write/clock.ts'
import type { Flusher } from '../write/flusher.ts'
import type { State } from '../write/state.ts'
import type { Writer } from '../write/writer.ts'

export interface ReplayerOptions {
  readonly state: State
  readonly writer: Writer
  readonly flusher: Flusher
  /** A memtable of this estimated size is frozen. */
  readonly maxTableBytes: number
  /** Ends the waiting for room; aborted here when there is none for too long. */
  readonly abort: AbortController
  readonly clock: WriteClock
  readonly env: Env
  /** The opening fails when L0 has been full for so long. */
  readonly timeoutMs: number
}

export class Replayer {
  /** Every row of every file up to this id is in a memtable or in L0. */
  lastFileId: number
  readonly #options: ReplayerOptions
  /** Rows up to this sequence number are in L0 already. */
  readonly #skipHi: number
  readonly #skipLo: number
  #fileSeqHi = 0
  #fileSeqLo = 0

  constructor(options: ReplayerOptions) {
    this.#options = options
    const { state, clock } = options
    const { lastL0Seq, lastL0ClockTick, replayAfterWalId } = state.view.manifest.value
    this.lastFileId = replayAfterWalId
    this.#skipHi = hiOf(lastL0Seq)
    this.#skipLo = loOf(lastL0Seq)
    state.raiseSeq(this.#skipHi, this.#skipLo)
    state.raiseDurable(this.#skipHi, this.#skipLo)
    clock.raise(lastL0ClockTick)
  }

  onRow(row: Row): void {
    if (compareU64(row.seqHi, row.seqLo, this.#skipHi, this.#skipLo) <= 0) return
    const { state, clock } = this.#options
    state.view.memtable.insertRow(row)
    if (row.createTs !== NO_TS) clock.raise(row.createTs)
    if (compareU64(row.seqHi, row.seqLo, this.#fileSeqHi, this.#fileSeqLo) > 0) {
      this.#fileSeqHi = row.seqHi
      this.#fileSeqLo = row.seqLo
    }
  }

  onFile(id: number): void {
    const { state, writer, maxTableBytes } = this.#options
    // Durable before the memtable can be flushed (BG-8): the rows were read from the store.
    state.raiseSeq(this.#fileSeqHi, this.#fileSeqLo)
    state.raiseDurable(this.#fileSeqHi, this.#fileSeqLo)
    this.lastFileId = id
    if (state.view.memtable.encodedSize >= maxTableBytes) writer.freeze()
  }

  /**
   * Waits for room before the rows of a file, and never behind the last one: what a writer had taken when it stalled fits
   * again, and one file more. So a database whose L0 is full can be opened, read and closed; only its writes wait.
   */
  async room(): Promise<void> {
    const { writer, flusher, abort, env, timeoutMs } = this.#options
    if (!writer.isStalled) return
    let cancel = () => {}
    const watch = () => {
      cancel = env.clock.schedule(
        timeoutMs,
        () => {
          // Tables that are on their way to the store make room when they arrive.
          if (flusher.isStuck) abort.abort(l0Full(timeoutMs))
          else watch()
        },
        { label: 'replay waits for room' },
      )
    }
    watch()
    try {
      await writer.backpressure(abort.signal)
    } finally {
      cancel()
    }
  }
}

function l0Full(timeoutMs: number): SlateDBError {
  return unavailable(
    'L0_FULL',
    `L0 is full, and nothing has compacted it for ${Math.round(timeoutMs / 1000)} s: the log holds more rows than ` +
      'maxUnflushedBytes allows in memory. Run a compactor on this database, or open it with a larger maxUnflushedBytes, ' +
      'l0MaxSsts or l0MaxSstsPerKey',
  )
}
