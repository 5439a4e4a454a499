// An R2 binding that stands before the real one and does what the hostile proxy does before HTTP servers. The binding
// speaks promises instead of HTTP, so every kind of fault has the shape in which a Worker would see it; codes and
// messages are those of Cloudflare's page on R2 error codes, a lost connection is the runtime's own error:
//
//   latency        the call begins late
//   server error   rejects with "internal error (10001)" or "service unavailable (10043)", nothing was done
//   slow down      rejects with "too many requests (10058)", nothing was done; the binding has no Retry-After
//   reset before   rejects with "Network connection lost.", nothing was done
//   reset after    the same, but it was done
//   lost response  it was done, but the promise never settles; of a read sometimes only that of the body
//   duplicate      it was done twice; the answer is that of the first or of the second time
//   truncated      the body's stream breaks: arrayBuffer() rejects with "Network connection lost."
//   wrong length   arrayBuffer() resolves with too few bytes
//   slow bytes     it was done, but answer and body come byte after byte
//   outage         for a while every call rejects with "Network connection lost."

import { Random } from '../../src/env/random.ts'
import type { R2Binding, R2Content, R2Head } from '../../src/stores/r2.ts'
import type { Fault } from './hostile-proxy.ts'

export interface HostileBinding {
  readonly binding: R2Binding
  /** Calls hit so far. */
  readonly hits: number
  /** From now on everything goes through untouched, also what is under way. */
  heal(): void
}

export interface HostileBindingOptions {
  readonly seed: number
  readonly fault: Fault
  /** Length of an outage; everything else that takes time is a fraction of it. */
  readonly outageMs: number
}

/** Of one call, or one body, to be hit. */
const PROBABILITY = 0.3

export function hostileBinding(real: R2Binding, options: HostileBindingOptions): HostileBinding {
  const { seed, fault, outageMs } = options
  const random = new Random(`hostile binding ${fault} ${seed}`)
  const onBodies = fault === 'truncated' || fault === 'wrong length'
  let healed = false
  let calls = 0
  let hits = 0
  let outageEnd = 0

  const lost = () => new Error('Network connection lost.')
  const never = <T>() => new Promise<T>(() => {})
  const slowly = async (bytes: number) => {
    for (let sent = 0; sent < bytes && !healed; sent++) await pause(outageMs / 50)
  }

  /** True when this call is to be hit. */
  const strikes = (): boolean => {
    calls++
    if (healed || onBodies) return false
    const hit =
      fault !== 'outage' ? random.chance(PROBABILITY) : outageEnd === 0 ? calls > 5 : performance.now() < outageEnd
    if (hit) hits++
    return hit
  }

  const call = async <T>(operation: string, work: () => Promise<T>): Promise<T> => {
    if (!strikes()) return work()
    switch (fault) {
      case 'latency':
        await pause(random.int(1, outageMs / 5))
        return work()
      case 'server error':
        throw new Error(
          random.chance(0.5)
            ? `${operation}: We encountered an internal error. Please try again. (10001)`
            : `${operation}: Service is temporarily unavailable. (10043)`,
        )
      case 'slow down':
        throw new Error(`${operation}: Reduce your concurrent request rate for the same object. (10058)`)
      case 'reset before':
        throw lost()
      case 'reset after':
        await work()
        throw lost()
      case 'lost response':
        await work()
        return never()
      case 'duplicate': {
        const first = await work()
        const second = await work()
        return random.chance(0.5) ? first : second
      }
      case 'slow bytes': {
        const answer = await work()
        await slowly(JSON.stringify(answer ?? null).length)
        return answer
      }
      case 'outage':
        outageEnd ||= performance.now() + outageMs
        throw lost()
      default:
        throw new Error(`${fault} does not hit calls`)
    }
  }

  /** What happens between the answer to a read and its body. */
  const hostileBody = async (object: R2Head & R2Content): Promise<ArrayBuffer> => {
    const body = await object.arrayBuffer()
    const late = fault === 'lost response' || fault === 'slow bytes'
    if (healed || !(onBodies || late) || !random.chance(PROBABILITY)) return body
    if (onBodies && body.byteLength === 0) return body
    hits++
    if (fault === 'truncated') throw lost()
    if (fault === 'lost response') return never()
    if (fault === 'slow bytes') {
      await slowly(body.byteLength)
      return body
    }
    return body.slice(0, random.int(0, body.byteLength - 1))
  }

  const binding: R2Binding = {
    head: (key) => call('head', () => real.head(key)),
    get: async (key, request) => {
      const found = await call('get', () => real.get(key, request))
      if (found === null || !('arrayBuffer' in found)) return found
      const { size, etag, uploaded, customMetadata } = found
      const metadata = customMetadata === undefined ? {} : { customMetadata }
      return { key, size, etag, uploaded, ...metadata, arrayBuffer: () => hostileBody(found) }
    },
    put: (key, value, request) => call('put', () => real.put(key, value, request)),
    delete: (key) => call('delete', () => real.delete(key)),
    list: (request) => call('list', () => real.list(request)),
    // No life is large enough for an upload in parts.
    createMultipartUpload: (key, request) => real.createMultipartUpload(key, request),
  }
  return {
    binding,
    get hits() {
      return hits
    },
    heal: () => {
      healed = true
    },
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
