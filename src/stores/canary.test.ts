// No secret ever appears in what a user may print: a canary is set as every key, token, signature and password, servers
// and networks echo all they saw, and nothing of it comes through.

import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { type Asked, type FakeAnswer, FakeClock, fakeFetch } from '../../test/servers/fake-fetch.ts'
import type { ObjectStore } from '../objects/store.ts'
import { AzureStore } from './azure.ts'
import { GcsStore } from './gcs.ts'
import { HttpStore } from './http.ts'
import { type OpenStoreOptions, openStore } from './open-store.ts'
import { S3Store } from './s3.ts'

const CANARY = 'c4n4ry/s3cr3t+of=the~mine'
const BASE64_CANARY = Buffer.from(CANARY).toString('base64')
const SPELLINGS = [CANARY, encodeURIComponent(CANARY), BASE64_CANARY, encodeURIComponent(BASE64_CANARY), 'c4n4ry']

/** Says everything it was told, as debugging proxies and verbose servers do. */
const echo = (asked: Asked): string =>
  `${asked.method} ${asked.url} ${[...asked.headers].map(([name, value]) => `${name}: ${value}`).join(' ')} ${asked.body}`

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

const moods: Record<string, (asked: Asked) => FakeAnswer> = {
  'an XML error': (asked) => ({
    status: 403,
    body: `<Error><Code>AccessDenied</Code><Message>${escaped(echo(asked))}</Message></Error>`,
    headers: { 'x-amz-request-id': asked.headers.get('authorization')?.slice(-8) ?? 'none' },
  }),
  'a JSON error': (asked) => ({ status: 401, body: JSON.stringify({ error: { message: echo(asked) } }) }),
  'a plain error': (asked) => ({ status: 500, body: echo(asked) }),
  'a redirect': (asked) => ({ status: 301, headers: { location: asked.url }, body: echo(asked) }),
  'a wrong answer': (asked) => ({ status: 200, body: echo(asked) }),
  'a broken network': (asked) => {
    throw new TypeError(`fetch failed for ${asked.url}`, { cause: new Error(echo(asked)) })
  },
}

const stores: Record<string, (options: { fetch: never; clock: never }) => ObjectStore> = {
  s3: (options) =>
    new S3Store({
      ...options,
      bucket: 'b',
      credentials: { accessKeyId: `AK${CANARY}`, secretAccessKey: CANARY, sessionToken: `T${CANARY}` },
    }),
  gcs: (options) =>
    new GcsStore({ ...options, bucket: 'b', credentials: async () => `ya29.${encodeURIComponent(CANARY)}` }),
  'azure key': (options) =>
    new AzureStore({ ...options, account: 'acct', container: 'c', credentials: { accountKey: BASE64_CANARY } }),
  'azure sas': (options) =>
    new AzureStore({
      ...options,
      account: 'acct',
      container: 'c',
      credentials: { sas: `?sv=2021&sig=${encodeURIComponent(CANARY)}` },
    }),
  'azure bearer': (options) =>
    new AzureStore({
      ...options,
      account: 'acct',
      container: 'c',
      credentials: { bearer: encodeURIComponent(CANARY) },
    }),
  'azure secret': (options) =>
    new AzureStore({
      ...options,
      account: 'acct',
      container: 'c',
      credentials: { clientId: 'id', tenantId: 'tenant', clientSecret: CANARY },
    }),
  http: (options) =>
    new HttpStore({
      ...options,
      url: `https://user:${encodeURIComponent(CANARY)}@host/db?token=${encodeURIComponent(CANARY)}`,
      headers: { 'x-key': CANARY },
    }),
}

function everythingOf(thing: unknown): string {
  const parts = [inspect(thing, { depth: 20, showHidden: true, getters: true }), String(thing)]
  try {
    parts.push(JSON.stringify(thing) ?? '')
  } catch {
    // Cycles have no JSON.
  }
  for (let at = thing; at instanceof Error; at = at.cause) {
    parts.push(
      at.message,
      at.stack ?? '',
      JSON.stringify(Object.entries(at)),
      inspect(at, { depth: 20, showHidden: true }),
    )
  }
  return parts.join('\n')
}

function expectClean(thing: unknown, what: string): void {
  const text = everythingOf(thing)
  for (const spelling of SPELLINGS)
    expect(text.includes(spelling), `${what} shows ${spelling}: ${text.slice(0, 400)}`).toBe(false)
}

describe('a canary', () => {
  for (const [name, open] of Object.entries(stores)) {
    for (const [mood, answer] of Object.entries(moods)) {
      test(`${name}, ${mood}`, async () => {
        const { fetch, asked } = fakeFetch(answer)
        const store = open({ fetch: fetch as never, clock: new FakeClock() as never })
        const bytes = new Uint8Array(3)
        const calls: Record<string, () => Promise<unknown> | undefined> = {
          get: () => store.get('db/a'),
          range: () => store.get('db/a', { range: { start: 1, end: 2 }, ifNoneMatch: '"x"' }),
          head: () => store.head('db/a'),
          create: () => store.put('db/a', bytes, { mode: 'create' }),
          swap: () => store.put('db/a', bytes, { mode: { ifMatch: '"1"' } }),
          delete: () => store.delete('db/a'),
          list: () => store.list('db/'),
          copy: () => store.copy?.('db/a', 'db/b'),
          upload: async () => (await store.startUpload?.('db/a'))?.complete(),
        }
        let failures = 0
        for (const [call, work] of Object.entries(calls)) {
          try {
            await work()
          } catch (error) {
            failures++
            expectClean(error, `${name} ${call}`)
          }
        }
        expect(failures).toBeGreaterThan(0)
        expect(asked.length).toBeGreaterThan(0)
        expectClean(store, name)
        expectClean(store.describe(), name)
      })
    }
  }

  const wrong: [string, OpenStoreOptions][] = [
    [`s3://user:${CANARY}@bucket/`, {}],
    [`s3://bucket/?secret=${CANARY}`, {}],
    [`zz://user:${CANARY}@bucket/`, {}],
    [`https://b.s3.us-east-1.amazonaws.com/?X-Amz-Signature=${CANARY}`, {}],
    [`https://acct.blob.core.windows.net/c?sig=${CANARY}`, {}],
    [`http://user:${encodeURIComponent(CANARY)}@example.com/`, {}],
    [`https:./user:${CANARY}@host/p//q`, {}],
    [`https:user:${CANARY}@host/p//q`, {}],
    [`s3:/user:${CANARY}@host/p//q`, {}],
    [`https://host/user:${encodeURIComponent(CANARY)}@host/p//q`, {}],
    [`gs://bucket/a//b?key=${CANARY}`, {}],
    ['s3://bucket', { options: { endpoint: `https://u:${CANARY}@host` } }],
    ['s3://bucket', { options: { secret_access_key: CANARY } }],
    ['s3://bucket', { options: { allow_http: CANARY } }],
    ['s3://bucket', { options: { timeout: CANARY } }],
    ['s3://bucket', { options: { conditional_put: CANARY } }],
    ['s3://bucket', { options: { acess_key_id: CANARY } }],
    ['gs://bucket', { options: { service_account_key: `{${CANARY}` } }],
    ['gs://bucket', { options: { service_account_key: JSON.stringify({ type: 'x', key: CANARY }) } }],
    ['az://container', { options: { account_name: 'a', account_key: `${CANARY}!` } }],
    ['az://container', { options: { account_name: 'a', sas_token: `sv=${CANARY}` } }],
  ]
  test.each(wrong)('open of %#', async (url, options) => {
    const error = await openStore(url, options).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(error).toMatchObject({ kind: 'Invalid' })
    expectClean(error, 'open')
  })
})
