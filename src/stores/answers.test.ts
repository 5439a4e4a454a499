// An answer counts only if it is the one that was asked for: every store against answers that come from something else on
// the way, or lack a field. What fails here is asked again (`Generic`), never taken for an empty list or a write.

import { describe, expect, test } from 'vitest'
import { type Asked, type FakeAnswer, FakeClock, fakeFetch } from '../../test/servers/fake-fetch.ts'
import { createEnv } from '../env/system.ts'
import { isSlateDBError } from '../errors.ts'
import { retrying } from '../objects/retrying.ts'
import type { ObjectStore, PutMode } from '../objects/store.ts'
import { AzureStore } from './azure.ts'
import { GcsStore } from './gcs.ts'
import { HttpStore } from './http.ts'
import { type R2Binding, R2Store } from './r2.ts'
import { S3Store } from './s3.ts'

type Answer = (asked: Asked, index: number) => FakeAnswer

const KEYS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret-of-example' }
const options = (answer: Answer) => ({ fetch: fakeFetch(answer).fetch, clock: new FakeClock() })
const s3 = (answer: Answer) => new S3Store({ bucket: 'b', credentials: KEYS, ...options(answer) })
const azure = (answer: Answer) => new AzureStore({ account: 'a', container: 'c', ...options(answer) })
const gcs = (answer: Answer) => new GcsStore({ bucket: 'b', credentials: 'token', ...options(answer) })
const http = (answer: Answer) => new HttpStore({ url: 'https://h/x', index: 'index.json', ...options(answer) })
const stores: Record<string, (answer: Answer) => ObjectStore> = { s3, azure, gcs, http }

const MODIFIED = 'Fri, 02 Jan 2026 03:04:05 GMT'
const ISO = '2026-01-02T03:04:05.000Z'
const bytes = new Uint8Array(3)

async function expectGeneric(work: Promise<unknown>, what: string, says = /./): Promise<void> {
  const error = await work.then(
    (value) => expect.fail(`${what} gave ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  )
  if (!isSlateDBError(error)) throw new Error(`${what} failed without a type`, { cause: error })
  expect([error.storeReason, error.kind], what).toEqual(['Generic', 'Unavailable'])
  expect(error.message, what).toMatch(says)
}

describe('a web page with status 200', () => {
  const page = '<!DOCTYPE html><html><head><title>Log in</title></head><body><form/></body></html>'
  const xhtml = `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body/></html>`
  const headers = { 'content-type': 'text/html; charset=utf-8', 'last-modified': MODIFIED, etag: '"page"' }

  for (const [name, open] of Object.entries(stores)) {
    test.each([page, xhtml])(`is no answer of ${name}`, async (body) => {
      const store = open(() => ({ status: 200, headers, body }))
      await expectGeneric(store.get('db/a'), 'get')
      await expectGeneric(store.get('db/a', { range: { start: 1, end: 3 } }), 'range')
      await expectGeneric(store.head('db/a'), 'head')
      await expectGeneric(store.list('db/'), 'list')
      if (name === 'http') return
      await expectGeneric(store.delete('db/a'), 'delete')
      await expectGeneric(store.copy!('db/a', 'db/b'), 'copy')
    })

    if (name === 'http') continue
    test(`is no write of ${name}, whatever its content type`, async () => {
      for (const status of [200, 201, 204]) {
        const store = open(() => ({ status, body: page }))
        for (const mode of ['create', 'overwrite'] as const) {
          await expectGeneric(store.put('db/a', bytes, { mode }), `put answered ${status}`)
        }
      }
    })
  }

  test.each(['s3', 'azure', 'gcs'])('that is empty is the answer of %s to a delete', async (name) => {
    const status = name === 'azure' ? 202 : 204
    await stores[name]!(() => ({ status, headers: { 'content-type': 'text/html; charset=utf-8' } })).delete('db/a')
  })

  test('an object whose name says that it is a page may be one', async () => {
    const store = http(() => ({ status: 200, headers, body: page }))
    expect((await store.get('site/index.html')).size).toBe(page.length)
  })
})

describe('a write whose answer lacks the version', () => {
  test('is not acknowledged: the next try finds it by its put id', async () => {
    let kept: Record<string, string> | undefined
    const store = retrying(
      s3(({ method, headers }) => {
        if (method === 'HEAD') {
          return { headers: { ...kept, 'content-length': '3', 'last-modified': MODIFIED, etag: '"e"' } }
        }
        if (kept !== undefined) return { status: 412 }
        kept = { 'x-amz-meta-slatedbputid': headers.get('x-amz-meta-slatedbputid')! }
        return { status: 200, body: 'OK' }
      }),
      createEnv({ seed: 1 }),
    )
    expect(await store.put('db/wal/1', bytes, { mode: 'create' })).toEqual({ etag: '"e"' })
  })

  test('is not acknowledged when nothing was written: the next try writes it', async () => {
    const { fetch, asked } = fakeFetch((_, index) => (index === 0 ? { body: 'OK' } : { headers: { etag: '"e"' } }))
    const store = retrying(new S3Store({ bucket: 'b', fetch }), createEnv({ seed: 1 }))
    expect(await store.put('db/wal/1', bytes, { mode: 'create' })).toEqual({ etag: '"e"' })
    expect(asked.map(({ method }) => method)).toEqual(['PUT', 'PUT'])
  })

  test.each(['', '{}', '{"generation":null}', '{"generation":"0"}', '[]', 'null'])('of GCS: %j', (body) =>
    expectGeneric(gcs(() => ({ body })).put('a', bytes, { mode: 'create' }), 'put', /has no generation/),
  )

  test('at the end of an upload', async () => {
    const answer = ({ query, method }: Asked): FakeAnswer => {
      if (query.has('uploads'))
        return { body: '<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>' }
      if (method === 'POST') return { body: '<CompleteMultipartUploadResult/>' }
      return { headers: { etag: '"p"' } }
    }
    const store = new S3Store({ bucket: 'b', partSizeBytes: 2, ...options(answer) })
    const upload = await store.startUpload('a')
    await upload.part(bytes)
    await expectGeneric(upload.complete(), 'complete', /has no etag/)
  })
})

describe('a create that is refused', () => {
  const conflicts: [store: string, answer: FakeAnswer][] = [
    ['s3', { status: 304 }],
    ['s3', { status: 412 }],
    ['s3', { status: 412, body: '<html>Precondition Failed</html>' }],
    ['azure', { status: 304, headers: { 'x-ms-error-code': 'ConditionNotMet' } }],
    ['azure', { status: 409, headers: { 'x-ms-error-code': 'BlobAlreadyExists' } }],
    ['azure', { status: 412 }],
    ['gcs', { status: 304 }],
    ['gcs', { status: 412 }],
  ]
  test.each(conflicts)('by %s with %j is a conflict', async (name, answer) => {
    const store = stores[name]!(() => answer)
    const put = (mode: PutMode) => store.put('a', bytes, { mode })
    await expect(put('create')).rejects.toMatchObject({ storeReason: 'AlreadyExists' })
    if (answer.status === 409) return
    await expect(put({ ifMatch: name === 'gcs' ? '5' : '"e"' })).rejects.toMatchObject({ storeReason: 'Precondition' })
  })

  test.each(['s3', 'azure', 'gcs', 'http'])('304 to a read of %s keeps its meaning', async (name) => {
    const store = stores[name]!(() => ({ status: 304 }))
    const ifNoneMatch = name === 'gcs' ? '5' : '"e"'
    await expect(store.get('a', { ifNoneMatch })).rejects.toMatchObject({ storeReason: 'NotModified' })
  })

  test('by S3 with 409 because another write is under way is tried again', async () => {
    const body = '<Error><Code>ConditionalRequestConflict</Code><Message>m</Message></Error>'
    await expectGeneric(s3(() => ({ status: 409, body })).put('a', bytes, { mode: 'create' }), 'put')
  })

  test('by S3 with 304 because its own earlier try took effect is a success', async () => {
    let kept: string | null = null
    const inner = s3(({ method, headers }) => {
      if (method === 'HEAD') {
        return {
          headers: { 'content-length': '3', 'last-modified': MODIFIED, etag: '"e"', 'x-amz-meta-slatedbputid': kept! },
        }
      }
      if (kept !== null) return { status: 304 }
      kept = headers.get('x-amz-meta-slatedbputid')
      return { status: 503 }
    })
    expect(await retrying(inner, createEnv({ seed: 1 })).put('a', bytes, { mode: 'create' })).toEqual({ etag: '"e"' })
  })
})

describe('entries of lists', () => {
  const wrongFields: [what: string, fields: Record<string, string | undefined>, says: RegExp][] = [
    ['no name', { name: undefined }, /no usable name/],
    ['an empty name', { name: '' }, /no usable name/],
    ['no size', { size: undefined }, /"db\/a".*no usable size/],
    ['a size that is no number', { size: '12abc' }, /no usable size/],
    ['a negative size', { size: '-1' }, /no usable size/],
    ['a size beyond all integers', { size: '99999999999999999999' }, /no usable size/],
    ['no date', { modified: undefined }, /no usable date/],
    ['a date that is none', { modified: 'yesterday' }, /no usable date/],
  ]
  const good = { name: 'db/a', size: '7', modified: ISO }
  type Fields = Record<string, string | undefined>

  const element = (name: string, value: string | undefined) =>
    value === undefined ? '' : `<${name}>${value}</${name}>`
  const lists: Record<string, (entry: Fields) => ObjectStore> = {
    s3: ({ name, size, modified }) =>
      s3(() => ({
        body: `<ListBucketResult><IsTruncated>false</IsTruncated><Contents>${element('Key', name)}${element('Size', size)}${element('LastModified', modified)}</Contents></ListBucketResult>`,
      })),
    azure: ({ name, size, modified }) =>
      azure(() => ({
        body: `<EnumerationResults><Blobs><Blob>${element('Name', name)}<Properties>${element('Content-Length', size)}${element('Last-Modified', modified)}</Properties></Blob></Blobs><NextMarker/></EnumerationResults>`,
      })),
    gcs: ({ name, size, modified }) =>
      gcs(() => ({
        body: JSON.stringify({ kind: 'storage#objects', items: [{ name, size, updated: modified, generation: '5' }] }),
      })),
    r2: ({ name, size, modified }) => {
      const object = {
        key: name,
        size: size === undefined ? size : Number(size),
        uploaded: new Date(modified ?? ''),
        etag: 'e',
      }
      return new R2Store(binding({ list: async () => ({ objects: [object], truncated: false }) }))
    },
  }
  const binding = (methods: object) => {
    const none = async () => expect.fail('not called')
    const all = { head: none, get: none, put: none, delete: none, list: none, createMultipartUpload: none }
    return { ...all, ...methods } as unknown as R2Binding
  }

  for (const [name, open] of Object.entries(lists)) {
    test(`of ${name} are taken when they are whole`, async () => {
      const [found] = await open(good).list('')
      expect(found).toMatchObject({ path: 'db/a', size: 7, lastModified: Date.parse(ISO) })
    })
    test.each(wrongFields)(`of ${name} with %s fail the list`, (_, fields, says) =>
      expectGeneric(open({ ...good, ...fields }).list(''), name, says),
    )
  }

  test.each([null, 5, [], {}, [{ name: 'a' }], { name: 'a' }])('of GCS that are %j fail the list', (item) =>
    expectGeneric(gcs(() => ({ body: JSON.stringify({ kind: 'storage#objects', items: [item] }) })).list(''), 'list'),
  )

  test.each([
    '[null]',
    '[5]',
    '[{}]',
    '[{"path":5}]',
    '[{"path":""}]',
    '[{"path":"a","size":1,"lastModified":"x"}]',
    '{}',
  ])('of an HTTP index %s fail the list', (body) => expectGeneric(http(() => ({ body })).list(''), 'list'))

  test('of an HTTP index that begins with a byte order mark are taken', async () => {
    const store = http(() => ({ body: `\ufeff[{"path":"a","size":1,"lastModified":"${ISO}"}]` }))
    expect(await store.list('')).toEqual([{ path: 'a', size: 1, lastModified: Date.parse(ISO), etag: undefined }])
  })

  test.each(['100%', '%ff', '%zz'])('of S3 and Azure with the escaped name %j fail the list', async (name) => {
    const key = `<EncodingType>url</EncodingType><Contents><Key>${name}</Key></Contents>`
    const whole = `<ListBucketResult><IsTruncated>false</IsTruncated>${key}</ListBucketResult>`
    await expectGeneric(s3(() => ({ body: whole })).list(''), 's3', /not well escaped/)
    const blob = `<Blob><Name Encoded="true">${name}</Name></Blob>`
    const blobs = `<EnumerationResults><Blobs>${blob}</Blobs><NextMarker/></EnumerationResults>`
    await expectGeneric(azure(() => ({ body: blobs })).list(''), 'azure', /not well escaped/)
  })
})

describe('documents of lists', () => {
  const s3Lists: [what: string, body: string][] = [
    ['an error', '<Error><Code>InternalError</Code><Message>m</Message></Error>'],
    ['prefixed names', '<s:ListBucketResult xmlns:s="x"><s:IsTruncated>false</s:IsTruncated></s:ListBucketResult>'],
    ['a list of buckets', '<ListAllMyBucketsResult/>'],
    ['no word whether more follows', '<ListBucketResult/>'],
    ['another word whether more follows', '<ListBucketResult><IsTruncated>maybe</IsTruncated></ListBucketResult>'],
    ['text', 'OK'],
    ['nothing', ''],
  ]
  test.each(s3Lists)('of S3 that are %s fail', (_, body) => expectGeneric(s3(() => ({ body })).list(''), 'list'))

  test('of S3 that are an error say which', () =>
    expectGeneric(s3(() => ({ body: s3Lists[0]![1] })).list(''), 'list', /InternalError/))

  test.each([
    '<Error><Code>ServerBusy</Code></Error>',
    '<EnumerationResults/>',
    '<EnumerationResults><Blobs/></EnumerationResults>',
    '<EnumerationResults><NextMarker/></EnumerationResults>',
  ])('of Azure that are %s fail', (body) => expectGeneric(azure(() => ({ body })).list(''), 'list'))

  test('of Azure that are empty are an empty list', async () => {
    const body = '\ufeff<?xml version="1.0"?><EnumerationResults><Blobs /><NextMarker /></EnumerationResults>'
    expect(await azure(() => ({ body })).list('')).toEqual([])
  })
})

describe('white space before an XML document', () => {
  const SPACE = ' \n\r\n\r '
  const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
  const completed = (document: string) =>
    new S3Store({
      bucket: 'b',
      partSizeBytes: 10,
      ...options(({ query, method }) => {
        if (query.has('uploads')) {
          return {
            body: `${SPACE}${DECLARATION}<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>`,
          }
        }
        return method === 'PUT' ? { headers: { etag: '"p"' } } : { body: `${SPACE}${DECLARATION}${document}` }
      }),
    })

  async function upload(document: string): Promise<unknown> {
    const parts = await completed(document).startUpload('a')
    for (let i = 0; i < 5; i++) await parts.part(new Uint8Array(10))
    return parts.complete()
  }

  test('is read as nothing: the upload is complete', async () => {
    const document = '<CompleteMultipartUploadResult><ETag>"whole-5"</ETag></CompleteMultipartUploadResult>'
    expect(await upload(document)).toEqual({ etag: '"whole-5"' })
  })

  test('does not hide an error behind it, nor its code', () =>
    expectGeneric(upload('<Error><Code>InternalError</Code><Message>m</Message></Error>'), 'complete', /InternalError/))

  test('does not hide the code of a copy or of a refusal', async () => {
    const body = `${SPACE}${DECLARATION}<Error><Code>SlowDown</Code><Message>m</Message></Error>`
    await expectGeneric(s3(() => ({ body })).copy('a', 'b'), 'copy', /SlowDown/)
    await expectGeneric(s3(() => ({ status: 503, body })).get('a'), 'get', /SlowDown/)
    const listed = `${SPACE}<EnumerationResults><Blobs /><NextMarker /></EnumerationResults>`
    expect(await azure(() => ({ body: listed })).list('')).toEqual([])
  })
})

describe('lengths', () => {
  const head = (headers: Record<string, string>) => ({
    headers: { etag: '"e"', 'last-modified': MODIFIED, ...headers },
  })

  for (const [name, open] of Object.entries({ s3, azure, http })) {
    test.each([
      {},
      { 'content-length': 'abc' },
      { 'content-length': '-5' },
      { 'content-length': '5', 'content-encoding': 'gzip' },
    ])(`of HEAD that ${name} tells by %j are not believed`, (headers) =>
      expectGeneric(open(() => head(headers as Record<string, string>)).head('a'), 'head'),
    )
  }

  for (const [name, open] of Object.entries({ s3, azure })) {
    test(`a HEAD of ${name} without a date fails`, () =>
      expectGeneric(open(() => ({ headers: { 'content-length': '5' } })).head('a'), 'head', /Last-Modified/))
  }

  test('HEAD of GCS takes only the object that was asked for', async () => {
    const object = { name: 'b', size: '5', updated: ISO, generation: '1' }
    await expectGeneric(gcs(() => ({ body: JSON.stringify(object) })).head('a'), 'head', /another object/)
    expect(await gcs(() => ({ body: JSON.stringify({ ...object, name: 'a' }) })).head('a')).toMatchObject({ size: 5 })
  })
})

describe('errors that a server may make of any shape', () => {
  test.each([
    'null',
    '5',
    '[]',
    '{"error":null}',
    '{"error":"x"}',
    '{"error":{"errors":null}}',
    '{"error":{"errors":[null]}}',
    '{"error":{"message":{}}}',
    '{"error":{"message":5,"errors":[{"reason":[]}]}}',
  ])('GCS: %s', (body) => expectGeneric(gcs(() => ({ status: 500, body })).get('a'), 'get', /500/))
})
