// A durable record that several processes rewrite: consecutive immutable versions, of which the one with the greatest
// id counts (protocols.md 2.1). Existence of a name is the commit; there is no pointer to the latest version.
//
//   <folder><id>.<suffix>     id 1, 2, 3, ...     each created only if absent
//
// This class owns finding the latest version, compare-and-set, the check against GC's boundary, conflicts and deadlines.
// Losing a race is a value inside ('conflict'); nobody else loops on conflicts.
//
// Requests: first read LIST + GET; a poll that finds nothing new one LIST with start-after (PN-9, which is also a
// confirmation; successors are never probed, MS-6); a write PUT, then one GET of the boundary that a caller may overlap
// with its next request (`put`, then `confirm`).

import { type Env, sleep } from '../env/env.ts'
import { elapsedMs, type Instant, instantNow, laterOf, NEVER } from '../env/instant.ts'
import { dataError, internal, isStoreError, type SlateDBError, unavailable } from '../errors.ts'
import type { Boundary } from './boundary.ts'
import { Limits } from './limits.ts'
import type { ObjectInfo, ObjectStore, PutOptions, RequestOptions } from './store.ts'

export interface VersionedOptions<T> {
  /** Names the record in messages: 'manifest'. */
  readonly what: string
  /** With its slash. */
  readonly folder: string
  readonly nameOf: (id: number) => string
  /** `undefined` for a stranger, which is skipped with a warning (OB-2). */
  readonly parse: (name: string) => number | undefined
  readonly encode: (value: T) => Uint8Array
  /** Throws when `next` must not follow `base`, whoever wrote it. */
  readonly check?: (base: T, next: T) => void
  readonly decode: (bytes: Uint8Array, what: string) => T
  readonly boundary: Boundary
  /** AP-2: how long a version counts as the latest after it was confirmed to be. */
  readonly staleMaxMs?: number
}

export interface Version<T> {
  readonly id: number
  readonly value: T
}

export type Written = 'written' | 'conflict'

/** A version that was created but does not count before `confirm` says so (MS-3). */
export interface PendingWrite<T> extends Version<T> {
  /** Reads the boundary. 'written' makes the version `current`. Call it once. */
  confirm(options?: RequestOptions): Promise<Written>
}

export interface UpdateOptions {
  /** The deadline of the whole update, 300 s by default; `Unavailable` after it. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
}

const DEFAULT_STALE_MAX_MS = 60_000
const DEFAULT_TIMEOUT_MS = 300_000
/** A version may vanish between LIST and GET, because GC removed it; each time a newer one exists. */
const MAX_VANISHED = 10
const MAX_WARNINGS = 16

export class Versioned<T> {
  readonly boundary: Boundary
  readonly what: string
  readonly #store: ObjectStore
  readonly #env: Env
  readonly #options: VersionedOptions<T>
  readonly #staleMaxMs: number
  readonly #listeners = new Set<(version: Version<T>) => void>()
  readonly #strangers = new Set<string>()
  #current: Version<T> | undefined
  #writtenAt: { readonly id: number; readonly ms: number } | undefined
  #confirmedAt = NEVER
  #updates: Promise<unknown> = Promise.resolve()

  constructor(store: ObjectStore, env: Env, options: VersionedOptions<T>) {
    this.#store = store
    this.#env = env
    this.#options = options
    this.boundary = options.boundary
    this.what = options.what
    this.#staleMaxMs = options.staleMaxMs ?? DEFAULT_STALE_MAX_MS
  }

  /** Where the versions are, with its slash. */
  get folder(): string {
    return this.#options.folder
  }

  /** The newest version this handle knows of. */
  get current(): Version<T> | undefined {
    return this.#current
  }

  /** When the store says `current` was written, ms since 1970; `undefined` when this process wrote it. */
  get writtenAt(): number | undefined {
    return this.#writtenAt?.id === this.#current?.id ? this.#writtenAt?.ms : undefined
  }

  /** Monotonic time at which `current` is known to have been the latest (AP-1); -Infinity before the first read. */
  get confirmedAt(): number {
    return this.#confirmedAt.monotonicMs
  }

  /** Whether more than `staleMaxMs` has passed since then, by either clock: a suspended machine must notice (AP-3). */
  get stale(): boolean {
    return elapsedMs(this.#env.clock, this.#confirmedAt) > this.#staleMaxMs
  }

  /** Calls back on every change of `current`, at once and synchronously; returns how to stop. */
  listen(listener: (version: Version<T>) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Reads the latest version by listing all. `undefined`: the record does not exist. */
  async readLatest(options: RequestOptions = {}): Promise<Version<T> | undefined> {
    await this.#read(0, options)
    return this.#current
  }

  /** Looks for a newer version; true when there was one. Without a version so far it reads the latest. */
  async refresh(options: RequestOptions = {}): Promise<boolean> {
    const before = this.#current?.id
    await this.#read(before ?? 0, options)
    return this.#current?.id !== before
  }

  /** One version by id, whatever the boundary says (MS-8). `undefined` when there is none. */
  async readVersion(id: number, options: RequestOptions = {}): Promise<T | undefined> {
    if (id === this.#current?.id) return this.#current.value
    return this.#get(id, options)
  }

  /** All versions there are, ascending; reads the newest one too, so that `current` belongs to this list (GC-7). */
  async list(options: RequestOptions = {}): Promise<(ObjectInfo & { readonly id: number })[]> {
    for (let attempt = 0; ; attempt++) {
      const startedAt = instantNow(this.#env.clock)
      const versions = this.#ids(await this.#store.list(this.#options.folder, options))
      const latest = versions.at(-1)
      if (latest === undefined) return versions
      if (await this.#adopt(latest, startedAt, options)) return versions
      await this.#vanished(attempt, latest.id, options)
    }
  }

  /** Creates the first version (MS-2). Only right after a read found nothing: an id once used may be free again. */
  async create(value: T, options: RequestOptions = {}): Promise<Written> {
    return this.tryWrite(0, value, options)
  }

  /** Writes the version after `baseId`, which must be the current one (MS-9). On 'conflict' refresh and think again. */
  async tryWrite(baseId: number, value: T, options: RequestOptions = {}): Promise<Written> {
    const pending = await this.put(baseId, value, options)
    return pending === 'conflict' ? pending : pending.confirm(options)
  }

  /** The first half of `tryWrite`: the version exists, but does not count before it is confirmed. */
  async put(
    baseId: number,
    value: T,
    { anonymous, ...options }: RequestOptions & Pick<PutOptions, 'anonymous'> = {},
  ): Promise<PendingWrite<T> | 'conflict'> {
    // Where GC keeps no boundary, a create on an old base may fill a hole (MS-12, BG-44): make sure of the base first.
    if (this.stale && this.boundary.present !== true) await this.refresh(options)
    if (baseId !== (this.#current?.id ?? 0)) return 'conflict'
    const startedAt = instantNow(this.#env.clock)
    const baseConfirmedAt = this.#confirmedAt
    const id = baseId + 1
    if (this.#current !== undefined) this.#options.check?.(this.#current.value, value)
    const bytes = this.#encode(value, id)
    try {
      await this.#store.put(this.#options.nameOf(id), bytes, {
        ...options,
        anonymous,
        mode: 'create',
      })
    } catch (error) {
      if (isStoreError(error, 'AlreadyExists')) return 'conflict'
      throw error
    }
    const confirm = async (more: RequestOptions = {}): Promise<Written> => {
      if (!(await this.boundary.allows(id, more))) return 'conflict'
      if (this.boundary.present === true) this.#confirmedAt = laterOf(this.#confirmedAt, startedAt)
      else if (await this.#filledHole(baseId, baseConfirmedAt, more)) return 'conflict'
      this.#install({ id, value })
      return 'written'
    }
    return { id, value, confirm }
  }

  /** A version that its own readers would refuse is never written: it would be the end of the record. */
  #encode(value: T, id: number): Uint8Array {
    const bytes = this.#options.encode(value)
    try {
      this.#options.decode(bytes, `object "${this.#options.nameOf(id)}"`)
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw internal('UNREADABLE_RECORD', `a ${this.what} that cannot be read back was not written: ${why}`, { cause })
    }
    return bytes
  }

  /**
   * Read-modify-write until it holds (MS-10). `edit` gets the newest version and its id, and runs again from scratch
   * after every lost race; what it throws ends the update; `undefined` means nothing is to be written. Updates of one
   * handle run one after the other, so that they do not race with themselves. Resolves with the newest value.
   */
  update(edit: (value: T, id: number) => T | undefined, options: UpdateOptions = {}): Promise<T> {
    const before = this.#updates
    const turn = this.within(options, (signal) => before.then(() => this.#update(edit, signal)))
    // What is left of an update that ran out of time writes at most what is in flight, on a base that then conflicts.
    this.#updates = turn.catch(() => {})
    return turn
  }

  /** Runs `work`, which may loop over `put` and `confirm`, under the deadline of an update. */
  async within<R>(options: UpdateOptions, work: (signal: AbortSignal) => Promise<R>): Promise<R> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options
    const error = () => unavailable('UPDATE_TIMEOUT', `the ${this.what} could not be updated within ${timeoutMs} ms`)
    const limits = new Limits(this.#env.clock, { ms: timeoutMs, error }, signal === undefined ? [] : [signal])
    try {
      return await limits.race(work(limits.signal))
    } finally {
      limits.release()
    }
  }

  async #update(edit: (value: T, id: number) => T | undefined, signal: AbortSignal): Promise<T> {
    for (let conflicts = 0; ; conflicts++) {
      signal.throwIfAborted()
      if (this.#current === undefined || (this.stale && this.boundary.present !== true)) await this.refresh({ signal })
      if (this.#current === undefined) throw this.#missing()
      const { id, value } = this.#current
      const next = edit(value, id)
      if (next === undefined) return value
      if ((await this.tryWrite(id, next, { signal })) === 'written') return next
      signal.throwIfAborted()
      // The winner is there already, so the first turns do not wait; a crowd spreads out.
      if (conflicts > 0) await this.pause(conflicts, { signal })
      await this.refresh({ signal })
    }
  }

  /** Waits a little, longer after every lost race in a row: for callers that loop over `put` and `confirm` themselves. */
  async pause(conflicts: number, options: RequestOptions = {}): Promise<void> {
    const { clock, random } = this.#env
    await sleep(clock, random.float() * Math.min(1000, 10 * 2 ** conflicts), { ...options, label: `${this.what} race` })
  }

  /** MS-4: LIST behind `after`, then GET of the greatest id. */
  async #read(after: number, options: RequestOptions): Promise<void> {
    const { folder, nameOf } = this.#options
    for (let attempt = 0; ; attempt++) {
      const known = this.#current
      const startedAt = instantNow(this.#env.clock)
      const listed = await this.#store.list(folder, after === 0 ? options : { ...options, startAfter: nameOf(after) })
      const latest = this.#ids(listed).at(-1)
      if (latest === undefined) {
        // Nothing behind the version we have: it is still the latest. Nothing at all: forget it (MS-7).
        if (after === 0 && this.#current === known) this.#current = undefined
        this.#confirmedAt = laterOf(this.#confirmedAt, startedAt)
        return
      }
      if (await this.#adopt(latest, startedAt, options)) return
      await this.#vanished(attempt, latest.id, options)
    }
  }

  /** Makes a listed version current; false when it is gone, or proves to be older than what GC has deleted. */
  async #adopt(
    { id, lastModified }: ObjectInfo & { readonly id: number },
    listedAt: Instant,
    options: RequestOptions,
  ): Promise<boolean> {
    if (id <= this.boundary.id) return false
    if (this.#current === undefined || this.#current.id !== id) {
      const value = await this.#get(id, options)
      if (value === undefined) return false
      this.#writtenAt = { id, ms: lastModified }
      this.#install({ id, value })
    }
    this.#confirmedAt = laterOf(this.#confirmedAt, listedAt)
    return true
  }

  async #get(id: number, options: RequestOptions): Promise<T | undefined> {
    const name = this.#options.nameOf(id)
    try {
      const { bytes } = await this.#store.get(name, options)
      return this.#options.decode(bytes, `object "${name}"`)
    } catch (error) {
      if (isStoreError(error, 'NotFound')) return undefined
      throw error
    }
  }

  /** BG-21: list again, at once at first; a store that goes on listing what it does not have ends in an error. */
  async #vanished(attempt: number, id: number, options: RequestOptions): Promise<void> {
    if (attempt + 1 >= MAX_VANISHED) {
      const name = this.#options.nameOf(id)
      throw dataError('LATEST_VERSION_MISSING', `object "${name}": listed as the latest ${this.what}, but not there`)
    }
    if (attempt > 0) await this.pause(attempt, options)
  }

  /**
   * Without a boundary object only time tells whether GC could have emptied the slot this create went into: a create
   * that took very long (retries through an outage) is the latest only if nothing lies behind it.
   */
  async #filledHole(baseId: number, baseConfirmedAt: Instant, options: RequestOptions): Promise<boolean> {
    const { clock } = this.#env
    if (elapsedMs(clock, baseConfirmedAt) <= this.#staleMaxMs) return false
    const { folder, nameOf } = this.#options
    const startedAt = instantNow(clock)
    const behind = this.#ids(await this.#store.list(folder, { ...options, startAfter: nameOf(baseId + 1) }))
    if (behind.length > 0) return true
    this.#confirmedAt = laterOf(this.#confirmedAt, startedAt)
    return false
  }

  #install(version: Version<T>): void {
    // A refresh may have seen more than the write that ends now.
    if (this.#current !== undefined && this.#current.id >= version.id) return
    this.#current = version
    for (const listener of [...this.#listeners]) listener(version)
  }

  #ids(listed: readonly ObjectInfo[]): (ObjectInfo & { readonly id: number })[] {
    const versions: (ObjectInfo & { readonly id: number })[] = []
    for (const info of listed) {
      const id = this.#options.parse(info.path)
      if (id === undefined || id === 0) this.#warn(info.path)
      else versions.push({ ...info, id })
    }
    // Names order as ids do, but a store's order is no reason to lose the latest version.
    return versions.sort((a, b) => a.id - b.id)
  }

  #warn(path: string): void {
    if (this.#strangers.has(path) || this.#strangers.size >= MAX_WARNINGS) return
    this.#strangers.add(path)
    this.#env.logger.warn(`skipped an object that is no version of the ${this.what}`, { path })
  }

  #missing(): SlateDBError {
    return dataError('RECORD_MISSING', `there is no ${this.what} under "${this.#options.folder}"`)
  }
}
