// The enumerations and tagged values of the official binding at 0.12.1: plain enums are frozen objects of equal texts,
// and values with a payload carry it under the empty name.

export type Integer = bigint | number

function enumeration<const T extends string>(...names: readonly T[]): Readonly<{ [K in T]: K }> {
  return Object.freeze(Object.fromEntries(names.map((name) => [name, name]))) as Readonly<{ [K in T]: K }>
}

type Names<T> = T[keyof T]

/** Minimum durability of what reads and scans return. */
export const DurabilityLevel = enumeration('Remote', 'Memory')
export type DurabilityLevel = Names<typeof DurabilityLevel>

/** What an explicit flush flushes. */
export const FlushType = enumeration('MemTable', 'Wal')
export type FlushType = Names<typeof FlushType>

export const IsolationLevel = enumeration('Snapshot', 'SerializableSnapshot')
export type IsolationLevel = Names<typeof IsolationLevel>

export const IterationOrder = enumeration('Ascending', 'Descending')
export type IterationOrder = Names<typeof IterationOrder>

/** Size of newly written blocks. */
export const SstBlockSize = enumeration(
  'Block1Kib',
  'Block2Kib',
  'Block4Kib',
  'Block8Kib',
  'Block16Kib',
  'Block32Kib',
  'Block64Kib',
)
export type SstBlockSize = Names<typeof SstBlockSize>

/** Why a handle is closed. */
export const CloseReason = enumeration('Clean', 'Fenced', 'Panic', 'Unknown')
export type CloseReason = Names<typeof CloseReason>

export const LogLevel = enumeration('Off', 'Error', 'Warn', 'Info', 'Debug', 'Trace')
export type LogLevel = Names<typeof LogLevel>

/** Kind of a raw row of a WAL file. */
export const RowEntryKind = enumeration('Value', 'Tombstone', 'Merge')
export type RowEntryKind = Names<typeof RowEntryKind>

export interface TtlDefault {
  tag: 'Default'
}
export interface TtlNoExpiry {
  tag: 'NoExpiry'
}
export interface TtlExpireAfterTicks {
  tag: 'ExpireAfterTicks'
  '': Integer
}
export interface TtlExpireAt {
  tag: 'ExpireAt'
  '': Integer
}
export type Ttl = TtlDefault | TtlNoExpiry | TtlExpireAfterTicks | TtlExpireAt

const tagged = <T extends string>(tag: T, value: Integer): { tag: T; '': Integer } => Object.freeze({ tag, '': value })

/** How long a value lives; ticks are milliseconds. */
export const Ttl = Object.freeze({
  Default: (): TtlDefault => Object.freeze({ tag: 'Default' }),
  NoExpiry: (): TtlNoExpiry => Object.freeze({ tag: 'NoExpiry' }),
  ExpireAfterTicks: (ticks: Integer): TtlExpireAfterTicks => tagged('ExpireAfterTicks', ticks),
  ExpireAt: (tick: Integer): TtlExpireAt => tagged('ExpireAt', tick),
})

export interface HistogramMetricValue {
  count: Integer
  sum: number
  min: number
  max: number
  boundaries: number[]
  bucket_counts: Integer[]
}
export interface MetricValueCounter {
  tag: 'Counter'
  '': Integer
}
export interface MetricValueGauge {
  tag: 'Gauge'
  '': Integer
}
export interface MetricValueUpDownCounter {
  tag: 'UpDownCounter'
  '': Integer
}
export interface MetricValueHistogram {
  tag: 'Histogram'
  '': HistogramMetricValue
}
export type MetricValue = MetricValueCounter | MetricValueGauge | MetricValueUpDownCounter | MetricValueHistogram

/** A metric's current value. */
export const MetricValue = Object.freeze({
  Counter: (value: Integer): MetricValueCounter => tagged('Counter', value),
  Gauge: (value: Integer): MetricValueGauge => tagged('Gauge', value),
  UpDownCounter: (value: Integer): MetricValueUpDownCounter => tagged('UpDownCounter', value),
  Histogram: (value: HistogramMetricValue): MetricValueHistogram => Object.freeze({ tag: 'Histogram', '': value }),
})

/** What the binding's converters do with a value that is none of an enum's: a TypeError, before any work. */
export function checkEnum<T extends string>(name: string, names: Readonly<Record<T, T>>, value: unknown): T {
  if (typeof value === 'string' && Object.hasOwn(names, value)) return value as T
  const known = Object.keys(names).map((one) => JSON.stringify(one))
  throw new TypeError(`${name} values must be one of ${known.join(', ')}.`)
}
