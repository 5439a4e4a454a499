// What a user sees when the configuration is wrong, where no server at hand would say so: the answers come from fakes, in
// the words that the services' documentation gives. That a real service answers like that is not proven here.
//
// Most of the time is waiting for deadlines, so the tests run at once.
//
// GCS: fake-gcs-server asks for no credentials. Azure: Azurite does not check the date of a request. R2: miniflare's
// bucket never refuses anybody. Plain HTTP: any server can answer any of this.

import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import { describe, expect, test } from 'vitest'
import { type Asked, type FakeAnswer, fakeFetch } from '../../test/servers/fake-fetch.ts'
import { expectMistake, type Mistake } from '../../test/servers/mistakes.ts'
import { systemClock } from '../env/system.ts'
import type { StoreReason } from '../errors.ts'
import { AzureStore } from './azure.ts'
import { GcsStore } from './gcs.ts'
import { HttpStore } from './http.ts'
import { type R2Binding, R2Store } from './r2.ts'

const shifted = (minutes: number) => ({ ...systemClock, now: () => systemClock.now() + minutes * 60_000 })
const serverTime = () => ({ date: new Date(systemClock.now()).toUTCString() })

describe.concurrent('GCS', () => {
  const TOKEN = 'ya29.token-of-somebody'
  const place = 'bucket "bkt"'
  const refusal = (status: number, reason: string, message: string): FakeAnswer => ({
    status,
    headers: { 'content-type': 'application/json; charset=UTF-8' },
    body: JSON.stringify({ error: { code: status, message, errors: [{ message, domain: 'global', reason }] } }),
  })
  const storeWith = (answer: (asked: Asked) => FakeAnswer, credentials: string | undefined = TOKEN) =>
    new GcsStore({ bucket: 'bkt', credentials, fetch: fakeFetch(answer).fetch, timeoutMs: 3000 })

  const table: [what: string, answer: FakeAnswer, reason: StoreReason, says: RegExp][] = [
    [
      'an expired token',
      refusal(401, 'authError', 'Invalid Credentials'),
      'Unauthenticated',
      /has expired or is not valid: check GOOGLE_SERVICE_ACCOUNT/,
    ],
    [
      'an account without a role',
      refusal(
        403,
        'forbidden',
        'me@example.iam does not have storage.objects.get access to the Google Cloud Storage object.',
      ),
      'PermissionDenied',
      /the role roles\/storage\.objectUser on the bucket/,
    ],
    [
      'a bucket that does not exist',
      refusal(404, 'notFound', 'The specified bucket does not exist.'),
      'InvalidPath',
      /does not exist: create it, or check its name/,
    ],
    ['too many requests', refusal(429, 'rateLimitExceeded', 'Rate limit'), 'Generic', /asks to slow down/],
    [
      'too many requests, as denial',
      refusal(403, 'userRateLimitExceeded', 'User rate'),
      'Generic',
      /asks to slow down/,
    ],
  ]
  test.each(table)('%s', (_, answer, reason, says) =>
    expectMistake(
      storeWith(() => answer),
      { reason, says, place, secrets: [TOKEN] },
    ),
  )

  test('no credentials', () =>
    expectMistake(
      new GcsStore({
        bucket: 'bkt',
        fetch: fakeFetch(() =>
          refusal(401, 'required', 'Anonymous caller does not have storage.objects.list access to the bucket.'),
        ).fetch,
      }),
      { reason: 'Unauthenticated', says: /no credentials were given: set GOOGLE_SERVICE_ACCOUNT/, place },
    ))

  test('a bucket that does not exist, as a download says it', () =>
    expectMistake(
      storeWith(() => ({
        status: 404,
        headers: { 'content-type': 'text/html; charset=UTF-8' },
        body: 'The specified bucket does not exist.',
      })),
      { reason: 'InvalidPath', says: /does not exist: create it, or check its name/, place, calls: ['get'] },
    ))

  describe('the token endpoint', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const private_key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    const key = { client_email: 'me@example.iam', private_key, private_key_id: 'key-id-of-me' }
    const refuses = (error: string, error_description: string, minutes = 0, headers = {}, status = 400) =>
      new GcsStore({
        bucket: 'bkt',
        credentials: key,
        clock: shifted(minutes),
        fetch: fakeFetch(() => ({
          status,
          headers: { ...serverTime(), ...headers },
          body: JSON.stringify({ error, error_description }),
        })).fetch,
      })
    const secrets = [private_key, private_key.slice(100, 160)]
    const NOT_NOW =
      'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and ' +
      'exp values in the JWT claim.'

    test.each([
      [20, /the clock of this machine is 20 minutes ahead of the server's: set the clock, or check the key of me@/],
      [-20, /the clock of this machine is 20 minutes behind the server's: set the clock, or check the key of me@/],
    ] as const)('with a clock %i minutes off', (minutes, says) =>
      expectMistake(refuses('invalid_grant', NOT_NOW, minutes), { reason: 'Unauthenticated', says, place, secrets }),
    )

    test('with a key that was withdrawn', () =>
      expectMistake(refuses('invalid_grant', 'Invalid JWT Signature.'), {
        reason: 'Unauthenticated',
        says: /no access token was given: check the key of me@example\.iam \(GOOGLE_SERVICE_ACCOUNT/,
        place,
        secrets,
      }))

    test('that is busy, for how long it says', async () => {
      const busy = refuses('rate_limit', 'later', 0, { 'retry-after': '7' }, 429)
      await expect(busy.list('')).rejects.toMatchObject({ storeReason: 'Generic', retryAfterMs: 7000 })
    })
  })
})

describe.concurrent('Azure', () => {
  const accountKey = Buffer.from('the-key-of-the-account').toString('base64')
  const failed = (status: number, code: string, message: string): FakeAnswer => ({
    status,
    headers: { ...serverTime(), 'x-ms-error-code': code },
    body: `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`,
  })
  const AUTHENTICATION =
    'Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.'

  const table: [what: string, minutes: number, answer: () => FakeAnswer, reason: StoreReason, says: RegExp][] = [
    [
      'a clock 20 minutes ahead',
      20,
      () => failed(403, 'AuthenticationFailed', AUTHENTICATION),
      'Unauthenticated',
      /20 minutes ahead of the server's: set the clock/,
    ],
    [
      'a clock 20 minutes behind',
      -20,
      () => failed(403, 'AuthenticationFailed', AUTHENTICATION),
      'Unauthenticated',
      /20 minutes behind the server's: set the clock/,
    ],
    [
      'a network that may not',
      0,
      () => failed(403, 'AuthorizationFailure', 'This request is not authorized to perform this operation.'),
      'PermissionDenied',
      /check the account's network rules/,
    ],
  ]
  test.each(table)('%s', (_, minutes, answer, reason, says) =>
    expectMistake(
      new AzureStore({
        account: 'acct',
        container: 'cont',
        credentials: { accountKey },
        clock: shifted(minutes),
        fetch: fakeFetch(answer).fetch,
      }),
      { reason, says, place: 'container "cont" of account "acct"', secrets: [accountKey] },
    ),
  )

  test('an identity without a role', () =>
    expectMistake(
      new AzureStore({
        account: 'acct',
        container: 'cont',
        credentials: { bearer: 'token-of-somebody' },
        fetch: fakeFetch(() =>
          failed(
            403,
            'AuthorizationPermissionMismatch',
            'This request is not authorized to perform this operation using this permission.',
          ),
        ).fetch,
      }),
      {
        reason: 'PermissionDenied',
        says: /Storage Blob Data Contributor on the container/,
        place: 'container "cont"',
        secrets: ['token-of-somebody'],
      },
    ))

  test('a client secret that has expired', () =>
    expectMistake(
      new AzureStore({
        account: 'acct',
        container: 'cont',
        credentials: { clientId: 'client', clientSecret: 'secret-of-client', tenantId: 'tenant' },
        fetch: fakeFetch(() => ({
          status: 401,
          headers: serverTime(),
          body: JSON.stringify({
            error: 'invalid_client',
            error_description: 'AADSTS7000222: the secret has expired.',
          }),
        })).fetch,
      }),
      {
        reason: 'Unauthenticated',
        says: /AADSTS7000222.*check AZURE_STORAGE_TENANT_ID, AZURE_STORAGE_CLIENT_ID/,
        place: 'container "cont"',
        secrets: ['secret-of-client'],
      },
    ))
})

describe.concurrent('R2', () => {
  /** A binding whose every method does the same. */
  const bindingThat = (fails: (operation: string) => Promise<never>): R2Binding => ({
    head: () => fails('head'),
    get: () => fails('get'),
    put: () => fails('put'),
    delete: () => fails('delete'),
    list: () => fails('list'),
    createMultipartUpload: () => fails('createMultipartUpload'),
  })
  const keyValueNamespace = { get() {}, put() {}, delete() {}, list() {}, getWithMetadata() {} }

  const wrong: [what: string, given: unknown, says: RegExp][] = [
    ['a binding that is not there', ({} as { BUCKET?: unknown }).BUCKET, /is undefined: check its name in the conf/],
    ['null', null, /is null: check its name/],
    ['the name of a bucket', 'my-bucket', /is a string, so it is no R2 bucket: pass .* env\.BUCKET/],
    ['a KV namespace', keyValueNamespace, /without head\(\), createMultipartUpload\(\), so it is no R2 bucket/],
    ['the whole env', { BUCKET: keyValueNamespace }, /without head\(\), get\(\), put\(\)/],
  ]
  test.each(wrong)('%s', (_, given, says) => {
    const open = () => new R2Store(given as R2Binding)
    expect(open).toThrow(expect.objectContaining({ kind: 'Invalid', code: 'SLATEDB_BINDING' }))
    expect(open).toThrow(says)
  })

  test('parts that are too small', () => {
    const bucket = bindingThat(async () => expect.fail('not called'))
    expect(() => new R2Store(bucket, { partSizeBytes: 1 << 20 })).toThrow(/at least 5 MiB/)
  })

  const thrown: [message: string, reason: StoreReason, says: RegExp][] = [
    ['The specified bucket does not exist. (10006)', 'InvalidPath', /check bucket_name of the binding/],
    ['Unauthorized. (10002)', 'Unauthenticated', /log in and deploy it again/],
    ['Access Denied. (10003)', 'PermissionDenied', /permissions of its token/],
    ['Please enable R2. (10042)', 'PermissionDenied', /subscribe to it/],
    ['The object is locked. (10069)', 'PermissionDenied', /exempt the prefix of the database/],
    ['The specified object name is not valid. (10020)', 'InvalidPath', /at most 1,024 bytes/],
    ['Your metadata headers exceed the maximum. (10012)', 'NotSupported', /at most 8,192 bytes/],
    ['Your proposed upload exceeds the maximum. (100100)', 'NotSupported', /at most 5 GiB/],
    ['Reduce your concurrent request rate for the same object. (10058)', 'Generic', /one write a second/],
    ['We encountered an internal error. Please try again. (10001)', 'Generic', /10001/],
    // The body was cut on the way. Taken for "not supported" once, which turned put ids off.
    ['You did not provide the number of bytes specified. (10013)', 'Generic', /10013/],
    ['Too many subrequests.', 'Generic', /keep the database in a Durable Object/],
    ['Cannot perform I/O on behalf of a different request.', 'Generic', /needs a Durable Object/],
    ['Network connection lost.', 'Generic', /Network connection lost/],
  ]
  test.each(thrown)('%s', (message, reason, says) =>
    expectMistake(
      new R2Store(
        bindingThat(async (operation) => {
          throw new Error(`${operation}: ${message}`)
        }),
      ),
      { reason, says, place: 'through the R2 binding' },
    ),
  )

  test('a bucket that never answers', () =>
    expectMistake(
      new R2Store(
        bindingThat(() => new Promise(() => {})),
        { timeoutMs: 100 },
      ),
      {
        reason: 'Generic',
        says: /not answered through the R2 binding within 100 ms/,
        place: 'R2 binding',
      },
    ))
})

describe.concurrent('plain HTTP', () => {
  const store = (answer: () => FakeAnswer) => ({
    url: 'https://user:pass-word@cdn.example/db?token=tok-en-value',
    index: 'index.json',
    fetch: fakeFetch(answer).fetch,
  })
  const secrets = ['pass-word', 'tok-en-value', Buffer.from('user:pass-word').toString('base64')]
  const place = 'at https://cdn.example/db'
  const table: [what: string, status: number, Pick<Mistake, 'reason' | 'says' | 'calls'>][] = [
    [
      'a base that is not there',
      404,
      { reason: 'InvalidPath', says: /there is no index .*check the URL and the option index/, calls: ['list'] },
    ],
    [
      'no permission (401)',
      401,
      { reason: 'Unauthenticated', says: /not accepted: check user, password and query of the URL, and .*headers/ },
    ],
    [
      'no permission (403)',
      403,
      { reason: 'PermissionDenied', says: /not accepted: check user, password and query of the URL, and .*headers/ },
    ],
    ['a server that is down', 503, { reason: 'Generic', says: /503/ }],
  ]
  test.each(table)('%s', (_, status, expected) =>
    expectMistake(new HttpStore(store(() => ({ status, body: 'no' }))), {
      place,
      secrets,
      calls: ['list', 'get'],
      ...expected,
    }),
  )

  test('no credentials where some are wanted', () =>
    expectMistake(new HttpStore({ url: 'https://cdn.example/db', fetch: fakeFetch(() => ({ status: 401 })).fetch }), {
      reason: 'Unauthenticated',
      says: /no credentials were given: check user, password/,
      place,
      calls: ['get'],
    }))

  test('what is not there is missing, and nothing else', () =>
    expectMistake(new HttpStore(store(() => ({ status: 404 }))), {
      reason: 'NotFound',
      says: /404/,
      place,
      secrets,
      calls: ['get'],
    }))

  test('a host where nobody listens, and one that never answers', async () => {
    const server = createServer(() => {})
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const url = `http://user:pass-word@127.0.0.1:${port}/db`
    const expected = {
      reason: 'Generic',
      place: `at http://127.0.0.1:${port}/db`,
      secrets,
      calls: ['list', 'get'],
    } as const
    const reader = new HttpStore({ url, index: 'index.json', timeoutMs: 100 })
    await expectMistake(reader, {
      ...expected,
      says: /no complete answer within 100 ms; if it stays so, check the URL/,
    })
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    // Its connections are those of a server that was there.
    const settings = { url: url.replace('127.0.0.1', 'localhost'), index: 'index.json' }
    await expectMistake(new HttpStore(settings), {
      ...expected,
      place: `at http://localhost:${port}/db`,
      says: /is the server running.*check the URL of the store/,
    })
  })

  test('every store keeps what Retry-After says', async () => {
    const busy = { fetch: fakeFetch(() => ({ status: 503, headers: { 'retry-after': '4' } })).fetch }
    const stores = [
      new HttpStore({ url: 'https://cdn.example', ...busy }),
      new GcsStore({ bucket: 'bkt', ...busy }),
      new AzureStore({ account: 'acct', container: 'cont', ...busy }),
    ]
    for (const one of stores) await expect(one.get('a')).rejects.toMatchObject({ retryAfterMs: 4000 })
  })
})
