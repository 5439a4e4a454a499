// The read half that all handles share: point reads and scans in the caller's encodings, over any Source.

import { concatBytes } from '../bytes/compare.ts'
import { decodeUtf8, encodeUtf8 } from '../bytes/text.ts'
import { checkOptions } from '../checks.ts'
import { checkKeys } from '../db/call-options.ts'
import { invalid, type SlateDBError, show } from '../errors.ts'
import type { KeyValue } from '../read/key-value.ts'
import { CheckedReads, type ReadOptions } from '../read/options.ts'
import { Shown } from '../shown.ts'
import { CALLS } from './call-options.ts'
import { type Codec, codecOf, type EncodingOption, type Input } from './encoding.ts'
import { type ByteScan, type ScanRange, toByteScan } from './range.ts'
import { ScanResult } from './scan-result.ts'
import {
  decodeRow,
  type EncodingOptions,
  type GetOptions,
  type KeyOf,
  type MaybeEncoding,
  type Row,
  type ScanOptions,
  type Source,
  type ValueOf,
} from './source.ts'

/** How a handle turns keys and values into bytes, and whether it shows expired rows. */
export interface HandleOptions {
  readonly keyEncoding: EncodingOption
  readonly valueEncoding: EncodingOption
  readonly hideExpired: boolean
  /** Where the database is, as the caller said it, without secrets. */
  readonly location?: string | undefined
  /** What all keys of this handle begin with in the database; callers never see it. */
  readonly prefix?: Uint8Array | undefined
}

const NO_OPTIONS: GetOptions<MaybeEncoding, MaybeEncoding> = {}
const COUNT_BATCH = 1024

export abstract class ReadHandle<K, V> extends Shown {
  /** From and to keys of the database, with the handle's prefix. */
  protected readonly keys: Codec
  protected readonly values: Codec
  protected readonly handle: HandleOptions
  readonly #source: Source
  #plainReads = new CheckedReads(undefined, undefined)

  constructor(source: Source, handle: HandleOptions) {
    super()
    this.#source = source
    this.handle = handle
    this.keys = this.codecOfKeys(handle.keyEncoding)
    this.values = codecOf(handle.valueEncoding, 'value')
  }

  /** Where the handle reads: the location, and the names of the part behind it. */
  protected where(): object {
    const { location, prefix } = this.handle
    return { ...(location !== undefined && { location }), ...(prefix !== undefined && { part: decodeUtf8(prefix) }) }
  }

  /** The instant at which expiry is judged for a read that begins now (D4, TM-6). */
  protected abstract now(): number

  /**
   * The value of `key`; `undefined` when there is none. The bytes returned belong to the caller, who may change them and
   * name them in a transfer list. On Node before version 24 one exception: values of 65 to 1024 bytes share memory, as
   * small Buffers do there, and a byte stream takes all of it; enqueue a copy.
   * @throws Invalid for an empty key, Closed, Unavailable, Data; the signal's reason.
   */
  async get<KE extends MaybeEncoding = undefined, VE extends MaybeEncoding = undefined>(
    key: Input<KeyOf<KE, K>>,
    options: GetOptions<KE, VE> = NO_OPTIONS as GetOptions<KE, VE>,
  ): Promise<ValueOf<VE, V> | undefined> {
    if (options !== NO_OPTIONS) checkOptions(CALLS.get, options)
    const codec = this.#valueCodec(options)
    const found = this.#source.get(this.encodeKey(key, options.keyEncoding), this.#readOptions(options))
    const bytes = found instanceof Promise ? await found : found
    return bytes === undefined ? undefined : (codec.decode(bytes) as ValueOf<VE, V>)
  }

  /** Like `get`, with the sequence number and timestamps of the write. */
  async getRow<KE extends MaybeEncoding = undefined, VE extends MaybeEncoding = undefined>(
    key: Input<KeyOf<KE, K>>,
    options: GetOptions<KE, VE> = NO_OPTIONS as GetOptions<KE, VE>,
  ): Promise<Row<KeyOf<KE, K>, ValueOf<VE, V>> | undefined> {
    if (options !== NO_OPTIONS) checkOptions(CALLS.getRow, options)
    const [keys, values] = [this.codecOfKeys(options.keyEncoding), this.#valueCodec(options)]
    const found = this.#source.getRow(this.encodeKey(key, options.keyEncoding), this.#readOptions(options))
    const row = found instanceof Promise ? await found : found
    if (row === undefined) return undefined
    return decodeRow(row, keys, values) as Row<KeyOf<KE, K>, ValueOf<VE, V>>
  }

  /** The values of all `keys` in their order, as of one moment; fetches run side by side. */
  async getMany<KE extends MaybeEncoding = undefined, VE extends MaybeEncoding = undefined>(
    keys: readonly Input<KeyOf<KE, K>>[],
    options: GetOptions<KE, VE> = NO_OPTIONS as GetOptions<KE, VE>,
  ): Promise<(ValueOf<VE, V> | undefined)[]> {
    checkKeys('getMany', keys)
    if (options !== NO_OPTIONS) checkOptions(CALLS.getMany, options)
    const codec = this.#valueCodec(options)
    const bytes = keys.map((key) => this.encodeKey(key, options.keyEncoding))
    const found = await this.#source.getMany(bytes, this.#readOptions(options))
    return found.map((value) => (value === undefined ? undefined : (codec.decode(value) as ValueOf<VE, V>)))
  }

  /** True when `key` has a value. */
  async has<KE extends MaybeEncoding = undefined>(
    key: Input<KeyOf<KE, K>>,
    options: GetOptions<KE> = NO_OPTIONS as GetOptions<KE>,
  ): Promise<boolean> {
    if (options !== NO_OPTIONS) checkOptions(CALLS.has, options)
    const found = this.#source.get(this.encodeKey(key, options.keyEncoding), this.#readOptions(options))
    return (found instanceof Promise ? await found : found) !== undefined
  }

  /**
   * Rows of `range` in key order, as they are at this moment: later writes do not show. Iterate it with `for await`
   * (leaving the loop closes it), or take rows with `next`, `nextBatch`, `toArray`.
   */
  scan<KE extends MaybeEncoding = undefined, VE extends MaybeEncoding = undefined>(
    range?: ScanRange<KeyOf<KE, K>>,
    options: ScanOptions<KE, VE> = NO_OPTIONS as ScanOptions<KE, VE>,
  ): ScanResult<KeyOf<KE, K>, ValueOf<VE, V>> {
    if (options !== NO_OPTIONS) checkOptions(CALLS.scan, options)
    const keys = this.codecOfKeys(options.keyEncoding)
    const bytes = this.byteScan(range as ScanRange<unknown> | undefined, options.keyEncoding)
    return new ScanResult<KeyOf<KE, K>, ValueOf<VE, V>>(this.#open(bytes, options), {
      keys,
      values: this.#valueCodec(options),
      bytes,
      signal: options.signal,
    })
  }

  /** How many rows `range` has. Reads them all. */
  async count<KE extends MaybeEncoding = undefined>(
    range?: ScanRange<KeyOf<KE, K>>,
    options: ScanOptions<KE> = NO_OPTIONS as ScanOptions<KE>,
  ): Promise<number> {
    if (options !== NO_OPTIONS) checkOptions(CALLS.count, options)
    const bytes = this.byteScan(range as ScanRange<unknown> | undefined, options.keyEncoding)
    let count = 0
    for await (const batch of this.rawBatches(bytes, options)) count += batch.length
    return count
  }

  /** Rows as the engine has them, a batch at a time; respects the limit. */
  protected async *rawBatches(
    bytes: ByteScan,
    options: ScanOptions<MaybeEncoding, MaybeEncoding>,
  ): AsyncGenerator<KeyValue[], void> {
    const scan = this.#open(bytes, options)
    try {
      for (let left = bytes.limit; left > 0; ) {
        const batch = await scan.nextBatch(Math.min(COUNT_BATCH, left))
        if (batch.length === 0) return
        left -= batch.length
        yield batch
      }
    } finally {
      scan.close()
    }
  }

  /** A key of this handle, or of this call, as bytes of the database. */
  protected encodeKey(key: unknown, encoding: MaybeEncoding): Uint8Array {
    const bytes = (encoding === undefined ? this.keys : this.codecOfKeys(encoding)).encode(key)
    if (bytes.length === (this.handle.prefix?.length ?? 0)) throw emptyKey()
    return bytes
  }

  protected codecOfKeys(encoding: MaybeEncoding): Codec {
    if (encoding === undefined) return this.keys
    const codec = codecOf(encoding, 'key')
    const { prefix } = this.handle
    return prefix === undefined ? codec : behind(prefix, codec)
  }

  protected byteScan(range: ScanRange<unknown> | undefined, encoding: MaybeEncoding): ByteScan {
    return toByteScan(range, codecOf(encoding ?? this.handle.keyEncoding, 'key'), this.handle.prefix)
  }

  /** The options of a handle on the part `name` of this one. */
  protected partOptions(name: string, options: EncodingOptions<MaybeEncoding, MaybeEncoding>): HandleOptions {
    checkOptions(CALLS.sub, options)
    return {
      ...this.handle,
      keyEncoding: options.keyEncoding ?? this.handle.keyEncoding,
      valueEncoding: options.valueEncoding ?? this.handle.valueEncoding,
      prefix: partPrefix(name, this.handle.prefix),
    }
  }

  protected encodeValue(value: unknown, encoding: MaybeEncoding): Uint8Array {
    return encoding === undefined ? this.values.encode(value) : codecOf(encoding, 'value').encode(value)
  }

  #open(bytes: ByteScan, options: ScanOptions<MaybeEncoding, MaybeEncoding>) {
    return this.#source.scan(bytes.range, {
      ...this.#readOptions(options),
      descending: bytes.descending,
      prefix: bytes.prefix,
      readAheadBytes: options.readAheadBytes,
      maxFetchTasks: options.maxFetchTasks,
    })
  }

  #readOptions(options: GetOptions<MaybeEncoding, MaybeEncoding>): ReadOptions {
    const hideExpiredAt = (options.hideExpired ?? this.handle.hideExpired) ? this.now() : undefined
    if (options !== NO_OPTIONS) return new CheckedReads(hideExpiredAt, options)
    // Reads of the same millisecond say the same.
    if (this.#plainReads.hideExpiredAt !== hideExpiredAt) this.#plainReads = new CheckedReads(hideExpiredAt, undefined)
    return this.#plainReads
  }

  #valueCodec(options: GetOptions<MaybeEncoding, MaybeEncoding>): Codec {
    return options.valueEncoding === undefined ? this.values : codecOf(options.valueEncoding, 'value')
  }
}

/** `!name!`, as Level's sublevels have it: no name is the beginning of another. */
function partPrefix(name: string, parent: Uint8Array | undefined): Uint8Array {
  if (typeof name !== 'string' || name === '' || name.includes('!')) {
    throw invalid('INVALID_NAME', `the name of a part is a text without "!", not ${show(name)}`)
  }
  // It would be written as U+FFFD, and several names would become one.
  if (/\p{Surrogate}/u.test(name)) {
    throw invalid('INVALID_NAME', `the name ${show(name)} has a lone surrogate, which UTF-8 cannot hold`)
  }
  const own = encodeUtf8(`!${name}!`)
  return parent === undefined ? own : concatBytes([parent, own])
}

/** Keys of a part: the codec's bytes behind the prefix. */
function behind(prefix: Uint8Array, codec: Codec): Codec {
  return {
    name: codec.name,
    encode: (value) => concatBytes([prefix, codec.encode(value)]),
    decode: (bytes) => codec.decode(bytes.subarray(prefix.length)),
  }
}

function emptyKey(): SlateDBError {
  return invalid('EMPTY_KEY', 'keys have at least one byte; this one is empty')
}
