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

const U64_MAX = (1n << 64n) - 1n

/** Bytes as the binding takes them: buffers, views, and plain arrays of bytes. */
export function toBytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  if (Array.isArray(value)) return Uint8Array.from(value as number[])
  throw new TypeError('byte array must be an ArrayBuffer, TypedArray, or array of bytes.')
}

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

/** A u64 that the engine takes as a number. */
export function toNumber(value: unknown, label: string): number {
  const number = Number(toU64(value, label))
  if (!Number.isSafeInteger(number)) throw new ErrorInvalid(`${label} ${String(value)} does not fit platform size`)
  return number
}

export function toU64(value: unknown, label = 'u64'): bigint {
  const isWhole = typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value))
  if (!isWhole) throw new TypeError(`${label} must be a bigint or a safe integer number.`)
  const big = BigInt(value)
  if (big < 0n || big > U64_MAX) throw new RangeError(`${label} must be between 0 and ${U64_MAX}.`)
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
    readAheadBytes: toNumber(read_ahead_bytes, 'read_ahead_bytes'),
    maxFetchTasks: toNumber(max_fetch_tasks, 'max_fetch_tasks'),
    descending: order != null && checkEnum('IterationOrder', IterationOrder, order) === 'Descending',
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
  throw new TypeError(`Ttl has no variant ${JSON.stringify((ttl as { tag: unknown }).tag)}.`)
}

function toTimestamp(value: Integer): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new ErrorInvalid(`timestamp ${value} is out of range`)
  return number
}

export function toRange(range: KeyRange): EngineRange {
  const { start, start_inclusive, end, end_inclusive } = record(range, 'KeyRange')
  const from = start === undefined ? undefined : { key: toBytes(start), inclusive: toBoolean(start_inclusive) }
  const to = end === undefined ? undefined : { key: toBytes(end), inclusive: toBoolean(end_inclusive) }
  if (from?.key.length === 0) throw new ErrorInvalid('range start cannot be empty')
  if (to?.key.length === 0) throw new ErrorInvalid('range end cannot be empty')
  if (from !== undefined && to !== undefined) {
    const order = compareBytes(from.key, to.key)
    if (order > 0) throw new ErrorInvalid('range start must not be greater than range end')
    if (order === 0 && !(from.inclusive && to.inclusive)) throw new ErrorInvalid('range must be non-empty')
  }
  return { start: from, end: to }
}

export function toKeys(keys: unknown): Uint8Array[] {
  if (keys === null || typeof keys !== 'object' || !(Symbol.iterator in keys)) {
    throw new TypeError('sequence values must be arrays or iterable collections.')
  }
  return Array.from(keys as Iterable<unknown>, toBytes)
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
