// The user's merge operator, brought to one shape: operands combine oldest to newest, a thrown error becomes a typed one.

import { showKey } from '../bytes/text.ts'
import { invalid, messageOf, type SlateDBError } from '../errors.ts'

/**
 * Combines a merge operand with what was there; `existing` is `undefined` when nothing was. Must be associative, and
 * with no existing value a single operand must stand for itself (MO-1, MO-2), because operands are combined in any
 * grouping, by any process that opens the database: all of them need the same operator.
 */
export type MergeFunction = (key: Uint8Array, existing: Uint8Array | undefined, operand: Uint8Array) => Uint8Array

/** All operands at once, oldest to newest, at most 100 of them. What the engine calls, see `normalizeMergeOperator`. */
export type MergeOperator = (
  key: Uint8Array,
  existing: Uint8Array | undefined,
  operands: readonly Uint8Array[],
) => Uint8Array

/** One function, or an object with one or both; `mergeBatch` wins. The bytes handed in are the operator's to keep. */
export type MergeOperatorLike = MergeFunction | MergeMethods

interface MergeMethods {
  readonly merge?: MergeFunction
  readonly mergeBatch?: MergeOperator
}

/** The one shape the engine calls. Throws `MERGE_OPERATOR` (Invalid) with the operator's own error as cause. */
export function normalizeMergeOperator(operator: MergeOperatorLike): MergeOperator
export function normalizeMergeOperator(operator: MergeOperatorLike | undefined): MergeOperator | undefined
export function normalizeMergeOperator(operator: MergeOperatorLike | undefined): MergeOperator | undefined {
  if (operator === undefined) return undefined
  const batch = typeof operator === 'function' ? pairwise(operator) : unwrap(operator)
  return (key, existing, operands) => {
    let result: unknown
    try {
      result = batch(key, existing, operands)
    } catch (cause) {
      throw operatorFailed(key, messageOf(cause), cause)
    }
    if (result instanceof Uint8Array) return result
    // An async function, by mistake: what it fails with later must not end the process.
    if (result instanceof Promise) result.catch(() => {})
    throw operatorFailed(
      key,
      `it returned ${result instanceof Promise ? 'a promise' : typeof result}, not a Uint8Array`,
    )
  }
}

function unwrap(operator: MergeMethods): MergeOperator {
  if (operator.mergeBatch !== undefined) return operator.mergeBatch.bind(operator)
  if (operator.merge !== undefined) return pairwise(operator.merge.bind(operator))
  throw invalid('MERGE_OPERATOR', 'a merge operator needs merge or mergeBatch')
}

function pairwise(merge: MergeFunction): MergeOperator {
  return (key, existing, operands) => {
    let result = existing
    for (const operand of operands) {
      result = merge(key, result, operand)
      // What is no value is not handed to the next call; the caller refuses it.
      if (!(result instanceof Uint8Array)) break
    }
    return result!
  }
}

/** A merge row was met where no operator is configured (MO-7). */
export function mergeOperatorMissing(key: Uint8Array): SlateDBError {
  return invalid(
    'MERGE_OPERATOR_MISSING',
    `key ${showKey(key)} holds merge operands, but no merge operator is configured; open the database with the operator that wrote them`,
  )
}

function operatorFailed(key: Uint8Array, detail: string, cause?: unknown): SlateDBError {
  return invalid('MERGE_OPERATOR', `the merge operator failed on key ${showKey(key)}: ${detail}`, { cause })
}
