import { describe, expect, test } from 'vitest'
import { FakeClock } from '../../test/servers/fake-fetch.ts'
import { isSlateDBError } from '../errors.ts'
import { awsCredentials, bearerToken } from './credentials.ts'
import { Refreshing } from './refreshing.ts'

const MINUTE = 60_000

function source(clock: FakeClock, lifeMs: number | undefined) {
  let calls = 0
  const waiting: (() => void)[] = []
  const refreshing = new Refreshing<string>(clock, async () => {
    const value = `v${++calls}`
    await new Promise<void>((resolve) => waiting.push(resolve))
    return { value, expiresAt: lifeMs === undefined ? undefined : clock.now() + lifeMs }
  })
  const release = async () => {
    for (const resolve of waiting.splice(0)) resolve()
    await new Promise((resolve) => setTimeout(resolve, 0))
  }
  const get = async () => {
    const value = refreshing.get()
    await release()
    return value
  }
  return { refreshing, get, release, calls: () => calls }
}

describe('a credential that expires', () => {
  test('is asked for once by many', async () => {
    const { refreshing, release, calls } = source(new FakeClock(), 60 * MINUTE)
    const all = Promise.all(Array.from({ length: 50 }, () => refreshing.get()))
    await release()
    expect(new Set(await all)).toEqual(new Set(['v1']))
    expect(calls()).toBe(1)
  })

  test('is renewed in the background before its end, and waited for at its end', async () => {
    const clock = new FakeClock()
    const { refreshing, get, release, calls } = source(clock, 60 * MINUTE)
    expect(await get()).toBe('v1')
    clock.advance(54 * MINUTE)
    expect(await refreshing.get()).toBe('v1')
    expect(calls()).toBe(1)
    clock.advance(2 * MINUTE)
    // Still valid: nobody waits, but a new one is on its way, once.
    expect(await refreshing.get()).toBe('v1')
    expect(await refreshing.get()).toBe('v1')
    expect(calls()).toBe(2)
    await release()
    expect(await refreshing.get()).toBe('v2')
    clock.advance(61 * MINUTE)
    expect(await get()).toBe('v3')
  })

  test('a short life does not mean a renewal per request', async () => {
    const clock = new FakeClock()
    const { refreshing, get, calls } = source(clock, 2 * MINUTE)
    await get()
    clock.advance(30_000)
    await refreshing.get()
    expect(calls()).toBe(1)
  })

  test('without an end it is asked for once for ever, unless the server refuses it', async () => {
    const clock = new FakeClock()
    const { refreshing, get } = source(clock, undefined)
    expect(await get()).toBe('v1')
    clock.advance(10_000 * MINUTE)
    expect(await get()).toBe('v1')
    refreshing.reject('v0')
    expect(await get()).toBe('v1')
    refreshing.reject('v1')
    expect(await get()).toBe('v2')
  })

  test('a failed renewal is tried again', async () => {
    let calls = 0
    const refreshing = new Refreshing<string>(new FakeClock(), async () => {
      if (++calls === 1) throw new Error('down')
      return { value: 'v' }
    })
    await expect(refreshing.get()).rejects.toThrow('down')
    expect(await refreshing.get()).toBe('v')
  })
})

describe('providers', () => {
  test('AWS: an object, a function with an expiration, and a function that fails', async () => {
    const clock = new FakeClock()
    const pair = { accessKeyId: 'AK', secretAccessKey: 'SK' }
    expect(await awsCredentials(clock, pair).get()).toMatchObject(pair)
    let calls = 0
    const expiring = awsCredentials(clock, async () => {
      calls++
      return { ...pair, sessionToken: 'T', expiration: new Date(clock.now() + 10 * MINUTE) }
    })
    await expiring.get()
    clock.advance(11 * MINUTE)
    await expiring.get()
    expect(calls).toBe(2)
    const failing = awsCredentials(clock, () => Promise.reject(new Error('sso said https://x/?code=canary-code')))
    const error = await failing.get().catch((reason: unknown) => reason)
    expect(isSlateDBError(error) && error.storeReason).toBe('Unauthenticated')
    expect(String(error)).not.toContain('canary')
  })

  test('AWS: half a pair is Invalid', async () => {
    const half = awsCredentials(new FakeClock(), { accessKeyId: 'AK', secretAccessKey: '' })
    await expect(half.get()).rejects.toMatchObject({ kind: 'Invalid' })
  })

  test('bearer tokens in the spellings of providers', async () => {
    const clock = new FakeClock()
    expect(await bearerToken(clock, 'abc').get()).toEqual({ token: 'abc' })
    let calls = 0
    const azure = bearerToken(clock, async () => ({ token: `t${++calls}`, expiresOnTimestamp: clock.now() + MINUTE }))
    expect((await azure.get()).token).toBe('t1')
    clock.advance(2 * MINUTE)
    expect((await azure.get()).token).toBe('t2')
    await expect(bearerToken(clock, 'a\nb').get()).rejects.toMatchObject({ kind: 'Invalid' })
  })
})
