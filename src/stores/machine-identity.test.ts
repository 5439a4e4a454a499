// Credentials of the machine: where there is none, that is said at once; where one was, its silence is an outage.

import { describe, expect, test } from 'vitest'
import { type Asked, type FakeAnswer, FakeClock, fakeFetch } from '../../test/servers/fake-fetch.ts'
import { createEnv } from '../env/system.ts'
import { retrying } from '../objects/retrying.ts'
import { type OpenStoreOptions, resolveStore } from './open-store.ts'

const AWS = JSON.stringify({ AccessKeyId: 'AKROLE', SecretAccessKey: 'S', Expiration: '2026-01-02T04:00:00Z' })
const broken = (code: string) => new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) })

function storeAt(url: string, answer: (asked: Asked, index: number) => FakeAnswer, env: Record<string, string> = {}) {
  const { fetch, asked } = fakeFetch(answer)
  const options: OpenStoreOptions = { fetch, env: { AZURE_STORAGE_ACCOUNT_NAME: 'acct', ...env } }
  return { store: resolveStore(url, options).store, asked }
}

const clouds: [url: string, code: string, says: RegExp][] = [
  ['s3://bkt', 'ECONNREFUSED', /in bucket "bkt".*no AWS credentials found: set AWS_ACCESS_KEY_ID/],
  ['s3://bkt', 'ENETUNREACH', /no AWS credentials found/],
  ['gs://bkt', 'ENOTFOUND', /in bucket "bkt".*no Google credentials found.*set GOOGLE_SERVICE_ACCOUNT/],
  ['az://bkt', 'EHOSTUNREACH', /in container "bkt".*no Azure credentials found.*set AZURE_STORAGE_ACCOUNT_KEY/],
]
test.each(clouds)('no credentials for %s, where the address answers %s, are said at once', async (url, code, says) => {
  const { store, asked } = storeAt(url, () => {
    throw broken(code)
  })
  await expect(retrying(store, createEnv({ seed: 1 })).list('')).rejects.toMatchObject({
    kind: 'Invalid',
    code: 'SLATEDB_CREDENTIALS',
    message: expect.stringMatching(says),
  })
  expect(asked.length).toBe(1)
})

test('an Azure machine without an identity is told at once what its service says', async () => {
  const { store, asked } = storeAt('az://c', () => ({
    status: 400,
    body: '{"error":"invalid_request","error_description":"Identity not found"}',
  }))
  await expect(retrying(store, createEnv({ seed: 1 })).list('')).rejects.toMatchObject({
    kind: 'Invalid',
    code: 'SLATEDB_CREDENTIALS',
    message: expect.stringMatching(/no Azure credentials found.*400 invalid_request Identity not found/),
  })
  expect(asked.length).toBe(1)
})

test('a Google machine whose metadata server is not up yet is waited for', async () => {
  const { store } = storeAt('gs://bkt', ({ url }, index) => {
    if (index === 0) throw broken('ECONNREFUSED')
    if (url.includes('metadata')) return { body: '{"access_token":"t","expires_in":3600}' }
    return { body: '{"kind":"storage#objects"}' }
  })
  expect(await retrying(store, createEnv({ seed: 1 })).list('')).toEqual([])
})

describe('the instance metadata of AWS', () => {
  const list = '<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>'
  const instance = ({ url }: Asked): FakeAnswer => {
    if (!url.startsWith('http://169.254.169.254')) return { body: list }
    return { body: url.endsWith('/role') ? AWS : url.endsWith('/token') ? 'IMDS' : 'role' }
  }

  test.each([500, 503, 429])('is asked again after %i', async (status) => {
    const { store, asked } = storeAt('s3://bkt', (request, index) => (index === 0 ? { status } : instance(request)))
    expect(await retrying(store, createEnv({ seed: 1 })).list('')).toEqual([])
    expect(asked[0]!.url).toBe(asked[1]!.url)
  })

  test('that has no role says so at once', async () => {
    const { store } = storeAt('s3://bkt', (request) =>
      request.url.endsWith('/security-credentials/') ? { status: 404 } : instance(request),
    )
    await expect(store.list('')).rejects.toMatchObject({ kind: 'Invalid', code: 'SLATEDB_CREDENTIALS' })
  })

  test('that gave credentials before and is silent now is an outage', async () => {
    const clock = new FakeClock()
    let silent = false
    const { fetch } = fakeFetch((request) => {
      if (silent && request.url.startsWith('http://169.254')) throw broken('ECONNREFUSED')
      return instance(request)
    })
    const { store } = resolveStore('s3://bkt', { fetch, clock })
    await store.list('')
    silent = true
    clock.advance(3_600_000)
    await expect(store.list('')).rejects.toMatchObject({ kind: 'Unavailable', storeReason: 'Unauthenticated' })
    silent = false
    expect(await store.list('')).toEqual([])
  })

  test('that never answers is given one second, and then three', async () => {
    const clock = new FakeClock()
    let asked = 0
    const fetch = (_: string, init: RequestInit) => {
      asked++
      return new Promise<Response>((_, reject) =>
        init.signal!.addEventListener('abort', () => reject(new Error('aborted'))),
      )
    }
    const listed = resolveStore('s3://bkt', { fetch, clock })
      .store.list('')
      .catch((error: unknown) => error)
    const turn = () => new Promise((resolve) => setTimeout(resolve, 0))
    await turn()
    expect(asked).toBe(1)
    clock.advance(1000)
    await turn()
    expect(asked).toBe(2)
    clock.advance(2999)
    await turn()
    expect(asked).toBe(2)
    clock.advance(1)
    expect(await listed).toMatchObject({ kind: 'Invalid', code: 'SLATEDB_CREDENTIALS' })
  })
})

describe('the identity endpoint of App Service', () => {
  const env = { IDENTITY_ENDPOINT: 'http://127.0.0.1:41234/msi/token', IDENTITY_HEADER: 'canary-header' }
  const blobs = '<EnumerationResults><Blobs /><NextMarker /></EnumerationResults>'
  const answer = ({ url }: Asked): FakeAnswer => {
    if (!url.includes('/msi/token')) return { body: blobs }
    return {
      body: `{"access_token":"t1","expires_on":"${Date.UTC(2030, 0) / 1000}","resource":"r","token_type":"Bearer"}`,
    }
  }

  test('is asked with its header and its version', async () => {
    const { store, asked } = storeAt('az://c', answer, { ...env, AZURE_CLIENT_ID: 'id' })
    expect(await store.list('')).toEqual([])
    const [token, list] = asked
    expect(token!.headers.get('x-identity-header')).toBe('canary-header')
    expect(token!.headers.get('metadata')).toBeNull()
    expect(Object.fromEntries(token!.query)).toEqual({
      'api-version': '2019-08-01',
      client_id: 'id',
      resource: 'https://storage.azure.com',
    })
    expect(list!.headers.get('authorization')).toBe('Bearer t1')
  })

  test('gives tokens that end when it says', async () => {
    const clock = new FakeClock()
    let tokens = 0
    const { fetch } = fakeFetch((asked) => {
      if (!asked.url.includes('/msi/token')) return answer(asked)
      return { body: `{"access_token":"t${++tokens}","expires_on":${clock.now() / 1000 + 7200}}` }
    })
    const { store } = resolveStore('az://c', { fetch, clock, env: { ...env, AZURE_STORAGE_ACCOUNT_NAME: 'acct' } })
    await store.list('')
    clock.advance(7200 * 1000 - 1000)
    await store.list('')
    expect(tokens).toBe(2)
  })

  test('keeps its header to itself: not in errors, and not sent to an endpoint that was named otherwise', async () => {
    const refusing = storeAt('az://c', () => ({ status: 400, body: '{"error":"canary-header"}' }), env)
    const error = await refusing.store.list('').catch((reason: unknown) => reason)
    expect(error).toMatchObject({ storeReason: 'Unauthenticated' })
    expect(String(error)).not.toContain('canary')
    const named = storeAt('az://c', () => ({ status: 400 }), { ...env, AZURE_MSI_ENDPOINT: 'http://127.0.0.1:1/x' })
    await named.store.list('').catch(() => {})
    expect([...named.asked[0]!.headers.values()]).not.toContain('canary-header')
    expect(named.asked[0]!.query.get('api-version')).toBe('2018-02-01')
  })

  test('that is not up yet is waited for, and one that is no URL is refused', async () => {
    const { store } = storeAt(
      'az://c',
      (asked, index) => {
        if (index === 0) throw broken('ECONNREFUSED')
        return answer(asked)
      },
      env,
    )
    expect(await retrying(store, createEnv({ seed: 1 })).list('')).toEqual([])
    expect(() => storeAt('az://c', answer, { ...env, IDENTITY_ENDPOINT: 'nonsense' })).toThrow(/must be an http URL/)
  })
})

describe('a credential with a line break', () => {
  const refused = async (url: string, options: OpenStoreOptions, says: RegExp) => {
    const { fetch, asked } = fakeFetch(() => ({ body: '' }))
    const store = retrying(resolveStore(url, { fetch, ...options }).store, createEnv({ seed: 1 }))
    const error = await store.list('').catch((reason: unknown) => reason)
    expect(error).toMatchObject({ kind: 'Invalid', message: expect.stringMatching(says) })
    expect(String(error)).not.toContain('canary')
    expect(asked.length).toBeLessThanOrEqual(1)
  }
  const key = { accessKeyId: 'AKCANARY', secretAccessKey: 'canary' }

  test.each([
    { ...key, accessKeyId: 'AKcanary\n' },
    { ...key, secretAccessKey: 'canary\r\n' },
    { ...key, sessionToken: 'canary\ntoken' },
    { ...key, sessionToken: 'canary\u2028' },
  ])('of AWS is refused at once: %j', (credentials) =>
    refused('s3://b', { credentials }, /of the AWS credentials has a line break/),
  )

  test.each(['gs://b', 'az://c'])('as token of %s is refused at once', (url) =>
    refused(
      url,
      { env: { AZURE_STORAGE_ACCOUNT_NAME: 'a', AZURE_STORAGE_TOKEN: 'canary\n', GOOGLE_BEARER_TOKEN: 'canary\n' } },
      /the bearer token has a line break/,
    ),
  )

  test('in any other header is refused at once, by the name of the header', async () => {
    const realFetch = (url: string, init: RequestInit) => globalThis.fetch(url, init)
    const env = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:1/',
      AWS_CONTAINER_AUTHORIZATION_TOKEN: 'can\nary',
    }
    await refused('s3://b', { fetch: realFetch, env }, /the header authorization has a character/)
    const headers = { server_side_encryption: 'can\nary' }
    const store = retrying(
      resolveStore('s3://b', { fetch: realFetch, credentials: key, options: headers }).store,
      createEnv({ seed: 1 }),
    )
    await expect(store.put('a', new Uint8Array(1), { mode: 'overwrite' })).rejects.toMatchObject({
      kind: 'Invalid',
      message: expect.stringMatching(/the header x-amz-server-side-encryption has a character/),
    })
  })

  test('at the end of a SAS is left out', async () => {
    const { fetch, asked } = fakeFetch(() => ({ status: 202 }))
    const env = { AZURE_STORAGE_ACCOUNT_NAME: 'a', AZURE_STORAGE_SAS_TOKEN: '?sv=1&sig=a%2Bb\n' }
    await resolveStore('az://c', { fetch, env }).store.delete('x')
    expect(asked[0]!.query.get('sig')).toBe('a+b')
  })
})
