import { WriteBatch as EngineBatch } from '../write/batch.ts'
import { ErrorInvalid, runSync } from './errors.ts'
import { UniffiObjectBase } from './object.ts'
import { type MergeOptions, type PutOptions, toKey, toPutOptions, toValue } from './records.ts'

/** Operations that `Db.write` applies at once. A batch is written once. */
export class WriteBatch extends UniffiObjectBase {
  #batch: EngineBatch | undefined = new EngineBatch()

  constructor() {
    super('WriteBatch')
  }

  put(key: Uint8Array, value: Uint8Array): void {
    const batch = this.#open()
    runSync(() => batch.put(toKey(key), toValue(value)))
  }

  put_with_options(key: Uint8Array, value: Uint8Array, options: PutOptions): void {
    const batch = this.#open()
    runSync(() => batch.put(toKey(key), toValue(value), toPutOptions(options, 'PutOptions')))
  }

  delete(key: Uint8Array): void {
    const batch = this.#open()
    runSync(() => batch.delete(toKey(key)))
  }

  merge(key: Uint8Array, operand: Uint8Array): void {
    const batch = this.#open()
    runSync(() => batch.merge(toKey(key), toValue(operand)))
  }

  merge_with_options(key: Uint8Array, operand: Uint8Array, options: MergeOptions): void {
    const batch = this.#open()
    runSync(() => batch.merge(toKey(key), toValue(operand), toPutOptions(options, 'MergeOptions')))
  }

  /** @internal Takes the operations out; the batch is of no use after it. */
  consume(): EngineBatch {
    const batch = this.#open()
    this.#batch = undefined
    return batch
  }

  #open(): EngineBatch {
    this.alive()
    if (this.#batch === undefined) throw new ErrorInvalid('write batch has already been consumed')
    return this.#batch
  }
}
