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
  ['names an earlier one', { '': page(['a'], 'x'), x: page(['b'], 'y'), y: page([], 'x') }, /circles/],
  ['has nothing new', { '': page(['a', 'b'], 'x'), x: page(['a'], 'y'), y: page(['c'], undefined) }, /circles/],
])('a page that %s fails the list', async (_, pages, message) => {
  const { names } = listing(pages)
  await expect(names).rejects.toMatchObject({
    kind: 'Unavailable',
    storeReason: 'Generic',
    message: expect.stringMatching(message),
  })
})

test('a server that gives ever new tokens for the same page is stopped', async () => {
  let asked = 0
  const work = listPages('', undefined, async () => page(['a', 'b'], `token ${++asked}`))
  await expect(work).rejects.toMatchObject({ storeReason: 'Generic', message: expect.stringMatching(/circles/) })
  expect(asked).toBe(2)
})

test('pages that come in no order, and a name that comes twice, are one ascending list of each name once', async () => {
  const twice = { objects: [{ path: 'b', size: 7, lastModified: 0 }, object('a')], next: undefined }
  const pages = { '': page(['c', 'b'], 'x'), x: page([], 'y'), y: twice }
  expect(await listing(pages).names).toEqual(['a', 'b', 'c'])
  const found = await listPages('', undefined, async (token) => pages[(token ?? '') as keyof typeof pages])
  expect(found.map(({ size }) => size)).toEqual([1, 7, 1])
})
