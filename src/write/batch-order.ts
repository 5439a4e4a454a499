// Operations of a batch by key, newest first within a key. A number for each, made of the first key bytes that differ and
// the operation's index, is sorted natively: a compare of doubles costs a tenth of one that reads keys. Only what these
// numbers cannot tell apart is compared byte by byte.

import { numericPrefix, sharedLength } from '../bytes/compare.ts'
import type { BatchOps } from './batch-ops.ts'

/** Bits that a double can tell apart, and those of a numeric prefix. */
const EXACT_BITS = 53
const PREFIX_BITS = 48
/** Up to here comparing is quicker than making numbers. */
const FEW = 16

export function orderedIds(ops: BatchOps): Uint32Array {
  const ids = Uint32Array.from({ length: ops.count }, (_, id) => id)
  sortRange(ops, ids)
  return ids
}

function sortRange(ops: BatchOps, ids: Uint32Array): void {
  const n = ids.length
  if (n <= FEW) {
    sortByInsertion(ops, ids)
    return
  }
  const { at, keyLength } = ops
  const { bytes } = ops.arena
  const skip = sharedByAll(ops, ids)
  // The index takes the low bits; the prefix keeps its highest ones, as many as are left.
  const indexBits = 32 - Math.clz32(n - 1)
  const indexScale = 2 ** indexBits
  const cut = 2 ** Math.max(0, PREFIX_BITS + indexBits - EXACT_BITS)
  const numbers = new Float64Array(n)
  for (let i = 0; i < n; i++) {
    const id = ids[i]!
    const start = at[id]!
    numbers[i] = Math.floor(numericPrefix(bytes, start + skip, start + keyLength[id]!) / cut) * indexScale + i
  }
  numbers.sort()
  const before = ids.slice()
  for (let i = 0; i < n; i++) ids[i] = before[numbers[i]! % indexScale]!
  for (let i = 0; i < n; ) {
    const first = i
    const prefix = Math.floor(numbers[i++]! / indexScale)
    while (i < n && Math.floor(numbers[i]! / indexScale) === prefix) i++
    if (i - first === 1) continue
    const tied = ids.subarray(first, i)
    // One tie over everything would only repeat itself: keys that end, or go on with zeros, behind what they share.
    if (tied.length < n) sortRange(ops, tied)
    else tied.set(Array.from(tied).sort((a, b) => compareOps(ops, a, b)))
  }
}

function sortByInsertion(ops: BatchOps, ids: Uint32Array): void {
  for (let i = 1; i < ids.length; i++) {
    const id = ids[i]!
    let at = i
    for (; at > 0 && compareOps(ops, ids[at - 1]!, id) > 0; at--) ids[at] = ids[at - 1]!
    ids[at] = id
  }
}

function compareOps(ops: BatchOps, a: number, b: number): number {
  const start = ops.at[b]!
  return ops.compareKey(a, ops.arena.bytes, start, start + ops.keyLength[b]!, 0) || b - a
}

/** Length of what all keys begin with. */
function sharedByAll(ops: BatchOps, ids: Uint32Array): number {
  const { at, keyLength } = ops
  const { bytes } = ops.arena
  const first = at[ids[0]!]!
  let shared = keyLength[ids[0]!]!
  for (let i = 1; i < ids.length && shared > 0; i++) {
    const start = at[ids[i]!]!
    shared = sharedLength(bytes, first, first + shared, bytes, start, start + keyLength[ids[i]!]!)
  }
  return shared
}
