// A list comes in pages; the port gives all of them at once.

import { storeError } from '../errors.ts'
import type { ObjectInfo } from '../objects/store.ts'
import { asListing } from './endpoint.ts'

export interface ListPage {
  readonly objects: readonly ObjectInfo[]
  /** What the next page is asked for with; `undefined` after the last one. */
  readonly next: string | undefined
}

/**
 * Every page from the first, for which `token` is undefined, to the last. A store that names no next page, or the same
 * one again, would end in a list that lacks objects, or in none at all.
 */
export async function listPages(
  prefix: string,
  startAfter: string | undefined,
  page: (token: string | undefined) => Promise<ListPage>,
): Promise<ObjectInfo[]> {
  const found: ObjectInfo[] = []
  let token: string | undefined
  do {
    const { objects, next } = await page(token)
    for (const object of objects) found.push(object)
    if (next === '') throw storeError('Generic', '', 'LIST was cut off: a page names no next page')
    if (next !== undefined && next === token)
      throw storeError('Generic', '', 'LIST goes in circles: a page names itself')
    token = next
  } while (token !== undefined)
  return asListing(found, prefix, startAfter)
}
