// Counts every request on its way to the store: in the engine's metrics and in a ledger by role and object class. It
// sits below the retries, so that what is counted is what is paid.

import type { Env } from '../env/env.ts'
import type { Meter } from '../env/metrics.ts'
import { objectClass, type RequestApi, RequestCounts } from './request-counts.ts'
import {
  type Body,
  bodySize,
  type Capabilities,
  type GetOptions,
  type GetResult,
  type HeadResult,
  type ListOptions,
  type ObjectInfo,
  type ObjectStore,
  type PutOptions,
  type PutResult,
  type RequestOptions,
  type Upload,
} from './store.ts'

const LIST_PAGE = 1000
/** Upper bounds in seconds of the latency histogram (features.md C). */
const LATENCY_BOUNDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

const OP_OF: Record<RequestApi, 'get' | 'put' | 'delete'> = {
  get: 'get',
  get_range: 'get',
  head: 'get',
  list: 'get',
  list_with_offset: 'get',
  put: 'put',
  copy: 'put',
  multipart_init: 'put',
  multipart_part: 'put',
  multipart_complete: 'put',
  delete: 'delete',
  multipart_abort: 'delete',
}

export interface InstrumentOptions {
  /** Who asks: `db`, `reader`, `gc`, `compactor`; the metrics call it `component`. */
  readonly role: string
  /** OB-1: the WAL may live in a store of its own. */
  readonly storeType?: 'main' | 'wal'
  /** The ledger to write to; several stores may share one. */
  readonly counts?: RequestCounts
}

export function instrumented(store: ObjectStore, env: Env, options: InstrumentOptions): InstrumentedStore {
  return new InstrumentedStore(store, env, options)
}

interface ApiMeters {
  readonly requests: Meter
  readonly errors: Meter
  readonly seconds: Meter
  readonly buckets: readonly Meter[]
}

export class InstrumentedStore implements ObjectStore {
  readonly capabilities: Capabilities
  readonly counts: RequestCounts
  readonly startUpload?: NonNullable<ObjectStore['startUpload']>
  readonly copy?: NonNullable<ObjectStore['copy']>
  readonly #store: ObjectStore
  readonly #env: Env
  readonly #options: InstrumentOptions
  readonly #meters = new Map<RequestApi, ApiMeters>()

  constructor(store: ObjectStore, env: Env, options: InstrumentOptions) {
    this.#store = store
    this.#env = env
    this.#options = options
    this.capabilities = store.capabilities
    this.counts = options.counts ?? new RequestCounts()
    if (store.startUpload !== undefined) this.startUpload = (path, request) => this.#startUpload(path, request)
    if (store.copy !== undefined) {
      this.copy = (from, to, request) => this.#count('copy', to, 0, () => this.#store.copy!(from, to, request))
    }
  }

  get(path: string, options?: GetOptions): Promise<GetResult> {
    const api = options?.range === undefined ? 'get' : 'get_range'
    return this.#count(
      api,
      path,
      0,
      () => this.#store.get(path, options),
      (result) => result.bytes.length,
    )
  }

  head(path: string, options?: RequestOptions): Promise<HeadResult> {
    return this.#count('head', path, 0, () => this.#store.head(path, options))
  }

  put(path: string, body: Body, options: PutOptions): Promise<PutResult> {
    return this.#count('put', path, bodySize(body), () => this.#store.put(path, body, options))
  }

  delete(path: string, options?: RequestOptions): Promise<void> {
    return this.#count('delete', path, 0, () => this.#store.delete(path, options))
  }

  async list(prefix: string, options?: ListOptions): Promise<ObjectInfo[]> {
    const api = options?.startAfter === undefined ? 'list' : 'list_with_offset'
    const found = await this.#count(api, prefix, 0, () => this.#store.list(prefix, options))
    const pages = Math.max(1, Math.ceil(found.length / LIST_PAGE))
    this.counts.row(this.#options.role, objectClass(prefix), api).requests += pages - 1
    return found
  }

  describe(): string {
    return this.#store.describe()
  }

  async #startUpload(path: string, options?: Omit<PutOptions, 'mode'>): Promise<Upload> {
    const upload = await this.#count('multipart_init', path, 0, () => this.#store.startUpload!(path, options))
    return {
      part: (body, request) => this.#count('multipart_part', path, bodySize(body), () => upload.part(body, request)),
      complete: (request) => this.#count('multipart_complete', path, 0, () => upload.complete(request)),
      abort: () => this.#count('multipart_abort', path, 0, () => upload.abort()),
    }
  }

  async #count<T>(
    api: RequestApi,
    path: string,
    bytesUp: number,
    request: () => Promise<T>,
    bytesDown?: (result: T) => number,
  ): Promise<T> {
    const row = this.counts.row(this.#options.role, objectClass(path), api)
    const meters = this.#metersOf(api)
    const { clock } = this.#env
    row.requests++
    row.bytesUp += bytesUp
    meters.requests.value++
    const start = clock.monotonic()
    try {
      const result = await request()
      if (bytesDown !== undefined) row.bytesDown += bytesDown(result)
      return result
    } catch (error) {
      row.errors++
      meters.errors.value++
      throw error
    } finally {
      const seconds = (clock.monotonic() - start) / 1000
      meters.seconds.value += seconds
      for (let i = LATENCY_BOUNDS.length; i >= 0 && seconds <= (LATENCY_BOUNDS[i] ?? Infinity); i--) {
        meters.buckets[i]!.value++
      }
    }
  }

  #metersOf(api: RequestApi): ApiMeters {
    let meters = this.#meters.get(api)
    if (meters === undefined) {
      const { metrics } = this.#env
      const { role, storeType = 'main' } = this.#options
      const labels = { component: role, store_type: storeType, op: OP_OF[api], api }
      const histogram = 'slatedb.object_store.request_duration_seconds'
      meters = {
        requests: metrics.counter('slatedb.object_store.request_count', labels),
        errors: metrics.counter('slatedb.object_store.error_count', labels),
        // A histogram as scrapers know it: its sum, and how many calls took at most `le` seconds.
        seconds: metrics.counter(`${histogram}_sum`, labels),
        buckets: [...LATENCY_BOUNDS.map(String), '+Inf'].map((le) =>
          metrics.counter(`${histogram}_bucket`, { ...labels, le }),
        ),
      }
      this.#meters.set(api, meters)
    }
    return meters
  }
}
