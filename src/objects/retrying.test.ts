import { describe, expect, test } from 'vitest'
import { invalid, isSlateDBError, storeError } from '../errors.ts'
import { type Sim, simulate } from '../sim/simulate.ts'
import type { SimStoreOptions } from '../sim/store.ts'
import { PUT_ID, type RetryOptions, retrying } from './retrying.ts'
import type { ObjectStore, PutOptions } from './store.ts'
import { bucketError } from './store-bucket.ts'
import { rangeIgnoredError } from './store-range.ts'

const text = (words: string) => new TextEncoder().encode(words)
const CREATE: PutOptions = { mode: 'create' }

/** One scenario on a retrying handle; `inner` takes injected faults. */
async function scenario(
  body: (world: { sim: Sim; store: ObjectStore; inner: ReturnType<Sim['store']> }) => Promise<void>,
  options: { retry?: RetryOptions; store?: SimStoreOptions; seed?: number } = {},
): Promise<void> {
  await simulate(options.seed ?? 1, async (sim) => {
    const inner = sim.store({ latencyMs: [1, 1], ...options.store })
    await body({ sim, store: retrying(inner, sim.env, options.retry), inner })
  })
}

/** A store of which one method is replaced. */
function patched(store: ObjectStore, patch: Partial<ObjectStore>): ObjectStore {
  return new Proxy(store, {
    get: (target, key) => (patch as never)[key] ?? bound(target, key),
  })
}

function bound(target: ObjectStore, key: string | symbol): unknown {
  const value = (target as never)[key] as unknown
  return typeof value === 'function' ? value.bind(target) : value
}

const puts = (sim: Sim) => sim.world.requests.filter((request) => request.op === 'put').length

describe('retrying', () => {
  test.each(['reset', 'unavailable', 'timeout', 'lost', 'late', 'duplicate'] as const)(
    'INV-1b: a create that suffers %s succeeds once, with the etag that is there',
    (kind) =>
      scenario(async ({ sim, store, inner }) => {
        inner.inject(kind)
        const { etag } = await store.put('wal/1', text('mine'), CREATE)
        await sim.sleep(10_000)
        const there = await sim.bucket().head('wal/1')
        expect(there.etag).toBe(etag)
        expect((await sim.bucket().get('wal/1')).bytes).toEqual(text('mine'))
        expect((await sim.bucket().list('')).length).toBe(1)
      }),
  )

  test.each(['reset', 'lost', 'late', 'duplicate'] as const)(
    'INV-1c: with an object of another at the name, %s still ends in a conflict',
    (kind) =>
      scenario(async ({ sim, store, inner }) => {
        await sim.bucket().put('wal/1', text('mine'), { mode: 'create', metadata: { [PUT_ID]: 'another' } })
        inner.inject(kind)
        await expect(store.put('wal/1', text('mine'), CREATE)).rejects.toMatchObject({ storeReason: 'AlreadyExists' })
      }),
  )

  test('INV-1b: a compare-and-set whose answer got lost succeeds', () =>
    scenario(async ({ sim, store, inner }) => {
      const { etag } = await sim.bucket().put('gc/x', text('1'), { mode: 'create' })
      inner.inject('lost')
      const done = await store.put('gc/x', text('2'), { mode: { ifMatch: etag! } })
      expect((await sim.bucket().head('gc/x')).etag).toBe(done.etag)
      await expect(store.put('gc/x', text('3'), { mode: { ifMatch: etag! } })).rejects.toMatchObject({
        storeReason: 'Precondition',
      })
    }))

  test('INV-1d: the put id stays through the retries of a call and differs between calls', () =>
    scenario(async ({ sim, inner }) => {
      const seen: (string | undefined)[] = []
      const store = retrying(
        patched(inner, {
          put: (path, body, options) => {
            seen.push(options.metadata?.[PUT_ID])
            return inner.put(path, body, options)
          },
        }),
        sim.env,
      )
      inner.inject('reset', undefined, 3)
      await store.put('a', text('x'), CREATE)
      await store.put('b', text('x'), CREATE)
      await store.put('c', text('x'), { mode: 'overwrite' })
      expect(seen.length).toBe(6)
      expect(new Set(seen.slice(0, 4)).size).toBe(1)
      expect(seen[3]).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/)
      expect(seen[4]).not.toBe(seen[3])
      expect(seen[5]).toBeUndefined()
      expect((await sim.bucket().head('a')).metadata?.[PUT_ID]).toBe(seen[0])
    }))

  test('INV-1 under any mix of faults: of racing creates at most one wins, and a winner is who wrote the object', async () => {
    for (let seed = 0; seed < 60; seed++) {
      await simulate(seed, async (sim) => {
        const racers = await Promise.all(
          ['a', 'b', 'c', 'd'].map(async (name) => {
            const process = sim.process(name)
            const store = retrying(process.store({ faults: 0.6, latencyMs: [1, 50] }), process.env)
            try {
              await store.put('m/1', text(name), CREATE)
              return name
            } catch (error) {
              if (isSlateDBError(error) && error.storeReason === 'AlreadyExists') return undefined
              throw error
            }
          }),
        )
        const winners = racers.filter((name) => name !== undefined)
        expect(winners).toEqual([new TextDecoder().decode((await sim.bucket().get('m/1')).bytes)])
      })
    }
  })

  describe('without metadata', () => {
    const store = { capabilities: { metadata: false } }

    test.each(['lost', 'late'] as const)('equal bytes after a failed attempt (%s) are our own', (kind) =>
      scenario(
        async ({ sim, store, inner }) => {
          inner.inject(kind)
          const { etag } = await store.put('m/1', [text('mi'), text('ne')], CREATE)
          await sim.sleep(1000)
          expect((await sim.bucket().head('m/1')).etag).toBe(etag)
          expect((await sim.bucket().head('m/1')).metadata).toBeUndefined()
        },
        { store },
      ),
    )

    test.each(['lost', 'late', 'reset'] as const)(
      'an anonymous write whose attempt failed (%s) is a conflict',
      (kind) =>
        scenario(
          async ({ sim, store, inner }) => {
            inner.inject(kind)
            const put = store.put('m/1', text('mine'), { ...CREATE, anonymous: true })
            // Where the attempt had no effect, another writer of the same bytes comes first.
            if (kind === 'reset') await sim.bucket().put('m/1', text('mine'), CREATE)
            await expect(put).rejects.toMatchObject({ storeReason: 'AlreadyExists' })
          },
          { store },
        ),
    )

    test('other bytes are a conflict', () =>
      scenario(
        async ({ sim, store, inner }) => {
          await sim.bucket().put('m/1', text('yours'), CREATE)
          inner.inject('reset')
          await expect(store.put('m/1', text('mines'), CREATE)).rejects.toMatchObject({ storeReason: 'AlreadyExists' })
        },
        { store },
      ))

    test('a first answer is believed, and empty bodies prove nothing', () =>
      scenario(
        async ({ sim, store, inner }) => {
          await sim.bucket().put('m/1', text('same'), CREATE)
          await expect(store.put('m/1', text('same'), CREATE)).rejects.toMatchObject({ storeReason: 'AlreadyExists' })
          inner.inject('lost')
          await expect(store.put('wal/1', new Uint8Array(0), CREATE)).rejects.toMatchObject({
            storeReason: 'AlreadyExists',
          })
        },
        { store },
      ))
  })

  test('OS-15: a store that refuses metadata gets the write without, and is not asked twice', () =>
    scenario(async ({ sim, inner }) => {
      const seen: boolean[] = []
      const store = retrying(
        patched(inner, {
          put: async (path, body, options) => {
            seen.push(options.metadata !== undefined)
            if (options.metadata !== undefined) throw storeError('NotSupported', path, 'no metadata here')
            return inner.put(path, body, options)
          },
        }),
        sim.env,
      )
      await store.put('a', text('x'), CREATE)
      await store.put('b', text('x'), CREATE)
      expect(seen).toEqual([true, false, false])
    }))

  test('where there is metadata, an anonymous write is known by its put id', () =>
    scenario(async ({ sim, store, inner }) => {
      inner.inject('lost')
      const { etag } = await store.put('m/1', text('mine'), { ...CREATE, anonymous: true })
      expect((await sim.bucket().head('m/1')).etag).toBe(etag)
    }))

  test.each([
    ['NotFound', 1],
    ['NotModified', 1],
    ['NotSupported', 1],
    ['InvalidPath', 1],
    ['AlreadyExists', 1],
    ['Precondition', 1],
    ['Generic', 4],
    ['PermissionDenied', 4],
    ['Unauthenticated', 4],
  ] as const)('OS-12: %s is asked %i times with three retries', (reason, times) =>
    scenario(async ({ sim, inner }) => {
      let asked = 0
      const fail = async () => {
        asked++
        throw storeError(reason, 'a', 'as told')
      }
      const store = retrying(patched(inner, { get: fail }), sim.env, { maxRetries: 3 })
      await expect(store.get('a')).rejects.toMatchObject({ storeReason: reason })
      expect(asked).toBe(times)
    }),
  )

  test('a server that ignores ranges is asked a few times, then given up', () =>
    scenario(async ({ sim, inner }) => {
      let asked = 0
      const get = async () => {
        asked++
        throw rangeIgnoredError('a', 'the server ignored the range')
      }
      const work = retrying(patched(inner, { get }), sim.env).get('a', { range: { start: 0, end: 1 } })
      await expect(work).rejects.toMatchObject({ kind: 'Invalid', storeReason: 'NotSupported' })
      expect(asked).toBe(4)
    }))

  describe('a bucket that is said not to exist', () => {
    const missing = async () => {
      throw bucketError('a', 'no such bucket')
    }

    test('is refused at once when it never answered', () =>
      scenario(async ({ sim, inner }) => {
        const store = retrying(patched(inner, { list: missing }), sim.env)
        await expect(store.head('none')).rejects.toMatchObject({ storeReason: 'NotFound' })
        await expect(store.list('')).rejects.toMatchObject({ kind: 'Invalid', storeReason: 'InvalidPath' })
        expect(sim.world.requests.length).toBe(1)
      }))

    test.each(['success', 'NotFound', 'AlreadyExists'])('is waited for after a call that ended with %s', (answer) =>
      scenario(async ({ sim, inner }) => {
        let left = 3
        const list: ObjectStore['list'] = (...given) => (left-- > 0 ? missing() : inner.list(...given))
        const troubles: unknown[] = []
        const store = retrying(patched(inner, { list }), sim.env, { onTrouble: (error) => troubles.push(error) })
        if (answer === 'NotFound') await store.get('none').catch(() => {})
        else await store.put('a', text('x'), CREATE)
        if (answer === 'AlreadyExists') await store.put('a', text('y'), CREATE).catch(() => {})
        expect((await store.list('')).length).toBe(answer === 'NotFound' ? 0 : 1)
        expect(left).toBe(-1)
        const outage = { kind: 'Unavailable', storeReason: 'Generic', message: 'object "a": no such bucket' }
        expect(troubles).toMatchObject([outage, outage, outage, undefined])
      }),
    )

    test('fails a part of an upload as an outage does, so that the upload is started over', () =>
      scenario(async ({ sim, inner }) => {
        const startUpload = async () => ({ part: missing, complete: missing, abort: async () => {} })
        const store = retrying(patched(inner, { startUpload }), sim.env)
        const upload = await store.startUpload!('a')
        await expect(upload.part(text('x'))).rejects.toMatchObject({ kind: 'Unavailable', storeReason: 'Generic' })
        await expect(upload.complete()).rejects.toMatchObject({ kind: 'Unavailable', storeReason: 'Generic' })
      }))
  })

  test('a name that cannot be used is refused at once, however often the store answered', () =>
    scenario(async ({ sim, store }) => {
      await store.list('')
      await expect(store.get('a//b')).rejects.toMatchObject({ storeReason: 'InvalidPath' })
      expect(sim.world.requests.filter(({ op }) => op === 'get').length).toBeLessThan(2)
    }))

  test('a create whose answer and whose metadata got lost is known by its bytes', () =>
    scenario(async ({ sim, inner }) => {
      await inner.put('other', text('other'), CREATE)
      const head: ObjectStore['head'] = async (path) => ({ ...(await inner.head(path)), metadata: {} })
      const store = retrying(patched(inner, { head }), sim.env)
      inner.inject('lost')
      expect((await store.put('a', text('mine'), CREATE)).etag).toBe((await inner.head('a')).etag)
      inner.inject('lost')
      await expect(store.put('b', text('mine'), { ...CREATE, anonymous: true })).rejects.toMatchObject({
        storeReason: 'AlreadyExists',
      })
      await expect(store.put('other', text('other'), CREATE)).rejects.toMatchObject({ storeReason: 'AlreadyExists' })
    }))

  test("OS-12: what is no store's error is asked again, the caller's mistakes are not", () =>
    scenario(async ({ sim, inner }) => {
      const errors = [new TypeError('fetch failed'), invalid('X', 'wrong')]
      const get = async () => {
        throw errors.shift()
      }
      await expect(retrying(patched(inner, { get }), sim.env).get('a')).rejects.toThrow('wrong')
      expect(errors).toEqual([])
    }))

  test('OS-13: waits 100 ms, twice that, and so on to a second, never more', () =>
    scenario(async ({ sim, store, inner }) => {
      inner.inject('reset', undefined, 8)
      await store.list('')
      const starts = sim.world.requests.map((request) => request.startMs)
      const waits = starts.slice(1).map((start, i) => start - starts[i]! - 1)
      const longest = [100, 200, 400, 800, 1000, 1000, 1000, 1000]
      expect(waits.length).toBe(8)
      waits.forEach((wait, i) => {
        expect(wait).toBeGreaterThanOrEqual(longest[i]! / 2)
        expect(wait).toBeLessThanOrEqual(longest[i]!)
      })
      expect(new Set(waits.map((wait, i) => wait / longest[i]!)).size).toBeGreaterThan(4)
    }))

  describe('a store that asks to be left alone', () => {
    /** Fails with what `asked` says, one after the other, and then answers; gives the waits in between. */
    const waits = async (asked: (number | undefined)[], seed = 1): Promise<number[]> => {
      const times: number[] = []
      await scenario(
        async ({ sim, inner }) => {
          const left = [...asked]
          const list = async (prefix: string) => {
            times.push(sim.clock.monotonic())
            if (left.length === 0) return inner.list(prefix)
            throw storeError('Generic', '', 'slow down', { retryAfterMs: left.shift() })
          }
          await retrying(patched(inner, { list }), sim.env).list('')
        },
        { seed },
      )
      return times.slice(1).map((time, i) => time - times[i]!)
    }

    test('gets at least that long, and the usual delay on top, which differs between callers', async () => {
      const firsts = new Set<number>()
      for (let seed = 1; seed <= 20; seed++) {
        const [first, second, third] = await waits([3000, 400, undefined], seed)
        expect(first, `seed ${seed}`).toBeGreaterThanOrEqual(3050)
        expect(first, `seed ${seed}`).toBeLessThanOrEqual(3100)
        expect(second, `seed ${seed}`).toBeGreaterThanOrEqual(500)
        expect(second, `seed ${seed}`).toBeLessThanOrEqual(600)
        expect(third, `seed ${seed}`).toBeLessThanOrEqual(400)
        firsts.add(first!)
      }
      expect(firsts.size).toBeGreaterThan(10)
    })

    test('for an hour is asked again after 10 s', async () => {
      const [wait] = await waits([3_600_000])
      expect(wait).toBeGreaterThanOrEqual(10_000)
      expect(wait).toBeLessThanOrEqual(10_100)
    })

    test('does not make a call outlive its deadline', () =>
      scenario(async ({ sim, inner }) => {
        const list = async () => {
          throw storeError('Generic', '', 'bucket "b" asks to slow down', { retryAfterMs: 9000 })
        }
        await expect(retrying(patched(inner, { list }), sim.env, { deadlineMs: 2000 }).list('')).rejects.toMatchObject({
          code: 'SLATEDB_STORE_DEADLINE',
          message: expect.stringContaining('the last try failed: bucket "b" asks to slow down'),
          cause: { retryAfterMs: 9000 },
        })
        expect(sim.clock.monotonic()).toBe(2000)
      }))
  })

  test('a deadline says what the last try failed with, but repeats nothing that no store of ours said', () =>
    scenario(async ({ sim, inner }) => {
      const errors = [storeError('PermissionDenied', 'a', 'give it the role'), new Error('key hunter2 is wrong')]
      for (const error of errors) {
        const head = async () => {
          throw error
        }
        const failed = retrying(patched(inner, { head }), sim.env, { deadlineMs: 1000 }).head('a')
        await expect(failed).rejects.toMatchObject({ cause: error, message: expect.not.stringContaining('hunter2') })
        if (isSlateDBError(error)) await expect(failed).rejects.toThrow('give it the role')
      }
    }))

  test('a deadline ends a call that only fails, and names it', () =>
    scenario(
      async ({ sim, store }) => {
        sim.world.outage(3_600_000)
        await expect(store.put('wal/7', text('x'), CREATE)).rejects.toMatchObject({
          kind: 'Unavailable',
          code: 'SLATEDB_STORE_DEADLINE',
          message: expect.stringContaining('"wal/7": put did not succeed within 5000 ms'),
        })
        expect(sim.clock.monotonic()).toBe(5000)
        const asked = sim.world.requests.length
        await sim.sleep(60_000)
        expect(sim.world.requests.length).toBe(asked)
      },
      { retry: { deadlineMs: 5000 } },
    ))

  test('a deadline ends a call that a store never answers', () =>
    scenario(async ({ sim, inner }) => {
      const never = patched(inner, { list: () => new Promise(() => {}) })
      const store = retrying(never, sim.env, { deadlineMs: 200 })
      await expect(store.list('manifest/')).rejects.toThrow('"manifest/": list did not succeed within 200 ms')
    }))

  test("a call ends with the caller's signal, or with the owner's", () => {
    const owner = new AbortController()
    return scenario(
      async ({ sim, store }) => {
        sim.world.outage(3_600_000)
        const caller = new AbortController()
        sim.env.clock.schedule(1000, () => caller.abort(new Error('no longer wanted')))
        sim.env.clock.schedule(2000, () => owner.abort(new Error('closing')))
        const first = store.head('a', { signal: caller.signal })
        const second = store.get('b')
        await expect(first).rejects.toThrow('no longer wanted')
        expect(sim.clock.monotonic()).toBe(1000)
        await expect(second).rejects.toThrow('closing')
        await expect(store.delete('c')).rejects.toThrow('closing')
        expect(sim.world.requests.some((request) => request.path === 'c')).toBe(false)
      },
      { retry: { signal: owner.signal } },
    )
  })

  test('OS-17: a read that brings too little is asked again, a few times', () =>
    scenario(async ({ sim, store, inner }) => {
      const body = sim.random.bytes(1000)
      await sim.bucket().put('a', body, CREATE)
      for (const range of [undefined, { start: 10, end: 20 }, { start: 900, end: 5000 }, { start: 5 }, { suffix: 8 }]) {
        inner.inject('short', undefined, 2)
        const { bytes } = await store.get('a', range === undefined ? {} : { range })
        expect(bytes.length).toBeGreaterThanOrEqual(8)
      }
      inner.inject('short', undefined, 100)
      const asked = sim.world.requests.length
      await expect(store.get('a')).rejects.toMatchObject({ kind: 'Data', code: 'SLATEDB_STORE_WRONG_LENGTH' })
      expect(sim.world.requests.length - asked).toBe(4)
    }))

  test('a range behind the end is asked once more and then believed', () =>
    scenario(async ({ sim, store }) => {
      await sim.bucket().put('a', text('short'), CREATE)
      await expect(store.get('a', { range: { start: 100, end: 200 } })).rejects.toMatchObject({
        kind: 'Data',
        code: 'SLATEDB_STORE_RANGE',
      })
      expect(sim.world.requests.length).toBe(2)
    }))

  test('OS-9: deleting what is not there is done', () =>
    scenario(async ({ sim, inner }) => {
      const missing = async (path: string) => {
        throw storeError('NotFound', path, 'not there')
      }
      await retrying(patched(inner, { delete: missing }), sim.env).delete('a')
    }))

  test('an upload whose completion lost its answer is complete; a part that failed fails it', () =>
    scenario(async ({ sim, store, inner }) => {
      const upload = await store.startUpload!('compacted/1')
      await upload.part(text('one '))
      await upload.part(text('two'))
      inner.inject('lost', (op) => op === 'upload complete')
      const { etag } = await upload.complete()
      expect((await sim.bucket().head('compacted/1')).etag).toBe(etag)

      inner.inject('unavailable', (op) => op === 'upload start')
      const second = await store.startUpload!('compacted/2')
      inner.inject('reset', (op) => op === 'upload part')
      await expect(second.part(text('x'))).rejects.toMatchObject({ storeReason: 'Generic' })
      inner.inject('unavailable', (op) => op === 'upload abort')
      await second.abort()
      await expect(sim.bucket().head('compacted/2')).rejects.toMatchObject({ storeReason: 'NotFound' })
    }))

  test('an overwrite is simply written again', () =>
    scenario(async ({ sim, store, inner }) => {
      inner.inject('lost')
      await store.put('compacted/1', text('x'), { mode: 'overwrite' })
      expect(puts(sim)).toBe(2)
      expect((await sim.bucket().head('compacted/1')).metadata?.[PUT_ID]).toBeUndefined()
    }))

  test('optional methods are there when the store has them', () =>
    scenario(async ({ sim, inner, store }) => {
      expect(store.copy).toBeDefined()
      const bare = { ...patched(inner, {}), capabilities: inner.capabilities } as ObjectStore
      const wrapped = retrying(bare, sim.env)
      expect([wrapped.copy, wrapped.startUpload]).toEqual([undefined, undefined])
    }))
})
