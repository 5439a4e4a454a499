// One client of a writer's handle: random calls, one after the other, every answer judged by the model.

import type { Db } from '../../src/db/db.ts'
import type { Snapshot } from '../../src/db/snapshot.ts'
import type { Random } from '../../src/env/random.ts'
import { isSlateDBError } from '../../src/errors.ts'
import type { KeyValue } from '../../src/read/key-value.ts'
import type { ReadOptions, ScanOptions } from '../../src/read/options.ts'
import { WriteBatch } from '../../src/write/batch.ts'
import type { WriteHandle } from '../../src/write/handle.ts'
import { show, toBytes, toText } from '../model/bytes.ts'
import { type Bounds, type Model, type Op, type SeenRow, seenRow, type View, within } from '../model/model.ts'
import type { Operations } from '../model/operations.ts'
import { rangeOf } from '../model/ranges.ts'
import { Ended, GivenUp, type Run } from './run.ts'
import { runTransaction } from './transaction-client.ts'
import { describeError, type WriterAgent } from './writer-agent.ts'

type MaybePromise<T> = T | Promise<T>

/** The reads that a database, a snapshot and a transaction share. */
export interface Reads {
  get(key: Uint8Array, options?: ReadOptions): MaybePromise<Uint8Array | undefined>
  getRow(key: Uint8Array, options?: ReadOptions): MaybePromise<KeyValue | undefined>
  getMany(keys: readonly Uint8Array[], options?: ReadOptions): Promise<(Uint8Array | undefined)[]>
  scan: Db['scan']
}

const KINDS: readonly (readonly [kind: string, weight: number])[] = [
  ['put', 18],
  ['delete', 6],
  ['merge', 10],
  ['batch', 10],
  ['user seq', 2],
  ['get', 16],
  ['get many', 4],
  ['scan', 12],
  ['hidden', 3],
  ['snapshot', 8],
  ['transaction', 10],
  ['flush wal', 3],
  ['flush memtable', 3],
  ['durable', 6],
  ['rest', 6],
]

export class Client {
  readonly agent: WriterAgent
  readonly name: string
  readonly random: Random
  #snapshots: Snapshot[] = []

  constructor(agent: WriterAgent, name: string) {
    this.agent = agent
    this.name = name
    this.random = agent.random.fork(name)
  }

  get run(): Run {
    return this.agent.run
  }

  get db(): Db {
    return this.agent.handle
  }

  get model(): Model {
    return this.run.model
  }

  get operations(): Operations {
    return this.run.operations
  }

  async work(calls: number): Promise<void> {
    const { sim } = this.run
    try {
      for (let i = 0; i < calls && !this.agent.process.isDead; i++) {
        await this.#step(this.#kind()).catch((error) => {
          if (!(error instanceof GivenUp)) throw error
        })
        if (this.random.chance(0.3)) await this.agent.alive(sim.sleep(this.random.pick([0, 1, 20, 300])), 'sleep')
      }
    } catch (error) {
      // Calls that throw at once, such as begin() on a handle that has ended.
      if (isSlateDBError(error)) this.agent.judgeError(error, 'a call')
      else if (!(error instanceof Ended)) throw error
    }
    for (const snapshot of this.#snapshots) snapshot.close()
  }

  /** The rows of a range must be those at `view`. */
  async scan(source: Reads, view: View, bounds: Bounds, options: ScanOptions, what: string): Promise<void> {
    const { agent, random } = this
    const { descending = false } = options
    what += ` of ${JSON.stringify(bounds)}${descending ? ' descending' : ''}`
    const scan = source.scan(rangeOf(bounds), options)
    const rows: SeenRow[] = []
    const batched = random.chance(0.3)
    const stopAt = random.chance(0.1) ? random.int(0, 5) : Number.POSITIVE_INFINITY
    let seekTo = random.chance(0.2) ? this.operations.key() : undefined
    let judged = bounds
    for (;;) {
      if (seekTo !== undefined && within(seekTo, bounds) && random.chance(0.5)) {
        const last = rows.at(-1)?.key
        if (last === undefined || (descending ? seekTo < last : seekTo > last)) {
          // What was read before the seek is judged as a scan that ends there.
          if (last !== undefined) this.#judgeScan(what, rows, view, judged, descending, last)
          rows.length = 0
          what += `, seek ${show(seekTo)} after ${show(last)}`
          scan.seek(toBytes(seekTo))
          judged = descending
            ? { ...judged, to: seekTo, toInclusive: true }
            : { ...judged, from: seekTo, fromInclusive: true }
        }
        seekTo = undefined
      }
      if (batched) {
        const batch = await agent.guarded(what, async () => scan.nextBatch(random.int(1, 20)))
        rows.push(...batch.map(seenRow))
        if (batch.length === 0) break
      } else {
        const row = await agent.guarded(what, async () => scan.next())
        if (row === undefined) break
        rows.push(seenRow(row))
      }
      if (rows.length >= stopAt) {
        scan.close()
        if (rows.length > 0) this.#judgeScan(what, rows, view, judged, descending, rows.at(-1)!.key)
        return
      }
    }
    await this.run.turn()
    this.#judgeScan(what, rows, view, judged, descending, undefined)
    this.run.count('scans')
  }

  /** A point read must be right at `view`. */
  async get(source: Reads, view: View, options: ReadOptions, what: string): Promise<string> {
    const { agent, random } = this
    const key = this.operations.key()
    if (random.chance(0.5)) {
      const row = await agent.guarded(what, async () => source.getRow(toBytes(key), options))
      await this.run.turn()
      this.judge(what, () => this.model.complaint(key, row && seenRow(row), view))
    } else {
      const value = await agent.guarded(what, async () => source.get(toBytes(key), options))
      await this.run.turn()
      this.judge(what, () => this.model.valueComplaint(key, value && toText(value), view))
    }
    this.run.count('gets')
    return key
  }

  judge(what: string, complaint: () => string | undefined): void {
    const { agent } = this
    if (agent.superseded) return
    agent.raiseTick()
    const text = complaint()
    if (text !== undefined) this.run.fail(`${this.name}: ${what}: ${text}`)
  }

  /** Writes `ops` and tells the model what became of them. */
  async write(ops: readonly Op[], seq?: bigint): Promise<WriteHandle | undefined> {
    const { agent, run, db } = this
    run.note(
      this.name,
      `writes ${ops.map((op) => `${op.kind} ${show(op.key)}`).join(', ')}${seq === undefined ? '' : ` at seq ${seq}`}`,
    )
    let result: MaybePromise<WriteHandle>
    try {
      result = this.#send(db, ops, seq)
    } catch (error) {
      if (isSlateDBError(error) && error.code === 'SLATEDB_INVALID_SEQUENCE_NUMBER') {
        if (seq === undefined || seq > db.status.lastSeq) run.fail(`${this.name}: ${describeError(error)}`)
        run.count('refused sequence numbers')
        return undefined
      }
      agent.judgeError(error, 'write')
      throw new Ended('write')
    }
    if (!(result instanceof Promise)) return this.committed(result, ops)
    if (db.status.unflushedBytes >= agent.vector.settings.maxUnflushedBytes) run.count('stalled writes')
    const told = result.then((handle) => this.committed(handle, ops))
    try {
      return await agent.alive(agent.track(told, 'a stalled write'), 'a stalled write')
    } catch (error) {
      if (error instanceof Ended) throw error
      if (isSlateDBError(error) && error.code === 'SLATEDB_INVALID_SEQUENCE_NUMBER' && seq !== undefined)
        return undefined
      agent.judgeError(error, 'a stalled write')
      throw agent.mayGiveUp(error) ? new GivenUp('write') : new Ended('write')
    }
  }

  /** A write is visible from now on; whether it is history is decided by the next open. */
  committed(handle: WriteHandle, ops: readonly Op[], unmarked?: ReadonlySet<string>): WriteHandle {
    const { agent, run, model } = this
    const seq = Number(handle.seq)
    if (!agent.superseded) {
      const { defaultTtlMillis } = agent.vector.settings
      const plain = ops.map((op) =>
        op.ttl === 'default'
          ? { ...op, ttl: defaultTtlMillis === undefined ? 'none' : { after: defaultTtlMillis } }
          : op,
      ) as Op[]
      try {
        model.commit(plain, handle.seq, handle.createTs)
      } catch (error) {
        run.fail(`${this.name}: ${(error as Error).message}`)
      }
      if (unmarked !== undefined && unmarked.size > 0) run.unmarked.set(seq, unmarked)
    }
    const durable = handle.durable
    agent
      .track(durable, `durability of seq ${seq}`)
      .then(
        () => run.acknowledged(agent, seq, 'durable'),
        (error) => agent.judgeError(error, `durability of seq ${seq}`),
      )
      .catch(() => {})
    return handle
  }

  #send(db: Db, ops: readonly Op[], seq: bigint | undefined): MaybePromise<WriteHandle> {
    const [op] = ops
    if (ops.length === 1 && this.random.chance(0.7)) {
      const key = toBytes(op!.key)
      const value = toBytes(op!.value)
      if (op!.kind === 'delete') return db.delete(key, { seq })
      return op!.kind === 'put'
        ? db.put(key, value, { seq, ttl: op!.ttl })
        : db.merge(key, value, { seq, ttl: op!.ttl })
    }
    const batch = new WriteBatch()
    for (const { kind, key, value, ttl } of ops) {
      if (kind === 'delete') batch.delete(toBytes(key))
      else batch[kind](toBytes(key), toBytes(value), { ttl })
    }
    return db.write(batch, { seq })
  }

  async #step(kind: string): Promise<void> {
    const { agent, random, operations, db, run } = this
    const { settings } = agent.vector
    const now = db.env.clock.now()
    switch (kind) {
      case 'put':
      case 'delete':
      case 'merge': {
        const value = kind === 'delete' ? '' : operations.value()
        await this.write([{ kind, key: operations.key(), value, ttl: operations.ttl(now) }])
        return
      }
      case 'batch':
        await this.write(operations.batch(now, random.int(1, 12)))
        return
      case 'user seq': {
        const lastSeq = db.status.lastSeq
        const seq = lastSeq + BigInt(random.int(1, 9)) - (random.chance(0.2) ? 9n : 0n)
        if (seq > 0n) await this.write(operations.batch(now, 2), seq)
        return
      }
      case 'get':
      case 'scan': {
        const durability = random.chance(0.2) ? 'remote' : 'memory'
        const { lastSeq, durableSeq } = db.status
        const view = { seq: Number(durability === 'remote' ? durableSeq : lastSeq) }
        const options = { durability, cacheBlocks: random.chance(0.5) } as const
        if (kind === 'get') await this.get(db, view, options, `get (${durability})`)
        else
          await this.scan(db, view, operations.bounds(), { ...options, ...this.#scanOptions() }, `scan (${durability})`)
        return
      }
      case 'get many':
        return this.#getMany(db, { seq: Number(db.status.lastSeq) })
      case 'hidden':
        return this.#getHidden({ seq: Number(db.status.lastSeq) })
      case 'snapshot':
        return this.#useSnapshot()
      case 'transaction':
        return runTransaction(this)
      case 'flush wal':
        if (settings.walEnabled) await this.#flush('wal')
        return
      case 'flush memtable':
        return this.#flush('memtable')
      case 'durable': {
        const handle = await this.write([
          { kind: 'put', key: operations.key(), value: operations.value(), ttl: 'none' },
        ])
        if (!settings.walEnabled) await this.#flush('memtable')
        else if (settings.flushInterval === undefined) await this.#flush('wal')
        else if (handle !== undefined) await agent.guarded('durability', () => handle.durable)
        return
      }
      default:
        return agent.alive(run.sim.sleep(random.int(0, 3000)), 'rest')
    }
  }

  async #flush(type: 'wal' | 'memtable'): Promise<void> {
    const { agent, db, run } = this
    const seq = Number(db.status.lastSeq)
    await agent.guarded(`flush('${type}')`, () => agent.track(db.flush(type), `flush('${type}')`))
    run.acknowledged(agent, seq, `flush('${type}')`)
    const { durableSeq } = db.status
    if (!agent.superseded && Number(durableSeq) < seq)
      run.fail(`${this.name}: flush('${type}') returned at durable seq ${durableSeq} < ${seq}`)
    run.count(`flush ${type}`)
  }

  async #getMany(source: Reads, view: View): Promise<void> {
    const keys = Array.from({ length: this.random.int(1, 6) }, () => this.operations.key())
    const values = await this.agent.guarded('get many', () => source.getMany(keys.map(toBytes)))
    await this.run.turn()
    for (const [at, key] of keys.entries()) {
      const value = values[at]
      this.judge('get many', () => this.model.valueComplaint(key, value && toText(value), view))
    }
  }

  /** D4: with `hideExpiredAt` the answer of a plain value is exact. */
  async #getHidden(view: View): Promise<void> {
    const { agent, db, random } = this
    const instant = db.wallNow() + random.pick([0, 0, 1, 1000])
    const key = this.operations.key()
    const value = await agent.guarded('get (hiding)', async () => db.get(toBytes(key), { hideExpiredAt: instant }))
    await this.run.turn()
    this.judge(`get hiding what expires by ${instant}`, () => {
      const hidden = this.model.isHiddenAt(key, view, instant)
      if (hidden === true) return value === undefined ? undefined : `key ${show(key)}: shown although it has expired`
      return this.model.valueComplaint(key, value && toText(value), view)
    })
  }

  async #useSnapshot(): Promise<void> {
    const { random, db } = this
    if (this.#snapshots.length < 3 && random.chance(0.4)) {
      const { lastSeq } = db.status
      const snapshot = db.snapshot()
      if (snapshot.seq !== lastSeq)
        this.run.fail(`${this.name}: snapshot at seq ${snapshot.seq}, last commit ${lastSeq}`)
      this.#snapshots.push(snapshot)
      return
    }
    const snapshot = random.pick([...this.#snapshots, undefined])
    if (snapshot === undefined) return
    this.run.count('snapshot reads')
    const view = { seq: Number(snapshot.seq), expiresAtMs: snapshot.expiresAtMs }
    const what = `snapshot at ${snapshot.seq}`
    if (random.chance(0.2)) {
      snapshot.close()
      this.#snapshots = this.#snapshots.filter((one) => one !== snapshot)
    } else if (random.chance(0.3)) await this.#getMany(snapshot, view)
    else if (random.chance(0.5)) await this.get(snapshot, view, {}, what)
    else await this.scan(snapshot, view, this.operations.bounds(), this.#scanOptions(), what)
  }

  #judgeScan(
    what: string,
    rows: readonly SeenRow[],
    view: View,
    bounds: Bounds,
    descending: boolean,
    upTo: string | undefined,
  ): void {
    const judged =
      upTo === undefined
        ? bounds
        : descending
          ? { ...bounds, from: upTo, fromInclusive: true }
          : { ...bounds, to: upTo, toInclusive: true }
    if (rows.length === 0 && upTo === undefined && isBackwards(bounds)) return
    this.judge(what, () => this.model.scanComplaint(rows, view, judged, descending))
  }

  #scanOptions(): ScanOptions {
    const { random } = this
    return {
      descending: random.chance(0.4),
      readAheadBytes: random.pick([undefined, 1, 5000, 100_000]),
      maxFetchTasks: random.pick([undefined, 1, 4]),
    }
  }

  #kind(): string {
    let at = this.random.float() * KINDS.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [kind, weight] of KINDS) if ((at -= weight) < 0) return kind
    return 'rest'
  }
}

const isBackwards = ({ from, to }: Bounds): boolean => from !== undefined && to !== undefined && from > to
