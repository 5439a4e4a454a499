// Watching a handle: its status as a stream of values, always the latest, never a backlog.

import type { CloseReason } from '../errors.ts'

export interface Watchable<S> {
  readonly status: S
  onStatus(listener: () => void): () => void
}

/**
 * The status now, then after every change that somebody waited for: changes in between are skipped. Ends after the
 * status that carries a close reason.
 */
export function statusChanges<S extends { readonly closeReason: CloseReason | undefined }>(
  handle: Watchable<S>,
): AsyncIterableIterator<S> {
  let changed = true
  let ended = false
  let wake: (() => void) | undefined
  const unsubscribe = handle.onStatus(() => {
    changed = true
    wake?.()
    wake = undefined
  })
  const end = () => {
    ended = true
    unsubscribe()
    wake?.()
  }
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    async next(): Promise<IteratorResult<S, undefined>> {
      while (!changed && !ended) await new Promise<void>((resolve) => (wake = chain(wake, resolve)))
      if (ended) return { done: true, value: undefined }
      changed = false
      const { status } = handle
      if (status.closeReason !== undefined) end()
      return { done: false, value: status }
    },
    async return(): Promise<IteratorResult<S, undefined>> {
      end()
      return { done: true, value: undefined }
    },
  }
}

/** Several calls of next() may wait at once. */
function chain(first: (() => void) | undefined, second: () => void): () => void {
  if (first === undefined) return second
  return () => {
    first()
    second()
  }
}
