// One program, run against both bindings: everything it sees is written down, and the two lists must be equal.

import type * as binding from '@slatedb/uniffi'

export type Binding = typeof binding

export interface Seen {
  readonly step: string
  readonly result: unknown
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
export const bytes = (text: string): Uint8Array => encoder.encode(text)

/** Text for bytes, so that differences can be read; times are replaced, since two runs are never at the same time. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `bytes:${decoder.decode(value)}`
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value !== 'object' || value === null) return value
  const out: Record<string, unknown> = {}
  for (const [key, inner] of Object.entries(value)) {
    if (key === 'create_ts') out[key] = typeof inner === 'bigint' && inner > 1_600_000_000_000n ? 'now' : plain(inner)
    else out[key] = plain(inner)
  }
  return out
}

export class Log {
  readonly seen: Seen[] = []
  readonly #binding: Binding

  constructor(binding: Binding) {
    this.#binding = binding
  }

  /** Runs a step; a failure is a result, with its class, message and reason. */
  async step<T>(step: string, work: () => T | Promise<T>): Promise<T | undefined> {
    try {
      const value = await work()
      this.seen.push({ step, result: plain(value) })
      return value
    } catch (error) {
      this.seen.push({ step, result: this.#failure(error) })
      return undefined
    }
  }

  /** Like `step`, where the two may use different words: only class, tag and reason count. */
  async fails(step: string, work: () => unknown): Promise<void> {
    try {
      await work()
      this.seen.push({ step, result: 'no error' })
    } catch (error) {
      const { message: _, ...rest } = this.#failure(error)
      this.seen.push({ step, result: rest })
    }
  }

  #failure(error: unknown) {
    const { name, message, tag, reason } = error as { name: string; message: string; tag?: string; reason?: string }
    return { failed: name, message, tag, reason, ofBinding: error instanceof this.#binding.Error }
  }
}

export async function drain(iterator: binding.DbIterator): Promise<binding.KeyValue[]> {
  const rows: binding.KeyValue[] = []
  for (let row = await iterator.next(); row !== undefined; row = await iterator.next()) rows.push(row)
  return rows
}

export const ALL: binding.KeyRange = { start: undefined, start_inclusive: false, end: undefined, end_inclusive: false }
export const range = (start: string, end: string, endInclusive = false): binding.KeyRange => ({
  start: bytes(start),
  start_inclusive: true,
  end: bytes(end),
  end_inclusive: endInclusive,
})
export const SCAN: binding.ScanOptions = {
  durability_filter: 'Memory',
  dirty: false,
  read_ahead_bytes: 1n,
  cache_blocks: false,
  max_fetch_tasks: 1n,
  order: undefined,
}
export const READ: binding.ReadOptions = { durability_filter: 'Memory', dirty: false, cache_blocks: true }

/** Appends; fails on "boom". */
export function appender(slatedb: Binding): binding.MergeOperator {
  return {
    merge(_key, existing, operand) {
      if (decoder.decode(operand) === 'boom') throw new slatedb.MergeOperatorCallbackErrorFailed('it went boom')
      return new Uint8Array([...(existing ?? []), ...operand])
    },
  }
}

/** A fast WAL, and rows that both generations of readers understand. */
export function settings(slatedb: Binding, more: Record<string, string> = {}): binding.Settings {
  const out = slatedb.Settings.default()
  out.set('flush_interval', '"5ms"')
  // Neither side may compact or collect while the other looks.
  out.set('compactor_options', 'null')
  out.set('garbage_collector_options', 'null')
  // Unknown to the peer, which ignores it.
  out.set('format_generation', '"0.12"')
  for (const [key, literal] of Object.entries(more)) out.set(key, literal)
  return out
}

export async function open(
  slatedb: Binding,
  store: binding.ObjectStore,
  path = 'db',
  prepare: (builder: binding.DbBuilder) => void = () => {},
): Promise<binding.Db> {
  const builder = new slatedb.DbBuilder(path, store)
  builder.with_settings(settings(slatedb))
  builder.with_merge_operator(appender(slatedb))
  prepare(builder)
  return builder.build()
}
