// The ledger of requests: which role asked for which class of object, how often, how many bytes. Requests are money and
// round trips, so benchmarks and tests compare these numbers (design.md 5.3).

/** Calls of an object store, named as the original's metrics name them (features.md C). */
export type RequestApi =
  | 'get'
  | 'get_range'
  | 'head'
  | 'list'
  | 'list_with_offset'
  | 'put'
  | 'delete'
  | 'copy'
  | 'multipart_init'
  | 'multipart_part'
  | 'multipart_complete'
  | 'multipart_abort'

export type ObjectClass = 'manifest' | 'compactions' | 'wal' | 'compacted' | 'gc' | 'other'

/** One line of the ledger. */
export interface RequestRow {
  readonly role: string
  readonly objectClass: ObjectClass
  readonly api: RequestApi
  /** Requests sent; a listing counts one for every page of 1,000 names. */
  requests: number
  /** Of these, the ones that failed; a lost race for a name counts too. */
  errors: number
  bytesUp: number
  bytesDown: number
}

/** Which lines to add up; what is left out matches all. */
export type RequestFilter = Partial<Pick<RequestRow, 'role' | 'objectClass' | 'api'>>

/** Counts grow while a store is used; `snapshot` and `since` freeze what happened in between. */
export class RequestCounts {
  readonly #rows = new Map<string, RequestRow>()

  row(role: string, objectClass: ObjectClass, api: RequestApi): RequestRow {
    const key = `${role}/${objectClass}/${api}`
    let row = this.#rows.get(key)
    if (row === undefined) {
      row = { role, objectClass, api, requests: 0, errors: 0, bytesUp: 0, bytesDown: 0 }
      this.#rows.set(key, row)
    }
    return row
  }

  rows(filter: RequestFilter = {}): RequestRow[] {
    return [...this.#rows.values()].filter(
      (row) =>
        (filter.role === undefined || filter.role === row.role) &&
        (filter.objectClass === undefined || filter.objectClass === row.objectClass) &&
        (filter.api === undefined || filter.api === row.api),
    )
  }

  requests(filter?: RequestFilter): number {
    return this.#sum(filter, 'requests')
  }

  errors(filter?: RequestFilter): number {
    return this.#sum(filter, 'errors')
  }

  bytesUp(filter?: RequestFilter): number {
    return this.#sum(filter, 'bytesUp')
  }

  bytesDown(filter?: RequestFilter): number {
    return this.#sum(filter, 'bytesDown')
  }

  snapshot(): RequestCounts {
    return this.since(new RequestCounts())
  }

  /** What was counted after `earlier` was taken. */
  since(earlier: RequestCounts): RequestCounts {
    const out = new RequestCounts()
    for (const [key, now] of this.#rows) {
      const then = earlier.#rows.get(key)
      const row = {
        ...now,
        requests: now.requests - (then?.requests ?? 0),
        errors: now.errors - (then?.errors ?? 0),
        bytesUp: now.bytesUp - (then?.bytesUp ?? 0),
        bytesDown: now.bytesDown - (then?.bytesDown ?? 0),
      }
      if (row.requests > 0) out.#rows.set(key, row)
    }
    return out
  }

  /** One line of text per line of the ledger, for failure messages and benchmarks. */
  toString(): string {
    return this.rows()
      .map(
        (row) =>
          `${row.role} ${row.objectClass} ${row.api}: ${row.requests}${row.errors ? ` (${row.errors} failed)` : ''}`,
      )
      .sort()
      .join('\n')
  }

  #sum(filter: RequestFilter | undefined, what: 'requests' | 'errors' | 'bytesUp' | 'bytesDown'): number {
    let sum = 0
    for (const row of this.rows(filter)) sum += row[what]
    return sum
  }
}

const CLASSES: readonly string[] = ['manifest', 'compactions', 'wal', 'compacted', 'gc']

/** The class of an object, or of the objects under a prefix: its folder's name decides (format.md section 2). */
export function objectClass(path: string): ObjectClass {
  const end = path.lastIndexOf('/')
  const folder = end < 0 ? '' : path.slice(path.lastIndexOf('/', end - 1) + 1, end)
  return CLASSES.includes(folder) ? (folder as ObjectClass) : 'other'
}
