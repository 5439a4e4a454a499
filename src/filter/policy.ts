// Filters answer "certainly not here" for a table before its index is read (FT-1..FT-6). This room holds the contract,
// the bloom filter on storage and the prefix extractors; tables build and probe filters, nothing here reads storage.

import { EMPTY } from '../bytes/compare.ts'
import { type Hash64, siphash13 } from '../bytes/siphash.ts'

/**
 * A kind of filter. Tables store one filter per configured policy under `name`; a stored filter whose name is not
 * configured is ignored, so a policy whose bytes change incompatibly needs a new name.
 */
export interface FilterPolicy {
  readonly name: string
  /** A builder for one table. */
  builder(): FilterBuilder
  /** A filter over bytes that `build()` made. Throws a `Data` error when they cannot be such bytes. */
  decode(bytes: Uint8Array): Filter
}

export interface FilterBuilder {
  /** Called once per row in table order, so a key with several versions comes several times. Keys are not kept. */
  add(key: Uint8Array, start: number, end: number): void
  build(): Uint8Array
}

export interface Filter {
  /** False only when nothing that matches the query was added. */
  mightContain(query: FilterQuery): boolean
}

export interface FilterQuery {
  /** `point`: is this key here? `prefix`: is any key that starts with these bytes here? */
  readonly kind: 'point' | 'prefix'
  readonly key: Uint8Array
  /** Hashes of `key`, computed when the first filter asks and shared by all filters of one read. */
  readonly hash: KeyHash
  /** What the caller passed for filters of its own; the built-in filters ignore it (FT-6). */
  readonly context?: Uint8Array | undefined
}

/** SipHash-1-3 of a key and of one prefix of it, computed lazily. Reusable: `reset` starts the next read. */
export class KeyHash {
  #key: Uint8Array = EMPTY
  #wholeKnown = false
  #prefixLength = -1
  readonly #whole: Hash64 = { hi: 0, lo: 0 }
  readonly #prefix: Hash64 = { hi: 0, lo: 0 }

  constructor(key?: Uint8Array) {
    if (key !== undefined) this.#key = key
  }

  reset(key: Uint8Array): this {
    this.#key = key
    this.#wholeKnown = false
    this.#prefixLength = -1
    return this
  }

  /** The hash of the whole key. Valid until the next `reset`. */
  whole(): Hash64 {
    if (!this.#wholeKnown) {
      siphash13(this.#key, 0, this.#key.length, this.#whole)
      this.#wholeKnown = true
    }
    return this.#whole
  }

  /** The hash of the first `length` bytes. Valid until the next call with another length, or `reset`. */
  prefix(length: number): Hash64 {
    if (length === this.#key.length) return this.whole()
    if (this.#prefixLength !== length) {
      siphash13(this.#key, 0, length, this.#prefix)
      this.#prefixLength = length
    }
    return this.#prefix
  }
}
