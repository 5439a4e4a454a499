// A drop-in for `@slatedb/uniffi` 0.12.1: the same classes, enums, tagged values, records and errors, over this
// package's engine. Change the import, and nothing else. What the original's later releases added is here where the
// engine has it: key-value reads on readers, `next_batch`.

export { DbBuilder, DbReaderBuilder, type MergeOperator } from './builders.ts'
export { Db, DbReader, type DbStatus } from './db.ts'
export {
  CloseReason,
  DurabilityLevel,
  FlushType,
  type HistogramMetricValue,
  IsolationLevel,
  IterationOrder,
  LogLevel,
  MetricValue,
  type MetricValueCounter,
  type MetricValueGauge,
  type MetricValueHistogram,
  type MetricValueUpDownCounter,
  RowEntryKind,
  SstBlockSize,
  Ttl,
  type TtlDefault,
  type TtlExpireAfterTicks,
  type TtlExpireAt,
  type TtlNoExpiry,
} from './enums.ts'
export {
  Error,
  ErrorClosed,
  ErrorData,
  ErrorInternal,
  ErrorInvalid,
  ErrorTransaction,
  ErrorUnavailable,
  MergeOperatorCallbackError,
  MergeOperatorCallbackErrorFailed,
} from './errors.ts'
export { DbIterator } from './iterator.ts'
export { init_logging, type LogCallback, type LogRecord } from './logging.ts'
export { type ComponentMetadata, componentMetadata, ffiMetadata } from './metadata.ts'
export {
  type Counter,
  DefaultMetricsRecorder,
  type Gauge,
  type Histogram,
  type Metric,
  type MetricLabel,
  type MetricsRecorder,
  type UpDownCounter,
} from './metrics.ts'
export { ObjectStore } from './object-store.ts'
export type {
  FlushOptions,
  KeyRange,
  KeyValue,
  MergeOptions,
  PutOptions,
  ReaderOptions,
  ReadOptions,
  ScanOptions,
  WriteHandle,
  WriteOptions,
} from './records.ts'
export { Settings } from './settings.ts'
export { DbSnapshot } from './snapshot.ts'
export { DbTransaction } from './transaction.ts'
export { type RowEntry, WalFile, WalFileIterator, type WalFileMetadata, WalReader } from './wal.ts'
export { WriteBatch } from './write-batch.ts'
