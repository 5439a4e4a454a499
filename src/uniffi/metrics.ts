// Metrics through the official binding's interface, and its recorder that keeps them in memory.

import type * as engine from '../env/metrics.ts'
import { type Integer, MetricValue } from './enums.ts'
import { UniffiObjectBase } from './object.ts'

export interface MetricLabel {
  key: string
  value: string
}
export interface Metric {
  name: string
  labels: MetricLabel[]
  description: string
  value: MetricValue
}
export interface Counter {
  increment(value: Integer): void
}
export interface Gauge {
  set(value: Integer): void
}
export interface Histogram {
  record(value: number): void
}
export interface UpDownCounter {
  increment(value: Integer): void
}

/** Is told about every metric of a handle. */
export interface MetricsRecorder {
  register_counter(name: string, description: string, labels: MetricLabel[]): Counter
  register_gauge(name: string, description: string, labels: MetricLabel[]): Gauge
  register_up_down_counter(name: string, description: string, labels: MetricLabel[]): UpDownCounter
  register_histogram(name: string, description: string, labels: MetricLabel[], boundaries: number[]): Histogram
}

export const RECORDER_METHODS: readonly string[] = [
  'register_counter',
  'register_gauge',
  'register_up_down_counter',
  'register_histogram',
]

/** Metrics that newer releases, and the engine, know by another name than the 0.12 line. */
const OLD_NAMES: Readonly<Record<string, string>> = {
  'slatedb.wal.wal_buffer_estimated_bytes': 'slatedb.db.wal_buffer_estimated_bytes',
  'slatedb.wal.wal_buffer_flush_requests': 'slatedb.db.wal_buffer_flush_requests',
  'slatedb.wal.wal_buffer_flushes': 'slatedb.db.wal_buffer_flushes',
}

/** The engine reports totals; counters of the binding take what was added. */
export function toEngineRecorder(recorder: MetricsRecorder): engine.MetricsRecorder {
  return {
    register(kind, engineName, labels) {
      const name = OLD_NAMES[engineName] ?? engineName
      const list = Object.entries(labels).map(([key, value]) => ({ key, value }))
      if (kind === 'gauge') {
        const gauge = recorder.register_gauge(name, '', list)
        return { update: (value) => gauge.set(toInteger(value)) }
      }
      const counter = recorder.register_counter(name, '', list)
      let reported = 0
      return {
        update(value) {
          const added = Math.round(value) - reported
          reported += added
          if (added > 0) counter.increment(BigInt(added))
        },
      }
    },
  }
}

const toInteger = (value: number): bigint => BigInt(Math.round(value))

interface Entry {
  readonly name: string
  readonly labels: MetricLabel[]
  readonly description: string
  readonly read: () => MetricValue
}

/** Keeps all metrics in memory. */
export class DefaultMetricsRecorder extends UniffiObjectBase implements MetricsRecorder {
  readonly #entries: Entry[] = []

  constructor() {
    super('DefaultMetricsRecorder')
  }

  register_counter(name: string, description: string, labels: MetricLabel[]): Counter {
    let total = 0n
    this.#add(name, description, labels, () => MetricValue.Counter(total))
    return {
      increment: (value) => {
        total += BigInt(value)
      },
    }
  }

  register_gauge(name: string, description: string, labels: MetricLabel[]): Gauge {
    let current = 0n
    this.#add(name, description, labels, () => MetricValue.Gauge(current))
    return {
      set: (value) => {
        current = BigInt(value)
      },
    }
  }

  register_up_down_counter(name: string, description: string, labels: MetricLabel[]): UpDownCounter {
    let total = 0n
    this.#add(name, description, labels, () => MetricValue.UpDownCounter(total))
    return {
      increment: (value) => {
        total += BigInt(value)
      },
    }
  }

  register_histogram(name: string, description: string, labels: MetricLabel[], boundaries: number[]): Histogram {
    const counts = Array.from({ length: boundaries.length + 1 }, () => 0n)
    let [count, sum, min, max] = [0n, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    this.#add(name, description, labels, () =>
      MetricValue.Histogram({ count, sum, min, max, boundaries: [...boundaries], bucket_counts: [...counts] }),
    )
    return {
      record(value) {
        const over = boundaries.findIndex((boundary) => value < boundary)
        counts[over === -1 ? boundaries.length : over]! += 1n
        count += 1n
        sum += value
        min = Math.min(min, value)
        max = Math.max(max, value)
      },
    }
  }

  /** Every metric's current value. */
  snapshot(): Metric[] {
    this.alive()
    return this.#entries.map(toMetric)
  }

  metrics_by_name(name: string): Metric[] {
    this.alive()
    return this.#entries.filter((entry) => entry.name === name).map(toMetric)
  }

  /** The metric with exactly these labels, in any order. */
  metric_by_name_and_labels(name: string, labels: MetricLabel[]): Metric | undefined {
    this.alive()
    const wanted = canonical(labels)
    const entry = this.#entries.find((one) => one.name === name && canonical(one.labels) === wanted)
    return entry && toMetric(entry)
  }

  #add(name: string, description: string, labels: MetricLabel[], read: () => MetricValue): void {
    this.alive()
    this.#entries.push({ name, description, labels: sorted(labels), read })
  }
}

const toMetric = ({ name, labels, description, read }: Entry): Metric => ({
  name,
  labels: labels.map((label) => ({ ...label })),
  description,
  value: read(),
})

const sorted = (labels: MetricLabel[]): MetricLabel[] =>
  labels.map(({ key, value }) => ({ key, value })).sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))

const canonical = (labels: MetricLabel[]): string => JSON.stringify(sorted(labels))
