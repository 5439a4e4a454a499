// A transaction of the public API, and the loop that runs a function in one until it commits.

import { checkArgument, checkOptions, func } from '../checks.ts'
import { checkIterable } from '../db/call-options.ts'
import type { Transaction as EngineTransaction, Isolation } from '../db/transaction.ts'
import { type Env, sleep } from '../env/env.ts'
import { isSlateDBError } from '../errors.ts'
import type { WriteHandle } from '../write/handle.ts'
import { CALLS, TRANSACTION_CALLS } from './call-options.ts'
import { asyncDispose } from './dispose.ts'
import type { Input } from './encoding.ts'
import { type HandleOptions, ReadHandle } from './read-handle.ts'
import type { EncodingOptions, KeyOf, MaybeEncoding, ValueOf } from './source.ts'
import {
  type CommitOptions,
  type Durability,
  type ExpiryOptions,
  settled,
  toEngineWrite,
  toRowOptions,
} from './write-options.ts'

const NO_OPTIONS = {}
/** A commit that does not wait to be durable. */
const IN_MEMORY: CommitOptions = { durability: 'memory' }

export interface BeginOptions {
  /**
   * `'snapshot'` (default): two transactions that write the same key conflict. `'serializable'`: also one that read
   * what the other wrote, including ranges that were empty.
   */
  readonly isolation?: Isolation | undefined
}

export interface TransactionOptions extends BeginOptions {
  /** How often the function runs again after a conflict. Default 5. */
  readonly retries?: number | undefined
  /** Default: as the handle was opened. */
  readonly durability?: Durability | undefined
  /** Ends the waiting and further attempts. A commit that has happened stays. */
  readonly signal?: AbortSignal | undefined
}

export interface TransactionWriteOptions<KE extends MaybeEncoding = undefined, VE extends MaybeEncoding = undefined>
  extends EncodingOptions<KE, VE>,
    ExpiryOptions {}

/**
 * Reads see the database as it was at `begin`, and the transaction's own writes. Writes stay in memory until `commit`.
 */
export class Transaction<K = Uint8Array, V = Uint8Array> extends ReadHandle<K, V> {
  readonly #transaction: EngineTransaction
  /** What `commit` waits for unless it is told otherwise. */
  readonly durability: Durability
  /** Shared with the parts of this transaction. */
  readonly #life: { ended: boolean }

  constructor(transaction: EngineTransaction, handle: HandleOptions, durability: Durability, life = { ended: false }) {
    super(transaction, handle)
    this.#transaction = transaction
    this.durability = durability
    this.#life = life
  }

  /** UUID text. */
  get id(): string {
    return this.#transaction.id
  }

  /** The sequence number that it reads at. */
  get seq(): bigint {
    return this.#transaction.seq
  }

  /** True after `commit` or `rollback`. */
  get ended(): boolean {
    return this.#life.ended
  }

  /** The part `name` of the database in this same transaction: see `SlateDB.sub`. */
  sub<KE extends MaybeEncoding = undefined, VE extends MaybeEncoding = undefined>(
    name: string,
    options: EncodingOptions<KE, VE> = NO_OPTIONS,
  ): Transaction<KeyOf<KE, K>, ValueOf<VE, V>> {
    return new Transaction(this.#transaction, this.partOptions(name, options), this.durability, this.#life)
  }

  /** Buffers a put. The bytes are copied now. */
  put<KE extends MaybeEncoding = undefined, VE extends MaybeEncoding = undefined>(
    key: Input<KeyOf<KE, K>>,
    value: Input<ValueOf<VE, V>>,
    options: TransactionWriteOptions<KE, VE> = NO_OPTIONS,
  ): void {
    if (options !== NO_OPTIONS) checkOptions(TRANSACTION_CALLS.put, options)
    const bytes = this.encodeKey(key, options.keyEncoding)
    this.#transaction.put(bytes, this.encodeValue(value, options.valueEncoding), toRowOptions(options))
  }

  delete<KE extends MaybeEncoding = undefined>(
    key: Input<KeyOf<KE, K>>,
    options: EncodingOptions<KE> = NO_OPTIONS,
  ): void {
    if (options !== NO_OPTIONS) checkOptions(TRANSACTION_CALLS.delete, options)
    this.#transaction.delete(this.encodeKey(key, options.keyEncoding))
  }

  /** Buffers a merge operand. */
  merge<KE extends MaybeEncoding = undefined, VE extends MaybeEncoding = undefined>(
    key: Input<KeyOf<KE, K>>,
    operand: Input<ValueOf<VE, V>>,
    options: TransactionWriteOptions<KE, VE> = NO_OPTIONS,
  ): void {
    if (options !== NO_OPTIONS) checkOptions(TRANSACTION_CALLS.merge, options)
    const bytes = this.encodeKey(key, options.keyEncoding)
    this.#transaction.merge(bytes, this.encodeValue(operand, options.valueEncoding), toRowOptions(options))
  }

  /** Counts these keys as read, whatever the isolation: a concurrent write to one of them is a conflict. */
  markRead(keys: Iterable<Input<K>>): void {
    checkIterable('markRead', keys)
    this.#transaction.markRead(Array.from(keys, (key) => this.encodeKey(key, undefined)))
  }

  /** These keys are written but conflict with nobody. Lasts for the rest of the transaction. */
  unmarkWrite(keys: Iterable<Input<K>>): void {
    checkIterable('unmarkWrite', keys)
    this.#transaction.unmarkWrite(Array.from(keys, (key) => this.encodeKey(key, undefined)))
  }

  /**
   * Applies all writes, or none; `undefined` when there were none.
   * @throws Transaction when a concurrent write conflicts: run the whole transaction again.
   */
  async commit(options: CommitOptions = NO_OPTIONS): Promise<WriteHandle | undefined> {
    // A commit that is refused for its options has not ended anything: it may be called again, or rolled back.
    if (options !== NO_OPTIONS && options !== IN_MEMORY) checkOptions(TRANSACTION_CALLS.commit, options)
    this.#life.ended = true
    const committed = this.#transaction.commit(toEngineWrite(options))
    const handle = committed instanceof Promise ? await committed : committed
    return handle === undefined ? undefined : settled(handle, options, this.durability)
  }

  /** Forgets all writes. Fine after the end, too. */
  rollback(): void {
    this.#life.ended = true
    this.#transaction.rollback()
  }

  override shown(): object {
    return { ...this.where(), id: this.id, seq: this.seq, state: this.ended ? 'ended' : 'open' }
  }

  async [asyncDispose](): Promise<void> {
    this.rollback()
  }

  protected override now(): number {
    return this.#transaction.expiresAtMs
  }
}

const DEFAULT_RETRIES = 5

/** Runs `body` in a transaction: commits when it returns, rolls back when it throws, runs it again on a conflict. */
export async function runTransaction<K, V, T>(
  env: Env,
  begin: () => Transaction<K, V>,
  body: (tx: Transaction<K, V>) => T | Promise<T>,
  options: TransactionOptions,
): Promise<T> {
  checkOptions(CALLS.transaction, options)
  checkArgument('transaction', 'body', func, body)
  const retries = options.retries ?? DEFAULT_RETRIES
  for (let attempt = 0; ; attempt++) {
    options.signal?.throwIfAborted()
    const tx = begin()
    let result: T
    try {
      result = await body(tx)
    } catch (error) {
      tx.rollback()
      throw error
    }
    // The body may have ended it by itself.
    if (tx.ended) return result
    let handle: WriteHandle | undefined
    try {
      handle = await tx.commit(options.signal === undefined ? IN_MEMORY : { ...IN_MEMORY, signal: options.signal })
    } catch (error) {
      if (attempt >= retries || !isSlateDBError(error) || error.kind !== 'Transaction') throw error
      await backOff(env, attempt, options.signal)
      continue
    }
    // Only a conflict is run again: once committed, waiting may fail but the writes stand.
    if (handle !== undefined) await settled(handle, options, tx.durability)
    return result
  }
}

/** Two that keep colliding must not collide in step: 0 to 2, 4, 8 ... ms, at most 64. */
async function backOff(env: Env, attempt: number, signal: AbortSignal | undefined): Promise<void> {
  const most = Math.min(2 << attempt, 64)
  await sleep(env.clock, env.random.float() * most, { signal, label: 'transaction retry' })
}
