// Calls of filters, which may be the user's: what fails in them fails the read that asked, with an error that names them.

import { invalid, isSlateDBError } from '../errors.ts'
import type { Filter, FilterPolicy, FilterQuery } from '../filter/policy.ts'

export function decodeFilter(policy: FilterPolicy, data: Uint8Array): Filter {
  try {
    return policy.decode(data)
  } catch (error) {
    throw isSlateDBError(error) ? error : failed(`filter policy ${JSON.stringify(policy.name)}`, error)
  }
}

/** Only a clear no is one: what a filter answers by mistake costs a look into the table, and hides nothing. */
export function mightContain(filter: Filter, query: FilterQuery): boolean {
  try {
    return filter.mightContain(query) !== false
  } catch (error) {
    throw isSlateDBError(error) ? error : failed('a filter', error)
  }
}

function failed(what: string, cause: unknown) {
  return invalid('FILTER', `${what} failed: mend its policy, or open the database without it`, { cause })
}
