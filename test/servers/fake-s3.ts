// An S3 in memory behind `fetch`: what the protocol demands of objects, conditions, ranges and lists, and a place where a
// test says how one request is answered instead.

import { isSlateDBError } from '../../src/errors.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'
import type { ByteRange, ObjectStore } from '../../src/objects/store.ts'
import { S3Store } from '../../src/stores/s3.ts'
import { type Asked, type FakeAnswer, fakeFetch } from './fake-fetch.ts'

/** What a request is about. The name is the object's, or the prefix of a list. */
export interface S3Request {
  readonly op: 'get' | 'head' | 'put' | 'delete' | 'list'
  readonly name: string
  readonly conditional: boolean
}

export interface FakeS3 {
  /** The objects, without a server before them. */
  readonly objects: MemoryStore
  /** A client of the server; all clients share the objects. */
  client(): ObjectStore
  /**
   * Asked before every answer. What it returns is sent instead; `after` says that the request took effect before that.
   */
  instead: ((request: S3Request) => (FakeAnswer & { readonly after?: boolean }) | undefined) | undefined
  readonly requests: S3Request[]
}

export const s3Error = (status: number, code: string): FakeAnswer => ({
  status,
  body: `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>as told</Message></Error>`,
})

const BUCKET = 'bkt'

export function fakeS3(): FakeS3 {
  const objects = new MemoryStore({ clock: { now: () => Date.UTC(2026, 0, 2) } })
  const requests: S3Request[] = []
  const server: FakeS3 = {
    objects,
    requests,
    instead: undefined,
    client: () => new S3Store({ bucket: BUCKET, endpoint: 'http://127.0.0.1:1', fetch }),
  }
  const { fetch } = fakeFetch(async (asked) => {
    const request = read(asked)
    requests.push(request)
    const other = server.instead?.(request)
    if (other !== undefined && !other.after) return other
    const answer = await serve(objects, request, asked)
    return other ?? answer
  })
  return server
}

function read({ method, path, query, headers }: Asked): S3Request {
  const name = decodeURIComponent(path.slice(`/${BUCKET}/`.length))
  const conditional = headers.has('if-none-match') || headers.has('if-match')
  if (name === '') return { op: 'list', name: query.get('prefix') ?? '', conditional }
  return { op: method.toLowerCase() as S3Request['op'], name, conditional }
}

async function serve(objects: MemoryStore, { op, name }: S3Request, asked: Asked): Promise<FakeAnswer> {
  try {
    switch (op) {
      case 'put':
        return await put(objects, name, asked)
      case 'delete':
        await objects.delete(name)
        return { status: 204 }
      case 'list':
        return { body: await list(objects, name, asked.query.get('start-after') ?? undefined) }
      case 'head':
      case 'get':
        return await get(objects, name, asked)
    }
  } catch (error) {
    if (!isSlateDBError(error)) throw error
    if (error.storeReason === 'NotFound') return s3Error(404, 'NoSuchKey')
    if (error.storeReason === 'NotModified') return { status: 304 }
    if (error.code === 'SLATEDB_STORE_RANGE') return s3Error(416, 'InvalidRange')
    return s3Error(412, 'PreconditionFailed')
  }
}

async function put(objects: MemoryStore, name: string, { headers, bytes }: Asked): Promise<FakeAnswer> {
  const ifMatch = headers.get('if-match')
  const mode = headers.has('if-none-match') ? 'create' : ifMatch === null ? 'overwrite' : { ifMatch }
  const metadata = Object.fromEntries([...headers].filter(([key]) => key.startsWith('x-amz-meta-')))
  const { etag } = await objects.put(name, bytes, { mode, metadata })
  return { headers: { etag: etag! } }
}

async function get(objects: MemoryStore, name: string, { method, headers }: Asked): Promise<FakeAnswer> {
  const { size, etag, metadata, lastModified } = await objects.head(name)
  const common = { etag: etag!, 'last-modified': new Date(lastModified).toUTCString(), ...metadata }
  if (method === 'HEAD') return { headers: { ...common, 'content-length': String(size) } }
  const range = rangeOf(headers.get('range'))
  const got = await objects.get(name, { range, ifNoneMatch: headers.get('if-none-match') ?? undefined })
  if (range === undefined) return { headers: common, body: got.bytes }
  const start = 'suffix' in range ? size - got.bytes.length : range.start
  const contentRange = `bytes ${start}-${start + got.bytes.length - 1}/${size}`
  return { status: 206, headers: { ...common, 'content-range': contentRange }, body: got.bytes }
}

function rangeOf(header: string | null): ByteRange | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  if (match === null) return undefined
  if (match[1] === '') return { suffix: Number(match[2]) }
  return match[2] === '' ? { start: Number(match[1]) } : { start: Number(match[1]), end: Number(match[2]) + 1 }
}

async function list(objects: MemoryStore, prefix: string, startAfter: string | undefined): Promise<string> {
  const found = await objects.list(prefix, { startAfter })
  const entries = found.map(({ path, size, lastModified, etag }) => {
    const modified = new Date(lastModified).toISOString()
    return `<Contents><Key>${path}</Key><Size>${size}</Size><LastModified>${modified}</LastModified><ETag>${etag}</ETag></Contents>`
  })
  return `<ListBucketResult><IsTruncated>false</IsTruncated>${entries.join('')}</ListBucketResult>`
}
