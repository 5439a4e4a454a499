// Two servers on loopback, two origins: the golden databases, readable from anywhere, and the page that reads them.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, relative, sep } from 'node:path'
import { REPOSITORY } from '../lane.ts'

export interface Serving {
  readonly url: string
  stop(): Promise<void>
}

async function serve(listener: RequestListener): Promise<Serving> {
  const server = createServer(listener)
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const FIXTURES = join(REPOSITORY, 'test', 'fixtures')

/** `test/fixtures` under `/fixtures`, with ranges, for pages of any origin; `index.json` lists what is in a folder. */
export const serveFixtures = (): Promise<Serving> =>
  serve((request, response) => {
    response.setHeader('access-control-allow-origin', '*')
    response.setHeader('access-control-allow-headers', '*, range, if-none-match, cache-control')
    response.setHeader('access-control-expose-headers', 'content-length, content-range, etag, last-modified')
    if (request.method === 'OPTIONS') return void response.writeHead(204).end()
    const { pathname } = new URL(request.url!, 'http://loopback')
    const path = join(FIXTURES, decodeURIComponent(pathname.replace('/fixtures/', '')))
    if (!path.startsWith(FIXTURES + sep)) return void response.writeHead(404).end()
    if (path.endsWith(`${sep}index.json`)) return send(request, response, Buffer.from(indexOf(join(path, '..'))))
    if (!existsSync(path) || !statSync(path).isFile()) return void response.writeHead(404).end()
    send(request, response, readFileSync(path))
  })

function indexOf(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return JSON.stringify(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name)
      return { path: relative(folder, path).split(sep).join('/'), size: statSync(path).size }
    }),
  )
}

function send(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
  response.setHeader('accept-ranges', 'bytes')
  if (range === null) return void response.writeHead(200, { 'content-length': body.length }).end(body)
  const start = Number(range[1])
  const end = Math.min(range[2] === '' ? body.length : Number(range[2]) + 1, body.length)
  if (start >= body.length) return void response.writeHead(416, { 'content-range': `bytes */${body.length}` }).end()
  const part = body.subarray(start, end)
  response.writeHead(206, {
    'content-length': part.length,
    'content-range': `bytes ${start}-${end - 1}/${body.length}`,
  })
  response.end(part)
}

const PAGE = '<!doctype html><meta charset="utf-8"><title>suite</title><script type="module" src="/page.js"></script>'

/** The page and its scripts; what it posts goes to `report`. */
export const servePage = (folder: string, report: (line: string) => void): Promise<Serving> =>
  serve(async (request, response) => {
    const { pathname } = new URL(request.url!, 'http://loopback')
    if (pathname === '/report') {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      report(Buffer.concat(chunks).toString())
      return void response.writeHead(204).end()
    }
    if (pathname === '/') return void response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE)
    const file = join(folder, pathname)
    if (!file.startsWith(folder + sep) || !existsSync(file)) return void response.writeHead(404).end()
    response.writeHead(200, { 'content-type': 'text/javascript' }).end(readFileSync(file))
  })
