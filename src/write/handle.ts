// What a write gives back.

import { toBigInt } from '../bytes/u64.ts'
import { abortSignal, checkArgument } from '../checks.ts'
import { abortable } from '../env/abort.ts'
import { inspectCustom, inspected, jsonOf } from '../shown.ts'
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
    try {
      checkArgument('awaitDurable', 'signal', abortSignal, signal)
    } catch (error) {
      return Promise.reject(error)
    }
    return abortable(this.durable, signal)
  }

  /** For `JSON.stringify`, which cannot write a bigint. */
  toJSON(): Record<string, unknown> {
    return jsonOf(this.#shown())
  }

  [inspectCustom](_depth: number, options: unknown, inspect?: (value: unknown, options?: unknown) => string): unknown {
    return inspected('WriteHandle', this.#shown(), options, inspect)
  }

  #shown(): object {
    return { seq: this.seq, createTs: this.createTs, isDurable: this.#ticket.isDurable }
  }
}
