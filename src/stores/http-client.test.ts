import { createServer, type RequestListener, type Server } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { FakeClock, fakeFetch } from '../../test/servers/fake-fetch.ts'
import { SlateDBError } from '../errors.ts'
import { HttpClient, hostOf } from './http-client.ts'
import { type HttpFailure, parseRetryAfter, scrub } from './http-errors.ts'

let server: Server | undefined

afterEach(() => {
  server?.closeAllConnections()
  server?.close()
  server = undefined
})

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener)
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

const request = (url: string) => ({ operation: 'GET', path: 'db/a', method: 'GET', url, headers: {}, secrets: [] })

async function failure(work: Promise<unknown>): Promise<SlateDBError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(SlateDBError)
  return error as SlateDBError
}

describe('HttpClient', () => {
  test('gives status, headers and the whole body, whatever the status', async () => {
    const url = await serve((_, response) => response.writeHead(503, { 'x-a': 'b' }).end('busy'))
    const reply = await new HttpClient({}).send(request(url))
    expect(reply.status).toBe(503)
    expect(reply.headers.get('x-a')).toBe('b')
    expect(new TextDecoder().decode(reply.bytes)).toBe('busy')
  })

  test('a body that ends early is a failure', async () => {
    const url = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('short', () => response.socket?.destroy())
    })
    const error = await failure(new HttpClient({}).send(request(url)))
    expect(error.storeReason).toBe('Generic')
    expect(error.kind).toBe('Unavailable')
  })

  test('a length that does not match is a failure where the runtime lets it pass', async () => {
    const { fetch } = fakeFetch(() => ({ body: 'abc', headers: { 'content-length': '5' } }))
    const error = await failure(new HttpClient({ fetch }).send(request('http://h/')))
    expect(error.message).toContain('ended after 3 of 5 bytes')
  })

  test('a server that never answers runs into the deadline', async () => {
    const url = await serve(() => {})
    const error = await failure(new HttpClient({ timeoutMs: 50 }).send(request(url)))
    expect(error.message).toContain('no complete answer within 50 ms')
    expect((error.cause as HttpFailure).code).toBe('TIMEOUT')
  })

  test('a body that trickles runs into the deadline', async () => {
    const url = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '1000' })
      const timer = setInterval(() => response.write('x'), 10)
      response.once('close', () => clearInterval(timer))
    })
    const error = await failure(new HttpClient({ timeoutMs: 100 }).send(request(url)))
    expect((error.cause as HttpFailure).code).toBe('TIMEOUT')
  })

  test('a large body gets more time, in both directions', async () => {
    const clock = new FakeClock()
    let release = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    let aborted = false
    const fetch = async (_: string, init: RequestInit) => {
      init.signal!.addEventListener('abort', () => (aborted = true))
      await held
      return new Response('ok')
    }
    const client = new HttpClient({ fetch, clock, timeoutMs: 1000, minBytesPerSecond: 1000 })
    const sent = client.send({ ...request('http://h/'), method: 'PUT', body: new Uint8Array(5000) })
    clock.advance(5900)
    expect(aborted).toBe(false)
    release()
    await sent
    expect(clock.pending).toBe(0)
  })

  test('abort rejects with the reason of the signal, before and during', async () => {
    const url = await serve(() => {})
    const reason = new Error('no longer wanted')
    await expect(new HttpClient({}).send({ ...request(url), signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const sent = new HttpClient({}).send({ ...request(url), signal: controller.signal })
    setTimeout(() => controller.abort(reason), 20)
    await expect(sent).rejects.toBe(reason)
  })

  test('nothing is followed with credentials: a redirect is an answer', async () => {
    const url = await serve((_, response) => response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end())
    expect((await new HttpClient({}).send(request(url))).status).toBe(307)
  })

  test('an unreachable host says what to look at', async () => {
    const url = await serve(() => {})
    server!.close()
    server!.closeAllConnections()
    const refused = await failure(new HttpClient({}).send(request(`${url}/a?sig=canary-secret`)))
    expect(refused.message).toContain('the connection was refused')
    expect(refused.message).not.toContain('canary')
    const unknown = await failure(
      new HttpClient({
        fetch: () =>
          Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'ENOTFOUND' }) })),
      }).send(request('http://no.such.host/')),
    )
    expect(unknown.message).toContain('the host name is not known')
  })

  test('an answer that ignores the range and is too long is dropped', async () => {
    const { fetch } = fakeFetch(() => ({ body: new Uint8Array(2000), headers: { 'content-length': '2000' } }))
    const error = await failure(new HttpClient({ fetch }).send({ ...request('http://h/'), limitBytes: 1000 }))
    expect(error.message).toContain('ignored the range')
  })

  test('an answer that ignores the range is dropped at the limit also where it announces no length', async () => {
    let sent = 0
    let stopped = false
    const body = new ReadableStream({
      pull(controller) {
        sent += 100
        controller.enqueue(new Uint8Array(100))
      },
      cancel() {
        stopped = true
      },
    })
    const client = new HttpClient({ fetch: async () => new Response(body) })
    const error = await failure(client.send({ ...request('http://h/'), limitBytes: 1000 }))
    expect([error.kind, error.code]).toEqual(['Invalid', 'SLATEDB_STORE_RANGE_IGNORED'])
    expect(sent).toBeLessThan(2000)
    expect(stopped).toBe(true)
    const short = new HttpClient({ fetch: async () => new Response('short') })
    expect((await short.send({ ...request('http://h/'), limitBytes: 1000 })).bytes.length).toBe(5)
  })

  test.each([
    ['LIST', 200],
    ['GET', 500],
  ])('an answer without end to %s with status %i is dropped at 64 MiB', async (operation, status) => {
    let sent = 0
    const piece = new Uint8Array(4 << 20)
    const body = new ReadableStream({
      pull(controller) {
        sent += piece.length
        controller.enqueue(piece)
      },
    })
    const client = new HttpClient({ fetch: async () => new Response(body, { status }) })
    const error = await failure(client.send({ ...request('http://h/'), operation }))
    expect(error.message).toMatch(/more than 67108864 bytes/)
    expect(sent).toBeLessThan(80 << 20)
    const { fetch } = fakeFetch(() => ({ status, headers: { 'content-length': '99999999' } }))
    expect((await failure(new HttpClient({ fetch }).send({ ...request('http://h/'), operation }))).message).toMatch(
      /more than 67108864 bytes/,
    )
  })

  test('a range that something on the way compressed is a failure', async () => {
    const url = await serve((_, response) => {
      const packed = gzipSync('hello, hello, hello')
      response
        .writeHead(206, { 'content-encoding': 'gzip', 'content-range': 'bytes 0-4/19' })
        .end(packed.subarray(0, 5))
    })
    const error = await failure(new HttpClient({}).send(request(url)))
    expect(error.message).toContain('something on the way compresses')
  })
})

describe('what may be said', () => {
  const secrets = ['s3cr3t/key+1=', 'AKIACANARY']
  const cases: [string, string][] = [
    ['key AKIACANARY is not known', 'key [redacted] is not known'],
    [`encoded ${encodeURIComponent(secrets[0]!)}`, 'encoded [redacted]'],
    ['see https://host/x?sig=abc&se=1 for more', 'see https://host/x?[redacted] for more'],
    ['at https://user:pw@host/x', 'at https://[redacted]@host/x'],
    ['header Bearer abc.def.ghi', 'header Bearer [redacted]'],
    ['two\nlines\tand\u0007more', 'two lines and more'],
  ]
  test.each(cases)('%j', (given, expected) => expect(scrub(given, secrets)).toBe(expected))

  test('a long text is cut', () => expect(scrub('x'.repeat(5000)).length).toBeLessThan(310))

  // Quadratic redaction takes seconds for each of these; linear redaction some milliseconds.
  test.each(['a.', 'a-', '?', '?a', 'a=?', '://', 'a://', 'Bearer ', ' ', 'x', '%'])(
    'redaction of a megabyte of %j takes time linear in its length',
    (piece) => {
      const text = piece.repeat((1 << 20) / piece.length)
      const began = performance.now()
      expect(scrub(text, secrets).length).toBeLessThan(310)
      expect(performance.now() - began).toBeLessThan(5000)
    },
  )

  test('a user-info or query that the cut parts from its end is redacted all the same', () => {
    for (const secret of ['https://user:', 'https://host/x?']) {
      // Redaction brings the end of the part that is looked at to the front.
      const before = `${'?a='.padEnd(4000, 'b')} `
      const shown = scrub(`${before}${secret}${'canary'.repeat(1000)}@host/?a=b`)
      expect(shown).toContain('[redacted] http')
      expect(shown).not.toContain('canary')
    }
  })

  test('a secret that is no well-formed text is redacted, too', () => {
    expect(scrub('key canary\ud800%zz here', ['canary\ud800%zz'])).toBe('key [redacted] here')
  })

  test('a host is named without user and query', () => {
    expect(hostOf('https://u:p@host:1/a/b?c=d')).toBe('https://host:1')
    expect(hostOf('https://host?c=d')).toBe('https://host')
  })

  test('Retry-After in seconds and as a date', () => {
    const now = Date.UTC(2026, 0, 1)
    expect(parseRetryAfter('2', now)).toBe(2000)
    expect(parseRetryAfter(new Date(now + 5000).toUTCString(), now)).toBe(5000)
    expect(parseRetryAfter('soon', now)).toBeUndefined()
  })
})
