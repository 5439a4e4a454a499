// The canonical workload whose every store call is a crash point: open, write, flush the log, flush the memtable, close,
// open again, write, crash or close. One client, no randomness: a run without a crash makes the same calls every time.

import type { Db } from '../../src/db/db.ts'
import { openDb } from '../../src/db/open.ts'
import { parseSettings } from '../../src/db/settings.ts'
import type { SimProcess } from '../../src/sim/process.ts'
import type { Sim } from '../../src/sim/simulate.ts'
import type { SimStore } from '../../src/sim/store.ts'
import { WriteBatch } from '../../src/write/batch.ts'
import { scanAll } from '../compat/read-all.ts'
import { append } from '../model/append.ts'
import { toBytes } from '../model/bytes.ts'
import { Model, type Op } from '../model/model.ts'

export interface Variant {
  readonly name: string
  readonly walEnabled: boolean
  readonly generation: '0.12' | '0.15'
}

export const VARIANTS: readonly Variant[] = [
  { name: 'with a WAL', walEnabled: true, generation: '0.15' },
  { name: 'with a WAL, generation 0.12', walEnabled: true, generation: '0.12' },
  { name: 'without a WAL', walEnabled: false, generation: '0.15' },
]

const put = (key: string, value: string): Op => ({ kind: 'put', key, value, ttl: 'none' })
const del = (key: string): Op => ({ kind: 'delete', key, value: '', ttl: 'none' })
const merge = (key: string, value: string): Op => ({ kind: 'merge', key, value, ttl: 'none' })

export class Workload {
  readonly sim: Sim
  readonly variant: Variant
  readonly model = new Model()
  /** Everything up to here was reported durable. */
  watermark = 0

  constructor(sim: Sim, variant: Variant) {
    this.sim = sim
    this.variant = variant
  }

  open(process: SimProcess, store: SimStore): Promise<Db> {
    const { walEnabled, generation } = this.variant
    const settings = parseSettings({
      walEnabled,
      formatGeneration: generation,
      flushInterval: null,
      l0SstSizeBytes: 700,
      maxUnflushedBytes: 7000,
      minFilterKeys: 1,
      // Nothing compacts here: at the default of 8 tables flushes would wait for ever.
      l0MaxSsts: 1000,
      l0MaxSstsPerKey: 1000,
      manifestPollInterval: 60_000,
      compactorOptions: null,
      garbageCollectorOptions: null,
    })
    return openDb({ store, path: 'db', env: process.env, settings, mergeOperator: append })
  }

  /** Runs to its end, or for ever when the process dies on the way. */
  async run(process: SimProcess, store: SimStore): Promise<void> {
    let db = await this.open(process, store)
    this.#write(db, [put('a', 'a1')])
    this.#write(db, [put('b', 'b1'), put('c', 'c1'), merge('m', '1')])
    await this.#flush(db, 'wal')
    this.#write(db, [del('a'), merge('m', '2')])
    this.#write(db, [put('large', 'x'.repeat(900))])
    await this.#flush(db, 'wal')
    this.#write(db, [put('b', 'b2')])
    await this.#flush(db, 'memtable')
    this.#write(db, [put('a', 'a2'), del('c')])
    await this.#flush(db, 'wal')
    this.#write(db, [merge('m', '3')])
    await db.close()
    this.watermark = this.model.lastSeq

    db = await this.open(process, store)
    this.#write(db, [put('d', 'd1'), del('b')])
    await this.#flush(db, 'wal')
    this.#write(db, [merge('m', '4')])
    await this.#flush(db, 'memtable')
    this.#write(db, [put('e', 'e1')])
    await this.#flush(db, 'wal')
    await db.close({ flush: false })
  }

  /** Opens in a new process and holds the state against the model; returns what is wrong. */
  async verify(name: string): Promise<string | undefined> {
    const process = this.sim.process(name)
    const db = await this.open(process, process.store({ latencyMs: [1, 1] }))
    const seq = Number(db.status.lastSeq)
    if (seq < this.watermark) return `acknowledged up to seq ${this.watermark}, there after the crash: up to ${seq}`
    if (seq > 0 && !this.model.has(seq)) return `seq ${seq} was never committed`
    const complaint =
      this.model.scanComplaint(await scanAll(db), { seq }) ??
      this.model.scanComplaint(await scanAll(db, undefined, { descending: true }), { seq }, {}, true)
    if (complaint !== undefined) return complaint
    // What was recovered stays, also through the next open, and new writes follow it.
    this.model.truncate(seq)
    this.#write(db, [put('after', name)])
    await db.close()
    const again = await this.open(process, process.store({ latencyMs: [1, 1] }))
    const rows = await scanAll(again)
    await again.close()
    return this.model.scanComplaint(rows, { seq: this.model.lastSeq })
  }

  #write(db: Db, ops: readonly Op[]): void {
    const batch = new WriteBatch()
    for (const { kind, key, value } of ops) {
      if (kind === 'delete') batch.delete(toBytes(key))
      else batch[kind](toBytes(key), toBytes(value))
    }
    const handle = db.write(batch)
    if (handle instanceof Promise) throw new Error('the workload must not stall')
    this.model.commit(ops, handle.seq, handle.createTs)
    handle.durable.then(
      () => {
        this.watermark = Math.max(this.watermark, Number(handle.seq))
      },
      () => {},
    )
  }

  async #flush(db: Db, type: 'wal' | 'memtable'): Promise<void> {
    const seq = this.model.lastSeq
    await db.flush(this.variant.walEnabled ? type : 'memtable')
    this.watermark = Math.max(this.watermark, seq)
  }
}
