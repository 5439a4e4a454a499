import { afterAll, beforeAll, expect, test } from 'vitest'
import { decodeUtf8 } from '../../src/bytes/text.ts'
import { openReader } from '../../src/db/reader.ts'
import { HttpStore } from '../../src/stores/http.ts'
import { type StaticServer, startStaticServer } from '../servers/static-server.ts'
import { publish, ROOT } from './published.ts'

let server: StaticServer
let published: Awaited<ReturnType<typeof publish>>

beforeAll(async () => {
  published = await publish()
  server = await startStaticServer()
  server.mount('site', () => published.after)
})

afterAll(() => server.stop())

test('an index of plain names hides nothing of the log', async () => {
  const store = new HttpStore({
    url: `http://127.0.0.1:${server.port}/site`,
    index: async () => [...published.after.keys()],
  })
  const reader = await openReader({ store, path: ROOT })
  const rows = new Map<string, string>()
  const scan = reader.scan({ start: undefined, end: undefined })
  for (let row = await scan.next(); row !== undefined; row = await scan.next()) {
    rows.set(decodeUtf8(row.key), decodeUtf8(row.value))
  }
  await reader.close()
  expect(rows).toEqual(new Map([...published.states.at(-1)!].sort()))
})
