import { describe, expect, test } from 'vitest'
import { Random } from '../env/random.ts'
import { ChunkedUpload, type PartSink } from './chunked-upload.ts'

interface Log {
  readonly parts: Uint8Array[]
  single?: Uint8Array
  begun: number
  aborted: number
  completed: number
  atOnce: number
}

function sink(options: { failPart?: number; held?: boolean } = {}): { sink: PartSink; log: Log } {
  const log: Log = { parts: [], begun: 0, aborted: 0, completed: 0, atOnce: 0 }
  let inFlight = 0
  return {
    log,
    sink: {
      single: async (body) => {
        log.single = body
        return { etag: 'single' }
      },
      begin: async () => void log.begun++,
      part: async (number, body) => {
        log.atOnce = Math.max(log.atOnce, ++inFlight)
        await new Promise((resolve) => setTimeout(resolve, (number * 7) % 5))
        inFlight--
        if (number === options.failPart) throw new Error(`part ${number} failed`)
        log.parts[number - 1] = body
      },
      complete: async (_count, last) => {
        log.completed++
        if (last !== undefined) log.parts.push(last)
        return { etag: 'parts' }
      },
      abort: async () => void log.aborted++,
    },
  }
}

const joined = (parts: Uint8Array[]) => Buffer.concat(parts)

describe('ChunkedUpload', () => {
  test('cuts what it gets into equal chunks, in the order of the calls', async () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = new Random(seed)
      const holdLast = random.chance(0.5)
      const chunkBytes = random.int(1, 40)
      const pieces = Array.from({ length: random.int(0, 12) }, () => random.bytes(random.int(0, 60)))
      const { sink: target, log } = sink()
      const concurrency = holdLast ? 1 : random.int(1, 4)
      const upload = new ChunkedUpload(target, { path: 'p', chunkBytes, concurrency, holdLast })
      for (const piece of pieces) {
        const sent = upload.part(random.chance(0.5) ? piece : [piece.subarray(0, 3), piece.subarray(3)])
        if (random.chance(0.5)) await sent
      }
      await upload.complete()
      const whole = joined(pieces)
      const got = log.single === undefined ? joined(log.parts) : Buffer.from(log.single)
      expect(got.equals(whole), `seed ${seed}`).toBe(true)
      for (const part of log.parts.slice(0, -1)) expect(part.length, `seed ${seed}`).toBe(chunkBytes)
      expect(log.atOnce, `seed ${seed}`).toBeLessThanOrEqual(concurrency)
    }
  })

  test('waits while all places are taken, so memory stays bounded', async () => {
    const { sink: target, log } = sink()
    const upload = new ChunkedUpload(target, { path: 'p', chunkBytes: 10, concurrency: 3 })
    for (let i = 0; i < 40; i++) await upload.part(new Uint8Array(10))
    await upload.complete()
    expect(log.atOnce).toBeLessThanOrEqual(3)
    expect(log.atOnce).toBeGreaterThan(1)
    expect(log.parts.length).toBe(40)
  })

  test('a small object is one request', async () => {
    const { sink: target, log } = sink()
    const upload = new ChunkedUpload(target, { path: 'p', chunkBytes: 100, concurrency: 3 })
    await upload.part(new Uint8Array(50))
    expect(await upload.complete()).toEqual({ etag: 'single' })
    expect(log.begun).toBe(0)
  })

  test('a failed part fails everything after it, and complete cleans up', async () => {
    const { sink: target, log } = sink({ failPart: 2 })
    const upload = new ChunkedUpload(target, { path: 'p', chunkBytes: 10, concurrency: 2 })
    await upload.part(new Uint8Array(30)).catch(() => {})
    await expect(upload.complete()).rejects.toThrow('part 2 failed')
    await expect(upload.part(new Uint8Array(1))).rejects.toThrow('part 2 failed')
    await upload.abort()
    expect(log.completed).toBe(0)
    expect(log.aborted).toBe(1)
  })

  test('abort twice cleans up once, and ends the upload', async () => {
    const { sink: target, log } = sink()
    const upload = new ChunkedUpload(target, { path: 'p', chunkBytes: 10, concurrency: 2 })
    await upload.part(new Uint8Array(25))
    await upload.abort()
    await upload.abort()
    expect(log.aborted).toBe(1)
    await expect(upload.complete()).rejects.toMatchObject({ code: 'SLATEDB_UPLOAD_ENDED' })
  })

  test('keeps nothing of the buffers it was given', async () => {
    const { sink: target, log } = sink()
    const upload = new ChunkedUpload(target, { path: 'p', chunkBytes: 100, concurrency: 2 })
    const mine = new Uint8Array([1, 2, 3])
    await upload.part(mine)
    mine.fill(9)
    await upload.complete()
    expect([...log.single!]).toEqual([1, 2, 3])
  })
})
