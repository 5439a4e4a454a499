// What every call of the engine's handles takes: one table per call, held against what the caller gives before anything
// happens.

import { copyOf } from '../bytes/copy.ts'
import {
  abortSignal,
  checkArgument,
  checkOptions,
  flag,
  func,
  hasMethods,
  isArray,
  type OptionTable,
  oneOf,
  optionTable,
  type Rule,
  type Rules,
  upTo,
  whole,
} from '../checks.ts'
import { invalid, show } from '../errors.ts'
import { CheckedReads, type ReadOptions, type ScanOptions } from '../read/options.ts'
import type { WriteBatch } from '../write/batch.ts'
import { CheckedPut, type PutOptions, ROW_RULES, WRITE_RULES, type WriteOptions } from '../write/options.ts'
import type { ClearOptions } from './clear.ts'
import type { CloseOptions, FlushType } from './db.ts'
import type { Isolation } from './transaction.ts'

const instant: Rule = {
  expected: 'milliseconds since 1970',
  test: (value) => typeof value === 'number' && !Number.isNaN(value),
}

const READ: Rules<ReadOptions> = {
  durability: oneOf('memory', 'remote'),
  dirty: flag,
  cacheBlocks: flag,
  hideExpiredAt: instant,
  signal: abortSignal,
}

const bytes: Rule = { expected: 'a Uint8Array', test: (value) => value instanceof Uint8Array }
const flushType = oneOf('memtable', 'wal')
const isolation = oneOf('snapshot', 'serializable')

/** Every call of the engine that takes options. */
export const ENGINE_CALLS = {
  get: optionTable<ReadOptions>('get', READ),
  getRow: optionTable<ReadOptions>('getRow', READ),
  getMany: optionTable<ReadOptions>('getMany', READ),
  scan: optionTable<ScanOptions>('scan', {
    ...READ,
    descending: flag,
    readAheadBytes: whole(0),
    maxFetchTasks: whole(0),
    prefix: bytes,
  }),
  put: optionTable<PutOptions>('put', { ...WRITE_RULES, ...ROW_RULES }),
  merge: optionTable<PutOptions>('merge', { ...WRITE_RULES, ...ROW_RULES }),
  delete: optionTable<WriteOptions>('delete', WRITE_RULES),
  write: optionTable<WriteOptions>('write', WRITE_RULES),
  commit: optionTable<WriteOptions>('commit', WRITE_RULES),
  clear: optionTable<ClearOptions>('clear', {
    descending: flag,
    limit: upTo,
    prefix: bytes,
    signal: abortSignal,
  }),
  close: optionTable<CloseOptions>('close', {
    flush: { ...flushType, expected: `${flushType.expected} or false`, test: (v) => v === false || flushType.test(v) },
    signal: abortSignal,
  }),
} satisfies Readonly<Record<string, OptionTable>>

/** The public face has checked its own already, and what it makes of them needs no second look on every read. */
export function checkRead(table: OptionTable, options: ReadOptions): void {
  try {
    if (options instanceof CheckedReads) return
  } catch {
    // A proxy may refuse to be asked; the check says so.
  }
  checkOptions(table, options)
}

export function checkPut(table: OptionTable, options: PutOptions | undefined): void {
  try {
    if (options === undefined || options instanceof CheckedPut) return
  } catch {
    // As above.
  }
  checkOptions(table, options)
}

export function checkKeys(call: string, keys: readonly unknown[]): void {
  if (!isArray(keys)) throw invalid('INVALID_ARGUMENT', `${call} takes an array of keys, not ${show(keys)}`)
}

export function checkKey(key: Uint8Array): void {
  if (!(key instanceof Uint8Array)) throw invalid('INVALID_KEY', `a key is a Uint8Array here, not ${show(key)}`)
}

/** Copies of several keys that one call names. A text or bytes are one key, although they can be iterated. */
export function keyCopies(call: string, keys: Iterable<Uint8Array>): Uint8Array[] {
  checkIterable(call, keys)
  return Array.from(keys, (key) => {
    checkKey(key)
    return copyOf(key)
  })
}

export function checkIterable(call: string, keys: Iterable<unknown>): void {
  const iterable = typeof keys === 'object' && !ArrayBuffer.isView(keys) && hasMethods(keys, [Symbol.iterator])
  if (!iterable) throw invalid('INVALID_ARGUMENT', `${call} takes keys, such as an array of them, not ${show(keys)}`)
}

export function checkFlushType(type: FlushType | undefined): void {
  if (type !== undefined) checkArgument('flush', 'type', flushType, type)
}

export function checkIsolation(value: Isolation): void {
  checkArgument('begin', 'isolation', isolation, value)
}

export function checkListener(call: string, listener: unknown): void {
  checkArgument(call, 'listener', func, listener)
}

/** Looks at what it does: a batch of another copy of this package is one too. */
export function checkBatch(batch: WriteBatch): void {
  if (!hasMethods(batch, ['prepare', 'copy', 'sortedKeys'])) {
    throw invalid('INVALID_ARGUMENT', `write takes a WriteBatch, not ${show(batch)}`)
  }
}
