// A small S3 in memory, as slow as it is told to be: `stores-server.mjs <port>`. Just what the benchmark needs: GET with
// ranges, HEAD, PUT with conditions, LIST, DELETE, uploads in parts. `POST /?slow=putMs,getMs,bytesPerMs` sets how long a
// request waits before its answer begins, and what one connection brings; without it nothing waits.

import { createHash } from 'node:crypto'
import { createServer } from 'node:http'

const objects = new Map()
const uploads = new Map()
let [putMs, getMs, bytesPerMs] = [0, 0, Number.POSITIVE_INFINITY]

const PIECE = 64 * 1024
const escapeXml = (text) => text.replace(/[<&>]/g, (c) => `&#${c.charCodeAt(0)};`)
const sleep = (ms) => (ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : undefined)

createServer(async (request, response) => {
  const url = new URL(request.url, 'http://localhost')
  const query = url.searchParams
  if (query.has('slow')) {
    ;[putMs, getMs, bytesPerMs] = query.get('slow').split(',').map(Number)
    return response.end()
  }
  const arrived = performance.now()
  const body = await bodyOf(request)
  // /bucket/name
  const name = decodeURIComponent(url.pathname).split('/').slice(2).join('/')
  const writes = request.method !== 'GET' && request.method !== 'HEAD'
  const answer = answerTo(request, name, query, body)
  await sleep((writes ? putMs : getMs) - (performance.now() - arrived))
  const { status = 200, headers = {}, bytes = Buffer.alloc(0) } = answer
  response.writeHead(status, { 'content-length': bytes.length, 'x-amz-request-id': 'bench', ...headers })
  if (request.method === 'HEAD' || bytes.length <= PIECE) return response.end(bytes)
  await send(response, bytes)
}).listen(Number(process.argv[2]), '127.0.0.1', () => process.stdout.write('ready\n'))

async function bodyOf(request) {
  const parts = []
  for await (const part of request) parts.push(part)
  return Buffer.concat(parts)
}

/** Piece by piece, never ahead of what the connection could have brought by now. */
async function send(response, bytes) {
  const start = performance.now()
  for (let at = 0; at < bytes.length; ) {
    const due = Math.min(bytes.length, (performance.now() - start) * bytesPerMs + PIECE)
    if (due - at < PIECE && due < bytes.length) {
      await sleep(1)
      continue
    }
    if (!response.write(bytes.subarray(at, due))) await new Promise((resolve) => response.once('drain', resolve))
    if (response.destroyed) return
    at = due
  }
  response.end()
}

function answerTo({ method, headers }, name, query, body) {
  if (query.has('uploads')) {
    const id = String(uploads.size + 1)
    uploads.set(id, [])
    return xml(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`)
  }
  if (query.has('uploadId')) {
    const parts = uploads.get(query.get('uploadId'))
    if (method === 'PUT') {
      parts[Number(query.get('partNumber')) - 1] = body
      return { headers: { etag: etagOf(body) } }
    }
    if (method === 'DELETE') return { status: 204 }
    const etag = store(name, Buffer.concat(parts))
    return xml(`<CompleteMultipartUploadResult><ETag>${etag}</ETag></CompleteMultipartUploadResult>`)
  }
  if (query.has('list-type')) return list(query)
  const object = objects.get(name)
  if (method === 'PUT') {
    const wanted = headers['if-match']
    if (headers['if-none-match'] === '*' && object !== undefined) return failed(412, 'PreconditionFailed')
    if (wanted !== undefined && object?.etag !== wanted) return failed(412, 'PreconditionFailed')
    const metadata = Object.entries(headers).filter(([key]) => key.startsWith('x-amz-meta-'))
    return { headers: { etag: store(name, body, Object.fromEntries(metadata)) } }
  }
  if (method === 'DELETE') {
    objects.delete(name)
    return { status: 204 }
  }
  if (object === undefined) return failed(404, 'NoSuchKey')
  const about = { etag: object.etag, 'last-modified': object.modified.toUTCString(), ...object.metadata }
  if (headers['if-none-match'] === object.etag) return { status: 304, headers: about }
  return ranged(object.bytes, headers.range, about)
}

function ranged(bytes, header, about) {
  const range = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  if (range === null) return { headers: about, bytes }
  const size = bytes.length
  const start = range[1] === '' ? Math.max(0, size - Number(range[2])) : Number(range[1])
  const end = range[1] === '' || range[2] === '' ? size : Math.min(size, Number(range[2]) + 1)
  if (start >= size) return failed(416, 'InvalidRange')
  const headers = { ...about, 'content-range': `bytes ${start}-${end - 1}/${size}` }
  return { status: 206, headers, bytes: bytes.subarray(start, end) }
}

function list(query) {
  const prefix = query.get('prefix') ?? ''
  const after = query.get('continuation-token') ?? query.get('start-after') ?? ''
  const names = [...objects.keys()].filter((name) => name.startsWith(prefix) && name > after).sort()
  const page = names.slice(0, 1000)
  const contents = page.map((name) => {
    const { bytes, etag, modified } = objects.get(name)
    const key = escapeXml(encodeURIComponent(name))
    const when = modified.toISOString()
    return `<Contents><Key>${key}</Key><LastModified>${when}</LastModified><ETag>${etag}</ETag><Size>${bytes.length}</Size></Contents>`
  })
  const more = names.length > page.length
  const next = more ? `<NextContinuationToken>${escapeXml(page.at(-1))}</NextContinuationToken>` : ''
  return xml(
    `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${more}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`,
  )
}

function store(name, bytes, metadata = {}) {
  const etag = etagOf(bytes)
  objects.set(name, { bytes, etag, metadata, modified: new Date() })
  return etag
}

const etagOf = (bytes) => `"${createHash('md5').update(bytes).digest('hex')}"`
const xml = (text) => ({ headers: { 'content-type': 'application/xml' }, bytes: Buffer.from(text) })
const failed = (status, code) => ({ status, bytes: Buffer.from(`<Error><Code>${code}</Code></Error>`) })
