// What a write gives back.

import { toBigInt } from '../bytes/u64.ts'
import { abortSignal, checkArgument } from '../checks.ts'
import { abortable } from '../env/abort.ts'
import type { FlushTicket } from '../wal/ticket.ts'

/** A committed write: visible to every read that starts after it, durable a little later. */
export class WriteHandle {
  /** Milliseconds since 1970: the write's own timestamp. */
  readonly createTs: number
  readonly #seqHi: number
  readonly #seqLo: number
  readonly #ticket: FlushTicket

  constructor(seqHi: number, seqLo: number, createTs: number, ticket: FlushTicket) {
    this.#seqHi = seqHi
    this.#seqLo = seqLo
    this.createTs = createTs
    this.#ticket = ticket
  }

  /** Sequence number, shared by all rows of a batch. */
  get seq(): bigint {
    return toBigInt(this.#seqHi, this.#seqLo)
  }

  /** Resolves once the write is in the object store; rejects when the handle ends first or the store gives up. */
  get durable(): Promise<void> {
    return this.#ticket.promise
  }

  /** Like `durable`, and stops waiting when the signal fires: the write itself is not undone. */
  awaitDurable(signal?: AbortSignal): Promise<void> {
    if (signal === undefined) return this.durable
    checkArgument('awaitDurable', 'signal', abortSignal, signal)
    return abortable(this.durable, signal)
  }

  /** For `JSON.stringify`, which cannot write a bigint. */
  toJSON(): { seq: string; createTs: number } {
    return { seq: String(this.seq), createTs: this.createTs }
  }
}
