// The eight read functions that every handle of the binding has, over any source of the engine.

import type { KeyRange as EngineRange } from '../bytes/range.ts'
import { prefixRange } from '../bytes/range.ts'
import type { Scan } from '../db/scan.ts'
import type { KeyValue as EngineKeyValue } from '../read/key-value.ts'
import type * as read from '../read/options.ts'
import { run } from './errors.ts'
import { DbIterator } from './iterator.ts'
import { UniffiObjectBase } from './object.ts'
import {
  copied,
  fromRow,
  type KeyRange,
  type KeyValue,
  type ReadOptions,
  type ScanOptions,
  toBytes,
  toKey,
  toRange,
  toReadOptions,
  toScanOptions,
} from './records.ts'

type MaybePromise<T> = T | Promise<T>

export interface ReadSource {
  get(key: Uint8Array, options?: read.ReadOptions): MaybePromise<Uint8Array | undefined>
  getRow(key: Uint8Array, options?: read.ReadOptions): MaybePromise<EngineKeyValue | undefined>
  scan(range: EngineRange, options?: read.ScanOptions): Scan
}

export abstract class ReadSurface extends UniffiObjectBase {
  readonly #source: ReadSource

  constructor(typeName: string, source: ReadSource) {
    super(typeName)
    this.#source = source
  }

  /** Reads the current value of `key`. */
  get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#get(key, undefined)
  }

  async get_with_options(key: Uint8Array, options: ReadOptions): Promise<Uint8Array | undefined> {
    return this.#get(key, toReadOptions(options))
  }

  /** Reads the current row of `key`, with its metadata. */
  get_key_value(key: Uint8Array): Promise<KeyValue | undefined> {
    return this.#getRow(key, undefined)
  }

  async get_key_value_with_options(key: Uint8Array, options: ReadOptions): Promise<KeyValue | undefined> {
    return this.#getRow(key, toReadOptions(options))
  }

  /** Scans the rows of `range`. */
  async scan(range: KeyRange): Promise<DbIterator> {
    return this.#scan(toRange(range), {})
  }

  async scan_with_options(range: KeyRange, options: ScanOptions): Promise<DbIterator> {
    return this.#scan(toRange(range), toScanOptions(options))
  }

  /** Scans the rows whose keys start with `prefix`. */
  async scan_prefix(prefix: Uint8Array): Promise<DbIterator> {
    return this.#scanPrefix(prefix, {})
  }

  async scan_prefix_with_options(prefix: Uint8Array, options: ScanOptions): Promise<DbIterator> {
    return this.#scanPrefix(prefix, toScanOptions(options))
  }

  /** Refuses a handle that must not be used any more. */
  protected check(): void {
    this.alive()
  }

  async #get(key: Uint8Array, options: read.ReadOptions | undefined): Promise<Uint8Array | undefined> {
    this.check()
    const bytes = toKey(key)
    return run(() => this.#source.get(bytes, options))
  }

  async #getRow(key: Uint8Array, options: read.ReadOptions | undefined): Promise<KeyValue | undefined> {
    this.check()
    const bytes = toKey(key)
    const row = await run(() => this.#source.getRow(bytes, options))
    return row && fromRow(row)
  }

  #scanPrefix(prefix: Uint8Array, options: read.ScanOptions): Promise<DbIterator> {
    const bytes = copied(toBytes(prefix))
    return this.#scan(prefixRange(bytes), bytes.length === 0 ? options : { ...options, prefix: bytes })
  }

  #scan(range: EngineRange, options: read.ScanOptions): Promise<DbIterator> {
    this.check()
    return run(() => new DbIterator(this.#source.scan(range, options)))
  }
}
