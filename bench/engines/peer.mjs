// The original engine, Rust behind its official Node binding, behind the same interface: every call awaited.

import {
  DbBuilder,
  DurabilityLevel,
  FlushType,
  IsolationLevel,
  IterationOrder,
  ObjectStore,
  Settings,
  Ttl,
  WriteBatch,
} from '@slatedb/uniffi'

export const name = '@slatedb/uniffi'

const PUT = { ttl: Ttl.Default() }
const MEMORY = { await_durable: false }
const DURABLE = { await_durable: true }
const EVERYTHING = { start: undefined, start_inclusive: false, end: undefined, end_inclusive: false }
const ISOLATION = { snapshot: IsolationLevel.Snapshot, serializable: IsolationLevel.SerializableSnapshot }

export const newStore = () => ObjectStore.resolve('memory:///')

export async function open(options = {}) {
  const { store = newStore(), settings = {}, mergeOperator } = options
  const builder = new DbBuilder('bench', store)
  const configured = Settings.default()
  for (const [key, value] of Object.entries(settings)) configured.set(snake(key), JSON.stringify(value))
  builder.with_settings(configured)
  if (mergeOperator) builder.with_merge_operator({ merge: mergeOperator })
  return new Peer(await builder.build())
}

class Peer {
  constructor(db) {
    this.db = db
  }

  put(key, value) {
    return this.db.put_with_options(key, value, PUT, MEMORY)
  }

  putDurable(key, value) {
    return this.db.put_with_options(key, value, PUT, DURABLE)
  }

  get(key) {
    return this.db.get(key)
  }

  merge(key, operand) {
    return this.db.merge_with_options(key, operand, PUT, MEMORY)
  }

  async writeRows(keys, values, start, end) {
    const batch = new WriteBatch()
    for (let i = start; i < end; i++) batch.put(keys(i), values(i))
    await this.db.write_with_options(batch, MEMORY)
  }

  async scan(options, limit = Number.POSITIVE_INFINITY) {
    const range = {
      ...EVERYTHING,
      ...(options.from && { start: options.from, start_inclusive: true }),
      ...(options.to && { end: options.to, end_inclusive: true }),
    }
    const iterator = await this.db.scan_with_options(range, {
      durability_filter: DurabilityLevel.Memory,
      dirty: false,
      read_ahead_bytes: 1,
      cache_blocks: false,
      max_fetch_tasks: 1,
      order: options.reverse ? IterationOrder.Descending : IterationOrder.Ascending,
    })
    let rows = 0
    while (rows < limit && (await iterator.next()) !== undefined) rows++
    iterator.dispose()
    return rows
  }

  async transaction(isolation, reads, writes, value) {
    const tx = await this.db.begin(ISOLATION[isolation])
    for (const key of reads) await tx.get(key)
    for (const key of writes) await tx.put(key, value)
    await tx.commit_with_options(MEMORY)
    tx.dispose()
  }

  flushMemtable() {
    return this.db.flush_with_options({ flush_type: FlushType.MemTable })
  }

  flushWal() {
    return this.db.flush_with_options({ flush_type: FlushType.Wal })
  }

  close() {
    return this.db.shutdown()
  }
}

function snake(key) {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
