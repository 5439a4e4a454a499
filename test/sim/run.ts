// One simulated life of a database: writers that come, crash, freeze and take over from each other, a reader that
// follows, an object store with bad weather; and a model that judges every answer, every acknowledgement, every reopen.
//
// What is held (protocols.md INV-1..INV-7, INV-13; trust.md oracle 1): after an open the whole state is the state after
// one prefix of the commit order, and that prefix holds every write that was ever reported durable, by whatever handle.

import { openReader } from '../../src/db/reader.ts'
import { Random } from '../../src/env/random.ts'
import { decodeManifest } from '../../src/format/manifest.ts'
import { Paths } from '../../src/format/paths.ts'
import type { SimProcess } from '../../src/sim/process.ts'
import type { Sim } from '../../src/sim/simulate.ts'
import type { SimStore } from '../../src/sim/store.ts'
import { scanAll } from '../compat/read-all.ts'
import { append } from '../model/append.ts'
import { checkBucket } from '../model/bucket-invariants.ts'
import { Model } from '../model/model.ts'
import { Operations } from '../model/operations.ts'
import { MoverAgent } from './mover-agent.ts'
import { ReaderAgent } from './reader-agent.ts'
import { type DatabaseVector, databaseVector, weather } from './vector.ts'
import { WriterAgent } from './writer-agent.ts'

/** How often things happened, so that a suite can show that it exercised them. */
export type Coverage = Record<string, number>

export interface RunOptions {
  /** A store without faults, clocks that agree: only crashes and takeovers. */
  readonly calm?: boolean
}

export interface OpenAttempt {
  /** Opens that had not ended when this one began. */
  readonly rivals: number
  readonly at: number
  ended: boolean
}

export const PATH = 'db'

/** Four times the age at which a handle confirms that it is still the newest (AP-2). */
const COLLECT_AFTER_MS = 240_000

/** Thrown into the code of a process that was killed, or whose handle has ended: it stops there. */
export class Ended extends Error {}

/** A call that the store did not answer, on a handle that gives up after some retries: the client goes on. */
export class GivenUp extends Error {}

export class Run {
  readonly sim: Sim
  readonly random: Random
  readonly model = new Model()
  readonly operations: Operations
  readonly database: DatabaseVector
  readonly calm: boolean
  readonly coverage: Coverage = {}
  readonly writers: WriterAgent[] = []
  /** The writer whose open returned last with the greatest epoch: its commits are the history. */
  owner: WriterAgent | undefined
  /** Every write up to this sequence number was reported durable, or seen by a reader. */
  watermark = 0
  /** To tell whether anybody may have fenced a writer. */
  readonly #attempts: OpenAttempt[] = []
  /** Keys that a commit left out of conflict tests, by sequence number. */
  readonly unmarked = new Map<number, ReadonlySet<string>>()
  readonly failed: Promise<never>
  #fail!: (error: Error) => void
  #log: string[] = []

  constructor(sim: Sim, options: RunOptions = {}) {
    this.sim = sim
    this.random = new Random(`model/${sim.seed}`)
    this.operations = new Operations(this.random.fork('operations'))
    this.database = databaseVector(this.random.fork('database'))
    this.calm = options.calm ?? this.random.chance(0.3)
    this.failed = new Promise((_, reject) => {
      this.#fail = reject
    })
    this.failed.catch(() => {})
  }

  /** The store handles of a process: the main one, and that of the log if it has a store of its own. */
  stores(process: SimProcess, sky: ReturnType<typeof weather>): SimStore[] {
    const { hasMetadata, hasWalStore } = this.database
    const options = { ...sky, capabilities: { metadata: hasMetadata } }
    return [process.store(options), ...(hasWalStore ? [process.store({ ...options, bucket: 'wal' })] : [])]
  }

  count(what: string, by = 1): void {
    this.coverage[what] = (this.coverage[what] ?? 0) + by
  }

  note(who: string, text: string): void {
    const line = `${this.sim.clock.monotonic().toFixed(1)} ${who}: ${text}`
    this.#log.push(line)
    if (this.#log.length > 400) this.#log.splice(0, 200)
    this.sim.world.note(`${who}: ${text}`)
  }

  /** A promise of the engine was broken. */
  fail(message: string): never {
    const error = new Error(`${message}\noperations:\n  ${this.#log.slice(-40).join('\n  ')}`)
    this.#fail(error)
    throw error
  }

  beginOpen(): OpenAttempt {
    // Those that are still open may take over later, and so may those whose process died on the way: a request of theirs
    // can still arrive.
    const attempt = {
      rivals: this.#attempts.filter((one) => !one.ended).length,
      ended: false,
      at: this.#attempts.length,
    }
    this.#attempts.push(attempt)
    return attempt
  }

  /** May another open have fenced this one? */
  hasRival({ rivals, at }: OpenAttempt): boolean {
    return rivals > 0 || this.#attempts.length > at + 1
  }

  /** Lets every promise settle that can; virtual time does not move. */
  turn(): Promise<void> {
    return this.sim.clock.yield()
  }

  /** `who` says that everything up to `seq` is in the store. */
  acknowledged(who: WriterAgent | undefined, seq: number, how: string): void {
    if (who?.superseded && seq > who.keptSeq) {
      this.fail(
        `${who.name} reports seq ${seq} durable (${how}) although a newer writer took over at seq ${who.keptSeq}`,
      )
    }
    if (who?.superseded) return
    this.watermark = Math.max(this.watermark, seq)
    this.count('acknowledged')
  }

  /** An open returned: what it shows is the history from now on, and nobody else's writes count any more. */
  adopt(agent: WriterAgent, lastSeq: number, epoch: number): void {
    const before = this.owner
    if (before !== undefined && epoch <= before.epoch) {
      if (epoch === before.epoch) this.fail(`${agent.name} and ${before.name} both have writer epoch ${epoch}`)
      this.note(agent.name, `opened too late, at epoch ${epoch}`)
      agent.superseded = true
      agent.keptSeq = lastSeq
      return
    }
    if (before?.db !== undefined) this.acknowledged(before, Number(before.db.status.durableSeq), 'durableSeq')
    this.note(
      agent.name,
      `opened at seq ${lastSeq}, epoch ${epoch}; last committed ${this.model.lastSeq}, acknowledged ${this.watermark}`,
    )
    if (lastSeq < this.watermark) {
      this.fail(
        `${agent.name} opened at seq ${lastSeq}, but writes up to seq ${this.watermark} were acknowledged: they are lost`,
      )
    }
    if (lastSeq !== 0 && !this.model.has(lastSeq))
      this.fail(`${agent.name} opened at seq ${lastSeq}, which was never committed`)
    this.model.truncate(lastSeq)
    for (const seq of this.unmarked.keys()) if (seq > lastSeq) this.unmarked.delete(seq)
    for (const writer of this.writers) {
      if (writer === agent || writer.superseded || writer.db === undefined) continue
      writer.superseded = true
      writer.keptSeq = lastSeq
    }
    this.owner = agent
  }

  async live(): Promise<Coverage> {
    await Promise.race([this.#lives(), this.failed])
    return this.coverage
  }

  async #lives(): Promise<void> {
    const { random, sim, database } = this
    let mover: MoverAgent | undefined
    const background: Promise<void>[] = []
    let reader: ReaderAgent | undefined
    const lives = random.int(2, 5)
    for (let life = 0; life < lives; life++) {
      const agents = Array.from({ length: random.chance(0.15) ? 2 : 1 }, () => this.#writer())
      await Promise.all(agents.map((agent) => agent.open()))
      if (mover === undefined && database.hasFullL0) {
        mover = new MoverAgent(this)
        void mover.move().catch((error) => this.#fail(error))
      }
      if (reader === undefined && this.owner !== undefined) {
        reader = new ReaderAgent(this, 'reader')
        background.push(reader.follow())
      }
      for (const agent of agents) {
        if (agent.db === undefined) continue
        const endings = ['close', 'close', 'kill', 'crash', 'crash', 'freeze', 'suspend', 'leave'] as const
        const ending = random.pick(endings)
        agent.plan(ending)
        const work = agent.work()
        if (ending === 'leave') {
          background.push(work)
          await sim.sleep(random.int(0, 300))
          continue
        }
        await work
        await agent.end(ending)
        if (ending === 'freeze' || ending === 'suspend') {
          background.push(agent.wakeAndWork(random.pick([random.int(1, 3000), random.int(60_000, 600_000)])))
        }
      }
    }
    const last = this.#writer(true)
    await last.open(false)
    if (last.db === undefined) this.fail('the last open did not succeed')
    reader?.stop()
    await Promise.all(background)
    for (const writer of this.writers) if (writer !== last) await writer.expectFenced()
    await last.verify('at the end', true)
    await last.work()
    await last.end('close')
    mover?.stop()
    if (last.superseded) this.fail(`${last.name} was superseded by nobody`)
    await this.#judgeStore()
  }

  /** What a collector may do: log objects before the replay point go once they are old enough, fences among them (GC-14). */
  async collectLog(): Promise<void> {
    const { sim, database } = this
    const paths = new Paths(PATH)
    const newest = (await sim.bucket().list(paths.manifests)).at(-1)
    if (newest === undefined) return
    const { bytes } = await sim.bucket().get(newest.path)
    const { replayAfterWalId } = decodeManifest(bytes, newest.path)
    const log = sim.bucket(database.hasWalStore ? 'wal' : undefined)
    for (const { path, lastModified } of await log.list(paths.wals)) {
      if (paths.parseWal(path)! >= replayAfterWalId || sim.clock.now() - lastModified < COLLECT_AFTER_MS) continue
      await log.delete(path)
      this.count('collected log objects')
    }
  }

  #writer(calm = this.calm): WriterAgent {
    const name = `w${this.writers.length + 1}`
    const agent = new WriterAgent(this, name, weather(this.random, !calm), calm)
    this.writers.push(agent)
    return agent
  }

  /** The last judgement, on the objects themselves, after every process has stopped. */
  async #judgeStore(): Promise<void> {
    const { sim, model, database } = this
    for (const process of sim.world.processes) if (process !== sim.main) process.kill()
    await this.turn()
    const walStore = database.hasWalStore ? sim.bucket('wal') : undefined
    const logIsWhole = this.coverage['collected log objects'] === undefined
    const report = await checkBucket(sim.bucket(), PATH, { walStore, logIsWhole })
    if (report.newest.writerEpoch < (this.owner?.epoch ?? 0)) this.fail('the newest manifest has an old epoch')
    const reader = await openReader({ store: sim.bucket(), path: PATH, walStore, env: sim.env, mergeOperator: append })
    // A close that flushes nothing may lose what was not durable.
    const seq = Number(reader.status.durableSeq)
    if (seq < this.watermark)
      this.fail(`after the last close seq ${seq} is durable, acknowledged was ${this.watermark}`)
    model.truncate(seq)
    const complaint =
      model.scanComplaint(await scanAll(reader), { seq }) ??
      model.scanComplaint(await scanAll(reader, undefined, { descending: true }), { seq }, {}, true)
    if (complaint !== undefined) this.fail(`after the last close a reader sees: ${complaint}`)
    await reader.close()
    this.#judgeFencedRequests()
    for (const [kind, times] of Object.entries(sim.world.faults)) this.count(`fault ${kind}`, times)
    this.count('manifest versions', report.manifests.length)
    this.count('L0 tables', report.newest.tree.l0.length)
    this.count('WAL objects', report.walIds.length)
    this.count('commits', model.entries.length)
  }

  /** INV-13: a writer that knows that it is fenced changes neither manifests nor the WAL. */
  #judgeFencedRequests(): void {
    for (const { process, fencedAtMs } of this.writers) {
      if (fencedAtMs === undefined) continue
      this.count('fenced writers')
      const late = this.sim.world.requests.find(
        (request) =>
          request.process === process.name &&
          request.startMs > fencedAtMs &&
          ['put', 'delete'].includes(request.op) &&
          /\/(manifest|wal)\//.test(request.path),
      )
      if (late !== undefined)
        this.fail(`${process.name} was fenced at ${fencedAtMs} and still sent ${JSON.stringify(late)}`)
    }
  }
}
