import { describe, expect, test } from 'vitest'
import { fakeFetch } from '../../test/servers/fake-fetch.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import { type OpenStoreOptions, openStore, resolveStore, storeFromEnvironment } from './open-store.ts'
import { parseStoreUrl } from './store-urls.ts'

describe('store URLs', () => {
  const table: [url: string, location: object][] = [
    ['memory:', { kind: 'memory', path: '' }],
    ['memory:///a/b', { kind: 'memory', path: 'a/b' }],
    ['s3://bucket', { kind: 's3', bucket: 'bucket', path: '' }],
    ['s3://bucket/', { kind: 's3', bucket: 'bucket', path: '' }],
    ['S3A://bucket/a/b%20c/', { kind: 's3', bucket: 'bucket', path: 'a/b c' }],
    ['gs://bucket/x', { kind: 'gcs', bucket: 'bucket', path: 'x' }],
    ['az://container/x', { kind: 'azure', container: 'container', path: 'x' }],
    ['azure://container', { kind: 'azure', container: 'container', path: '' }],
    ['adl://container/p', { kind: 'azure', container: 'container', path: 'p' }],
    [
      'abfss://container@acct.dfs.core.windows.net/p/q',
      {
        kind: 'azure',
        container: 'container',
        account: 'acct',
        endpoint: 'https://acct.blob.core.windows.net',
        path: 'p/q',
      },
    ],
    [
      'https://s3.eu-west-1.amazonaws.com/bucket/p',
      { kind: 's3', bucket: 'bucket', region: 'eu-west-1', virtualHostedStyle: false, path: 'p' },
    ],
    [
      'https://my.bucket.s3.eu-west-1.amazonaws.com/p/q',
      { kind: 's3', bucket: 'my.bucket', region: 'eu-west-1', virtualHostedStyle: true, path: 'p/q' },
    ],
    ['https://bucket.s3.amazonaws.com/p', { kind: 's3', bucket: 'bucket', virtualHostedStyle: true, path: 'p' }],
    ['https://s3.amazonaws.com/bucket', { kind: 's3', bucket: 'bucket', virtualHostedStyle: false, path: '' }],
    [
      'https://abc.r2.cloudflarestorage.com/bucket/p',
      { kind: 's3', bucket: 'bucket', region: 'auto', endpoint: 'https://abc.r2.cloudflarestorage.com', path: 'p' },
    ],
    [
      'https://acct.dfs.core.windows.net/container/p',
      {
        kind: 'azure',
        account: 'acct',
        container: 'container',
        endpoint: 'https://acct.blob.core.windows.net',
        path: 'p',
      },
    ],
    [
      'https://bucket.s3.cn-north-1.amazonaws.com.cn/p',
      { kind: 's3', bucket: 'bucket', region: 'cn-north-1', virtualHostedStyle: true, path: 'p' },
    ],
    [
      'https://s3.eusc-de-east-1.amazonaws.eu/bucket/p',
      { kind: 's3', bucket: 'bucket', region: 'eusc-de-east-1', virtualHostedStyle: false, path: 'p' },
    ],
    [
      'https://bucket.s3.us-iso-east-1.c2s.ic.gov/p',
      { kind: 's3', bucket: 'bucket', region: 'us-iso-east-1', virtualHostedStyle: true, path: 'p' },
    ],
    [
      'https://s3-fips.us-gov-west-1.amazonaws.com/bucket',
      {
        kind: 's3',
        bucket: 'bucket',
        region: 'us-gov-west-1',
        endpoint: 'https://s3-fips.us-gov-west-1.amazonaws.com',
        virtualHostedStyle: false,
        path: '',
      },
    ],
    [
      'https://bucket.s3.dualstack.eu-west-1.amazonaws.com/p',
      {
        kind: 's3',
        bucket: 'bucket',
        region: 'eu-west-1',
        endpoint: 'https://bucket.s3.dualstack.eu-west-1.amazonaws.com',
        virtualHostedStyle: true,
        path: 'p',
      },
    ],
    [
      'https://s3-us-west-2.amazonaws.com/b',
      { kind: 's3', bucket: 'b', region: 'us-west-2', virtualHostedStyle: false, path: '' },
    ],
    ['https://example.com/a/b', { kind: 'http', url: 'https://example.com/', path: 'a/b' }],
    ['http://127.0.0.1:80/a?t=1', { kind: 'http', url: 'http://127.0.0.1/?t=1', path: 'a' }],
  ]
  test.each(table)('%s', (url, location) => expect(parseStoreUrl(url, [])).toEqual(location))

  const wrong: [url: string, says: RegExp][] = [
    ['bucket/path', /begins with a scheme/],
    ['s4://bucket', /unknown store scheme "s4:": did you mean "s3:"/],
    ['gcs://bucket', /did you mean "gs:"/],
    ['dynamodb://bucket', /known are s3, s3a, gs/],
    ['s3://', /names no bucket|not a well-formed/],
    ['s3://bucket:9000/x', /not a host with a port/],
    ['s3://bucket/?region=x', /must have no query/],
    ['s3://bucket/a//b', /empty segment/],
    ['s3://bucket/a/%2e%2e%2fb', /segment/],
    ['s3://bucket/%zz', /not well escaped/],
    ['abfss://con%ff@acct.dfs.core.windows.net/p', /container of the URL is not well escaped/],
    ['s3:bucket/path', /begins with s3:\/\//],
    ['https:./a/b', /begins with https:\/\//],
    ['file:///x', /runtime with a file system/],
  ]
  test.each(wrong)('%s is refused', (url, says) => {
    expect(() => parseStoreUrl(url, [])).toThrow(
      expect.objectContaining({ kind: 'Invalid', message: expect.stringMatching(says) }),
    )
  })
})

describe('options and variables', () => {
  const keys = { AWS_ACCESS_KEY_ID: 'AK', AWS_SECRET_ACCESS_KEY: 'SK' }
  const describeOf = (url: string, options: OpenStoreOptions = {}) => resolveStore(url, options).store.describe()

  test('come from the environment, and options win', async () => {
    const env = { ...keys, AWS_REGION: 'eu-west-1', AWS_ENDPOINT: 'https://a.example', PATH: '/bin', AWS_PAGER: 'less' }
    expect(describeOf('s3://b', { env })).toBe('s3://b (https://a.example, region eu-west-1)')
    expect(describeOf('s3://b', { env, options: { region: 'us-west-2' } })).toContain('region us-west-2')
    expect(describeOf('s3://b', { env, options: { aws_region: 'r1', endpointUrl: 'https://c.example' } })).toBe(
      's3://b (https://c.example, region r1)',
    )
    expect(describeOf('s3://b', { env: { ...keys, AWS_DEFAULT_REGION: 'r2' } })).toContain(
      'https://b.s3.r2.amazonaws.com',
    )
    expect(describeOf('az://c', { env: { AZURE_STORAGE_USE_EMULATOR: 'true' } })).toContain('127.0.0.1:10000')
    expect(describeOf('gs://b', { env: { GOOGLE_BASE_URL: 'http://127.0.0.1:4443' } })).toContain('127.0.0.1:4443')
  })

  const wrong: [url: string, options: OpenStoreOptions, says: RegExp][] = [
    ['s3://b', { options: { regoin: 'x' } }, /unknown store option "regoin": did you mean "region"/],
    ['s3://b', { options: { account_key: 'x' } }, /unknown store option "account_key"/],
    ['az://c', { options: { acount_name: 'x' } }, /did you mean "account_name"/],
    ['s3://b', { options: { proxy_url: 'x' } }, /through the proxy/],
    ['s3://b', { env: { AWS_S3_EXPRESS: 'true' } }, /directory buckets/],
    ['s3://b', { env: { AWS_SSE_CUSTOMER_KEY_BASE64: 'x' } }, /customer keys/],
    ['s3://b', { env: { AWS_ACCESS_KEY_ID: 'x' } }, /AWS_SECRET_ACCESS_KEY is missing/],
    ['s3://b', { options: { timeout: '30' } }, /must be a duration/],
    ['s3://b', { options: { virtual_hosted_style_request: 'maybe' } }, /must be true or false/],
    ['s3://b', { options: { conditional_put: 'dynamo:t' } }, /must be one of etag, disabled/],
    ['az://c', {}, /AZURE_STORAGE_ACCOUNT_NAME/],
    ['memory:', { options: { a: 1 } }, /memory has no options/],
    ['gs://b', { options: { service_account_key: '{}' } }, /client_email/],
  ]
  test.each(wrong)('%s %j', (url, options, says) => {
    expect(() => resolveStore(url, options)).toThrow(
      expect.objectContaining({ kind: 'Invalid', message: expect.stringMatching(says) }),
    )
  })

  test('an option name of a megabyte is refused at once', () => {
    const began = performance.now()
    expect(() => resolveStore('s3://b', { options: { ['x'.repeat(1 << 20)]: 1 } })).toThrow(/unknown store option/)
    expect(performance.now() - began).toBeLessThan(5000)
  })

  test('further schemes open with what they were given', async () => {
    const store = new MemoryStore()
    const schemes = { file: async (url: string) => ({ store, path: url.slice(5) }) }
    expect(await openStore('file:/x/y', { schemes })).toEqual({ store, path: '/x/y' })
    await expect(openStore('fil:/x', { schemes })).rejects.toThrow(/did you mean "file:"/)
  })

  test('CLOUD_PROVIDER names the store', async () => {
    const of = async (env: Record<string, string>) =>
      (await storeFromEnvironment({ env, schemes: { file: (url) => ({ store: new MemoryStore(), path: url }) } })) as {
        store: { describe(): string }
        path: string
      }
    expect((await of({ CLOUD_PROVIDER: 'Memory' })).store.describe()).toBe('memory')
    expect((await of({ CLOUD_PROVIDER: 'local', LOCAL_PATH: '/a b?' })).path).toBe('file:/a%20b%3F')
    expect((await of({ CLOUD_PROVIDER: 'aws', AWS_BUCKET: 'b', ...keys })).store.describe()).toContain('s3://b')
    expect((await of({ CLOUD_PROVIDER: 'gcp', GOOGLE_BUCKET: 'b' })).store.describe()).toContain('gs://b')
    const azure = { AZURE_CONTAINER_NAME: 'c', AZURE_STORAGE_ACCOUNT_NAME: 'a', AZURE_STORAGE_ACCOUNT_KEY: 'a2V5' }
    expect((await of({ CLOUD_PROVIDER: 'AZURE', ...azure })).store.describe()).toContain('az://c')
    await expect(of({})).rejects.toThrow(/CLOUD_PROVIDER is not set/)
    await expect(of({ CLOUD_PROVIDER: 'ibm' })).rejects.toThrow(/must be local, memory, aws, azure or gcp/)
    await expect(of({ CLOUD_PROVIDER: 'aws' })).rejects.toThrow(/needs AWS_BUCKET/)
    await expect(of({ CLOUD_PROVIDER: 'local' })).rejects.toThrow(/needs LOCAL_PATH/)
  })
})

describe('AWS credentials of the environment', () => {
  const list = '<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>'
  const json = JSON.stringify({
    AccessKeyId: 'AKROLE',
    SecretAccessKey: 'S',
    Token: 'TOKEN',
    Expiration: '2099-01-01T00:00:00Z',
  })

  async function keyUsed(
    env: Record<string, string>,
    answer: (url: string) => { status?: number; body?: string } | undefined,
  ) {
    const { fetch, asked } = fakeFetch(
      ({ url }) => answer(url) ?? (url.includes('list-type') ? { body: list } : { status: 404 }),
    )
    const readFile = async (path: string) => `content of ${path}\n`
    await resolveStore('s3://b', { env, fetch, readFile }).store.list('')
    const signed = asked.at(-1)!.headers
    return {
      key: /Credential=([^/]+)/.exec(signed.get('authorization')!)![1],
      token: signed.get('x-amz-security-token'),
      asked,
    }
  }

  test('web identity', async () => {
    const env = {
      AWS_WEB_IDENTITY_TOKEN_FILE: '/token',
      AWS_ROLE_ARN: 'arn:aws:iam::1:role/r',
      AWS_REGION: 'eu-west-1',
    }
    const found =
      '<A><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>AKSTS</AccessKeyId><SecretAccessKey>S</SecretAccessKey><SessionToken>ST</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></A>'
    const { key, token, asked } = await keyUsed(env, (url) =>
      url.startsWith('https://sts.eu-west-1') ? { body: found } : undefined,
    )
    expect([key, token]).toEqual(['AKSTS', 'ST'])
    expect(asked[0]!.body).toContain('WebIdentityToken=content+of+%2Ftoken')
  })

  test('container, with the token of a file', async () => {
    const env = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://169.254.170.23/v1',
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/t',
    }
    const { key, token, asked } = await keyUsed(env, (url) =>
      url.includes('169.254.170.23') ? { body: json } : undefined,
    )
    expect([key, token]).toEqual(['AKROLE', 'TOKEN'])
    expect(asked[0]!.headers.get('authorization')).toBe('content of /t')
    expect(() =>
      resolveStore('s3://b', { env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://evil.example/' } }),
    ).toThrow(/must be https/)
  })

  test.each(['http://169.254.170.2/v2', 'http://[fd00:ec2::23]/v1', 'http://127.0.0.1:9/', 'https://x.example/c'])(
    'container at %s',
    async (uri) => {
      const { key } = await keyUsed({ AWS_CONTAINER_CREDENTIALS_FULL_URI: uri }, (url) =>
        url === uri ? { body: json } : undefined,
      )
      expect(key).toBe('AKROLE')
    },
  )

  test('web identity in China asks the token service there', async () => {
    const env = {
      AWS_WEB_IDENTITY_TOKEN_FILE: '/t',
      AWS_ROLE_ARN: 'arn:aws-cn:iam::1:role/r',
      AWS_REGION: 'cn-north-1',
    }
    const { fetch, asked } = fakeFetch(() => ({ status: 503 }))
    await resolveStore('s3://b', { env, fetch, readFile: async () => 'token' })
      .store.list('')
      .catch(() => {})
    expect(asked[0]!.url).toBe('https://sts.cn-north-1.amazonaws.com.cn/')
  })

  test('instance, and a plain word when there is nothing', async () => {
    const meta = (url: string) => {
      if (url.endsWith('/latest/api/token')) return { body: 'IMDS' }
      if (url.endsWith('/security-credentials/')) return { body: 'role' }
      return url.endsWith('/role') ? { body: json } : undefined
    }
    const { key, asked } = await keyUsed({}, meta)
    expect(key).toBe('AKROLE')
    expect(asked[1]!.headers.get('x-aws-ec2-metadata-token')).toBe('IMDS')
    await expect(keyUsed({}, () => undefined)).rejects.toMatchObject({
      kind: 'Invalid',
      code: 'SLATEDB_CREDENTIALS',
      message: expect.stringContaining('no AWS credentials found: set AWS_ACCESS_KEY_ID'),
    })
  })
})
