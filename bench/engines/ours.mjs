// slatedb-ts behind the benchmark's small interface: the public SlateDB, every call awaited.

import { SlateDB } from '../../dist/index.js'
import { MemoryStore } from '../../dist/objects/memory-store.js'

export const name = 'slatedb-ts'

const MEMORY = { durability: 'memory' }

/** A store that several opens share. */
export const newStore = () => new MemoryStore()

export async function open(options = {}) {
  const { store = newStore(), settings = {}, mergeOperator } = options
  const db = await SlateDB.open({ store, path: 'bench' }, { settings, ...(mergeOperator ? { mergeOperator } : {}) })
  return new Ours(db)
}

class Ours {
  constructor(db) {
    this.db = db
  }

  put(key, value) {
    return this.db.put(key, value, MEMORY)
  }

  putDurable(key, value) {
    return this.db.put(key, value)
  }

  get(key) {
    return this.db.get(key)
  }

  merge(key, operand) {
    return this.db.merge(key, operand, MEMORY)
  }

  async writeRows(keys, values, start, end) {
    const batch = this.db.batch()
    for (let i = start; i < end; i++) batch.put(keys(i), values(i))
    await batch.write(MEMORY)
  }

  async scan(options, limit = Number.POSITIVE_INFINITY) {
    let rows = 0
    const { from, to, reverse = false } = options
    const range = { ...(from && { gte: from }), ...(to && { lte: to }), reverse }
    for await (const _row of this.db.scan(limit === Number.POSITIVE_INFINITY ? range : { ...range, limit })) rows++
    return rows
  }

  async transaction(isolation, reads, writes, value) {
    const tx = await this.db.begin({ isolation })
    for (const key of reads) await tx.get(key)
    for (const key of writes) await tx.put(key, value)
    await tx.commit(MEMORY)
  }

  flushMemtable() {
    return this.db.flush('memtable')
  }

  flushWal() {
    return this.db.flush('wal')
  }

  close() {
    return this.db.close()
  }
}
