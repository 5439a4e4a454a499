import { createHash, createHmac } from 'node:crypto'
import { AwsV4Signer } from 'aws4fetch'
import { describe, expect, test } from 'vitest'
import { type Asked, type FakeAnswer, FakeClock, fakeFetch } from '../../test/servers/fake-fetch.ts'
import { Random } from '../env/random.ts'
import { SlateDBError } from '../errors.ts'
import type { PutMode } from '../objects/store.ts'
import { encodePath, queryString } from './endpoint.ts'
import { type S3Options, S3Store } from './s3.ts'
import { Signer, UNSIGNED_PAYLOAD } from './sigv4.ts'

const ALPHABET = "abcXYZ019 -._~!'()*+%&=:@,;ü日"
const KEYS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }

function storeWith(
  answer: (asked: Asked, index: number) => FakeAnswer | Promise<FakeAnswer>,
  options: Partial<S3Options> = {},
) {
  const { fetch, asked } = fakeFetch(answer)
  const clock = new FakeClock()
  return { store: new S3Store({ bucket: 'my-bucket', credentials: KEYS, clock, fetch, ...options }), asked, clock }
}

const xml = (code: string, message = 'no') =>
  `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`

async function failure(work: Promise<unknown>): Promise<SlateDBError> {
  const error = await work.then(
    (value) => value,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(SlateDBError)
  return error as SlateDBError
}

/** Signature version 4, written a second time from Amazon's description of it. */
function signatureOf(asked: Asked, secret: string, region: string): string {
  const authorization = asked.headers.get('authorization')!
  const names = /SignedHeaders=([^,]+)/.exec(authorization)![1]!.split(';')
  const url = new URL(asked.url)
  const strict = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  const query = [...url.searchParams]
    .map(([k, v]) => `${strict(k)}=${strict(v)}`)
    .sort()
    .join('&')
  const headers = names
    .map((name) => `${name}:${name === 'host' ? url.host : asked.headers.get(name)!.trim()}\n`)
    .join('')
  const path = decodeURIComponent(url.pathname).split('/').map(strict).join('/')
  const canonical = [
    asked.method,
    path,
    query,
    headers,
    names.join(';'),
    asked.headers.get('x-amz-content-sha256'),
  ].join('\n')
  const date = asked.headers.get('x-amz-date')!
  const scope = `${date.slice(0, 8)}/${region}/s3/aws4_request`
  const hash = createHash('sha256').update(canonical).digest('hex')
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, date.slice(0, 8)), region), 's3'), 'aws4_request')
  return hmac(key, ['AWS4-HMAC-SHA256', date, scope, hash].join('\n')).toString('hex')
}

describe('Signer', () => {
  test('agrees with aws4fetch on random requests', async () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = new Random(seed)
      // Not only dots: those are no names, and URLs take them for directions.
      const word = () => `x${Array.from({ length: random.int(0, 9) }, () => random.pick([...ALPHABET])).join('')}`
      const path = `/${encodePath(Array.from({ length: random.int(1, 4) }, word).join('/'))}`
      const query = queryString(Object.fromEntries(Array.from({ length: random.int(0, 4) }, () => [word(), word()])))
      const now = random.int(1_600_000_000, 2_000_000_000) * 1000
      const credentials = { ...KEYS, ...(random.chance(0.5) ? { sessionToken: `token/${seed}+==` } : {}) }
      const headers: Record<string, string> = { 'x-amz-meta-a': 'one  two', range: 'bytes=0-1', 'if-match': '"e"' }
      const region = random.pick(['us-east-1', 'auto', 'eu-west-1'])
      const theirs = new AwsV4Signer({
        ...credentials,
        region,
        service: 's3',
        method: 'GET',
        url: `https://host:9000${path}${query === '' ? '' : `?${query}`}`,
        headers: { ...headers, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
        datetime: new Date(now).toISOString().replace(/[:-]|\.\d{3}/g, ''),
      })
      const expected = (await theirs.sign()).headers.get('authorization')
      const unsigned = { method: 'GET', host: 'host:9000', path, query, bodyHash: UNSIGNED_PAYLOAD, now }
      new Signer(region, 's3').sign(unsigned, headers, credentials)
      expect(headers.authorization, `seed ${seed}`).toBe(expected)
    }
  })

  test('follows the day and the secret', () => {
    const signer = new Signer('us-east-1', 's3')
    const sign = (now: number, secretAccessKey: string, by = signer) => {
      const headers: Record<string, string> = {}
      const unsigned = { method: 'GET', host: 'h', path: '/', query: '', bodyHash: UNSIGNED_PAYLOAD, now }
      by.sign(unsigned, headers, { accessKeyId: 'AK', secretAccessKey })
      return headers.authorization
    }
    for (const [now, secret] of [
      [0, 'a'],
      [86_400_000, 'a'],
      [86_400_000, 'b'],
      [0, 'a'],
    ] as const) {
      expect(sign(now, secret)).toBe(sign(now, secret, new Signer('us-east-1', 's3')))
    }
  })
})

describe('requests of S3Store', () => {
  test('are signed as Amazon describes it, with the clock they were given', async () => {
    const { store, asked } = storeWith(() => ({ status: 200, headers: { etag: '"e"' } }), { region: 'eu-west-1' })
    const body = new TextEncoder().encode('hello')
    const session = { ...KEYS, sessionToken: 'token/of+session==' }
    const withToken = storeWith(() => ({ status: 200, headers: { etag: '"e"' } }), {
      region: 'eu-west-1',
      credentials: session,
    })
    await store.put("odd/a b+c%2e(d)'é&=.sst", body, { mode: 'create', metadata: { slatedbputid: '01ARZ' } })
    await store.get('a', { range: { start: 1, end: 3 } }).catch(() => {})
    await store.list('x y+/', { startAfter: 'x y+/a' }).catch(() => {})
    await withToken.store.put('a', body, { mode: { ifMatch: '"abc"' } })
    for (const request of [...asked, ...withToken.asked]) {
      const given = /Signature=([0-9a-f]{64})/.exec(request.headers.get('authorization')!)![1]
      expect(given, request.path).toBe(signatureOf(request, KEYS.secretAccessKey, 'eu-west-1'))
      expect(request.headers.get('x-amz-date')).toBe('20260102T030405Z')
    }
    expect(asked[0]!.headers.get('x-amz-content-sha256')).toBe(createHash('sha256').update('hello').digest('hex'))
    expect(withToken.asked[0]!.headers.get('x-amz-security-token')).toBe('token/of+session==')
    expect(withToken.asked[0]!.headers.get('authorization')).toContain('x-amz-security-token')
  })

  test('carry conditions, metadata and ranges', async () => {
    const { store, asked } = storeWith(() => ({ status: 200, headers: { etag: '"e2"' } }))
    expect(
      await store.put('a', [new Uint8Array(2), new Uint8Array(3)], { mode: 'create', metadata: { Id: 'X' } }),
    ).toEqual({
      etag: '"e2"',
    })
    await store.put('a', new Uint8Array(0), { mode: { ifMatch: '"e1"' } })
    expect(asked[0]!.headers.get('if-none-match')).toBe('*')
    expect(asked[0]!.headers.get('x-amz-meta-id')).toBe('X')
    expect(asked[0]!.body.length).toBe(5)
    expect(asked[1]!.headers.get('if-match')).toBe('"e1"')
    for (const [range, header] of [
      [{ start: 5 }, 'bytes=5-'],
      [{ start: 5, end: 10 }, 'bytes=5-9'],
      [{ suffix: 7 }, 'bytes=-7'],
    ] as const) {
      await store.get('a', { range }).catch(() => {})
      expect(asked.at(-1)!.headers.get('range')).toBe(header)
    }
  })

  test('name the place by host or by path', async () => {
    const places: [Partial<S3Options>, string][] = [
      [{}, 'https://my-bucket.s3.us-east-1.amazonaws.com/a'],
      [{ region: 'eu-west-1', virtualHostedStyle: false }, 'https://s3.eu-west-1.amazonaws.com/my-bucket/a'],
      [{ bucket: 'my.bucket' }, 'https://s3.us-east-1.amazonaws.com/my.bucket/a'],
      [{ endpoint: 'https://minio.example:9000/' }, 'https://minio.example:9000/my-bucket/a'],
      [{ endpoint: 'https://example.com', virtualHostedStyle: true }, 'https://my-bucket.example.com/a'],
      [{ endpoint: 'https://my-bucket.example.com', virtualHostedStyle: true }, 'https://my-bucket.example.com/a'],
      [{ endpoint: 'http://127.0.0.1:9000' }, 'http://127.0.0.1:9000/my-bucket/a'],
      [{ region: 'cn-northwest-1' }, 'https://my-bucket.s3.cn-northwest-1.amazonaws.com.cn/a'],
      [{ region: 'us-gov-west-1' }, 'https://my-bucket.s3.us-gov-west-1.amazonaws.com/a'],
      [{ region: 'eusc-de-east-1' }, 'https://my-bucket.s3.eusc-de-east-1.amazonaws.eu/a'],
      [{ region: 'us-iso-east-1' }, 'https://my-bucket.s3.us-iso-east-1.c2s.ic.gov/a'],
      [{ region: 'us-isob-east-1' }, 'https://my-bucket.s3.us-isob-east-1.sc2s.sgov.gov/a'],
      [{ region: 'us-isof-south-1' }, 'https://my-bucket.s3.us-isof-south-1.csp.hci.ic.gov/a'],
      [{ region: 'eu-isoe-west-1' }, 'https://my-bucket.s3.eu-isoe-west-1.cloud.adc-e.uk/a'],
    ]
    for (const [options, url] of places) {
      const { store, asked } = storeWith(() => ({ status: 204 }), options)
      await store.delete('a')
      expect(asked[0]!.url).toBe(url)
    }
  })

  test('take options that change them: unsigned bodies, bare etags, checksums, encryption, payer', async () => {
    const ok = () => ({ status: 200, headers: { etag: '"e"' } })
    const put = async (options: Partial<S3Options>) => {
      const { store, asked } = storeWith(ok, options)
      await store.put('a', new TextEncoder().encode('x'), { mode: { ifMatch: '"e"' } })
      return asked[0]!.headers
    }
    expect((await put({ unsignedPayload: true })).get('x-amz-content-sha256')).toBe('UNSIGNED-PAYLOAD')
    expect((await put({ etagStyle: 'unquoted' })).get('if-match')).toBe('e')
    const sum = createHash('sha256').update('x').digest('base64')
    expect((await put({ checksum: 'sha256' })).get('x-amz-checksum-sha256')).toBe(sum)
    expect((await put({ checksum: 'sha256', unsignedPayload: true })).get('x-amz-checksum-sha256')).toBe(sum)
    expect((await put({ requestPayer: true })).get('x-amz-request-payer')).toBe('requester')
    const encrypted = await put({ writeHeaders: { 'x-amz-server-side-encryption': 'AES256' } })
    expect(encrypted.get('x-amz-server-side-encryption')).toBe('AES256')
    const anonymous = storeWith(ok, { credentials: undefined })
    await anonymous.store.put('a', new Uint8Array(1), { mode: 'overwrite' })
    expect(anonymous.asked[0]!.headers.get('authorization')).toBeNull()
  })

  test('refuse what cannot be safe before anything is sent', async () => {
    const open = (options: Partial<S3Options>) => () => new S3Store({ bucket: 'b', ...options })
    for (const options of [
      { endpoint: 'http://example.com' },
      { endpoint: 'ftp://example.com' },
      { endpoint: 'https://user:canary@example.com' },
      { endpoint: 'https://example.com?x=canary' },
      { endpoint: 'nonsense canary' },
      { bucket: '' },
      { bucket: 'a/b' },
      { endpoint: 'https://example.com/%ff' },
      { region: 'evil.example/canary' },
      { region: '' },
      { endpoint: 'http://127.0.0.1:1', unsignedPayload: true },
    ]) {
      expect(open(options)).toThrow(expect.objectContaining({ kind: 'Invalid' }))
      expect(open(options)).not.toThrow(/canary/)
    }
    const { store, asked } = storeWith(() => ({}))
    await expect(store.put('a', new Uint8Array(1), { mode: 'create', metadata: { a: 'ü' } })).rejects.toMatchObject({
      kind: 'Invalid',
    })
    const disabled = storeWith(() => ({}), { conditionalPut: 'disabled' })
    expect(disabled.store.capabilities.createIfAbsent).toBe(false)
    await expect(disabled.store.put('a', new Uint8Array(1), { mode: 'create' })).rejects.toMatchObject({
      storeReason: 'NotSupported',
    })
    expect(asked.length + disabled.asked.length).toBe(0)
  })
})

describe('answers to S3Store', () => {
  const create: PutMode = 'create'
  const swap: PutMode = { ifMatch: '"e"' }
  const table: [what: string, mode: PutMode | 'get', FakeAnswer, reason: string, kind: string, says: RegExp][] = [
    ['already there', create, { status: 412, body: xml('PreconditionFailed') }, 'AlreadyExists', 'Data', /412/],
    ['stale etag', swap, { status: 412, body: xml('PreconditionFailed') }, 'Precondition', 'Data', /412/],
    ['swap of nothing', swap, { status: 404, body: xml('NoSuchKey') }, 'Precondition', 'Data', /404/],
    [
      'conflict',
      create,
      { status: 409, body: xml('ConditionalRequestConflict') },
      'Generic',
      'Unavailable',
      /safe to try again/,
    ],
    ['missing', 'get', { status: 404, body: xml('NoSuchKey') }, 'NotFound', 'Data', /404/],
    ['unchanged', 'get', { status: 304 }, 'NotModified', 'Data', /304/],
    [
      'no bucket',
      'get',
      { status: 404, body: xml('NoSuchBucket') },
      'InvalidPath',
      'Invalid',
      /bucket "my-bucket" does not exist/,
    ],
    [
      'wrong region',
      'get',
      { status: 301, headers: { 'x-amz-bucket-region': 'eu-west-1' }, body: xml('PermanentRedirect') },
      'InvalidPath',
      'Invalid',
      /is in region eu-west-1, not us-east-1: set the region/,
    ],
    [
      'region of the signature',
      'get',
      {
        status: 400,
        body: '<Error><Code>AuthorizationHeaderMalformed</Code><Message>m</Message><Region>ap-south-1</Region></Error>',
      },
      'InvalidPath',
      'Invalid',
      /is in region ap-south-1/,
    ],
    [
      'expired',
      'get',
      { status: 400, body: xml('ExpiredToken') },
      'Unauthenticated',
      'Unavailable',
      /has expired: get new credentials/,
    ],
    [
      'wrong key',
      'get',
      { status: 403, body: xml('InvalidAccessKeyId') },
      'Unauthenticated',
      'Unavailable',
      /AWS_ACCESS_KEY_ID/,
    ],
    [
      'wrong secret',
      'get',
      { status: 403, body: xml('SignatureDoesNotMatch') },
      'Unauthenticated',
      'Unavailable',
      /AWS_SECRET_ACCESS_KEY/,
    ],
    ['denied', 'get', { status: 403, body: xml('AccessDenied') }, 'PermissionDenied', 'Unavailable', /lack permission/],
    [
      'clock',
      'get',
      { status: 403, headers: { date: 'Fri, 02 Jan 2026 03:24:05 GMT' }, body: xml('RequestTimeTooSkewed') },
      'Unauthenticated',
      'Unavailable',
      /20 minutes behind the server's: set the clock/,
    ],
    ['slow down', create, { status: 503, body: xml('SlowDown') }, 'Generic', 'Unavailable', /asks to slow down/],
    ['broken', create, { status: 500, body: '<html>oops' }, 'Generic', 'Unavailable', /500/],
    [
      'no such feature',
      create,
      { status: 501, body: xml('NotImplemented') },
      'NotSupported',
      'Invalid',
      /does not offer/,
    ],
  ]
  test.each(table)('%s', async (_, mode, answer, reason, kind, says) => {
    const { store } = storeWith(() => answer)
    const work = mode === 'get' ? store.get('db/a') : store.put('db/a', new Uint8Array(1), { mode })
    const error = await failure(work)
    expect([error.storeReason, error.kind]).toEqual([reason, kind])
    expect(error.message).toMatch(says)
    expect(error.message).toContain('object "db/a"')
  })

  test('a wait the server asks for is kept with the error', async () => {
    const { store } = storeWith(() => ({ status: 429, headers: { 'retry-after': '3', 'x-amz-request-id': 'R1' } }))
    expect(await failure(store.get('a'))).toMatchObject({ retryAfterMs: 3000, cause: { status: 429, requestId: 'R1' } })
  })

  test('a range that is not the one asked for is worth a retry; one behind the end is not', async () => {
    const range = { start: 10, end: 20 }
    const answers: [FakeAnswer, Partial<SlateDBError>][] = [
      [
        { status: 206, headers: { 'content-range': 'bytes 10-18/100' }, body: new Uint8Array(9) },
        { kind: 'Unavailable' },
      ],
      [
        { status: 206, headers: { 'content-range': 'bytes 0-9/100' }, body: new Uint8Array(10) },
        { kind: 'Unavailable' },
      ],
      [
        { status: 206, headers: { 'content-range': 'bytes 10-19/100' }, body: new Uint8Array(4) },
        { kind: 'Unavailable' },
      ],
      [{ status: 206, body: new Uint8Array(10) }, { kind: 'Unavailable' }],
      [{ status: 416, body: xml('InvalidRange') }, { code: 'SLATEDB_STORE_RANGE' }],
      [{ status: 206, headers: { 'content-range': 'bytes 10-9/10' } }, { code: 'SLATEDB_STORE_RANGE' }],
    ]
    for (const [answer, expected] of answers) {
      const { store } = storeWith(() => answer)
      expect(await failure(store.get('a', { range }))).toMatchObject({ storeReason: 'Generic', ...expected })
    }
  })

  test('a server that ignores ranges is served from the whole', async () => {
    const { store } = storeWith(() => ({ status: 200, body: Uint8Array.from({ length: 30 }, (_, i) => i) }))
    const { bytes, size } = await store.get('a', { range: { start: 28, end: 40 } })
    expect([[...bytes], size]).toEqual([[28, 29], 30])
  })

  test('lists follow every page and decode names', async () => {
    const page = (names: string[], next?: string) =>
      `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><EncodingType>url</EncodingType>${
        next === undefined
          ? '<IsTruncated>false</IsTruncated>'
          : `<IsTruncated>true</IsTruncated><NextContinuationToken>${next}</NextContinuationToken>`
      }${names.map((name) => `<Contents><Key>${name}</Key><Size>7</Size><LastModified>2026-01-02T03:04:05.678Z</LastModified><ETag>&quot;e&quot;</ETag></Contents>`).join('')}</ListBucketResult>`
    const { store, asked } = storeWith((_, index) => ({
      body: index === 0 ? page(['p/a', 'p/a+b', 'p/a%2Bb'], 't/+=') : page(['p/c%25']),
    }))
    const found = await store.list('p/')
    expect(found.map((info) => info.path)).toEqual(['p/a', 'p/a b', 'p/a+b', 'p/c%'])
    expect(found[0]).toEqual({ path: 'p/a', size: 7, lastModified: Date.UTC(2026, 0, 2, 3, 4, 5, 678), etag: '"e"' })
    expect(asked[1]!.query.get('continuation-token')).toBe('t/+=')
  })

  test('a list that was cut off is an error, never a shorter list', async () => {
    const whole =
      '<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key></Contents></ListBucketResult>'
    for (const body of [whole.slice(0, -5), '', '<html>', whole.replace('false', 'true')]) {
      const { store } = storeWith(() => ({ body }))
      expect((await failure(store.list(''))).storeReason).toBe('Generic')
    }
  })

  test('an error inside of a success is an error', async () => {
    const { store } = storeWith(() => ({ status: 200, body: xml('InternalError', 'we tried') }))
    expect(await failure(store.copy('a', 'b'))).toMatchObject({ storeReason: 'Generic' })
  })

  test('credentials that the server calls expired are asked for anew', async () => {
    let calls = 0
    const { store, asked } = storeWith(
      ({ headers }) =>
        headers.get('authorization')!.includes('AK1')
          ? { status: 400, body: xml('ExpiredToken') }
          : { status: 200, headers: { etag: '"e"' } },
      { credentials: async () => ({ accessKeyId: `AK${++calls}`, secretAccessKey: 'secret' }) },
    )
    expect((await failure(store.get('a'))).storeReason).toBe('Unauthenticated')
    await store.put('a', new Uint8Array(1), { mode: 'overwrite' })
    expect([calls, asked.length]).toEqual([2, 2])
  })

  test('an upload sends parts, completes with their etags, and drops them when one fails', async () => {
    const answer =
      (failing: boolean) =>
      (asked: Asked): FakeAnswer => {
        if (asked.query.has('uploads'))
          return { body: '<InitiateMultipartUploadResult><UploadId>id/1</UploadId></InitiateMultipartUploadResult>' }
        if (asked.method === 'DELETE') return { status: 204 }
        if (asked.method === 'PUT') {
          const number = asked.query.get('partNumber')!
          return failing && number === '2' ? { status: 500 } : { headers: { etag: `"p${number}"` } }
        }
        return {
          body: '<CompleteMultipartUploadResult><ETag>&quot;whole-2&quot;</ETag></CompleteMultipartUploadResult>',
        }
      }
    const good = storeWith(answer(false), { partSizeBytes: 10 })
    const upload = await good.store.startUpload('up', { metadata: { slatedbputid: 'Z' }, mode: 'create' })
    await upload.part(new Uint8Array(15))
    expect(await upload.complete()).toEqual({ etag: '"whole-2"' })
    expect(good.asked[0]!.headers.get('x-amz-meta-slatedbputid')).toBe('Z')
    const last = good.asked.at(-1)!
    expect(last.body).toContain('<PartNumber>2</PartNumber><ETag>&quot;p2&quot;</ETag>')
    expect(last.headers.get('if-none-match')).toBe('*')
    const bad = storeWith(answer(true), { partSizeBytes: 10 })
    const failing = await bad.store.startUpload('up')
    await failing.part(new Uint8Array(25)).catch(() => {})
    await expect(failing.complete()).rejects.toMatchObject({ storeReason: 'Generic' })
    expect(bad.asked.at(-1)!.method).toBe('DELETE')
    expect(bad.asked.at(-1)!.query.get('uploadId')).toBe('id/1')
  })

  test('an upload with checksums is begun with their algorithm and completed with those of its parts', async () => {
    const { store, asked } = storeWith(
      ({ query, method }) => {
        if (query.has('uploads')) {
          return { body: '<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>' }
        }
        if (method === 'PUT') return { headers: { etag: '"p"' } }
        return { body: '<CompleteMultipartUploadResult><ETag>"e-2"</ETag></CompleteMultipartUploadResult>' }
      },
      { partSizeBytes: 10, checksum: 'sha256' },
    )
    const upload = await store.startUpload('up')
    await upload.part(new Uint8Array(15))
    await upload.complete()
    const [begin, first, second, complete] = asked
    expect(begin!.headers.get('x-amz-checksum-algorithm')).toBe('SHA256')
    const sums = [10, 5].map((length) => createHash('sha256').update(new Uint8Array(length)).digest('base64'))
    expect([first, second].map((part) => part!.headers.get('x-amz-checksum-sha256'))).toEqual(sums)
    expect([...complete!.body.matchAll(/<ChecksumSHA256>([^<]+)</g)].map(([, sum]) => sum)).toEqual(sums)
    expect(complete!.headers.get('x-amz-checksum-sha256')).toBeNull()
  })
})
