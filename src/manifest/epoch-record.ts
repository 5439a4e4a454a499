// Who may write (protocols.md 2.3). A process claims a record by raising its epoch; whoever later reads a greater epoch
// than its own is fenced. A fenced process cannot write: a newer epoch is a newer version, so its create conflicts, the
// refresh shows the epoch, and the check here throws (EP-5). There is no other fencing of records.

import { closedError, dataError, FENCED_ADVICE, type SlateDBError } from '../errors.ts'
import type { RequestOptions } from '../objects/store.ts'
import type { PendingWrite, UpdateOptions, Version, Versioned, Written } from '../objects/versioned.ts'

/** Where a record keeps the epoch of a role. */
export interface EpochField<T> {
  /** Who holds it, for messages: 'writer'. */
  readonly role: string
  get(value: T): number
  set(value: T, epoch: number): T
}

export interface ClaimOptions<T> extends UpdateOptions {
  /** Checks, and may change, what the claim is written on; runs again after every lost race. */
  readonly edit?: (value: T) => T
}

/** Who took a record over, as far as the version says in which it was seen. */
export interface Successor {
  readonly epoch: number
  readonly ownEpoch: number
  /** The version that says so, and when it was written; the takeover itself may be older. */
  readonly version: number | undefined
  readonly writtenAt: string | undefined
}

const nextEpoch = (stored: number): number => stored + 1

/** One role's hold on a record. Several roles of one process may share the `Versioned` below, and so its polls. */
export class EpochRecord<T> {
  readonly versions: Versioned<T>
  readonly #field: EpochField<T>
  #epoch: number | undefined
  #fenced: SlateDBError | undefined
  #successor: Successor | undefined

  constructor(versions: Versioned<T>, field: EpochField<T>) {
    this.versions = versions
    this.#field = field
  }

  /** The claimed epoch; `undefined` before the claim counts. */
  get epoch(): number | undefined {
    return this.#epoch
  }

  /** True once a greater epoch was seen; it never becomes false again. */
  get fenced(): boolean {
    return this.#fenced !== undefined
  }

  /** Set once a greater epoch was seen. */
  get successor(): Successor | undefined {
    return this.#successor
  }

  /**
   * The newest known version, which is one of this epoch: what acts on a version for the owner takes it from here, in the
   * same step, because a version of a successor may be read at any moment by another call.
   * @throws Fenced when somebody took over.
   */
  get owned(): Version<T> {
    this.checkEpoch()
    return this.current
  }

  /** The newest known version. Data when none was found. */
  get current(): Version<T> {
    const { current, what } = this.versions
    if (current === undefined) throw dataError('RECORD_MISSING', `there is no ${what}`)
    return current
  }

  /** EP-2: raises the stored epoch by one; what it says from then on is ours. */
  async claim(options: ClaimOptions<T> = {}): Promise<Version<T>> {
    return this.#claim(options, nextEpoch)
  }

  /** EP-3: takes exactly `epoch`; Fenced when the record is there or beyond it. */
  async claimExactly(epoch: number, options: ClaimOptions<T> = {}): Promise<Version<T>> {
    return this.#claim(options, (stored) => {
      if (stored >= epoch) throw this.#fence(stored, epoch)
      return epoch
    })
  }

  /**
   * The first half of `claim`: the version exists, and counts once its `confirm` says 'written'. A caller with other
   * requests to make runs them beside the confirmation; on 'conflict' it begins again.
   */
  async beginClaim(options: ClaimOptions<T> = {}): Promise<PendingWrite<T>> {
    return this.versions.within(options, (signal) => this.#begin({ ...options, signal }, nextEpoch))
  }

  /** EP-4: Fenced when somebody took over. */
  checkEpoch(): void {
    if (this.#fenced !== undefined) throw this.#fenced
    const { current } = this.versions
    if (this.#epoch === undefined || current === undefined) return
    this.#check(current.value)
  }

  /** Looks for a newer version and checks the epoch in it; true when there was one. */
  async refresh(options: RequestOptions = {}): Promise<boolean> {
    const changed = await this.versions.refresh(options)
    this.checkEpoch()
    return changed
  }

  /** `Versioned.update`, with the epoch checked on every version the edit runs on. */
  async update(edit: (value: T, id: number) => T | undefined, options: UpdateOptions = {}): Promise<T> {
    // A fenced process makes no further request (EP-6).
    this.checkEpoch()
    return this.versions.update((value, id) => {
      this.#check(value)
      return edit(value, id)
    }, options)
  }

  async #claim(options: ClaimOptions<T>, next: (stored: number) => number): Promise<Version<T>> {
    return this.versions.within(options, async (signal) => {
      for (let conflicts = 1; ; conflicts++) {
        const pending = await this.#begin({ ...options, signal }, next)
        if ((await pending.confirm({ signal })) === 'written') return { id: pending.id, value: pending.value }
        await this.versions.pause(conflicts, { signal })
        await this.versions.refresh({ signal })
      }
    })
  }

  async #begin({ edit, signal }: ClaimOptions<T>, next: (stored: number) => number): Promise<PendingWrite<T>> {
    for (let conflicts = 0; ; conflicts++) {
      if (this.versions.current === undefined || conflicts > 0) await this.versions.refresh({ signal })
      const { id, value } = this.current
      const epoch = next(this.#field.get(value))
      const claimed = this.#field.set(edit === undefined ? value : edit(value), epoch)
      // Two that raise the same epoch write the same bytes, and neither may take the other's claim for its own; one of
      // our own that is not recognised is claimed over. An epoch that was ours before (EP-3) is in nobody else's bytes.
      const pending = await this.versions.put(id, claimed, { signal, anonymous: next === nextEpoch })
      if (pending !== 'conflict') return { ...pending, confirm: (more) => this.#confirm(pending, epoch, more) }
      signal?.throwIfAborted()
      if (conflicts > 0) await this.versions.pause(conflicts, { signal })
    }
  }

  async #confirm(pending: PendingWrite<T>, epoch: number, options?: RequestOptions): Promise<Written> {
    const written = await pending.confirm(options)
    // Before the claim counts the stored epoch would look too small, after it nothing smaller can be stored.
    if (written === 'written') this.#epoch = epoch
    return written
  }

  #check(value: T): void {
    if (this.#fenced !== undefined) throw this.#fenced
    if (this.#epoch === undefined) return
    const stored = this.#field.get(value)
    if (stored > this.#epoch) throw this.#fence(stored, this.#epoch)
    if (stored < this.#epoch) {
      throw dataError(
        'INVALID_DB_STATE',
        `the ${this.versions.what} holds ${this.#field.role} epoch ${stored}, but ${this.#epoch} was claimed before`,
      )
    }
  }

  #fence(stored: number, own: number): SlateDBError {
    if (this.#fenced !== undefined) return this.#fenced
    const { current, what, folder } = this.versions
    const seen = current !== undefined && this.#field.get(current.value) === stored ? current : undefined
    const writtenAt = seen === undefined ? undefined : isoTime(this.versions.writtenAt)
    this.#successor = { epoch: stored, ownEpoch: own, version: seen?.id, writtenAt }
    const version = seen === undefined ? '' : ` version ${seen.id}${writtenAt === undefined ? '' : ` of ${writtenAt}`}`
    this.#fenced = closedError(
      'Fenced',
      `a newer ${this.#field.role} took over: ${what}${version} under "${folder}" holds its epoch ${stored}, ` +
        `this one has ${own}. ${FENCED_ADVICE}`,
    )
    return this.#fenced
  }
}

/** `undefined` for what is no time that a store could have. */
function isoTime(ms: number | undefined): string | undefined {
  return ms === undefined || !(ms > 0 && ms < 8.64e15) ? undefined : new Date(ms).toISOString()
}
