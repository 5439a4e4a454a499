// Puts replayed rows into memtables (RC-3, RC-7..RC-14). A memtable is cut only where a file ends, so that its stamp,
// the last file that is wholly inside it or an older one, is always true.

import { compareU64, hiOf, loOf } from '../bytes/u64.ts'
import { NO_TS, type Row } from '../cursor/row.ts'
import type { WriteClock } from '../write/clock.ts'
import type { State } from '../write/state.ts'
import type { Writer } from '../write/writer.ts'

export interface ReplayerOptions {
  readonly state: State
  readonly writer: Writer
  readonly clock: WriteClock
  /** A memtable of this estimated size is frozen. */
  readonly maxTableBytes: number
  /** Ends the waiting for room. */
  readonly signal: AbortSignal
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

  async onFile(id: number): Promise<void> {
    const { state, writer, maxTableBytes, signal } = this.#options
    // Durable before the memtable can be flushed (BG-8): the rows were read from the store.
    state.raiseSeq(this.#fileSeqHi, this.#fileSeqLo)
    state.raiseDurable(this.#fileSeqHi, this.#fileSeqLo)
    this.lastFileId = id
    if (state.view.memtable.encodedSize >= maxTableBytes) writer.freeze()
    await writer.backpressure(signal)
  }
}
