// A read-only handle of the public API.

import type { DbReader } from '../db/reader.ts'
import { asyncDispose } from './dispose.ts'
import { type HandleOptions, ReadHandle } from './read-handle.ts'

/** Reads a database that another process writes. Any number of readers may be open; they write nothing. */
export class Reader<K = Uint8Array, V = Uint8Array> extends ReadHandle<K, V> {
  /** The engine's reader underneath: bytes in, bytes out. */
  readonly engine: DbReader

  constructor(engine: DbReader, handle: HandleOptions) {
    super(engine, handle)
    this.engine = engine
  }

  get status(): DbReader['status'] {
    return this.engine.status
  }

  /** Current values of all counters and gauges. */
  metrics(): Record<string, number> {
    return this.engine.env.metrics.snapshot()
  }

  close(): Promise<void> {
    return this.engine.close()
  }

  [asyncDispose](): Promise<void> {
    return this.close()
  }

  override shown(): object {
    return { ...this.where(), ...this.engine.shown() }
  }

  protected override now(): number {
    return this.engine.wallNow()
  }
}
