// The filters of one table while it is built. They are the user's: one that fails is left out of this table, which costs
// reads a look and never an answer; a flush must not fail for it, let alone a handle.

import { invalid } from '../errors.ts'
import type { FilterBuilder, FilterPolicy } from '../filter/policy.ts'
import type { StoredFilter } from '../format/filter-block.ts'

export class FilterBuilders {
  #filters: { readonly name: string; readonly builder: FilterBuilder }[] = []
  readonly #onError: ((policy: string, error: unknown) => void) | undefined

  constructor(policies: readonly FilterPolicy[], onError: ((policy: string, error: unknown) => void) | undefined) {
    this.#onError = onError
    for (const policy of policies) {
      try {
        this.#filters.push({ name: policy.name, builder: policy.builder() })
      } catch (error) {
        onError?.(policy.name, error)
      }
    }
  }

  add(key: Uint8Array, start: number, end: number): void {
    const filters = this.#filters
    for (let i = 0; i < filters.length; i++) {
      try {
        filters[i]!.builder.add(key, start, end)
      } catch (error) {
        // A new list: the rest of this loop goes on with the old one.
        this.#drop(filters[i]!.name, error)
      }
    }
  }

  build(): StoredFilter[] {
    const stored: StoredFilter[] = []
    for (const { name, builder } of this.#filters) {
      try {
        const data = builder.build()
        if (!ArrayBuffer.isView(data)) throw invalid('FILTER', `its builder answered ${typeof data}, not bytes`)
        stored.push({ name, data })
      } catch (error) {
        this.#onError?.(name, error)
      }
    }
    return stored
  }

  #drop(name: string, error: unknown): void {
    this.#filters = this.#filters.filter((one) => one.name !== name)
    this.#onError?.(name, error)
  }
}
