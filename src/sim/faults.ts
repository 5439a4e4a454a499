// What may go wrong with one call of a store (trust.md section 2). Rates are probabilities per call.

import type { Random } from '../env/random.ts'

/**
 * - `reset`, `unavailable`: fails before the store does anything
 * - `timeout`: fails after a long wait, the store did nothing
 * - `lost`: the store does it, the answer gets lost
 * - `late`: fails, and the store does it some time after that
 * - `duplicate`: the store does it twice and the second answer arrives
 * - `short`: a read brings fewer bytes than it says
 * - `slow`: takes many times as long, and succeeds
 * - `staleList`: a listing does not know the newest objects (breaks OS-3; only when asked for)
 * - `falseMissing`: a read or head says NotFound although the object is there (breaks OS-3; only when asked for)
 */
export type FaultKind =
  | 'reset'
  | 'unavailable'
  | 'timeout'
  | 'lost'
  | 'late'
  | 'duplicate'
  | 'short'
  | 'slow'
  | 'staleList'
  | 'falseMissing'

export type FaultRates = Partial<Record<FaultKind, number>>

/** The kinds that a store which keeps its promises may show. */
const ORDINARY: readonly FaultKind[] = ['reset', 'unavailable', 'timeout', 'lost', 'late', 'duplicate', 'short', 'slow']

/** A number is the probability that a call suffers any ordinary fault. */
export function faultRates(faults: number | FaultRates): FaultRates {
  if (typeof faults !== 'number') return faults
  return Object.fromEntries(ORDINARY.map((kind) => [kind, faults / ORDINARY.length]))
}

const READS: readonly string[] = ['get', 'head', 'list']

export function appliesTo(kind: FaultKind, op: string): boolean {
  if (kind === 'short') return op === 'get'
  if (kind === 'staleList') return op === 'list'
  if (kind === 'falseMissing') return op === 'get' || op === 'head'
  // Reading late or twice is the same as a lost answer, or as nothing.
  if (kind === 'late' || kind === 'duplicate') return !READS.includes(op)
  return true
}

/** Draws at most one fault. */
export function drawFault(random: Random, rates: FaultRates, op: string): FaultKind | undefined {
  let at = random.float()
  for (const [kind, rate] of Object.entries(rates) as [FaultKind, number][]) {
    if (at < rate) return appliesTo(kind, op) ? kind : undefined
    at -= rate
  }
  return undefined
}
