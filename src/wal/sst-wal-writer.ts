// The built-in log: one SST per flush, ids without gaps, strictly one PUT in flight (WA-3), each created if absent, so
// that a name already taken means another writer fenced us (WA-5).
//
// Pacing (D13): a write that finds the last PUT started longer than the interval ago is flushed at once, together with
// everything else written in the same turn; later ones ride the next PUT. There are never more PUTs per second than
// 1 / interval; explicit flushes and a full buffer do not wait.

import { concatBytes, equalBytes } from '../bytes/compare.ts'
import { Row } from '../cursor/row.ts'
import { type Env, sleep } from '../env/env.ts'
import type { Meter } from '../env/metrics.ts'
import { closedError, FENCED_ADVICE, isSlateDBError, isStoreError } from '../errors.ts'
import type { Paths } from '../format/paths.ts'
import { WalTableBuilder, type WalTableOptions } from '../format/wal-table.ts'
import type { Memtable } from '../memtable/memtable.ts'
import { type Body, bodySize, type ObjectStore } from '../objects/store.ts'
import type { WalEvents, WalWriter } from './contract.ts'
import { getTwice } from './replay.ts'
import { FlushTicket } from './ticket.ts'

export interface SstWalOptions {
  readonly store: ObjectStore
  readonly paths: Paths
  readonly env: Env
  readonly table: WalTableOptions
  /** Id of the fence: our first file is the next one. */
  readonly fenceId: number
  /** `undefined`: flushed only on request. */
  readonly flushIntervalMs: number | undefined
  /** A buffer of this many estimated bytes is flushed without waiting. */
  readonly maxBufferBytes: number
  readonly events: WalEvents
}

/** Encoding gives the event loop a turn after this many bytes: about 2 ms. */
const SLICE_BYTES = 1 << 20
/** Between attempts once the store's own retries have given up. */
const RETRY_MS = 1000
/** Row header, sequence number, flags, timestamps and the block's share of a row. */
const ROW_OVERHEAD = 24

/** What one file will hold: rows of memtables by reference. */
class Generation {
  readonly ticket: FlushTicket
  readonly memtables: Memtable[] = []
  /** Pairs [from, to) beside `memtables`. */
  readonly bounds: number[] = []
  bytes = 0
  seqHi = 0
  seqLo = 0

  constructor(onWait: (() => void) | undefined) {
    this.ticket = new FlushTicket(onWait)
  }

  get isEmpty(): boolean {
    return this.memtables.length === 0
  }

  add(memtable: Memtable, from: number, to: number): void {
    const last = this.memtables.length - 1
    if (last >= 0 && this.memtables[last] === memtable && this.bounds[2 * last + 1] === from) {
      this.bounds[2 * last + 1] = to
    } else {
      this.memtables.push(memtable)
      this.bounds.push(from, to)
    }
  }
}

export class SstWalWriter implements WalWriter {
  readonly #options: SstWalOptions
  readonly #flushes: Meter
  readonly #flushRequests: Meter
  readonly #flushBytes: Meter
  readonly #bufferBytes: Meter
  #open: Generation
  #inFlight: Generation | undefined
  #running: Promise<void> | undefined
  #lastFlushedId: number
  #lastStart = Number.NEGATIVE_INFINITY
  #cancelTimer: (() => void) | undefined
  #scheduled = false
  #closedWith: unknown
  /** A flush was asked for while one was running. */
  #again = false

  constructor(options: SstWalOptions) {
    this.#options = options
    this.#open = this.#generation()
    this.#lastFlushedId = options.fenceId
    const { metrics } = options.env
    this.#flushes = metrics.counter('slatedb.wal.wal_buffer_flushes')
    this.#flushRequests = metrics.counter('slatedb.wal.wal_buffer_flush_requests')
    this.#flushBytes = metrics.counter('slatedb.wal.wal_flush_bytes')
    this.#bufferBytes = metrics.gauge('slatedb.wal.wal_buffer_estimated_bytes')
  }

  get bufferedBytes(): number {
    return this.#open.bytes + (this.#inFlight?.bytes ?? 0)
  }

  get lastFlushedId(): number {
    return this.#lastFlushedId
  }

  append(memtable: Memtable, from: number, to: number, seqHi: number, seqLo: number, bytes: number): FlushTicket {
    const generation = this.#open
    generation.add(memtable, from, to)
    generation.bytes += bytes + (to - from) * ROW_OVERHEAD
    generation.seqHi = seqHi
    generation.seqLo = seqLo
    this.#bufferBytes.value = this.bufferedBytes
    if (generation.bytes >= this.#options.maxBufferBytes) this.#start()
    else this.#arm()
    return generation.ticket
  }

  flush(): Promise<void> {
    this.#flushRequests.value++
    if (this.#closedWith !== undefined) return Promise.reject(this.#closedWith)
    if (this.#open.isEmpty) return this.#inFlight?.ticket.promise ?? Promise.resolve()
    const { promise } = this.#open.ticket
    this.#start()
    return promise
  }

  async close(reason: unknown): Promise<void> {
    this.#closedWith ??= reason
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#open.ticket.fail(reason)
    await this.#running
    this.#inFlight?.ticket.fail(reason)
  }

  /** Without an interval a write that is awaited asks for its flush: its caller may come to no other call before. */
  #generation(): Generation {
    return new Generation(this.#options.flushIntervalMs === undefined ? () => this.#startSoon() : undefined)
  }

  /** Sees to it that the open generation is flushed when its time comes. */
  #arm(): void {
    const interval = this.#options.flushIntervalMs
    if (interval === undefined || this.#scheduled || this.#running !== undefined || this.#cancelTimer !== undefined)
      return
    const wait = this.#lastStart + interval - this.#options.env.clock.monotonic()
    if (wait <= 0) {
      this.#startSoon()
    } else {
      this.#cancelTimer = this.#options.env.clock.schedule(
        wait,
        () => {
          this.#cancelTimer = undefined
          this.#start()
        },
        { label: 'wal flush interval' },
      )
    }
  }

  /** At the end of this turn: whatever the caller writes in the same step goes with it. */
  #startSoon(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#start()
    })
  }

  #start(): void {
    if (this.#running !== undefined) {
      this.#again = true
      return
    }
    if (this.#open.isEmpty || this.#closedWith !== undefined) return
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#running = this.#run()
  }

  async #run(): Promise<void> {
    try {
      do {
        this.#again = false
        const generation = this.#open
        this.#open = this.#generation()
        this.#inFlight = generation
        this.#lastStart = this.#options.env.clock.monotonic()
        if (!(await this.#write(generation))) return
        this.#bufferBytes.value = this.bufferedBytes
      } while (this.#again && !this.#open.isEmpty && this.#closedWith === undefined)
    } catch (error) {
      this.#fatal(error)
    } finally {
      this.#running = undefined
    }
    if (!this.#open.isEmpty && this.#closedWith === undefined) this.#arm()
  }

  /** False when the log was closed before the file got through. */
  async #write(generation: Generation): Promise<boolean> {
    const { paths, events } = this.#options
    const id = this.#lastFlushedId + 1
    const path = paths.wal(id)
    let body: Body | undefined
    for (;;) {
      try {
        body ??= await this.#encode(generation)
        await this.#create(path, body)
        break
      } catch (error) {
        if (!isSlateDBError(error) || error.kind !== 'Unavailable') throw error
        if (!(await this.#waitOut(error))) return false
      }
    }
    // The file is there; it counts once the epoch is known to be still ours (AP-3).
    for (;;) {
      try {
        const confirmed = events.confirm()
        if (confirmed !== undefined) await confirmed
        break
      } catch (error) {
        if (!isSlateDBError(error) || error.kind !== 'Unavailable') throw error
        if (!(await this.#waitOut(error))) return false
      }
    }
    this.#lastFlushedId = id
    // No longer buffered when those who wait for room look (W-30).
    this.#inFlight = undefined
    events.onFlushed(generation.seqHi, generation.seqLo)
    this.#flushes.value++
    this.#flushBytes.value += bodySize(body)
    events.onDegraded(undefined)
    generation.ticket.succeed()
    return true
  }

  /** The store gave up on one attempt: tell those who wait, then try again. False when the log was closed meanwhile. */
  async #waitOut(error: unknown): Promise<boolean> {
    this.#options.events.onDegraded(error)
    // The rows stay and are tried again; whoever asks from here on waits for the next attempt.
    this.#inFlight!.ticket.report(error)
    this.#open.ticket.report(error)
    if (this.#closedWith === undefined) await sleep(this.#options.env.clock, RETRY_MS, { label: 'wal retry' })
    return this.#closedWith === undefined
  }

  async #encode(generation: Generation): Promise<Body> {
    const builder = new WalTableBuilder(this.#options.table)
    const row = new Row()
    let sliceEnd = SLICE_BYTES
    for (let i = 0; i < generation.memtables.length; i++) {
      const memtable = generation.memtables[i]!
      const to = generation.bounds[2 * i + 1]!
      for (let id = generation.bounds[2 * i]!; id < to; id++) {
        memtable.row(id, row)
        builder.add(row)
        if (builder.rawSize >= sliceEnd) {
          sliceEnd = builder.rawSize + SLICE_BYTES
          await this.#options.env.clock.yield()
        }
      }
    }
    return (await builder.finish()).body
  }

  /** WA-5. A name that is taken is no fence when an attempt of ours that ended without an answer took it. */
  async #create(path: string, body: Body): Promise<void> {
    const { store } = this.#options
    try {
      await store.put(path, body, { mode: 'create', owned: true })
    } catch (error) {
      if (!isStoreError(error, 'AlreadyExists') && !isStoreError(error, 'Precondition')) throw error
      const found = await getTwice(store, path).catch((cause) => {
        if (isStoreError(cause, 'NotFound')) return undefined
        throw cause
      })
      if (found !== undefined && equalBytes(found.bytes, body instanceof Uint8Array ? body : concatBytes(body))) return
      const known = await this.#options.events.takenBy()
      if (known !== undefined) throw known
      const message = `WAL object ${path} already exists: a newer writer fenced this one. ${FENCED_ADVICE}`
      throw closedError('Fenced', message, error)
    }
  }

  #fatal(error: unknown): void {
    this.#closedWith ??= error
    this.#inFlight?.ticket.fail(error)
    this.#open.ticket.fail(error)
    this.#options.events.onFatal(error)
  }
}
