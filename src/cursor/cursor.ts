// How rows move. `next()` and `seek()` are synchronous; a cursor that lacks bytes answers WAIT, its caller awaits
// `ready()` and calls the same method again. WAIT goes up through every layer; only the root awaits.

import type { Row } from './row.ts'

export const ROW = 1
export const END = 0
export const WAIT = 2
export type Step = typeof ROW | typeof END | typeof WAIT

/**
 * Ascending cursors yield keys ascending and, within a key, sequence numbers descending (newest first). Descending
 * cursors yield the exact reverse of that: keys descending and, within a key, oldest first.
 */
export interface Cursor {
  /** In place after ROW, until the next call. */
  readonly row: Row
  /** The first call yields the first row. After END every further call answers END. */
  next(): Step
  /**
   * Ascending: moves to the first row with key >= `key` that is not before the current position. Descending: to the
   * first row with key <= `key`. ROW means that this row is in place: a following next() yields the one after it.
   */
  seek(key: Uint8Array): Step
  /** After WAIT: resolves when calling again can make progress. Rejects when the bytes could not be had. */
  ready(): Promise<void>
}

/**
 * A cursor over all versions of each key. Who shows only some of them passes over the rest, so that the work follows
 * what is shown, however often a key was overwritten.
 */
export interface VersionCursor extends Cursor {
  /** Moves to the first row behind all rows of `key`, in this direction, that is not before the current position. */
  pass(key: Uint8Array): Step
  /**
   * After ROW, while the row is of `key`: moves forward over versions of it that a reader bound to this sequence number
   * does not need: newer ones, and those below one that hides them. As many as can be had at little cost, perhaps none;
   * the row in place may stay. Never answers WAIT.
   */
  prune(key: Uint8Array, seqHi: number, seqLo: number): Step
}

/** What a cursor that may pass over many rows asks now and then; see env/turns.ts. */
export interface Pacer {
  /** Counts a row; true when the event loop is due a turn. */
  spend(): boolean
  give(): Promise<void>
}

export async function advance(cursor: Cursor): Promise<boolean> {
  let step: Step
  while ((step = cursor.next()) === WAIT) await cursor.ready()
  return step === ROW
}

export async function advanceTo(cursor: Cursor, key: Uint8Array): Promise<boolean> {
  let step: Step
  while ((step = cursor.seek(key)) === WAIT) await cursor.ready()
  return step === ROW
}
