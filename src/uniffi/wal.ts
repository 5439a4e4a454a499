// Reading WAL files as objects, row by row, as they were logged.

import { toBigInt } from '../bytes/u64.ts'
import { MERGE, NO_TS, type Row, TOMBSTONE } from '../cursor/row.ts'
import { systemClock } from '../env/system.ts'
import { Turns } from '../env/turns.ts'
import { Paths } from '../format/paths.ts'
import type { ObjectStore as EngineStore } from '../objects/store.ts'
import { replayWal } from '../wal/replay.ts'
import type { Integer, RowEntryKind } from './enums.ts'
import { ErrorData, run } from './errors.ts'
import { checkObject, UniffiObjectBase } from './object.ts'
import type { ObjectStore } from './object-store.ts'
import { copied, toNumber, toText, toU64 } from './records.ts'

export interface RowEntry {
  kind: RowEntryKind
  key: Uint8Array
  value: Uint8Array | undefined
  seq: Integer
  create_ts: Integer | undefined
  expire_ts: Integer | undefined
}

export interface WalFileMetadata {
  last_modified_seconds: Integer
  last_modified_nanos: number
  size_bytes: Integer
  location: string
}

/** WAL files of the database `path` in a store. */
export class WalReader extends UniffiObjectBase {
  readonly #where: Where

  constructor(path: string, object_store: ObjectStore) {
    super('WalReader')
    this.#where = new Where(path, object_store)
  }

  /** The file with this id, whether or not it exists. */
  get(id: Integer): WalFile {
    this.alive()
    return new WalFile(this.#where, toU64(id))
  }

  /** Existing files, ids ascending; `start_id` is included, `end_id` is not. */
  async list(start_id: Integer | undefined, end_id: Integer | undefined): Promise<WalFile[]> {
    this.alive()
    const start = start_id == null ? 0 : toNumber(start_id)
    const end = end_id == null ? Number.POSITIVE_INFINITY : toNumber(end_id)
    return run(async () => {
      const { store, paths } = await this.#where.open()
      const objects = await store.list(paths.wals, start > 0 ? { startAfter: paths.wal(start - 1) } : {})
      const ids = objects.map(({ path }) => paths.parseWal(path)).filter((id) => id !== undefined)
      return ids.filter((id) => id >= start && id < end).map((id) => new WalFile(this.#where, BigInt(id)))
    })
  }
}

/** One WAL file, whether or not it exists. */
export class WalFile extends UniffiObjectBase {
  readonly #where: Where
  readonly #id: bigint

  /** @internal */
  constructor(where: Where, id: bigint) {
    super('WalFile')
    this.#where = where
    this.#id = id
  }

  id(): bigint | number {
    this.alive()
    return this.#id
  }

  next_id(): bigint | number {
    this.alive()
    return this.#next
  }

  next_file(): WalFile {
    this.alive()
    return new WalFile(this.#where, this.#next)
  }

  async metadata(): Promise<WalFileMetadata> {
    this.alive()
    return run(async () => {
      const { store, paths } = await this.#where.open()
      const { size, lastModified, path } = await store.head(paths.wal(this.#number))
      return {
        last_modified_seconds: BigInt(Math.floor(lastModified / 1000)),
        last_modified_nanos: Math.round((lastModified % 1000) * 1_000_000),
        size_bytes: BigInt(size),
        location: path,
      }
    })
  }

  /** The one after the last is the first again, as the original counts. */
  get #next(): bigint {
    return BigInt.asUintN(64, this.#id + 1n)
  }

  /** No log comes near the ids that a number does not hold, so there is none of those files. */
  get #number(): number {
    const number = Number(this.#id)
    if (Number.isSafeInteger(number)) return number
    throw new ErrorData(`Data error: object store error: not found (WAL file ${this.#id})`)
  }

  /** Reads the file, and iterates over its rows in the order they were logged. */
  async iterator(): Promise<WalFileIterator> {
    this.alive()
    return run(async () => {
      const { store, paths } = await this.#where.open()
      // A missing file is the store's NotFound here; replay would take it for a hole in the log.
      const { size } = await store.head(paths.wal(this.#number))
      const rows: RowEntry[] = []
      await replayWal({
        store,
        paths,
        from: this.#number,
        to: this.#number,
        sizes: new Map([[this.#number, size]]),
        transformer: undefined,
        ahead: 1,
        aheadBytes: 0,
        turns: new Turns(systemClock),
        onRow: (row) => rows.push(toEntry(row)),
        onFile: () => {},
      })
      return new WalFileIterator(rows)
    })
  }
}

/** The rows of one WAL file. */
export class WalFileIterator extends UniffiObjectBase {
  readonly #rows: readonly RowEntry[]
  #at = 0

  /** @internal */
  constructor(rows: readonly RowEntry[]) {
    super('WalFileIterator')
    this.#rows = rows
  }

  /** The next row, `undefined` at the end. */
  async next(): Promise<RowEntry | undefined> {
    this.alive()
    return this.#rows[this.#at++]
  }
}

class Where {
  readonly #path: string
  readonly #store: ObjectStore

  constructor(path: string, store: ObjectStore) {
    checkObject('ObjectStore', store)
    this.#path = toText(path)
    this.#store = store
  }

  async open(): Promise<{ store: EngineStore; paths: Paths }> {
    const { store, path } = await this.#store.at(this.#path)
    return { store, paths: new Paths(path) }
  }
}

function toEntry(row: Row): RowEntry {
  const { kind } = row
  return {
    kind: kind === TOMBSTONE ? 'Tombstone' : kind === MERGE ? 'Merge' : 'Value',
    key: copied(row.key.subarray(row.keyStart, row.keyEnd)),
    value: kind === TOMBSTONE ? undefined : copied(row.value.subarray(row.valueStart, row.valueEnd)),
    seq: toBigInt(row.seqHi, row.seqLo),
    create_ts: row.createTs === NO_TS ? undefined : BigInt(row.createTs),
    expire_ts: row.expireTs === NO_TS ? undefined : BigInt(row.expireTs),
  }
}
