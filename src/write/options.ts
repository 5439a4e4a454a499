// What a caller may say about one write.

import { abortSignal, optionTable, type Rule, type Rules, u64 } from '../checks.ts'

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

/** How long a row lives. */
export interface RowOptions {
  /** Default `'default'`. */
  readonly ttl?: Ttl | undefined
}

/** Options of a put or a merge. */
export interface PutOptions extends WriteOptions, RowOptions {}

/** What the public face makes of options that it has checked. */
export class CheckedPut implements PutOptions {
  readonly ttl: Ttl | undefined
  readonly seq: bigint | undefined
  readonly signal: AbortSignal | undefined

  constructor(ttl: Ttl | undefined, seq: bigint | undefined, signal: AbortSignal | undefined) {
    this.ttl = ttl
    this.seq = seq
    this.signal = signal
  }
}

const ttl: Rule = {
  expected: "'default', 'none', { after: milliseconds } or { at: milliseconds since 1970 }",
  test: (value) =>
    value === 'default' ||
    value === 'none' ||
    // The number in it is checked where it is stored.
    (typeof value === 'object' && value !== null && ('after' in value || 'at' in value)),
  choices: ['default', 'none'],
  code: 'INVALID_TTL',
}

export const ROW_RULES: Rules<RowOptions> = { ttl }
export const WRITE_RULES: Rules<WriteOptions> = { seq: u64, signal: abortSignal }

/** Operations of a batch that take options. */
export const BATCH_CALLS = {
  put: optionTable<RowOptions>('put', ROW_RULES),
  merge: optionTable<RowOptions>('merge', ROW_RULES),
}
