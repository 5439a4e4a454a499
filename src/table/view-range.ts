// Which keys a table view can hold (RD-30), and how the tables of a sorted run divide them (RD-12, RD-13).

import { compareBytes, compareRange, EMPTY } from '../bytes/compare.ts'
import { afterRange, type Bound, intersectRanges, type KeyRange } from '../bytes/range.ts'
import type { TableView } from '../format/manifest.ts'

type View = Pick<TableView, 'table' | 'visibleRange'>

/** The smallest key that the view can hold. Not a copy. */
export function viewStart(view: View): Uint8Array {
  const { firstEntry } = view.table.info
  const visible = view.visibleRange?.start
  if (firstEntry === undefined) return visible?.key ?? EMPTY
  return visible !== undefined && compareBytes(visible.key, firstEntry) > 0 ? visible.key : firstEntry
}

/** Whether the view's range reaches up to `key`; the end of a table without last key is not known. */
function reaches(view: View, key: Uint8Array): boolean {
  const { lastEntry } = view.table.info
  if (lastEntry !== undefined && compareBytes(lastEntry, key) < 0) return false
  return view.visibleRange === undefined || !afterRange(view.visibleRange, key, 0, key.length)
}

const bound = (key: Uint8Array | undefined): Bound | undefined =>
  key === undefined ? undefined : { key, inclusive: true }

/** The last view of a run that starts at or before `key`; -1 when there is none. */
export function lastStarting(views: readonly View[], key: Uint8Array): number {
  let low = -1
  let high = views.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    const start = viewStart(views[middle]!)
    if (compareRange(start, 0, start.length, key, 0, key.length) <= 0) low = middle
    else high = middle - 1
  }
  return low
}

/**
 * The first view of a run that can hold `key`, given the last one that starts at or before it: versions of one key may
 * straddle tables, so tables right before it count as long as they reach up to the key. Their logical end is the next
 * one's start, so they can hold the key only when the next one starts with it.
 */
export function firstHolding(views: readonly View[], last: number, key: Uint8Array): number {
  let first = last
  while (first > 0 && compareBytes(viewStart(views[first]!), key) === 0 && reaches(views[first - 1]!, key)) first--
  return first
}

/** The range of view `i` inside its run: up to the next one's start, that key included (RD-13). */
export function rangeInRun(views: readonly View[], i: number, range: KeyRange): KeyRange {
  const next = views[i + 1]
  return next === undefined ? range : intersectRanges(range, { start: undefined, end: bound(viewStart(next)) })
}
