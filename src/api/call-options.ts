// What every call of the public face takes: one table per call. A call holds its options against its table before
// anything else, so that a misspelt name or value is refused and nothing has happened (`checkOptions`).

import {
  abortSignal,
  flag,
  hasMethods,
  type OptionTable,
  oneOf,
  optionTable,
  type Rule,
  type Rules,
  readElsewhere,
  u64,
  upTo,
  whole,
} from '../checks.ts'
import type { OperationOptions } from './batch.ts'
import type { ScanRange } from './range.ts'
import type { ClearOptions, FlushOptions } from './slatedb.ts'
import type { EncodingOptions, GetOptions, MaybeEncoding, ScanOptions } from './source.ts'
import type { BeginOptions, TransactionOptions, TransactionWriteOptions } from './transaction.ts'
import type { CommitOptions, DeleteOptions, ExpiryOptions, PutOptions } from './write-options.ts'

const NAMES = ['binary', 'utf8', 'json', 'tuple']

export const encoding: Rule = {
  expected: "'binary', 'utf8', 'json', 'tuple' or an object with encode and decode",
  test: (value) => (typeof value === 'string' ? NAMES.includes(value) : hasMethods(value, ['encode', 'decode'])),
  choices: NAMES,
  code: 'INVALID_ENCODING',
}

export const durability = oneOf('remote', 'memory')

type Encodings = EncodingOptions<MaybeEncoding, MaybeEncoding>

const ENCODINGS: Rules<Encodings> = { keyEncoding: encoding, valueEncoding: encoding }
const COMMIT: Rules<CommitOptions> = { durability, seq: u64, signal: abortSignal }
// Reading them is the check, see write-options.ts.
const EXPIRY: Rules<ExpiryOptions> = { ttl: readElsewhere, expireAt: readElsewhere }
const BEGIN: Rules<BeginOptions> = { isolation: oneOf('snapshot', 'serializable') }

const READ: Rules<GetOptions<MaybeEncoding, MaybeEncoding>> = {
  ...ENCODINGS,
  durability,
  dirty: flag,
  cacheBlocks: flag,
  hideExpired: flag,
  signal: abortSignal,
}
const SCAN: Rules<ScanOptions<MaybeEncoding, MaybeEncoding>> = {
  ...READ,
  readAheadBytes: whole(0),
  maxFetchTasks: whole(0),
}

const PUT: Rules<PutOptions<MaybeEncoding, MaybeEncoding>> = { ...ENCODINGS, ...COMMIT, ...EXPIRY }
const OPERATION: Rules<OperationOptions<MaybeEncoding, MaybeEncoding>> = { ...ENCODINGS, ...EXPIRY }

/** Every call of the public face that takes options, besides `open` and `openReader`; by method. */
export const CALLS = {
  get: optionTable('get', READ),
  getRow: optionTable('getRow', READ),
  getMany: optionTable('getMany', READ),
  has: optionTable('has', READ),
  scan: optionTable('scan', SCAN),
  count: optionTable('count', SCAN),
  sub: optionTable('sub', ENCODINGS),
  put: optionTable('put', PUT),
  merge: optionTable('merge', PUT),
  delete: optionTable<DeleteOptions<MaybeEncoding>>('delete', { ...ENCODINGS, ...COMMIT }),
  batch: optionTable<CommitOptions & Encodings>('batch', { ...ENCODINGS, ...COMMIT }),
  write: optionTable('write', COMMIT),
  clear: optionTable<ClearOptions<MaybeEncoding>>('clear', { ...ENCODINGS, durability, signal: abortSignal }),
  flush: optionTable<FlushOptions>('flush', { signal: abortSignal }),
  begin: optionTable('begin', BEGIN),
  transaction: optionTable<TransactionOptions>('transaction', {
    ...BEGIN,
    retries: upTo,
    durability,
    signal: abortSignal,
  }),
} satisfies Readonly<Record<string, OptionTable>>

/** Calls of a batch under construction. */
export const CHAIN_CALLS = {
  put: optionTable('put', OPERATION),
  merge: optionTable('merge', OPERATION),
  delete: optionTable('delete', ENCODINGS),
  write: optionTable('write', COMMIT),
} satisfies Readonly<Record<string, OptionTable>>

/** Calls of a transaction. */
export const TRANSACTION_CALLS = {
  put: optionTable<TransactionWriteOptions<MaybeEncoding, MaybeEncoding>>('put', OPERATION),
  merge: optionTable<TransactionWriteOptions<MaybeEncoding, MaybeEncoding>>('merge', OPERATION),
  delete: optionTable('delete', ENCODINGS),
  commit: optionTable('commit', COMMIT),
} satisfies Readonly<Record<string, OptionTable>>

/** A deletion may carry a value, which means nothing: programs build their operations alike. */
const OPERATION_FIELDS = { type: readElsewhere, key: readElsewhere, value: readElsewhere }

const DELETION = optionTable('a delete of a batch', OPERATION_FIELDS, 'INVALID_BATCH')

/** One operation of `batch([...])`, by its type. */
export const OPERATION_TABLES: ReadonlyMap<unknown, OptionTable> = new Map([
  ['put', optionTable('a put of a batch', { ...OPERATION_FIELDS, ...EXPIRY }, 'INVALID_BATCH')],
  ['merge', optionTable('a merge of a batch', { ...OPERATION_FIELDS, ...EXPIRY }, 'INVALID_BATCH')],
  ['delete', DELETION],
  ['del', DELETION],
])

/** Ranges are options too: a misspelt bound would silently mean "everything", and `clear` takes ranges. */
export const RANGE = optionTable<ScanRange<unknown>>(
  'a range',
  {
    gt: readElsewhere,
    gte: readElsewhere,
    lt: readElsewhere,
    lte: readElsewhere,
    prefix: readElsewhere,
    after: readElsewhere,
    reverse: flag,
    limit: upTo,
  },
  'INVALID_RANGE',
)
