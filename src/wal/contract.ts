// What the engine asks of a write-ahead log (WA-20..WA-22). The built-in log writes SSTs to an object store; another
// one may take its place, as long as it keeps the contract: rows come back in sequence order, a batch whole or not at
// all, truncation reported and never skipped, and no older writer succeeds once a newer one has fenced.

import type { Memtable } from '../memtable/memtable.ts'
import type { FlushTicket } from './ticket.ts'

export interface WalWriter {
  /**
   * Adds one batch: rows [from, to) of `memtable`, in row order, all with the sequence number given; `bytes` is the size
   * of their keys and values. Nothing is copied; the log reads the rows when it flushes. Never throws and never waits.
   */
  append(memtable: Memtable, from: number, to: number, seqHi: number, seqLo: number, bytes: number): FlushTicket
  /** Resolves when everything appended so far is durable. */
  flush(): Promise<void>
  /** Estimated encoded bytes that are appended and not yet durable. */
  readonly bufferedBytes: number
  /** Greatest id known durable: every row of every file up to it is in the store. */
  readonly lastFlushedId: number
  /** Stops accepting rows, lets a PUT in flight end, fails the rest with `reason`. */
  close(reason: unknown): Promise<void>
}

export interface WalEvents {
  /**
   * A file is in the store, and its writes will be reported durable once this returns or resolves: a writer that has not
   * looked at the manifest for long confirms its epoch (AP-3).
   */
  confirm(): Promise<unknown> | undefined
  /** Every write up to this sequence number is durable. */
  onFlushed(seqHi: number, seqLo: number): void
  /**
   * The next name of the log is taken by another writer's object: resolves with what is known of that writer, as the
   * error that ends the handle, or with `undefined` when nothing is known.
   */
  takenBy(): Promise<unknown>
  /** Another writer owns the log now, or it is damaged: the database handle ends. */
  onFatal(error: unknown): void
  /** The store does not answer; the log keeps trying. `undefined` when it works again. */
  onDegraded(error: unknown): void
}
