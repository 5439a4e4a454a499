// A store whose writes take longer than its reads, as those of real object stores do.

import type {
  Body,
  Capabilities,
  GetOptions,
  ListOptions,
  ObjectStore,
  PutOptions,
  RequestOptions,
} from '../../src/objects/store.ts'
import type { Sim } from '../../src/sim/simulate.ts'
import type { SimStore } from '../../src/sim/store.ts'

export class TwoSpeed implements ObjectStore {
  readonly capabilities: Capabilities
  readonly #reads: SimStore
  readonly #writes: SimStore

  /** `bytesPerMs`: of one connection; there are as many as there are requests. */
  constructor(sim: Sim, getMs: number, putMs: number, bytesPerMs = Number.POSITIVE_INFINITY) {
    this.#reads = sim.store({ latencyMs: [getMs, getMs], bytesPerMs })
    this.#writes = sim.store({ latencyMs: [putMs, putMs], bytesPerMs })
    this.capabilities = this.#reads.capabilities
  }

  get(path: string, options?: GetOptions) {
    return this.#reads.get(path, options)
  }

  head(path: string, options?: RequestOptions) {
    return this.#reads.head(path, options)
  }

  list(prefix: string, options?: ListOptions) {
    return this.#reads.list(prefix, options)
  }

  put(path: string, body: Body, options: PutOptions) {
    return this.#writes.put(path, body, options)
  }

  delete(path: string, options?: RequestOptions) {
    return this.#writes.delete(path, options)
  }

  startUpload(path: string, options?: Omit<PutOptions, 'mode'>) {
    return this.#writes.startUpload(path, options)
  }

  describe(): string {
    return this.#reads.describe()
  }
}
