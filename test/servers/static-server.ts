// A web server over files in memory, as a CDN or a bucket's website serves them: whole objects, ranges, validators, no
// suffix ranges, and an index in JSON.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

export type Files = ReadonlyMap<string, Uint8Array>

/** The file that says what there is; the server makes it up. */
export const INDEX = 'index.json'

export interface StaticServer {
  readonly port: number
  /** Serves below `/site/` what `files` returns at the time of each request. */
  mount(site: string, files: () => Files): void
  stop(): Promise<void>
}

export async function startStaticServer(): Promise<StaticServer> {
  const sites = new Map<string, () => Files>()
  const server = createServer((request, response) => {
    const [, site = '', ...rest] = new URL(request.url!, 'http://h').pathname.split('/').map(decodeURIComponent)
    const files = sites.get(site)?.()
    const path = rest.join('/')
    const body = files === undefined ? undefined : path === INDEX ? indexOf(files) : files.get(path)
    serve(request, response, body)
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    mount: (site, files) => void sites.set(site, files),
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A hash of the content, as S3 has it. */
export function etagOf(body: Uint8Array): string {
  let sum = body.length
  for (const byte of body) sum = (Math.imul(sum, 31) + byte) >>> 0
  return `"${body.length}-${sum.toString(16)}"`
}

function serve(request: IncomingMessage, response: ServerResponse, body: Uint8Array | undefined): void {
  const { method, headers: asked } = request
  if (method !== 'GET' && method !== 'HEAD') return void response.writeHead(405).end()
  if (body === undefined) return void response.writeHead(404).end(method === 'HEAD' ? undefined : 'no such file')
  const size = body.length
  const headers = { etag: etagOf(body), 'last-modified': 'Fri, 02 Jan 2026 03:04:05 GMT', 'accept-ranges': 'bytes' }
  if (asked['if-none-match'] === headers.etag) return void response.writeHead(304, headers).end()
  const range = method === 'GET' ? /^bytes=(\d+)-(\d*)$/.exec(asked.range ?? '') : null
  if (range === null) {
    response.writeHead(200, { ...headers, 'content-length': size })
    return void response.end(method === 'HEAD' ? undefined : body)
  }
  const start = Number(range[1])
  const end = Math.min(range[2] === '' ? size : Number(range[2]) + 1, size)
  if (start >= size) return void response.writeHead(416, { 'content-range': `bytes */${size}` }).end()
  const part = body.subarray(start, end)
  const contentRange = `bytes ${start}-${end - 1}/${size}`
  response.writeHead(206, { ...headers, 'content-length': part.length, 'content-range': contentRange }).end(part)
}

function indexOf(files: Files): Uint8Array {
  return Buffer.from(JSON.stringify(Array.from(files, ([path, body]) => ({ path, size: body.length }))))
}
