// The option and result records of the official binding, and what the engine makes of them. As there, every field of an
// option record is required, and a value of the wrong type is a TypeError.

import { compareBytes } from '../bytes/compare.ts'
import type { KeyRange as EngineRange } from '../bytes/range.ts'
import type { KeyValue as EngineKeyValue } from '../read/key-value.ts'
import type * as read from '../read/options.ts'
import type { WriteHandle as EngineHandle } from '../write/handle.ts'
import type * as write from '../write/options.ts'
import { checkEnum, DurabilityLevel, FlushType, type Integer, IterationOrder, type Ttl } from './enums.ts'
import { ErrorInvalid } from './errors.ts'
import { ConverterRangeError, UnexpectedEnumCase } from './runtime-errors.ts'

export interface FlushOptions {
  flush_type: FlushType
}
export interface MergeOptions {
  ttl: Ttl
}
export interface PutOptions {
  ttl: Ttl
}
export interface ReadOptions {
  durability_filter: DurabilityLevel
  dirty: boolean
  cache_blocks: boolean
}
export interface ReaderOptions {
  manifest_poll_interval_ms: Integer
  checkpoint_lifetime_ms: Integer
  max_memtable_bytes: Integer
  skip_wal_replay: boolean
}
export interface ScanOptions {
  durability_filter: DurabilityLevel
  dirty: boolean
  read_ahead_bytes: Integer
  cache_blocks: boolean
  max_fetch_tasks: Integer
  order: IterationOrder | undefined
}
export interface WriteOptions {
  /** Wait until the write is durable. */
  await_durable: boolean
}
export interface KeyRange {
  start: Uint8Array | undefined
  start_inclusive: boolean
  end: Uint8Array | undefined
  end_inclusive: boolean
}
export interface KeyValue {
  key: Uint8Array
  value: Uint8Array
  seq: Integer
  create_ts: Integer
  expire_ts: Integer | undefined
}
export interface WriteHandle {
  seqnum: Integer
  create_ts: Integer
}

/** Bytes as the binding takes them: buffers, views, plain arrays of bytes, and nothing for none. */
export function toBytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  if (Array.isArray(value)) return Uint8Array.from(value as number[])
  if (value === undefined || value === null) return new Uint8Array(0)
  throw new TypeError('byte array must be an ArrayBuffer, TypedArray, or array of bytes.')
}

/** A copy in memory of its own. `slice` would not do: of a Node Buffer it is a view. */
export const copied = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes)

/** The binding encodes whatever it is given as text. */
export const toText = (value: unknown): string => (value === undefined ? '' : String(value))

export function toKey(value: unknown): Uint8Array {
  const key = toBytes(value)
  if (key.length === 0) throw new ErrorInvalid('key cannot be empty')
  if (key.length > 0xffff) throw new ErrorInvalid('key size must be <= u16::MAX')
  return key
}

export function toValue(value: unknown): Uint8Array {
  const bytes = toBytes(value)
  if (bytes.length > 0xffffffff) throw new ErrorInvalid('value size must be <= u32::MAX')
  return bytes
}

/** A u64 that the engine takes as a number: beyond what it counts exactly, there is no difference any more. */
export function toNumber(value: unknown): number {
  return Math.min(Number(toU64(value)), Number.MAX_SAFE_INTEGER)
}

export const toU64 = (value: unknown): bigint => toInteger(value, 'uint64', 0n, (1n << 64n) - 1n)

const I64_MAX = (1n << 63n) - 1n

function toInteger(value: unknown, type: string, least: bigint, most: bigint): bigint {
  if (value === undefined || value === null) throw new TypeError(`Cannot convert ${value} to a BigInt`)
  if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) {
    throw new ConverterRangeError(`${type} must be a safe integer, got ${String(value)}.`)
  }
  const big = BigInt(value as bigint | number)
  if (big < least || big > most) throw new ConverterRangeError(`${type} value ${big} is outside the supported range.`)
  return big
}

function toBoolean(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new TypeError('bool must be a boolean.')
  return value
}

function record(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw new TypeError(`${name} values must be non-null objects.`)
  return value as Record<string, unknown>
}

/** The binding shows expired rows as its original does, so nothing is hidden here. */
export function toReadOptions(options: ReadOptions): read.ReadOptions {
  const { durability_filter, dirty, cache_blocks } = record(options, 'ReadOptions')
  return {
    durability: checkEnum('DurabilityLevel', DurabilityLevel, durability_filter) === 'Remote' ? 'remote' : 'memory',
    dirty: toBoolean(dirty),
    cacheBlocks: toBoolean(cache_blocks),
  }
}

export function toScanOptions(options: ScanOptions): read.ScanOptions {
  const { durability_filter, dirty, cache_blocks, read_ahead_bytes, max_fetch_tasks, order } = record(
    options,
    'ScanOptions',
  )
  return {
    ...toReadOptions({ durability_filter, dirty, cache_blocks } as ReadOptions),
    readAheadBytes: toNumber(read_ahead_bytes),
    maxFetchTasks: toNumber(max_fetch_tasks),
    descending: order != null && checkEnum('IterationOrder', IterationOrder, order) === 'Descending',
  }
}

export interface ReaderChoices {
  readonly pollIntervalMs: number
  readonly lifetimeMs: number
  readonly maxMemtableBytes: number
  readonly skipWalReplay: boolean
}

export function toReaderOptions(options: ReaderOptions): ReaderChoices {
  const fields = record(options, 'ReaderOptions')
  return {
    pollIntervalMs: toNumber(fields.manifest_poll_interval_ms),
    lifetimeMs: toNumber(fields.checkpoint_lifetime_ms),
    maxMemtableBytes: toNumber(fields.max_memtable_bytes),
    skipWalReplay: toBoolean(fields.skip_wal_replay),
  }
}

export function toAwaitDurable(options: WriteOptions): boolean {
  return toBoolean(record(options, 'WriteOptions').await_durable)
}

export function toFlushType(options: FlushOptions): 'wal' | 'memtable' {
  const { flush_type } = record(options, 'FlushOptions')
  return checkEnum('FlushType', FlushType, flush_type) === 'Wal' ? 'wal' : 'memtable'
}

export function toPutOptions(
  options: PutOptions | MergeOptions,
  name: 'PutOptions' | 'MergeOptions',
): write.PutOptions {
  const ttl = record(record(options, name).ttl, 'Ttl') as unknown as Ttl
  if (typeof ttl.tag !== 'string') throw new TypeError('Ttl values must be tagged objects with a string tag field.')
  switch (ttl.tag) {
    case 'Default':
      return { ttl: 'default' }
    case 'NoExpiry':
      return { ttl: 'none' }
    case 'ExpireAfterTicks': {
      // now + ttl beyond an i64 means no expiry; far below that a number is no longer exact, and nobody lives to see it.
      const after = toU64(ttl[''])
      return { ttl: after > BigInt(Number.MAX_SAFE_INTEGER) ? 'none' : { after: Number(after) } }
    }
    case 'ExpireAt':
      return { ttl: { at: toTimestamp(ttl['']) } }
  }
  throw new UnexpectedEnumCase(`Unexpected Ttl case ${(ttl as { tag: string }).tag}.`)
}

/** Milliseconds; a time beyond what a number holds exactly is as far away as the farthest that it holds. */
function toTimestamp(value: Integer): number {
  const ms = Number(toInteger(value, 'int64', -I64_MAX - 1n, I64_MAX))
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(ms, Number.MAX_SAFE_INTEGER))
}

/** A scan reads its bounds later, when the caller may have other bytes there. */
export function toRange(range: KeyRange): EngineRange {
  const { start, start_inclusive, end, end_inclusive } = record(range, 'KeyRange')
  const from = toBound(start, start_inclusive)
  const to = toBound(end, end_inclusive)
  if (from?.key.length === 0) throw new ErrorInvalid('range start cannot be empty')
  if (to?.key.length === 0) throw new ErrorInvalid('range end cannot be empty')
  if (from !== undefined && to !== undefined) {
    const order = compareBytes(from.key, to.key)
    if (order > 0) throw new ErrorInvalid('range start must not be greater than range end')
    if (order === 0 && !(from.inclusive && to.inclusive)) throw new ErrorInvalid('range must be non-empty')
  }
  return { start: from, end: to }
}

function toBound(key: unknown, inclusive: unknown): EngineRange['start'] {
  const bound = { inclusive: toBoolean(inclusive) }
  return key === undefined || key === null ? undefined : { key: copied(toBytes(key)), ...bound }
}

export function toKeys(keys: unknown): Uint8Array[] {
  if (keys === null || typeof keys !== 'object' || !(Symbol.iterator in keys)) {
    throw new TypeError('sequence values must be arrays or iterable collections.')
  }
  return Array.from(keys as Iterable<unknown>, (key) => copied(toBytes(key)))
}

export function fromRow(row: EngineKeyValue): KeyValue {
  return {
    key: row.key,
    value: row.value,
    seq: row.seq,
    create_ts: BigInt(row.createTs),
    expire_ts: row.expireTs === undefined ? undefined : BigInt(row.expireTs),
  }
}

export function fromHandle(handle: EngineHandle): WriteHandle {
  return { seqnum: handle.seq, create_ts: BigInt(handle.createTs) }
}
