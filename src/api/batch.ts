// Several writes as one: as an array of operations, or as a chain.

import { checkOptions, isArray, type OptionTable } from '../checks.ts'
import { invalid, isSlateDBError, messageOf, show } from '../errors.ts'
import type { WriteBatch } from '../write/batch.ts'
import type { WriteHandle } from '../write/handle.ts'
import { CHAIN_CALLS, OPERATION_TABLES } from './call-options.ts'
import type { Input } from './encoding.ts'
import type { EncodingOptions, KeyOf, MaybeEncoding, ValueOf } from './source.ts'
import { type CommitOptions, type ExpiryOptions, toRowOptions } from './write-options.ts'

const NO_OPTIONS = {}

/** One operation of a batch. */
export type BatchOperation<K = Uint8Array, V = Uint8Array> =
  | (PutOperation<K, V> & { readonly type: 'put' | 'merge' })
  | { readonly type: 'delete' | 'del'; readonly key: Input<K> }

interface PutOperation<K, V> extends ExpiryOptions {
  readonly key: Input<K>
  readonly value: Input<V>
}

export interface OperationOptions<KE extends MaybeEncoding = undefined, VE extends MaybeEncoding = undefined>
  extends ExpiryOptions,
    EncodingOptions<KE, VE> {}

/** What a chain needs of the handle that it belongs to. */
export interface BatchOwner {
  encodeKey(key: unknown, encoding: MaybeEncoding): Uint8Array
  encodeValue(value: unknown, encoding: MaybeEncoding): Uint8Array
  write(batch: WriteBatch, options: CommitOptions): Promise<WriteHandle>
  /** An empty engine batch. */
  takeBatch(): WriteBatch
  /** Takes back a batch that nobody looks at any more: its memory serves the next one. */
  giveBatch(batch: WriteBatch): void
}

/** Puts array operations into an engine batch. */
export function toWriteBatch(
  operations: readonly BatchOperation<unknown, unknown>[],
  options: EncodingOptions<MaybeEncoding, MaybeEncoding>,
  owner: BatchOwner,
): WriteBatch {
  if (!isArray(operations)) {
    throw invalid('INVALID_BATCH', `batch takes an array of operations, not ${show(operations)}`)
  }
  const batch = owner.takeBatch()
  for (const operation of operations as readonly BatchOperation<unknown, unknown>[]) {
    checkOperation(operation)
    const key = owner.encodeKey(operation.key, options.keyEncoding)
    switch (operation.type) {
      case 'put':
        batch.put(key, owner.encodeValue(operation.value, options.valueEncoding), toRowOptions(operation))
        break
      case 'merge':
        batch.merge(key, owner.encodeValue(operation.value, options.valueEncoding), toRowOptions(operation))
        break
      case 'delete':
      case 'del':
        batch.delete(key)
    }
  }
  return batch
}

function checkOperation(operation: BatchOperation<unknown, unknown>): void {
  if (typeof operation !== 'object' || operation === null) {
    throw invalid('INVALID_BATCH', `a batch operation is { type, key, value }, not ${show(operation)}`)
  }
  let table: OptionTable | undefined
  try {
    const { type } = operation
    table = OPERATION_TABLES.get(type)
    if (table === undefined) {
      throw invalid('INVALID_BATCH', `a batch operation is of type put, merge or delete, not ${show(type)}`)
    }
    // Most have nothing else, and a batch may have a million.
    if (hasOnlyFields(operation)) return
  } catch (cause) {
    if (isSlateDBError(cause)) throw cause
    throw invalid('INVALID_BATCH', `a batch operation cannot be read: ${messageOf(cause)}`, { cause })
  }
  checkOptions(table, operation)
}

function hasOnlyFields(operation: BatchOperation<unknown, unknown>): boolean {
  for (const name in operation) if (name !== 'type' && name !== 'key' && name !== 'value') return false
  return true
}

/** `db.batch().put(...).delete(...).write()`: nothing happens before `write`, and then all of it or nothing. */
export class ChainedBatch<K = Uint8Array, V = Uint8Array> {
  readonly #owner: BatchOwner
  readonly #batch: WriteBatch
  #length = 0
  #written = false

  constructor(owner: BatchOwner) {
    this.#owner = owner
    this.#batch = owner.takeBatch()
  }

  /** Operations in the chain so far. */
  get length(): number {
    return this.#length
  }

  /** Replaces every earlier operation of this batch on the same key. The bytes are copied now. */
  put<KE extends MaybeEncoding = undefined, VE extends MaybeEncoding = undefined>(
    key: Input<KeyOf<KE, K>>,
    value: Input<ValueOf<VE, V>>,
    options: OperationOptions<KE, VE> = NO_OPTIONS,
  ): this {
    const batch = this.#open()
    if (options !== NO_OPTIONS) checkOptions(CHAIN_CALLS.put, options)
    const bytes = this.#owner.encodeKey(key, options.keyEncoding)
    batch.put(bytes, this.#owner.encodeValue(value, options.valueEncoding), toRowOptions(options))
    this.#length++
    return this
  }

  delete<KE extends MaybeEncoding = undefined>(
    key: Input<KeyOf<KE, K>>,
    options: EncodingOptions<KE> = NO_OPTIONS,
  ): this {
    const batch = this.#open()
    if (options !== NO_OPTIONS) checkOptions(CHAIN_CALLS.delete, options)
    batch.delete(this.#owner.encodeKey(key, options.keyEncoding))
    this.#length++
    return this
  }

  /** Adds a merge operand behind what the batch already does to the key. */
  merge<KE extends MaybeEncoding = undefined, VE extends MaybeEncoding = undefined>(
    key: Input<KeyOf<KE, K>>,
    operand: Input<ValueOf<VE, V>>,
    options: OperationOptions<KE, VE> = NO_OPTIONS,
  ): this {
    const batch = this.#open()
    if (options !== NO_OPTIONS) checkOptions(CHAIN_CALLS.merge, options)
    const bytes = this.#owner.encodeKey(key, options.keyEncoding)
    batch.merge(bytes, this.#owner.encodeValue(operand, options.valueEncoding), toRowOptions(options))
    this.#length++
    return this
  }

  /** Forgets all operations. */
  clear(): this {
    this.#open().clear()
    this.#length = 0
    return this
  }

  /** Applies everything atomically, under one sequence number. A chain is written once. */
  async write(options: CommitOptions = NO_OPTIONS): Promise<WriteHandle> {
    if (this.#written) throw written()
    checkOptions(CHAIN_CALLS.write, options)
    this.#written = true
    const writing = this.#owner.write(this.#batch, options)
    // Committed by now, or copied if it has to wait: the engine does not look at the batch again.
    this.#owner.giveBatch(this.#batch)
    return writing
  }

  #open(): WriteBatch {
    if (this.#written) throw written()
    return this.#batch
  }
}

const written = () => invalid('BATCH_WRITTEN', 'this batch has been written: start a new one with db.batch()')
