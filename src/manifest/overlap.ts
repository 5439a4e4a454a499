// How many L0 tables a reader of one key may have to look into.

import { compareBytes } from '../bytes/compare.ts'
import type { Bound } from '../bytes/range.ts'
import { isEmptyRange } from '../bytes/range.ts'
import { effectiveRange, type TableView } from '../format/manifest.ts'

/**
 * FL-5: the greatest number of views whose key ranges hold one common key. Ranges that meet in an included bound
 * overlap. The maximum is always reached at the start of some range, so one sweep over sorted starts and ends does it.
 */
export function peakOverlap(views: readonly TableView[]): number {
  const ranges = views.map(effectiveRange).filter((range) => !isEmptyRange(range))
  const starts = ranges.map((range) => range.start).sort(compareStarts)
  const ends = ranges.map((range) => range.end).sort(compareEnds)
  let peak = 0
  let ended = 0
  for (let begun = 0; begun < starts.length; begun++) {
    while (endsBefore(ends[ended], starts[begun])) ended++
    peak = Math.max(peak, begun + 1 - ended)
  }
  return peak
}

/** Unbounded first; at one key, included before excluded. */
function compareStarts(a: Bound | undefined, b: Bound | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1
  return compareBytes(a.key, b.key) || Number(b.inclusive) - Number(a.inclusive)
}

/** Unbounded last; at one key, excluded before included. */
function compareEnds(a: Bound | undefined, b: Bound | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1
  return compareBytes(a.key, b.key) || Number(a.inclusive) - Number(b.inclusive)
}

function endsBefore(end: Bound | undefined, start: Bound | undefined): boolean {
  if (end === undefined || start === undefined) return false
  const order = compareBytes(end.key, start.key)
  return order < 0 || (order === 0 && !(end.inclusive && start.inclusive))
}
