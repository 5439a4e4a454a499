// A list comes in pages; the port gives all of them at once.

import { storeError } from '../errors.ts'
import type { ObjectInfo } from '../objects/store.ts'
import { comparePaths } from '../objects/store-path.ts'
import { asListing } from './endpoint.ts'

export interface ListPage {
  readonly objects: readonly ObjectInfo[]
  /** What the next page is asked for with; `undefined` after the last one. */
  readonly next: string | undefined
}

/**
 * Every page from the first, for which `token` is undefined, to the last. A store that names no next page, or one that was
 * there already, would end in a list that lacks objects, or in none at all.
 */
export async function listPages(
  prefix: string,
  startAfter: string | undefined,
  page: (token: string | undefined) => Promise<ListPage>,
): Promise<ObjectInfo[]> {
  const found = new Listing()
  const asked = new Set<string | undefined>()
  let token: string | undefined
  do {
    asked.add(token)
    const { objects, next } = await page(token)
    if (!found.add(objects)) throw circle('a page has only names of the pages before it')
    if (next === '') throw storeError('Generic', '', 'LIST was cut off: a page names no next page')
    if (next !== undefined && asked.has(next)) throw circle('a page names one that was there already')
    token = next
  } while (token !== undefined)
  return asListing(found.objects, prefix, startAfter)
}

const circle = (why: string) => storeError('Generic', '', `LIST goes in circles: ${why}`)

/** What was listed so far. */
class Listing {
  readonly objects: ObjectInfo[] = []
  #greatest = ''
  /** Only filled once a page does not go on where the one before it ended. */
  #names: Set<string> | undefined

  /** False when nothing of `page` is new, although there is something on it. */
  add(page: readonly ObjectInfo[]): boolean {
    const first = page[0]
    if (first === undefined) return true
    if (this.objects.length > 0 && comparePaths(first.path, this.#greatest) <= 0) {
      this.#names ??= new Set(this.objects.map(({ path }) => path))
    }
    const names = this.#names
    const grows = names === undefined || page.some(({ path }) => !names.has(path))
    for (const object of page) {
      this.objects.push(object)
      names?.add(object.path)
      if (comparePaths(object.path, this.#greatest) > 0) this.#greatest = object.path
    }
    return grows
  }
}
