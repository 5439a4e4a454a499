import type { Scan } from '../db/scan.ts'
import { run } from './errors.ts'
import { UniffiObjectBase } from './object.ts'
import { copied, fromRow, type KeyValue, toKey } from './records.ts'

/** Rows of a scan, one promise each; `next_batch` costs one promise for many. */
export class DbIterator extends UniffiObjectBase {
  readonly #scan: Scan
  /** Calls of one iterator run one after the other, as behind the binding's lock. */
  #turn: Promise<unknown> = Promise.resolve()

  /** @internal */
  constructor(scan: Scan) {
    super('DbIterator')
    this.#scan = scan
  }

  /** The next row, `undefined` at the end. */
  next(): Promise<KeyValue | undefined> {
    return this.#queue(async () => {
      const row = await this.#scan.next()
      return row && fromRow(row)
    })
  }

  /** Up to `max` rows; fewer only at the end. */
  next_batch(max: bigint | number): Promise<KeyValue[]> {
    return this.#queue(async () => {
      const rows: KeyValue[] = []
      const most = Number(max)
      while (rows.length < most) {
        const batch = await this.#scan.nextBatch(most - rows.length)
        if (batch.length === 0) break
        for (const row of batch) rows.push(fromRow(row))
      }
      return rows
    })
  }

  /** Moves to the first row at or after `key`; in a descending scan, at or before it. */
  async seek(key: Uint8Array): Promise<void> {
    const bytes = copied(toKey(key))
    return this.#queue(async () => this.#scan.seek(bytes))
  }

  protected override release(): void {
    this.#scan.close()
  }

  #queue<T>(work: () => Promise<T>): Promise<T> {
    this.alive()
    const result = this.#turn.then(() => run(work))
    this.#turn = result.catch(() => {})
    return result
  }
}
