// What a caller may say about one write.

/**
 * How long a value lives: as the database's settings say, for ever, for `after` milliseconds from the write's own
 * timestamp, or until `at` (milliseconds since 1970).
 */
export type Ttl = 'default' | 'none' | { readonly after: number } | { readonly at: number }

export interface WriteOptions {
  /**
   * A sequence number of the caller's choosing; it must be greater than every one given out so far. Without it, or with
   * `0n`, the database picks the next.
   */
  readonly seq?: bigint | undefined
  /** Ends the waiting, not the write: a write that was already accepted stays. */
  readonly signal?: AbortSignal | undefined
}

/** Options of a put or a merge. */
export interface PutOptions extends WriteOptions {
  /** Default `'default'`. */
  readonly ttl?: Ttl | undefined
}
