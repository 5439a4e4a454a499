// Reads of an open handle, shared by the writer's handle and the reader's: which view, which sequence number, and what
// to do when a table of the view has been collected meanwhile. Synchronous when the bytes are in memory.

import { copyOf } from '../bytes/copy.ts'
import { copyRange, type KeyRange } from '../bytes/range.ts'
import { compareU64 } from '../bytes/u64.ts'
import type { VersionCursor } from '../cursor/cursor.ts'
import { pointAt, Row } from '../cursor/row.ts'
import { abortable } from '../env/abort.ts'
import type { Env } from '../env/env.ts'
import type { Meter } from '../env/metrics.ts'
import { type Turns, unitsOf } from '../env/turns.ts'
import { dataError, invalid, isStoreError } from '../errors.ts'
import { KeyValue } from '../read/key-value.ts'
import { CheckedReads, type ReadOptions, type ScanOptions } from '../read/options.ts'
import type { Reads, SeqBound } from '../read/reads.ts'
import { ResultBytes } from '../read/result-bytes.ts'
import type { View } from '../read/view.ts'
import { ClosableScope, type ReadScope } from '../table/load.ts'
import type { State } from '../write/state.ts'
import { checkKey, checkKeys, checkRead, ENGINE_CALLS } from './call-options.ts'
import { eachOfMany } from './many.ts'
import { Scan } from './scan.ts'

type MaybePromise<T> = T | Promise<T>

export interface ReadSideOptions {
  readonly state: State
  readonly reads: Reads
  readonly env: Env
  /** Any operation: lets a handle that has not looked at the manifest for long look now (AP-5). */
  readonly touch: () => void
  /** Reads the manifest anew; true when the view changed. */
  readonly refresh: () => Promise<boolean>
}

/** Rows of a transaction that has not committed: they lie over everything stored. */
export interface OwnRows {
  cursor(range: KeyRange, descending: boolean): VersionCursor
}

const DEFAULTS: ReadOptions = new CheckedReads(undefined, undefined)
/** Each turn needs a newer manifest; more than a handful means that tables vanish faster than one reads. */
const MAX_TURNS = 4

export class ReadSide {
  readonly #options: ReadSideOptions
  readonly #results = new ResultBytes()
  readonly #turns: Turns
  readonly #gets: Meter
  readonly #scans: Meter
  #refreshing: Promise<boolean> | undefined

  constructor(options: ReadSideOptions) {
    this.#options = options
    this.#turns = options.env.turns
    this.#gets = options.env.metrics.counter('slatedb.db.request_count', { op: 'get' })
    this.#scans = options.env.metrics.counter('slatedb.db.request_count', { op: 'scan' })
  }

  get(
    key: Uint8Array,
    pin: SeqBound | undefined,
    options: ReadOptions = DEFAULTS,
  ): MaybePromise<Uint8Array | undefined> {
    const found = this.#get(key, pin, options, true)
    return this.#turns.after(found, found instanceof Uint8Array ? unitsOf(found.length) : 1)
  }

  getRow(
    key: Uint8Array,
    pin: SeqBound | undefined,
    options: ReadOptions = DEFAULTS,
  ): MaybePromise<KeyValue | undefined> {
    checkRead(ENGINE_CALLS.getRow, options)
    const found = this.#find(key, pin, options, true)
    if (found instanceof Promise) return this.#turns.after(found.then((row) => row && new KeyValue(row, this.#results)))
    const row = found && new KeyValue(found, this.#results)
    return this.#turns.after(row, row === undefined ? 1 : unitsOf(row.valueSize))
  }

  /** All keys at one moment; those that need a fetch are fetched side by side. */
  async getMany(
    keys: readonly Uint8Array[],
    pin: SeqBound | undefined,
    options: ReadOptions = DEFAULTS,
  ): Promise<(Uint8Array | undefined)[]> {
    checkKeys('getMany', keys)
    checkRead(ENGINE_CALLS.getMany, options)
    const { state } = this.#options
    // They may be read again, when the caller has long reused its buffers.
    const own = keys.map((key) => copyOf(key))
    for (let turn = 0; ; turn++) {
      // One bound and one view for all keys, however long they take: a newer view may lack versions below the bound.
      const at = pin ?? { seqHi: state.lastSeqHi, seqLo: state.lastSeqLo }
      const { view } = state
      const seen = view.manifest.id
      const scope = new ClosableScope(options.signal)
      try {
        const values = await eachOfMany(own, (key) => this.#get(key, at, options, false, view, scope))
        return this.#turns.after(values, values.length)
      } catch (error) {
        // What is fetched for the other keys is not waited for any more.
        scope.close()
        options.signal?.throwIfAborted()
        // Versions at the old bound may be gone from the newer view, so all keys are read again.
        if (turn >= MAX_TURNS || !(await this.#mayRetry(error, seen))) throw error
      }
    }
  }

  scan(range: KeyRange, pin: SeqBound | undefined, options: ScanOptions = {}, own?: OwnRows): Scan {
    const { state, reads, touch } = this.#options
    state.check()
    checkRead(ENGINE_CALLS.scan, options)
    touch()
    this.#scans.value++
    const descending = options.descending === true
    // The scan goes on after this call: the caller may reuse its buffers.
    const asked = copyRange(range)
    const scanOptions = options.prefix === undefined ? options : { ...options, prefix: copyOf(options.prefix) }
    let seen = state.view.manifest.id
    return new Scan({
      range: asked,
      descending,
      signal: options.signal,
      turns: this.#turns,
      check: () => state.check(),
      open: (scope) => {
        seen = state.view.manifest.id
        // Bound and view are taken in one step, the bound after the view (RD-3).
        const { view } = state
        return reads.cursor(view, asked, this.#bound(pin, options), scanOptions, own?.cursor(asked, descending), scope)
      },
      mayRestart: (error) => this.#mayRetry(error, seen),
    })
  }

  #get(
    key: Uint8Array,
    pin: SeqBound | undefined,
    options: ReadOptions,
    retries: boolean,
    view?: View,
    scope?: ReadScope,
  ): MaybePromise<Uint8Array | undefined> {
    const found = this.#find(key, pin, options, retries, view, scope)
    if (found instanceof Promise) return found.then((row) => row && this.#value(row))
    // Copied before anybody reads again: the row is the next read's, too.
    return found && this.#value(found)
  }

  #find(
    key: Uint8Array,
    pin: SeqBound | undefined,
    options: ReadOptions,
    retries: boolean,
    view?: View,
    scope?: ReadScope,
  ): MaybePromise<Row | undefined> {
    const { state, reads, touch } = this.#options
    state.check()
    checkRead(ENGINE_CALLS.get, options)
    options.signal?.throwIfAborted()
    checkKey(key)
    if (key.length === 0) throw invalid('EMPTY_KEY', 'keys have at least one byte; this one is empty')
    touch()
    this.#gets.value++
    const found = reads.get(view ?? state.view, key, this.#bound(pin, options), options, scope)
    if (!(found instanceof Promise)) return found
    if (!retries) return abortable(found, options.signal)
    const seen = state.view.manifest.id
    const own = copyOf(key)
    const settled = found.catch((error) => this.#findAgain(error, seen, own, pin, options))
    return abortable(settled, options.signal)
  }

  async #findAgain(
    error: unknown,
    seen: number,
    key: Uint8Array,
    pin: SeqBound | undefined,
    options: ReadOptions,
  ): Promise<Row | undefined> {
    const { state, reads } = this.#options
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      options.signal?.throwIfAborted()
      if (!(await this.#mayRetry(error, seen))) throw error
      seen = state.view.manifest.id
      try {
        const found = reads.get(state.view, key, this.#bound(pin, options), options)
        if (found instanceof Promise) return await found
        return found && ownRow(found, key)
      } catch (next) {
        error = next
      }
    }
    throw error
  }

  /** AP-6: a table of the view is gone. True when there is a newer manifest than the one the read saw. */
  async #mayRetry(error: unknown, seen: number): Promise<boolean> {
    if (!isStoreError(error, 'NotFound')) return false
    const { state, refresh } = this.#options
    if (state.view.manifest.id !== seen) return true
    // Many readers of one table share one look.
    this.#refreshing ??= refresh().finally(() => {
      this.#refreshing = undefined
    })
    await this.#refreshing
    if (state.view.manifest.id !== seen) return true
    throw dataError('MISSING_TABLE', 'a table that the newest manifest lists is not in the store', { cause: error })
  }

  #bound(pin: SeqBound | undefined, options: ReadOptions): SeqBound {
    const { state } = this.#options
    const seen = pin ?? { seqHi: state.lastSeqHi, seqLo: state.lastSeqLo }
    if (options.durability !== 'remote') return seen
    const durable = { seqHi: state.durableSeqHi, seqLo: state.durableSeqLo }
    return compareU64(durable.seqHi, durable.seqLo, seen.seqHi, seen.seqLo) < 0 ? durable : seen
  }

  #value(row: Row): Uint8Array {
    return this.#results.copy(row.value, row.valueStart, row.valueEnd)
  }
}

/** A row of its own: what a read answers at once is overwritten by the next one. */
function ownRow(row: Row, key: Uint8Array): Row {
  const own = new Row()
  pointAt(own, row)
  own.key = key
  own.keyStart = 0
  own.keyEnd = key.length
  return own
}
