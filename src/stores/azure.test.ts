import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type Asked, type FakeAnswer, FakeClock, fakeFetch } from '../../test/servers/fake-fetch.ts'
import type { PutMode } from '../objects/store.ts'
import { type AzureOptions, AzureStore } from './azure.ts'
import { stringToSign } from './azure-credentials.ts'

const KEY = Buffer.from('a key of thirty-two bytes length').toString('base64')

function storeWith(answer: (asked: Asked, index: number) => FakeAnswer, options: Partial<AzureOptions> = {}) {
  const { fetch, asked } = fakeFetch(answer)
  const clock = new FakeClock()
  const credentials = { accountKey: KEY }
  return {
    store: new AzureStore({ account: 'acct', container: 'c', credentials, fetch, clock, ...options }),
    asked,
    clock,
  }
}

describe('requests of AzureStore', () => {
  test('sign the text that the service describes', async () => {
    const text = stringToSign('acct', {
      method: 'PUT',
      url: 'https://acct.blob.core.windows.net/c/a%20b?comp=block&blockid=eA%3D%3D',
      headers: { 'x-ms-version': '2021-12-02', 'x-ms-date': 'D', 'content-type': 't', 'if-match': '"e"' },
      bodyLength: 5,
    })
    expect(text).toBe(
      'PUT\n\n\n5\n\nt\n\n\n"e"\n\n\n\nx-ms-date:D\nx-ms-version:2021-12-02\n/acct/c/a%20b\nblockid:eA==\ncomp:block',
    )
    const { store, asked } = storeWith(() => ({ status: 201, headers: { etag: '"e"' } }))
    expect(await store.put('a b', new Uint8Array(0), { mode: 'create', metadata: { slatedbputid: 'X' } })).toEqual({
      etag: '"e"',
    })
    const { headers } = asked[0]!
    expect(headers.get('if-none-match')).toBe('*')
    expect(headers.get('x-ms-date')).toBe('Fri, 02 Jan 2026 03:04:05 GMT')
    const signed = [
      'PUT\n\n\n\n\napplication/octet-stream\n\n\n\n*\n\n',
      'x-ms-blob-type:BlockBlob',
      'x-ms-date:Fri, 02 Jan 2026 03:04:05 GMT',
      'x-ms-meta-slatedbputid:X',
      'x-ms-version:2021-12-02',
      '/acct/c/a%20b',
    ].join('\n')
    const signature = createHmac('sha256', Buffer.from(KEY, 'base64')).update(signed).digest('base64')
    expect(headers.get('authorization')).toBe(`SharedKey acct:${signature}`)
  })

  test('a suffix is asked for as a size and an absolute range', async () => {
    const { store, asked } = storeWith(({ method }) =>
      method === 'HEAD'
        ? { headers: { 'content-length': '100', 'last-modified': 'Fri, 02 Jan 2026 03:04:05 GMT' } }
        : { status: 206, headers: { 'content-range': 'bytes 90-99/100' }, body: new Uint8Array(10) },
    )
    expect((await store.get('a', { range: { suffix: 10 } })).bytes.length).toBe(10)
    expect(asked.map((request) => request.headers.get('x-ms-range'))).toEqual([null, 'bytes=90-99'])
  })

  test('carry a SAS or a token instead', async () => {
    const sas = storeWith(() => ({ status: 202 }), { credentials: { sas: '?sv=1&sig=a%2Bb' } })
    await sas.store.delete('a')
    expect(sas.asked[0]!.query.get('sig')).toBe('a+b')
    let calls = 0
    const bearer = { getToken: async () => ({ token: `t${++calls}`, expiresOnTimestamp: Date.UTC(2030, 0) }) }
    const token = storeWith((_, i) => ({ status: i === 0 ? 401 : 202 }), { credentials: { bearer } })
    await expect(token.store.delete('a')).rejects.toMatchObject({ storeReason: 'Unauthenticated' })
    await token.store.delete('a')
    expect(token.asked.map((request) => request.headers.get('authorization'))).toEqual(['Bearer t1', 'Bearer t2'])
    const entra = storeWith(
      ({ url }) => (url.includes('oauth2') ? { body: '{"access_token":"entra","expires_in":3600}' } : { status: 202 }),
      { credentials: { clientId: 'id', clientSecret: 'secret', tenantId: 'tenant' } },
    )
    await entra.store.delete('a')
    await entra.store.delete('b')
    expect(entra.asked.map((request) => request.path)).toEqual(['/tenant/oauth2/v2.0/token', '/c/a', '/c/b'])
    expect(entra.asked[1]!.headers.get('authorization')).toBe('Bearer entra')
  })

  test('a copy that takes time is waited for', async () => {
    const { store, asked, clock } = storeWith((_, i) => ({
      status: i === 0 ? 202 : 200,
      headers: { 'x-ms-copy-status': i < 3 ? 'pending' : 'success' },
    }))
    const copied = store.copy('a', 'b')
    for (let i = 0; i < 200 && asked.length < 4; i++) {
      await new Promise((resolve) => setTimeout(resolve, 1))
      clock.advance(100)
    }
    await copied
    expect(asked.map((request) => request.method)).toEqual(['PUT', 'HEAD', 'HEAD', 'HEAD'])
  })
})

describe('answers to AzureStore', () => {
  const create: PutMode = 'create'
  const swap: PutMode = { ifMatch: '"e"' }
  const code = (status: number, name: string, more: Record<string, string> = {}): FakeAnswer => ({
    status,
    headers: { 'x-ms-error-code': name, ...more },
  })
  const table: [what: string, mode: PutMode | 'get', FakeAnswer, reason: string, says: RegExp][] = [
    ['already there', create, code(409, 'BlobAlreadyExists'), 'AlreadyExists', /409/],
    ['already there, by condition', create, code(412, 'ConditionNotMet'), 'AlreadyExists', /412/],
    ['stale', swap, code(412, 'ConditionNotMet'), 'Precondition', /412/],
    ['swap of nothing', swap, code(404, 'BlobNotFound'), 'Precondition', /404/],
    ['missing', 'get', code(404, 'BlobNotFound'), 'NotFound', /404/],
    ['unchanged', 'get', code(304, 'ConditionNotMet'), 'NotModified', /304/],
    [
      'no container',
      'get',
      code(404, 'ContainerNotFound'),
      'InvalidPath',
      /in container "c" of .*the container does not exist/,
    ],
    [
      'wrong key',
      'get',
      code(403, 'AuthenticationFailed', { date: 'Fri, 02 Jan 2026 03:04:00 GMT' }),
      'Unauthenticated',
      /is not one of account "acct": check AZURE_STORAGE_ACCOUNT_KEY/,
    ],
    [
      'clock',
      'get',
      code(403, 'AuthenticationFailed', { date: 'Fri, 02 Jan 2026 02:44:05 GMT' }),
      'Unauthenticated',
      /20 minutes ahead of the server's/,
    ],
    ['denied', 'get', code(403, 'AuthorizationPermissionMismatch'), 'PermissionDenied', /allows access by its key/],
    ['busy', create, code(503, 'ServerBusy', { 'retry-after': '1' }), 'Generic', /slow down/],
    ['lease', create, code(409, 'LeaseAlreadyPresent'), 'Generic', /409/],
  ]
  test.each(table)('%s', async (_, mode, answer, reason, says) => {
    const { store } = storeWith(() => answer)
    const work = mode === 'get' ? store.get('db/a') : store.put('db/a', new Uint8Array(1), { mode })
    await expect(work).rejects.toMatchObject({ storeReason: reason, message: expect.stringMatching(says) })
  })

  test('lists follow markers, and give etags as headers do', async () => {
    const page = (name: string, marker: string) =>
      `<?xml version="1.0"?><EnumerationResults><Blobs><Blob>${name}<Properties><Last-Modified>Fri, 02 Jan 2026 03:04:05 GMT</Last-Modified><Etag>0x8D</Etag><Content-Length>7</Content-Length></Properties></Blob></Blobs><NextMarker>${marker}</NextMarker></EnumerationResults>`
    const { store, asked } = storeWith((_, i) => ({
      body:
        i === 0
          ? page('<Name>a &amp; b</Name>', 'm/1')
          : page('<Name Encoded="true">c%FFx%2F</Name>'.replace('%FF', ''), ''),
    }))
    const found = await store.list('')
    expect(found.map((info) => info.path)).toEqual(['a & b', 'cx/'])
    expect(found[0]).toMatchObject({ size: 7, etag: '"0x8D"', lastModified: Date.UTC(2026, 0, 2, 3, 4, 5) })
    expect(asked[1]!.query.get('marker')).toBe('m/1')
    const cut = storeWith(() => ({ body: page('<Name>a</Name>', '').slice(0, -30) }))
    await expect(cut.store.list('')).rejects.toMatchObject({ storeReason: 'Generic' })
  })
})
