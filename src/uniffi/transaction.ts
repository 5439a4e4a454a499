import type { Transaction } from '../db/transaction.ts'
import { ErrorInvalid, run, runSync } from './errors.ts'
import { ReadSurface } from './read-surface.ts'
import {
  fromHandle,
  type MergeOptions,
  type PutOptions,
  toAwaitDurable,
  toKey,
  toKeys,
  toPutOptions,
  toValue,
  type WriteHandle,
  type WriteOptions,
} from './records.ts'

/** A transaction; unusable after `commit` or `rollback`. */
export class DbTransaction extends ReadSurface {
  readonly #transaction: Transaction
  #completed = false

  /** @internal Use `Db.begin()`. */
  constructor(transaction: Transaction) {
    super('DbTransaction', transaction)
    this.#transaction = transaction
  }

  /** UUID text. */
  id(): string {
    this.alive()
    return this.#transaction.id
  }

  /** The sequence number that it reads at. */
  seqnum(): bigint | number {
    this.alive()
    return this.#transaction.seq
  }

  async put(key: Uint8Array, value: Uint8Array): Promise<void> {
    this.check()
    runSync(() => this.#transaction.put(toKey(key), toValue(value)))
  }

  async put_with_options(key: Uint8Array, value: Uint8Array, options: PutOptions): Promise<void> {
    this.check()
    runSync(() => this.#transaction.put(toKey(key), toValue(value), toPutOptions(options, 'PutOptions')))
  }

  async delete(key: Uint8Array): Promise<void> {
    this.check()
    runSync(() => this.#transaction.delete(toKey(key)))
  }

  async merge(key: Uint8Array, operand: Uint8Array): Promise<void> {
    this.check()
    runSync(() => this.#transaction.merge(toKey(key), toValue(operand)))
  }

  async merge_with_options(key: Uint8Array, operand: Uint8Array, options: MergeOptions): Promise<void> {
    this.check()
    runSync(() => this.#transaction.merge(toKey(key), toValue(operand), toPutOptions(options, 'MergeOptions')))
  }

  /** Counts keys as read, for conflicts. */
  async mark_read(keys: Uint8Array[]): Promise<void> {
    this.check()
    runSync(() => this.#transaction.markRead(toKeys(keys)))
  }

  /** Written keys that conflict with nobody. */
  async unmark_write(keys: Uint8Array[]): Promise<void> {
    this.check()
    runSync(() => this.#transaction.unmarkWrite(toKeys(keys)))
  }

  /** `undefined` when there was nothing to write. */
  commit(): Promise<WriteHandle | undefined> {
    return this.#commit(true)
  }

  async commit_with_options(options: WriteOptions): Promise<WriteHandle | undefined> {
    return this.#commit(toAwaitDurable(options))
  }

  async rollback(): Promise<void> {
    this.check()
    this.#completed = true
    this.#transaction.rollback()
  }

  protected override check(): void {
    this.alive()
    if (this.#completed) throw new ErrorInvalid('transaction has already been completed')
  }

  protected override release(): void {
    this.#transaction.rollback()
  }

  async #commit(awaitDurable: boolean): Promise<WriteHandle | undefined> {
    this.check()
    this.#completed = true
    return run(async () => {
      const handle = await this.#transaction.commit()
      if (handle === undefined) return undefined
      if (awaitDurable) await handle.durable
      return fromHandle(handle)
    })
  }
}
