// Everything that `import ... from 'slatedb-ts'` gives: the public face first, then the engine underneath it. Nothing
// here loads a file system, a command line or a store that is not used.

export { type BatchOperation, ChainedBatch, type OperationOptions } from './api/batch.ts'
export {
  type BytesInput,
  binary,
  type Decoded,
  type Encoding,
  type EncodingName,
  type EncodingOption,
  type Input,
  json,
  utf8,
} from './api/encoding.ts'
export type { Location, ResolveOptions, StoreLocation } from './api/location.ts'
export { mergeOperators } from './api/merge-operators.ts'
export type { BloomFilter, HandleOpenOptions, OpenOptions, ReaderOpenOptions } from './api/open-options.ts'
export { prefix } from './api/prefix.ts'
export type { ScanRange } from './api/range.ts'
export { ReadHandle } from './api/read-handle.ts'
export { Reader } from './api/reader.ts'
export { ScanResult } from './api/scan-result.ts'
export { type ClearOptions, SlateDB, type SlateDBOptions } from './api/slatedb.ts'
export { Snapshot } from './api/snapshot.ts'
export type { EncodingOptions, GetOptions, Row, ScanOptions } from './api/source.ts'
export {
  type BeginOptions,
  Transaction,
  type TransactionOptions,
  type TransactionWriteOptions,
} from './api/transaction.ts'
export { type Tuple, type TupleElement, tuple } from './api/tuple.ts'
export type { CommitOptions, DeleteOptions, Durability, ExpiryOptions, PutOptions } from './api/write-options.ts'
export type { Bound, KeyRange } from './bytes/range.ts'
export { prefixRange } from './bytes/range.ts'
export type {
  MergeFunction,
  MergeOperator,
  MergeOperatorLike,
} from './cursor/merge-operator.ts'
export { type CloseOptions, Db, type DbStatus, type FlushType } from './db/db.ts'
export { openDb } from './db/open.ts'
export type { DbOptions } from './db/options.ts'
export { DbReader, openReader, type ReaderOptions, type ReaderStatus } from './db/reader.ts'
export { Scan } from './db/scan.ts'
export {
  type CollectionSettings,
  type CompactionWorkerSettings,
  type CompactorSettings,
  type CompressionCodec,
  type DiskCacheSettings,
  defaultSettings,
  type FormatGeneration,
  type GarbageCollectorSettings,
  type MetricLevel,
  parseSettings,
  type Settings,
  type SettingsInput,
  settingsFromEnv,
  settingsToJson,
} from './db/settings.ts'
export { Snapshot as DbSnapshot } from './db/snapshot.ts'
export type { TakeOver } from './db/take-over.ts'
export { type Isolation, Transaction as DbTransaction } from './db/transaction.ts'
export type { Waiting } from './db/wait-monitor.ts'
export type { Clock, Env } from './env/env.ts'
export { consoleLogger, type Logger } from './env/logger.ts'
export type { Labels, MetricsRecorder } from './env/metrics.ts'
export { createEnv, type EnvOptions } from './env/system.ts'
export {
  type CloseReason,
  type ErrorKind,
  isSlateDBError,
  SlateDBError,
  type StoreReason,
  storeError,
} from './errors.ts'
export { type BloomOptions, bloomPolicy } from './filter/bloom.ts'
export type { Filter, FilterBuilder, FilterPolicy, FilterQuery, KeyHash } from './filter/policy.ts'
export { delimiterPrefix, fixedPrefix, type PrefixExtractor } from './filter/prefix-extractor.ts'
export type { BlockTransformer } from './format/seal.ts'
export { MemoryStore } from './objects/memory-store.ts'
export type { ObjectStore } from './objects/store.ts'
export type { KeyValue } from './read/key-value.ts'
export { BlockCache } from './table/block-cache.ts'
export { WriteBatch } from './write/batch.ts'
export type { WriteHandle } from './write/handle.ts'
export type { Ttl } from './write/options.ts'
