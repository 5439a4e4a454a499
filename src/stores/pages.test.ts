import { expect, test } from 'vitest'
import { type ListPage, listPages } from './pages.ts'

const object = (path: string) => ({ path, size: 1, lastModified: 0 })
const page = (names: readonly string[], next: string | undefined): ListPage => ({ objects: names.map(object), next })

/** A store of pages by token; '' is the first. Tells which it was asked for. */
function listing(pages: Readonly<Record<string, ListPage>>, prefix = '', startAfter?: string) {
  const asked: (string | undefined)[] = []
  const names = listPages(prefix, startAfter, async (token) => {
    asked.push(token)
    if (asked.length > 10) throw new Error('no end')
    return pages[token ?? '']!
  }).then((found) => found.map(({ path }) => path))
  return { asked, names }
}

test('all pages, each asked for with what the one before it named', async () => {
  const { asked, names } = listing({ '': page(['a', 'b'], 'x'), x: page([], 'y'), y: page(['c'], undefined) })
  expect(await names).toEqual(['a', 'b', 'c'])
  expect(asked).toEqual([undefined, 'x', 'y'])
})

test('what was not asked for is dropped, and the order is that of the names', async () => {
  const pages = { '': page(['p/c', 'q'], 'x'), x: page(['p/a', 'p/b', 'o'], undefined) }
  expect(await listing(pages, 'p/', 'p/a').names).toEqual(['p/b', 'p/c'])
})

test.each([
  ['names no next page', { '': page(['a'], '') }, /cut off/],
  ['names itself', { '': page(['a'], 'x'), x: page(['b'], 'x') }, /circles/],
])('a page that %s fails the list', async (_, pages, message) => {
  const { names } = listing(pages)
  await expect(names).rejects.toMatchObject({
    kind: 'Unavailable',
    storeReason: 'Generic',
    message: expect.stringMatching(message),
  })
})
