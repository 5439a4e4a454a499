// A fixed point in the history of a database.

import type * as engine from '../db/snapshot.ts'
import { asyncDispose, dispose } from './dispose.ts'
import { type HandleOptions, ReadHandle } from './read-handle.ts'
import type { EncodingOptions, KeyOf, MaybeEncoding, ValueOf } from './source.ts'

const NO_OPTIONS = {}

/** Reads the database as it was when the snapshot was taken. Pins old data until it is closed. */
export class Snapshot<K = Uint8Array, V = Uint8Array> extends ReadHandle<K, V> {
  readonly #snapshot: engine.Snapshot

  constructor(snapshot: engine.Snapshot, handle: HandleOptions) {
    super(snapshot, handle)
    this.#snapshot = snapshot
  }

  /** Every write up to this sequence number is visible, none after it. */
  get seq(): bigint {
    return this.#snapshot.seq
  }

  /** The part `name` of the database at the same moment; see `SlateDB.sub`. Closing either closes both. */
  sub<KE extends MaybeEncoding = undefined, VE extends MaybeEncoding = undefined>(
    name: string,
    options: EncodingOptions<KE, VE> = NO_OPTIONS,
  ): Snapshot<KeyOf<KE, K>, ValueOf<VE, V>> {
    return new Snapshot(this.#snapshot, this.partOptions(name, options))
  }

  /** Releases what it pins. Closing twice is fine. */
  close(): void {
    this.#snapshot.close()
  }

  override shown(): object {
    return { ...this.where(), seq: this.seq }
  }

  [dispose](): void {
    this.close()
  }

  async [asyncDispose](): Promise<void> {
    this.close()
  }

  protected override now(): number {
    return this.#snapshot.expiresAtMs
  }
}
