// A writer's process in a simulated life: it opens, lets a few clients loose on the database, and ends in one of several
// ways. Everything it is told goes to the model for judgement.

import type { Db } from '../../src/db/db.ts'
import { openDb } from '../../src/db/open.ts'
import { Random } from '../../src/env/random.ts'
import { isSlateDBError } from '../../src/errors.ts'
import type { SimProcess } from '../../src/sim/process.ts'
import type { SimStore } from '../../src/sim/store.ts'
import { scanAll } from '../compat/read-all.ts'
import { append } from '../model/append.ts'
import { toBytes } from '../model/bytes.ts'
import { seenRow } from '../model/model.ts'
import { Client } from './client.ts'
import { Ended, GivenUp, type OpenAttempt, PATH, type Run } from './run.ts'
import { type HandleVector, handleVector, type weather } from './vector.ts'

export type Ending = 'close' | 'kill' | 'crash' | 'freeze' | 'suspend' | 'leave'

/** Every call settles within this, whatever the weather. */
const PATIENCE_MS = 900_000

export class WriterAgent {
  readonly run: Run
  readonly name: string
  readonly random: Random
  readonly process: SimProcess
  readonly vector: HandleVector
  readonly #stores: readonly SimStore[]
  #attempt: OpenAttempt | undefined
  db: Db | undefined
  epoch = 0
  /** A newer writer's open has returned. */
  superseded = false
  /** Of our commits those up to here are history. */
  keptSeq = Number.POSITIVE_INFINITY
  closing = false
  fencedAtMs: number | undefined
  #wasFrozen = false
  readonly #unsettled = new Map<Promise<unknown>, string>()

  constructor(run: Run, name: string, sky: ReturnType<typeof weather>, calm: boolean) {
    this.run = run
    this.name = name
    this.random = new Random(`${run.sim.seed}/${name}`)
    const skews = [0, 0, 0, 3000, -3000, 86_400_000, -86_400_000]
    this.process = run.sim.process(name, { skewMs: calm ? 0 : this.random.pick(skews) })
    this.vector = handleVector(this.random, run.database, calm)
    this.#stores = run.stores(this.process, sky)
  }

  get handle(): Db {
    return this.db!
  }

  /** Opens and verifies; `db` stays undefined when the process died or was overtaken meanwhile. */
  async open(mayCrash = true): Promise<void> {
    const { run, random, vector } = this
    if (mayCrash && random.chance(0.15)) this.#crashWithin(15)
    this.#attempt = run.beginOpen()
    const { settings, blockSize, cache } = vector
    const [store, walStore] = this.#stores
    run.note(this.name, `opens with ${describe(vector)}`)
    let db: Db
    try {
      db = await this.alive(
        openDb({
          store: store!,
          walStore,
          path: PATH,
          env: this.process.env,
          // What makes room in a full L0 may be away for longer than the default.
          openTimeoutMs: 600_000,
          settings,
          blockSize,
          cache,
          mergeOperator: append,
        }),
        'open',
      )
    } catch (error) {
      if (error instanceof Ended) return run.count('crashes while opening')
      // What it sent may still arrive: the attempt does not end.
      if (this.mayGiveUp(error)) return run.count('opens given up')
      this.#attempt.ended = true
      if (isSlateDBError(error) && error.closeReason === 'Fenced' && run.hasRival(this.#attempt)) {
        return run.count('fenced while opening')
      }
      return run.fail(`${this.name} could not open: ${describeError(error)}`)
    }
    this.#attempt.ended = true
    db.onStatus(() => {
      if (db.status.closeReason === 'Fenced') this.fencedAtMs ??= run.sim.clock.monotonic()
    })
    this.db = db
    this.epoch = db.manifest.value.writerEpoch
    run.count('opens')
    if (run.owner !== undefined && !run.owner.process.isDead && !run.owner.closing) run.count('takeovers')
    run.adopt(this, Number(db.status.lastSeq), this.epoch)
    await this.verify('after open', random.chance(0.3)).catch((error) => {
      if (!(error instanceof Ended || error instanceof GivenUp)) throw error
    })
  }

  /** The whole state is that of one prefix of the history. */
  async verify(when: string, thorough: boolean): Promise<void> {
    if (this.superseded || this.process.isDead) return
    const { run } = this
    const db = this.handle
    const seq = Number(db.status.lastSeq)
    const judge = (what: string, complaint: string | undefined) => {
      if (complaint !== undefined && !this.superseded) run.fail(`${this.name} ${when}, ${what}: ${complaint}`)
    }
    const { model } = run
    const rows = await this.guarded('verify', () => scanAll(db))
    this.raiseTick()
    judge('scan', model.scanComplaint(rows, { seq }))
    if (!thorough) return
    const descending = await this.guarded('verify', () => scanAll(db, undefined, { descending: true }))
    this.raiseTick()
    judge('reverse scan', model.scanComplaint(descending, { seq }, {}, true))
    for (const key of run.operations.keys) {
      const row = await this.guarded('verify', () => Promise.resolve(db.getRow(toBytes(key))))
      this.raiseTick()
      judge('get', model.complaint(key, row && seenRow(row), { seq }))
    }
  }

  /** Arms the crash that an ending needs. */
  plan(ending: Ending): void {
    if (ending === 'crash') this.#crashWithin(this.random.pick([3, 10, 40]))
    if (ending === 'kill') {
      this.run.sim.clock.schedule(this.random.int(0, 500), () => this.process.kill(), {
        label: `${this.name} is killed`,
      })
    }
  }

  /** Lets clients work until they are done, the process dies or the handle ends. */
  async work(): Promise<void> {
    const clients = Array.from({ length: this.random.int(1, 3) }, (_, i) => new Client(this, `${this.name}.${i + 1}`))
    await Promise.all(clients.map((client) => client.work(this.random.int(3, 40))))
  }

  async end(ending: Ending): Promise<void> {
    const { run } = this
    if (this.process.isDead) return this.#afterDeath()
    if (ending === 'close') return this.close()
    if (ending === 'freeze') {
      run.count('freezes')
      return this.process.freeze()
    }
    if (ending === 'suspend') {
      run.count('suspensions')
      return this.process.suspend()
    }
    if (ending === 'crash' || ending === 'kill') {
      this.process.kill()
      await this.#afterDeath()
    }
  }

  async close(): Promise<void> {
    const { run, random } = this
    const db = this.handle
    const { settings } = this.vector
    const flush = random.pick(['memtable', 'memtable', settings.walEnabled ? 'wal' : 'memtable', false] as const)
    const lastSeq = Number(db.status.lastSeq)
    const wasOpen = db.status.closeReason === undefined
    this.closing = true
    run.note(this.name, `closes, flush ${flush}, at seq ${lastSeq}`)
    try {
      await this.alive(db.close({ flush }), 'close')
      if (wasOpen && flush !== false) run.acknowledged(this, lastSeq, `close({ flush: '${flush}' })`)
      run.count('clean closes')
    } catch (error) {
      if (error instanceof Ended) return this.#afterDeath()
      this.judgeError(error, 'close')
    }
    await this.expectSettled()
  }

  /** A frozen or suspended process goes on after another writer may have taken over. */
  async wakeAndWork(afterMs: number): Promise<void> {
    await this.run.sim.sleep(afterMs)
    await this.run.collectLog()
    this.#wasFrozen = true
    this.process.thaw()
    await this.work()
  }

  /** A writer that lost the database must find out as soon as it tries to make something durable, and end. */
  async expectFenced(): Promise<void> {
    const { run } = this
    if (this.db === undefined || this.process.isDead || this.closing) return
    const db = this.db
    if (!this.superseded) run.fail(`${this.name} still owns the database although ${run.owner?.name} opened it`)
    try {
      const handle = await this.alive(Promise.resolve(db.put(toBytes('zombie'), toBytes('write'))), 'put of a zombie')
      await this.alive(db.flush(), 'flush of a zombie')
      run.fail(`${this.name} was superseded, and its write with seq ${handle.seq} was flushed without an error`)
    } catch (error) {
      if (!isSlateDBError(error) || error.closeReason !== 'Fenced') {
        run.fail(`${this.name} was superseded; expected Closed(Fenced), got ${describeError(error)}`)
      }
    }
    await this.expectSettled()
  }

  /** PN-8: everything that waits settles once the handle has ended. */
  async expectSettled(): Promise<void> {
    const { sim } = this.run
    await sim.sleep(1000)
    if (this.process.isDead) return
    const left = [...this.#unsettled.values()]
    if (left.length > 0)
      this.run.fail(`${this.name} has ended, and these never settled: ${left.slice(0, 10).join(', ')}`)
  }

  /** Remembers that `promise` must settle, if the process lives. */
  track<T>(promise: Promise<T>, what: string): Promise<T> {
    this.#unsettled.set(promise, what)
    const settled = () => void this.#unsettled.delete(promise)
    promise.then(settled, settled)
    return promise
  }

  /** The promise, unless the process dies first; fails the run when it takes for ever. */
  async alive<T>(promise: Promise<T>, what: string): Promise<T> {
    const { clock } = this.run.sim
    let cancel = () => {}
    const hang = new Promise<never>((_, reject) => {
      const arm = () => {
        cancel = clock.schedule(
          PATIENCE_MS,
          () => {
            if (this.process.isFrozen) return arm()
            try {
              const { durableSeq, lastSeq, manifestId, unflushedBytes } = this.db?.status ?? {}
              const status = `durable ${durableSeq} of ${lastSeq}, manifest ${manifestId}, unflushed ${unflushedBytes} bytes`
              this.run.fail(`${this.name}: ${what} has not settled after ${PATIENCE_MS} ms (${status})`)
            } catch (error) {
              reject(error)
            }
          },
          { idle: true, label: `patience with ${what}` },
        )
      }
      arm()
    })
    const died = this.process.dead.then(() => {
      throw new Ended(`${this.name} is dead`)
    })
    died.catch(() => {})
    hang.catch(() => {})
    try {
      return await Promise.race([promise, died, hang])
    } finally {
      cancel()
    }
  }

  /** Runs a read; ends the client when the handle has ended; fails the run for an error that must not be. */
  async guarded<T>(what: string, perform: () => Promise<T>): Promise<T> {
    try {
      return await this.alive(perform(), what)
    } catch (error) {
      if (error instanceof Ended) throw error
      this.judgeError(error, what)
      throw this.mayGiveUp(error) ? new GivenUp(what) : new Ended(what)
    }
  }

  /** With bounded retries a store in bad weather may be unavailable; the handle lives on. */
  mayGiveUp(error: unknown): boolean {
    // A process that was frozen for longer than an update may take finds its deadline passed.
    if (this.#wasFrozen && isSlateDBError(error) && error.code === 'SLATEDB_UPDATE_TIMEOUT') return true
    if (!isSlateDBError(error) || this.vector.settings.objectStoreMaxRetries === undefined) return false
    // A body that stays too short is damage, as far as one can tell.
    return error.kind === 'Unavailable' || error.code === 'SLATEDB_STORE_WRONG_LENGTH'
  }

  /** A handle may only end because we closed it, or because somebody else opened the database. */
  judgeError(error: unknown, what: string): void {
    const { run } = this
    if (this.mayGiveUp(error)) {
      run.count('calls given up')
      return
    }
    if (isSlateDBError(error) && error.kind === 'Closed') {
      if (error.closeReason === 'Clean' && this.closing) return
      if (error.closeReason === 'Fenced' && run.hasRival(this.#attempt!)) return
    }
    run.fail(`${this.name}: ${what} failed: ${describeError(error)}`)
  }

  /** Flushes judge expiry by the newest timestamp; none is ahead of this. */
  raiseTick(): void {
    const { model } = this.run
    model.tick = Math.max(model.tick, this.handle.wallNow())
  }

  #crashWithin(calls: number): void {
    const { random } = this
    const store = random.pick(this.#stores)
    store.crashAt(store.calls + random.int(1, calls), random.pick(['before', 'after'] as const))
  }

  async #afterDeath(): Promise<void> {
    const { run } = this
    run.count('crashes')
    // What was committed in memory by then is told to the model; none of it reaches the store any more.
    await run.turn()
    await run.turn()
    run.note(this.name, `is dead; durable up to ${this.db?.status.durableSeq ?? 'nothing'}`)
  }
}

export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? ` <- ${describeError(error.cause)}` : ''
  const more = isSlateDBError(error) ? '' : `\n${error.stack}`
  return `${isSlateDBError(error) ? `${error.kind} ${error.code}: ` : ''}${error.message}${cause}${more}`
}

function describe({ settings, blockSize, cache }: HandleVector): string {
  const { flushInterval, walEnabled, l0SstSizeBytes, maxUnflushedBytes, minFilterKeys, compressionCodec } = settings
  return JSON.stringify({
    flushInterval: flushInterval ?? null,
    walEnabled,
    l0SstSizeBytes,
    maxUnflushedBytes,
    minFilterKeys,
    compressionCodec,
    blockSize,
    cache: cache === undefined ? 'default' : cache === false ? 'none' : 'tiny',
  })
}
