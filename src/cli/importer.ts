// Records into the database, in batches, and the account of them: how many are durable, what stopped it, how to go on.

import type { SlateDB } from '../api/slatedb.ts'
import { abortable } from '../env/abort.ts'
import { WriteBatch } from '../write/batch.ts'
import type { WriteHandle } from '../write/handle.ts'
import { count, plural } from './human.ts'
import type { InputRecord } from './input-record.ts'
import type { ImportRow } from './record-rows.ts'

/** Bytes that may be on their way to the log: more waits for what is ahead of it. */
const IN_FLIGHT_BYTES = 16 << 20

export interface ImporterOptions {
  readonly batchRows: number
  /** Records at the start that were imported earlier. */
  readonly skip: number
  /** Called with the columns of the first record. */
  readonly rowMaker: (columns: readonly string[]) => (record: InputRecord, number: number) => ImportRow
  readonly onProgress: (records: number) => void
}

/** What stopped an import before the end of its input. */
export interface Problem {
  readonly error: unknown
  /** The number of the record that it is about, from 1; `undefined` when it is about none. */
  readonly record: number | undefined
}

interface InFlight {
  readonly handle: WriteHandle
  readonly bytes: number
}

export class Importer {
  readonly #options: ImporterOptions
  /** Records that are known to be durable. */
  durable = 0
  problem: Problem | undefined
  #seen = 0
  #written = 0
  #batch = new WriteBatch()
  #batchRows = 0
  #batchBytes = 0
  #inFlight: InFlight[] = []
  #inFlightBytes = 0

  constructor(options: ImporterOptions) {
    this.#options = options
  }

  /**
   * Writes the records until they end, one is wrong, or the signal fires. Rejects when the database fails. What was
   * written is durable when the database has been closed after it: see {@link closed}.
   */
  async run(db: SlateDB, records: AsyncGenerator<InputRecord[]>, signal: AbortSignal): Promise<void> {
    let makeRow: ReturnType<ImporterOptions['rowMaker']> | undefined
    while (this.problem === undefined) {
      const batch = await this.#next(records, signal)
      if (batch === undefined) break
      for (const record of batch) {
        if (this.#seen >= this.#options.skip) {
          try {
            makeRow ??= this.#options.rowMaker(record.names)
            this.#add(makeRow(record, this.#seen + 1))
          } catch (error) {
            this.problem = { error, record: this.#seen + 1 }
            break
          }
          if (this.#batchRows >= this.#options.batchRows) await this.#write(db, signal)
          if (this.problem !== undefined) break
        }
        this.#seen++
      }
    }
    if (!signal.aborted) await this.#write(db, signal)
    // Not waited for: a read of a terminal that has begun does not end.
    records.return(undefined).catch(() => {})
  }

  /** The database was closed well: all that was written is durable. */
  closed(): void {
    this.durable = this.#written
  }

  /** How to go on after the import has ended early. */
  advice(): string {
    const { skip } = this.#options
    const done = skip + this.durable
    const head = `${plural(this.durable, 'record')} ${this.durable === 1 ? 'is' : 'are'} imported and durable`
    const number = this.problem?.record
    if (number === undefined) return `${head}; continue with: --skip ${done}`
    return `${head}. Mend record ${count(number)} and continue with --skip ${done}, or leave it out with --skip ${number}`
  }

  /** The next records; `undefined` at their end, and when there is a problem. */
  async #next(records: AsyncGenerator<InputRecord[]>, signal: AbortSignal): Promise<InputRecord[] | undefined> {
    try {
      signal.throwIfAborted()
      const { value, done } = await abortable(records.next(), signal)
      return done === true ? undefined : value
    } catch (error) {
      this.problem = { error, record: signal.aborted ? undefined : this.#seen + 1 }
      return undefined
    }
  }

  #add({ key, value }: ImportRow): void {
    this.#batch.put(key, value)
    this.#batchRows++
    this.#batchBytes += key.length + value.length
  }

  async #write(db: SlateDB, signal: AbortSignal): Promise<void> {
    if (this.#batchRows === 0) return
    const [batch, rows, bytes] = [this.#batch, this.#batchRows, this.#batchBytes]
    this.#batch = new WriteBatch()
    this.#batchRows = 0
    this.#batchBytes = 0
    try {
      const handle = await db.write(batch, { durability: 'memory', signal })
      this.#written += rows
      this.#account({ handle, bytes }, this.#written)
      while (this.#inFlightBytes > IN_FLIGHT_BYTES) await this.#inFlight[0]!.handle.awaitDurable(signal)
    } catch (error) {
      if (!signal.aborted) throw error
      this.problem = { error: signal.reason, record: undefined }
    }
    this.#options.onProgress(this.#written)
  }

  #account(entry: InFlight, written: number): void {
    this.#inFlight.push(entry)
    this.#inFlightBytes += entry.bytes
    entry.handle.durable.then(
      () => {
        this.durable = Math.max(this.durable, written)
        this.#inFlightBytes -= entry.bytes
        this.#inFlight.splice(this.#inFlight.indexOf(entry), 1)
      },
      // Whoever writes or flushes next is told.
      () => {},
    )
  }
}
