import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { type Asked, type FakeAnswer, FakeClock, fakeFetch } from '../../test/servers/fake-fetch.ts'
import type { PutMode } from '../objects/store.ts'
import { type GcsOptions, GcsStore } from './gcs.ts'

function storeWith(answer: (asked: Asked, index: number) => FakeAnswer, options: Partial<GcsOptions> = {}) {
  const { fetch, asked } = fakeFetch(answer)
  const clock = new FakeClock()
  return { store: new GcsStore({ bucket: 'bkt', credentials: 'token-1', fetch, clock, ...options }), asked, clock }
}

const stored = { status: 200, body: '{"generation":"17"}' }

describe('requests of GcsStore', () => {
  test('conditions are generations', async () => {
    const { store, asked } = storeWith(() => stored)
    expect(await store.put('a/b c', new Uint8Array(1), { mode: 'create' })).toEqual({ etag: '17' })
    await store.put('a', new Uint8Array(1), { mode: { ifMatch: '16' } })
    await store.put('a', new Uint8Array(1), { mode: 'overwrite' })
    expect(asked.map((request) => request.query.get('ifGenerationMatch'))).toEqual(['0', '16', null])
    expect(asked[0]!.query.get('name')).toBe('a/b c')
    expect(asked[0]!.headers.get('authorization')).toBe('Bearer token-1')
    await expect(store.put('a', new Uint8Array(1), { mode: { ifMatch: '"md5"' } })).rejects.toMatchObject({
      storeReason: 'Precondition',
    })
  })

  test('metadata travels with the body', async () => {
    const { store, asked } = storeWith(() => stored)
    await store.put('a', new TextEncoder().encode('payload'), { mode: 'create', metadata: { slatedbputid: 'X' } })
    const boundary = /boundary=(\S+)/.exec(asked[0]!.headers.get('content-type')!)![1]!
    const parts = asked[0]!.body.split(`--${boundary}`)
    expect(JSON.parse(parts[1]!.split('\r\n\r\n')[1]!)).toEqual({ name: 'a', metadata: { slatedbputid: 'X' } })
    expect(parts[2]!.split('\r\n\r\n')[1]).toBe('payload\r\n')
    expect(asked[0]!.query.get('uploadType')).toBe('multipart')
  })

  test('startAfter excludes the name itself, which the server includes', async () => {
    const items = ['p/1', 'p/2', 'p/3'].map((name) => ({
      name,
      size: '1',
      updated: '2026-01-02T03:04:05Z',
      generation: '5',
    }))
    const { store, asked } = storeWith((_, i) => ({
      body: JSON.stringify({
        kind: 'storage#objects',
        ...(i === 0 ? { items: items.slice(1, 2), nextPageToken: 'n' } : { items: items.slice(2) }),
      }),
    }))
    expect((await store.list('p/', { startAfter: 'p/2' })).map((info) => info.path)).toEqual(['p/3'])
    expect(asked.map((request) => [request.query.get('startOffset'), request.query.get('pageToken')])).toEqual([
      ['p/2', null],
      ['p/2', 'n'],
    ])
  })

  test('a large object goes through a session, whose address is a secret', async () => {
    const { store, asked } = storeWith(
      ({ query, headers }) => {
        if (query.get('uploadType') === 'resumable') {
          return { headers: { location: 'https://storage.googleapis.com/upload/session?upload_id=canary-id' } }
        }
        const range = headers.get('content-range')!
        if (range.endsWith('/*')) return { status: 308, headers: { range: `bytes=0-${/-(\d+)\//.exec(range)![1]}` } }
        return { status: 500, body: 'for upload_id=canary-id' }
      },
      { partSizeBytes: 256 * 1024 },
    )
    const upload = await store.startUpload('up')
    await upload.part(new Uint8Array(600 * 1024))
    const error = await upload.complete().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ storeReason: 'Generic' })
    expect(String(error)).not.toContain('canary')
    expect(asked.slice(1, 4).map((request) => request.headers.get('content-range'))).toEqual([
      'bytes 0-262143/*',
      'bytes 262144-524287/*',
      'bytes 524288-614399/614400',
    ])
    expect(asked[1]!.headers.get('authorization')).toBeNull()
    expect(asked.at(-1)!.method).toBe('DELETE')
  })

  test.each([308, 200])('a part is kept when the answer says so with status %i', async (status) => {
    const { store, asked } = storeWith(
      ({ query, headers }) => {
        if (query.get('uploadType') === 'resumable') {
          return { headers: { location: 'https://storage.googleapis.com/s?upload_id=1' } }
        }
        const range = headers.get('content-range')!
        if (!range.endsWith('/*')) return stored
        const kept = { range: `bytes=0-${/-(\d+)\//.exec(range)![1]}` }
        return { status, headers: status === 200 ? { ...kept, 'x-http-status-code-override': '308' } : kept }
      },
      { partSizeBytes: 256 * 1024 },
    )
    const upload = await store.startUpload('up')
    await upload.part(new Uint8Array(600 * 1024))
    expect(await upload.complete()).toEqual({ etag: '17' })
    expect(asked[1]!.headers.get('x-guploader-no-308')).toBe('yes')
  })

  test('a part that is answered with a redirect goes nowhere else', async () => {
    const elsewhere: string[] = []
    const server = (answer: (request: IncomingMessage, response: ServerResponse) => void) =>
      new Promise<{ url: string; close(): void }>((resolve) => {
        const one = createServer((request, response) => {
          request.resume().on('end', () => answer(request, response))
        }).listen(0, '127.0.0.1', () =>
          resolve({
            url: `http://127.0.0.1:${(one.address() as { port: number }).port}`,
            close: () => one.close().closeAllConnections(),
          }),
        )
      })
    const other = await server((request, response) => {
      elsewhere.push(request.method!)
      response.writeHead(200).end('{"generation":"1"}')
    })
    const gcs = await server(({ method, url }, response) => {
      if (method === 'POST') return response.writeHead(200, { location: `${gcs.url}/s?upload_id=1` }).end()
      return response.writeHead(308, { location: `${other.url}${url}`, range: 'bytes=0-262143' }).end()
    })
    try {
      const store = new GcsStore({ bucket: 'bkt', endpoint: gcs.url, partSizeBytes: 256 * 1024 })
      const upload = await store.startUpload('up')
      await upload.part(new Uint8Array(300 * 1024)).catch(() => {})
      await expect(upload.complete()).rejects.toMatchObject({ storeReason: 'Generic' })
      expect(elsewhere).toEqual([])
    } finally {
      gcs.close()
      other.close()
    }
  })

  test('a service account key signs for a token, once', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const key = {
      client_email: 'me@p.iam.gserviceaccount.com',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
      private_key_id: 'kid1',
    }
    const { store, asked, clock } = storeWith(
      ({ url }) =>
        url.startsWith('https://oauth2.') ? { body: '{"access_token":"fresh","expires_in":3600}' } : stored,
      { credentials: key },
    )
    await Promise.all([1, 2, 3].map(() => store.put('a', new Uint8Array(1), { mode: 'overwrite' })))
    const grants = asked.filter((request) => request.url.startsWith('https://oauth2.'))
    expect(grants.length).toBe(1)
    const [header, claims, signature] = new URLSearchParams(grants[0]!.body).get('assertion')!.split('.') as [
      string,
      string,
      string,
    ]
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'kid1' })
    const now = Math.floor(clock.now() / 1000)
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
      iss: key.client_email,
      iat: now,
      exp: now + 3600,
    })
    const pem = createPublicKey(publicKey.export({ type: 'spki', format: 'pem' }))
    expect(verify('RSA-SHA256', Buffer.from(`${header}.${claims}`), pem, Buffer.from(signature, 'base64url'))).toBe(
      true,
    )
    expect(asked.at(-1)!.headers.get('authorization')).toBe('Bearer fresh')
    const broken = storeWith(() => stored, { credentials: { ...key, private_key: 'canary' } })
    const error = await broken.store.delete('a').catch((reason: unknown) => reason)
    expect(error).toMatchObject({ kind: 'Invalid' })
    expect(String(error)).not.toContain('canary')
  })
})

describe('answers to GcsStore', () => {
  const create: PutMode = 'create'
  const swap: PutMode = { ifMatch: '3' }
  const json = (status: number, message: string): FakeAnswer => ({
    status,
    body: JSON.stringify({ error: { message, errors: [{ reason: 'r' }] } }),
  })
  const table: [what: string, mode: PutMode | 'get', FakeAnswer, reason: string, says: RegExp][] = [
    ['already there', create, json(412, 'conditionNotMet'), 'AlreadyExists', /412/],
    ['stale', swap, json(412, 'conditionNotMet'), 'Precondition', /412/],
    ['missing', 'get', { status: 404, body: 'No such object: bkt/db/a' }, 'NotFound', /404/],
    ['unchanged', 'get', { status: 304 }, 'NotModified', /304/],
    [
      'no bucket',
      create,
      json(404, 'The specified bucket does not exist.'),
      'InvalidPath',
      /in bucket "bkt" .*the bucket does not exist/,
    ],
    ['no token', create, json(401, 'Invalid Credentials'), 'Unauthenticated', /expired or is not valid/],
    [
      'denied',
      create,
      json(403, 'me does not have storage.objects.create access'),
      'PermissionDenied',
      /roles\/storage.objectUser/,
    ],
    ['busy', create, json(429, 'rate'), 'Generic', /slow down/],
    ['broken', create, { status: 503, body: '' }, 'Generic', /503/],
  ]
  test.each(table)('%s', async (_, mode, answer, reason, says) => {
    const { store } = storeWith(() => answer)
    const work = mode === 'get' ? store.get('db/a') : store.put('db/a', new Uint8Array(1), { mode })
    await expect(work).rejects.toMatchObject({ storeReason: reason, message: expect.stringMatching(says) })
  })

  test('a refusal that says bucket again and again is judged in linear time', async () => {
    const { store } = storeWith(() => json(404, 'bucket '.repeat(150_000)))
    const began = performance.now()
    await expect(store.put('a', new Uint8Array(1), { mode: 'overwrite' })).rejects.toMatchObject({ kind: 'Invalid' })
    expect(performance.now() - began).toBeLessThan(5000)
  })

  test('an empty list has its kind, anything that is not a page is an error', async () => {
    expect(await storeWith(() => ({ body: '{"kind":"storage#objects"}' })).store.list('')).toEqual([])
    for (const body of ['', '{}', '{"items":[{"name"', '{"error":{"code":500}}', '<html>', '[]x']) {
      await expect(storeWith(() => ({ body })).store.list(''), body).rejects.toMatchObject({ storeReason: 'Generic' })
    }
  })

  test('a part that was kept only in part fails the upload', async () => {
    const { store } = storeWith(
      ({ query }) =>
        query.get('uploadType') === 'resumable'
          ? { headers: { location: 'https://storage.googleapis.com/s?upload_id=1' } }
          : { status: 308, headers: { range: 'bytes=0-99' } },
      { partSizeBytes: 256 * 1024 },
    )
    const upload = await store.startUpload('up')
    await upload.part(new Uint8Array(600 * 1024)).catch(() => {})
    await expect(upload.complete()).rejects.toThrow(/only part of an upload was kept/)
  })
})
