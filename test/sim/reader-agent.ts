// A reader in mode FollowLatest: whatever it shows is a durable prefix of the history, and it never goes back.

import { type DbReader, openReader } from '../../src/db/reader.ts'
import { isSlateDBError } from '../../src/errors.ts'
import type { SimProcess } from '../../src/sim/process.ts'
import { scanAll } from '../compat/read-all.ts'
import { append } from '../model/append.ts'
import type { SeenRow } from '../model/model.ts'
import { PATH, type Run } from './run.ts'
import { weather } from './vector.ts'

export class ReaderAgent {
  readonly #run: Run
  readonly #name: string
  readonly #process: SimProcess
  #shownSeq = 0
  #stopped = false
  #reader: DbReader | undefined

  constructor(run: Run, name: string) {
    this.#run = run
    this.#name = name
    this.#process = run.sim.process(name)
  }

  async follow(): Promise<void> {
    const { random, calm, model, sim } = this.#run
    const sky = weather(random, !calm)
    const [store, walStore] = this.#run.stores(this.#process, sky)
    this.#reader = await openReader({
      store: store!,
      path: PATH,
      walStore,
      env: this.#process.env,
      mergeOperator: append,
      pollIntervalMs: random.pick([50, 500, 3000]),
      maxMemtableBytes: random.pick([1, 500, 1 << 20]),
    })
    while (!this.#stopped) {
      const reader = this.#reader
      const seq = Number(reader.status.durableSeq)
      if (seq < this.#shownSeq) this.#run.fail(`the reader went back from seq ${this.#shownSeq} to ${seq}`)
      if (seq > this.#shownSeq) this.#run.count('reader steps')
      this.#shownSeq = seq
      if (seq > model.lastSeq) this.#run.fail(`the reader shows seq ${seq}, the last commit was ${model.lastSeq}`)
      // Whoever opens next must keep what a reader has seen.
      this.#run.acknowledged(undefined, seq, 'seen by the reader')
      const descending = random.chance(0.3)
      const rows = await this.#scan(reader, descending)
      if (rows === undefined) continue
      model.tick = Math.max(model.tick, reader.wallNow(), sim.clock.now())
      const complaint = model.scanComplaint(rows, { seq }, {}, descending)
      if (complaint !== undefined) this.#run.fail(`${this.#name}: ${complaint}`)
      this.#run.count('reader scans')
      await sim.sleep(random.int(10, 1000))
    }
    await this.#reader.close()
  }

  /** All rows; `undefined` when a body stayed too short on every attempt, which looks like damage. */
  async #scan(reader: DbReader, descending: boolean): Promise<SeenRow[] | undefined> {
    try {
      return await scanAll(reader, undefined, { descending })
    } catch (error) {
      if (!isSlateDBError(error) || error.code !== 'SLATEDB_STORE_WRONG_LENGTH') throw error
      return undefined
    }
  }

  /** `follow` ends after its next look. */
  stop(): void {
    this.#stopped = true
  }
}
