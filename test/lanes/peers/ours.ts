// Our engine as a side of these tests.

import { decodeUtf8 } from '../../../src/bytes/text.ts'
import type { Db } from '../../../src/db/db.ts'
import { openDb } from '../../../src/db/open.ts'
import { type DbReader, openReader } from '../../../src/db/reader.ts'
import { type FormatGeneration, parseSettings } from '../../../src/db/settings.ts'
import { openFolderStore } from '../../../src/node/folder-store.ts'
import { WriteBatch } from '../../../src/write/batch.ts'
import type { WriteHandle } from '../../../src/write/handle.ts'
import { append } from '../../model/append.ts'
import { toBytes } from '../../model/bytes.ts'
import { type Bounds, type Op, type SeenRow, seenRow } from '../../model/model.ts'
import { rangeOf } from '../../model/ranges.ts'
import type { Got, OpenSide, Side, Written } from './side.ts'

export class Ours implements Side {
  readonly name = 'ours'
  readonly isOriginal = false
  readonly #generation: FormatGeneration | undefined
  #writer: Db | undefined
  #reader: DbReader | undefined

  /** Without a generation it follows what the database shows. */
  constructor(generation?: FormatGeneration) {
    this.#generation = generation
  }

  async open({ root, path, settings, blockSize }: OpenSide): Promise<void> {
    this.#writer = await openDb({
      store: await openFolderStore(root, { sync: 'none' }),
      path,
      blockSize,
      mergeOperator: append,
      settings: parseSettings({ ...settings, ...(this.#generation && { format_generation: this.#generation }) }),
    })
  }

  async openReader({ root, path }: Pick<OpenSide, 'root' | 'path'>): Promise<void> {
    const store = await openFolderStore(root, { sync: 'none' })
    this.#reader = await openReader({ store, path, mergeOperator: append, pollIntervalMs: 100 })
  }

  /** The engine's handle, for what only our tests ask. */
  get db(): Db {
    return this.#writer!
  }

  get reader(): DbReader {
    return this.#reader!
  }

  async write(batches: readonly (readonly Op[])[], durable: boolean): Promise<Written[]> {
    const written: Written[] = []
    for (const ops of batches) {
      const handle = await this.#write(ops)
      if (durable) await handle.durable
      // Whoever does not wait learns of a failure by the next call.
      else handle.durable.catch(() => {})
      written.push({ seq: Number(handle.seq), createTs: handle.createTs })
    }
    return written
  }

  async flush(type: 'wal' | 'memtable'): Promise<void> {
    await this.db.flush(type)
  }

  async get(keys: readonly string[]): Promise<Got[]> {
    const rows: Got[] = []
    for (const key of keys) {
      const row = await this.#handle.getRow(toBytes(key))
      const value = await this.#handle.get(toBytes(key))
      if ((value === undefined) !== (row === undefined))
        throw new Error(`get and getRow disagree: ${decodeUtf8(toBytes(key))}`)
      rows.push(row === undefined ? undefined : seenRow(row))
    }
    return rows
  }

  async scan(bounds: Bounds, descending: boolean): Promise<SeenRow[]> {
    const rows: SeenRow[] = []
    const scan = this.#handle.scan(rangeOf(bounds), { descending })
    for (let row = await scan.next(); row !== undefined; row = await scan.next()) rows.push(seenRow(row))
    return rows
  }

  async close(): Promise<void> {
    const handle = this.#handle
    this.#writer = undefined
    this.#reader = undefined
    await handle.close()
  }

  get #handle(): Db | DbReader {
    return (this.#writer ?? this.#reader)!
  }

  async #write(ops: readonly Op[]): Promise<WriteHandle> {
    const { db } = this
    const [first] = ops
    if (ops.length === 1 && first !== undefined) {
      const [key, value] = [toBytes(first.key), toBytes(first.value)]
      if (first.kind === 'delete') return db.delete(key)
      return first.kind === 'put' ? db.put(key, value, { ttl: first.ttl }) : db.merge(key, value, { ttl: first.ttl })
    }
    const batch = new WriteBatch()
    for (const { kind, key, value, ttl } of ops) {
      if (kind === 'delete') batch.delete(toBytes(key))
      else if (kind === 'put') batch.put(toBytes(key), toBytes(value), { ttl })
      else batch.merge(toBytes(key), toBytes(value), { ttl })
    }
    return db.write(batch)
  }
}
