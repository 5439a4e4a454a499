// The boundary object of a kind of record (protocols.md 2.2): ids up to its value may have been deleted by garbage
// collection, so a version created there afterwards fills a hole and was never the latest. Only GC raises it; everybody
// who creates a version checks it afterwards.
//
// One Boundary belongs to one open handle (BD-3): its cache must not outlive the database it was read from.

import { dataError, invalid, isStoreError, unavailable } from '../errors.ts'
import type { ObjectStore, PutMode, RequestOptions } from './store.ts'

export interface BoundaryCodec {
  encode(id: number): Uint8Array
  decode(bytes: Uint8Array, what: string): number
}

/** Raising it races only with other collectors; more lost races in a row than this mean a store that does not compare. */
const MAX_ATTEMPTS = 32

export class Boundary {
  readonly #store: ObjectStore
  readonly #path: string
  readonly #codec: BoundaryCodec
  // Value and etag change together (BG-35); the value never goes down (BD-4).
  #cached: { readonly id: number; readonly etag: string | undefined } | undefined
  #present: boolean | undefined

  constructor(store: ObjectStore, path: string, codec: BoundaryCodec) {
    this.#store = store
    this.#path = path
    this.#codec = codec
  }

  /** The greatest value seen: ids up to it are certainly gone. */
  get id(): number {
    return this.#cached?.id ?? 0
  }

  /** Whether the last read found the object; `undefined` before the first one. */
  get present(): boolean | undefined {
    return this.#present
  }

  /**
   * True when `id` may be accepted as newly written (BD-4). Call it after the create of `id` was acknowledged: a check
   * that started earlier proves nothing (BD-5).
   */
  async allows(id: number, options: RequestOptions = {}): Promise<boolean> {
    if (id <= this.id) return false
    await this.read(options)
    return id > this.id
  }

  /** Reads the object, unless it is unchanged, and answers the greatest value seen. */
  async read(options: RequestOptions = {}): Promise<number> {
    const cached = this.#cached
    try {
      const got = await this.#store.get(this.#path, { ...options, ifNoneMatch: cached?.etag })
      this.#learn(this.#codec.decode(got.bytes, `object "${this.#path}"`), got.etag)
    } catch (error) {
      if (isStoreError(error, 'NotFound')) {
        // Reads as 0 and leaves the larger value alone (BD-2). Its etag is not used to write again (BD-6).
        this.#present = false
      } else if (isStoreError(error, 'NotModified')) {
        this.#present = true
      } else {
        throw error
      }
    }
    return this.id
  }

  /** Raises the stored value to at least `id`, before the first object up to it is deleted (BD-6, BD-7). */
  async advance(id: number, options: RequestOptions = {}): Promise<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      await this.read(options)
      if (this.#present === true && this.id >= id) return
      const target = Math.max(id, this.id)
      try {
        const put = await this.#store.put(this.#path, this.#codec.encode(target), { ...options, mode: this.#mode() })
        this.#present = true
        this.#learn(target, put.etag)
        return
      } catch (error) {
        if (!isStoreError(error, 'AlreadyExists') && !isStoreError(error, 'Precondition')) throw error
      }
    }
    throw unavailable('BOUNDARY_CONTENDED', `object "${this.#path}": lost ${MAX_ATTEMPTS} races to raise it in a row`)
  }

  #mode(): PutMode {
    if (this.#present !== true) return 'create'
    const etag = this.#cached?.etag
    if (etag !== undefined && this.#store.capabilities.compareAndSet) return { ifMatch: etag }
    throw invalid(
      'BOUNDARY_NOT_SUPPORTED',
      `object "${this.#path}": this store cannot replace an object conditionally; turn boundary files off for every ` +
        'garbage collector of the database',
    )
  }

  #learn(id: number, etag: string | undefined): void {
    if (!Number.isSafeInteger(id) || id < 0) throw dataError('INVALID_BOUNDARY', `object "${this.#path}": value ${id}`)
    this.#present = true
    // Answers may arrive out of order; an older one changes nothing.
    if (this.#cached === undefined || id >= this.#cached.id) this.#cached = { id, etag }
  }
}
