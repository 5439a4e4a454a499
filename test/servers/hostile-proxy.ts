// A proxy in front of a real object store that does what networks and overloaded servers do. Every draw comes from a
// seed. The Host header goes through unchanged, so signatures stay valid.

import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { Random } from '../../src/env/random.ts'

export const FAULTS = [
  'latency',
  'server error',
  'slow down',
  'reset before',
  'reset after',
  'lost response',
  'duplicate',
  'truncated',
  'wrong length',
  'slow bytes',
  'outage',
] as const

export type Fault = (typeof FAULTS)[number]

export interface HostileOptions {
  readonly upstream: { readonly port: number }
  readonly seed: number
  readonly fault: Fault
  /** Of one request to be hit. Default 0.3. */
  readonly probability?: number
  /** Length of an outage; everything else that takes time is a fraction of it. Default 1,500 ms for a minute. */
  readonly outageMs?: number
}

export interface HostileProxy {
  readonly port: number
  /** Requests hit so far. */
  readonly hits: number
  readonly requests: number
  /** From now on everything goes through untouched. */
  heal(): void
  stop(): Promise<void>
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export async function startHostileProxy(options: HostileOptions): Promise<HostileProxy> {
  const { upstream, seed, fault, probability = 0.3, outageMs = 1500 } = options
  const random = new Random(`hostile ${fault} ${seed}`)
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const sockets = new Set<ServerResponse>()
  let healed = false
  let requests = 0
  let hits = 0
  let outageEnd = 0

  const forward = (request: IncomingMessage, body: Buffer): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const headers = { ...request.headers }
      delete headers.connection
      const { method, url } = request
      const onward = httpRequest(
        { host: '127.0.0.1', port: upstream.port, method, path: url, headers, agent },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () =>
            resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) }),
          )
        },
      )
      onward.on('error', reject)
      onward.end(body)
    })

  const hostile = async (request: IncomingMessage, body: Buffer, response: ServerResponse): Promise<void> => {
    switch (fault) {
      case 'latency':
        await pause(random.int(1, outageMs / 5))
        return send(response, await forward(request, body))
      case 'server error':
        return send(response, failed(random.pick([500, 502, 503, 504])))
      case 'slow down':
        // The header counts in whole seconds, which clients honour: with every answer it would only make tests slow.
        return send(response, failed(429, random.chance(0.25) ? { 'retry-after': '1' } : {}))
      case 'reset before':
        return void response.socket?.destroy()
      case 'reset after':
        await forward(request, body)
        return void response.socket?.destroy()
      case 'lost response':
        await forward(request, body)
        // Nobody ever answers: only the client's own deadline ends this.
        return
      case 'duplicate': {
        const first = await forward(request, body)
        const second = await forward(request, body)
        return send(response, random.chance(0.5) ? first : second)
      }
      case 'truncated': {
        const answer = await forward(request, body)
        if (answer.body.length < 2) return send(response, answer)
        response.writeHead(answer.status, clean(answer.headers, answer.body.length))
        response.write(answer.body.subarray(0, random.int(1, answer.body.length - 1)), () => response.socket?.destroy())
        return
      }
      case 'wrong length': {
        const answer = await forward(request, body)
        // Whole by its own words and too short all the same. A read of a whole object has nothing to hold against it.
        if (request.headers.range === undefined && request.headers['x-ms-range'] === undefined) {
          return send(response, answer)
        }
        const cut = answer.body.subarray(0, random.int(0, Math.max(0, answer.body.length - 1)))
        return send(response, { ...answer, body: cut })
      }
      case 'slow bytes': {
        const answer = await forward(request, body)
        response.writeHead(answer.status, clean(answer.headers, answer.body.length))
        for (const byte of answer.body) {
          if (response.destroyed || healed) break
          response.write(Buffer.of(byte))
          await pause(outageMs / 50)
        }
        return void response.destroy()
      }
      case 'outage':
        outageEnd ||= Date.now() + outageMs
        return void response.socket?.destroy()
    }
  }

  const server = createServer(async (request, response) => {
    sockets.add(response)
    response.once('close', () => sockets.delete(response))
    requests++
    try {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const body = Buffer.concat(chunks)
      const dark = outageEnd !== 0 && Date.now() < outageEnd
      // One outage a run: it begins with some request and hits every one until it ends.
      const begins = fault !== 'outage' ? random.chance(probability) : outageEnd === 0 && requests > 5
      if (healed || !(dark || begins)) return send(response, await forward(request, body))
      hits++
      await hostile(request, body, response)
    } catch {
      response.socket?.destroy()
    }
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    port,
    get hits() {
      return hits
    },
    get requests() {
      return requests
    },
    heal: () => {
      healed = true
    },
    stop: async () => {
      healed = true
      for (const response of sockets) response.socket?.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      agent.destroy()
    },
  }
}

function failed(status: number, headers: IncomingHttpHeaders = {}): Answer {
  return { status, headers: { 'content-type': 'text/plain', ...headers }, body: Buffer.from('the proxy said so') }
}

function send(response: ServerResponse, answer: Answer): void {
  if (response.destroyed) return
  const { status, headers, body } = answer
  const bodiless = response.req.method === 'HEAD' || status === 204 || status === 304
  const length = response.req.method === 'HEAD' ? headers['content-length'] : bodiless ? undefined : body.length
  response.writeHead(status, clean(headers, length))
  response.end(bodiless ? undefined : body)
}

function clean(headers: IncomingHttpHeaders, length: number | string | undefined): Record<string, string | string[]> {
  const out: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || /^(connection|keep-alive|transfer-encoding|content-length)$/.test(name)) continue
    out[name] = value
  }
  if (length !== undefined) out['content-length'] = String(length)
  return out
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
