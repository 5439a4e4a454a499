import { createServer, type Server } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fakeFetch } from '../../test/servers/fake-fetch.ts'
import { RANGE_BEHIND_END } from '../objects/store-range.ts'
import { HttpStore } from './http.ts'

const OBJECT = Uint8Array.from({ length: 1000 }, (_, i) => i % 251)
const INDEX = [{ path: 'db/b', size: 3 }, 'db/a', { path: 'db/gone' }, { path: 'db1/c', size: 0 }, 'x']

let server: Server
let url: string
const authorizations = new Set<string | undefined>()

/** A static file server as CDNs are: ranges, validators, no suffix ranges. */
beforeAll(async () => {
  server = createServer((request, response) => {
    authorizations.add(request.headers.authorization)
    const path = new URL(request.url!, 'http://h').pathname
    if (path === '/moved/db/a') return response.writeHead(302, { location: '/db/a' }).end()
    if (path === '/index.json') return response.end(JSON.stringify(INDEX))
    if (path === '/db/gone') return response.writeHead(410).end()
    if (path !== '/db/a' && path !== '/db/odd%20name%2B%25') return response.writeHead(404).end()
    const headers = { etag: '"e1"', 'last-modified': 'Fri, 02 Jan 2026 03:04:05 GMT' }
    if (request.headers['if-none-match'] === '"e1"') return response.writeHead(304, headers).end()
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
    if (range === null) {
      response.writeHead(200, { ...headers, 'content-length': OBJECT.length })
      return response.end(request.method === 'HEAD' ? undefined : OBJECT)
    }
    const start = Number(range[1])
    const end = Math.min(range[2] === '' ? OBJECT.length : Number(range[2]) + 1, OBJECT.length)
    if (start >= OBJECT.length) return response.writeHead(416, { 'content-range': `bytes */${OBJECT.length}` }).end()
    const part = OBJECT.subarray(start, end)
    const contentRange = `bytes ${start}-${end - 1}/${OBJECT.length}`
    response.writeHead(206, { ...headers, 'content-length': part.length, 'content-range': contentRange }).end(part)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

describe('HttpStore', () => {
  test('reads whole objects and ranges of every kind', async () => {
    const store = new HttpStore({ url })
    expect((await store.get('db/a')).bytes).toEqual(OBJECT)
    for (const [range, start, end] of [
      [{ start: 10, end: 20 }, 10, 20],
      [{ start: 990 }, 990, 1000],
      [{ start: 990, end: 5000 }, 990, 1000],
      [{ suffix: 7 }, 993, 1000],
      [{ suffix: 5000 }, 0, 1000],
    ] as const) {
      const got = await store.get('db/a', { range })
      expect(got.bytes, JSON.stringify(range)).toEqual(OBJECT.subarray(start, end))
      expect([got.size, got.etag, got.lastModified]).toEqual([1000, '"e1"', Date.UTC(2026, 0, 2, 3, 4, 5)])
    }
    await expect(store.get('db/a', { range: { start: 1000 } })).rejects.toMatchObject({ code: RANGE_BEHIND_END })
    await expect(store.get('db/a', { ifNoneMatch: '"e1"' })).rejects.toMatchObject({ storeReason: 'NotModified' })
    expect(await store.head('db/odd name+%')).toMatchObject({ path: 'db/odd name+%', size: 1000, etag: '"e1"' })
  })

  test('what is missing or gone is NotFound', async () => {
    const store = new HttpStore({ url })
    for (const path of ['db/missing', 'db/gone']) {
      await expect(store.get(path)).rejects.toMatchObject({ storeReason: 'NotFound' })
      await expect(store.head(path)).rejects.toMatchObject({ storeReason: 'NotFound' })
    }
  })

  test('cannot write, and lists only by an index', async () => {
    const store = new HttpStore({ url })
    await expect(store.put('a')).rejects.toMatchObject({ storeReason: 'NotSupported' })
    await expect(store.delete('a')).rejects.toMatchObject({ storeReason: 'NotSupported' })
    await expect(store.list('db/')).rejects.toMatchObject({ storeReason: 'NotSupported', kind: 'Invalid' })
    for (const index of ['index.json', async () => INDEX] as const) {
      const indexed = new HttpStore({ url, index })
      // A size that the index lacks is the server's to tell; what it does not have any more is not listed.
      expect((await indexed.list('db/')).map((info) => [info.path, info.size])).toEqual([
        ['db/a', 1000],
        ['db/b', 3],
      ])
      expect((await indexed.list('db', { startAfter: 'db/a' })).map((info) => info.path)).toEqual(['db/b', 'db1/c'])
    }
    await expect(new HttpStore({ url, index: 'db/a' }).list('')).rejects.toThrow(/not a JSON array/)
  })

  test('follows redirects, but not with a password', async () => {
    expect((await new HttpStore({ url: `${url}/moved` }).get('db/a')).bytes.length).toBe(1000)
    const secret = new HttpStore({ url: `${url.replace('//', '//user:pass@')}/moved` })
    await expect(secret.get('db/a')).rejects.toMatchObject({ storeReason: 'Generic' })
    expect(authorizations).toContain(`Basic ${Buffer.from('user:pass').toString('base64')}`)
  })

  test('asks caches for the newest when a copy did not check out', async () => {
    const { fetch, asked } = fakeFetch(() => ({ body: 'x' }))
    const store = new HttpStore({ url: 'https://cdn.example/?token=t', fetch })
    await store.get('a', { refetch: true })
    expect(asked[0]!.headers.get('cache-control')).toBe('no-cache')
    expect(asked[0]!.url).toBe('https://cdn.example/a?token=t')
  })
})
