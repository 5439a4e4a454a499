// `fetch` that never leaves the process: tests say what the server answers and see what was asked.

import { readableText } from '../../src/bytes/text.ts'
import type { Clock } from '../../src/env/env.ts'
import type { Fetch } from '../../src/stores/http-client.ts'

export interface Asked {
  readonly method: string
  readonly url: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Headers
  readonly body: string
  /** The same as it was sent. */
  readonly bytes: Uint8Array
}

export interface FakeAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

export interface FakeFetch {
  readonly fetch: Fetch
  readonly asked: Asked[]
}

/** Every request goes through `answer`, which may throw as a broken network would. */
export function fakeFetch(answer: (asked: Asked, index: number) => FakeAnswer | Promise<FakeAnswer>): FakeFetch {
  const asked: Asked[] = []
  const fetch: Fetch = async (url, init) => {
    const { pathname, searchParams } = new URL(url)
    const bytes = init.body instanceof Uint8Array ? init.body : new Uint8Array(0)
    const request: Asked = {
      method: init.method ?? 'GET',
      url,
      path: pathname,
      query: searchParams,
      headers: new Headers(init.headers),
      body: readableText(bytes),
      bytes,
    }
    asked.push(request)
    const { status = 200, headers = {}, body: reply = '' } = await answer(request, asked.length - 1)
    const bodiless = status === 204 || status === 304 || request.method === 'HEAD'
    return new Response(bodiless ? null : (reply as BodyInit), { status, headers: { ...headers } })
  }
  return { fetch, asked }
}

/** A clock that stands still until a test moves it; timers run when it does. */
export class FakeClock implements Clock {
  #now: number
  readonly #timers = new Set<{ at: number; callback: () => void }>()

  constructor(now = Date.UTC(2026, 0, 2, 3, 4, 5)) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#now + delayMs, callback }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  yield(): Promise<void> {
    return Promise.resolve()
  }

  advance(ms: number): void {
    this.#now += ms
    for (const timer of [...this.#timers]) {
      if (timer.at > this.#now) continue
      this.#timers.delete(timer)
      timer.callback()
    }
  }

  get pending(): number {
    return this.#timers.size
  }
}
