// Where AWS credentials come from when nobody hands them over: the variables of features.md F.2, in the order of the
// original: key pair, web identity (EKS), container (ECS, EKS pod identity), instance metadata (EC2). Profiles and
// single sign-on come through @aws-sdk/credential-providers, passed as a provider function.

import { encodeUtf8, readableText } from '../bytes/text.ts'
import { invalid } from '../errors.ts'
import type { AwsCredentialProvider, AwsCredentials } from './credentials.ts'
import { isLoopback, parseEndpoint, tryUrl } from './endpoint.ts'
import { jsonObject } from './google-credentials.ts'
import { HttpClient, type HttpOptions, type HttpReply } from './http-client.ts'
import { refused } from './http-errors.ts'
import { machineCredentials, NoneHere } from './machine-identity.ts'
import { awsDomain } from './s3-endpoint.ts'
import type { StoreSettings } from './store-settings.ts'
import { child, text, tryParse } from './xml.ts'

/** Reads a small text file: token and key files. Rooms with a file system pass one. */
export type ReadTextFile = (path: string) => Promise<string>

export function awsCredentialsFrom(
  settings: StoreSettings,
  region: string,
  http: HttpOptions,
  readFile: ReadTextFile | undefined,
): AwsCredentials | AwsCredentialProvider | undefined {
  if (settings.flag('skip_signature')) return undefined
  const accessKeyId = settings.text('access_key_id')
  const secretAccessKey = settings.text('secret_access_key')
  if (accessKeyId !== undefined && secretAccessKey !== undefined) {
    return { accessKeyId, secretAccessKey, sessionToken: settings.text('session_token', 'token') }
  }
  if (accessKeyId !== undefined || secretAccessKey !== undefined) {
    const missing = accessKeyId === undefined ? 'AWS_ACCESS_KEY_ID' : 'AWS_SECRET_ACCESS_KEY'
    throw invalid('CREDENTIALS', `half a key pair is set: ${missing} is missing`)
  }
  const client = new HttpClient({ ...http, timeoutMs: Math.min(http.timeoutMs ?? 5000, 5000) })
  const tokenFile = settings.text('web_identity_token_file')
  const roleArn = settings.text('role_arn')
  if (tokenFile !== undefined && roleArn !== undefined) {
    const sts = settings.text('endpoint_url_sts') ?? `https://sts.${region}.${awsDomain(region)}`
    const { origin } = parseEndpoint('AWS_ENDPOINT_URL_STS', sts, false)
    const session = settings.text('role_session_name') ?? 'slatedb'
    return async () => assumeRole(client, origin, roleArn, session, (await reader(readFile)(tokenFile)).trim())
  }
  const relative = settings.text('container_credentials_relative_uri')
  const full = settings.text('container_credentials_full_uri')
  if (relative !== undefined || full !== undefined) return container(client, settings, relative, full, readFile)
  return machineCredentials((timeoutMs) => instanceRole(client, settings, timeoutMs), NOWHERE)
}

function reader(readFile: ReadTextFile | undefined): ReadTextFile {
  if (readFile !== undefined) return readFile
  throw invalid('CREDENTIALS', 'credentials in a file need a runtime with a file system: pass a provider instead')
}

async function assumeRole(
  client: HttpClient,
  sts: string,
  roleArn: string,
  session: string,
  token: string,
): Promise<AwsCredentials> {
  const form = {
    Action: 'AssumeRoleWithWebIdentity',
    RoleArn: roleArn,
    RoleSessionName: session,
    Version: '2011-06-15',
    WebIdentityToken: token,
  }
  const reply = await client.send({
    operation: 'AssumeRole',
    path: '',
    method: 'POST',
    url: `${sts}/`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: encodeUtf8(new URLSearchParams(form).toString()),
    secrets: [token],
  })
  const root = tryParse(reply.bytes)
  const found = child(child(root, 'AssumeRoleWithWebIdentityResult'), 'Credentials')
  if (reply.status !== 200 || found === undefined) {
    const error = child(root, 'Error')
    throw noCredentials(reply, 'AssumeRole', sts, text(error, 'Code'), text(error, 'Message'), [token])
  }
  return {
    accessKeyId: text(found, 'AccessKeyId'),
    secretAccessKey: text(found, 'SecretAccessKey'),
    sessionToken: text(found, 'SessionToken'),
    expiration: text(found, 'Expiration'),
  }
}

/** Of ECS tasks and, in both address families, of EKS pod identity. */
const CONTAINER_HOSTS = ['169.254.170.2', '169.254.170.23', '[fd00:ec2::23]']

function container(
  client: HttpClient,
  settings: StoreSettings,
  relative: string | undefined,
  full: string | undefined,
  readFile: ReadTextFile | undefined,
): AwsCredentialProvider {
  const url = relative === undefined ? full! : `http://169.254.170.2${relative}`
  const parsed = tryUrl(url)
  const local = parsed !== undefined && (isLoopback(parsed.hostname) || CONTAINER_HOSTS.includes(parsed.hostname))
  if (parsed === undefined || (parsed.protocol !== 'https:' && !local)) {
    throw invalid('CREDENTIALS', 'AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or on this machine')
  }
  return async () => {
    const file = settings.text('container_authorization_token_file')
    const token = file === undefined ? settings.text('container_authorization_token') : await reader(readFile)(file)
    const headers: Record<string, string> = token === undefined ? {} : { authorization: token.trim() }
    const secrets = token === undefined ? [] : [token.trim()]
    const reply = await client.send({ operation: 'CREDENTIALS', path: '', method: 'GET', url, headers, secrets })
    return roleCredentials(reply, parsed.origin, secrets)
  }
}

const NOWHERE =
  'no AWS credentials found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, pass `credentials`, or set AWS_SKIP_SIGNATURE'

async function instanceRole(client: HttpClient, settings: StoreSettings, timeoutMs: number): Promise<AwsCredentials> {
  const base = (settings.text('metadata_endpoint') ?? 'http://169.254.169.254').replace(/\/+$/, '')
  const call = { operation: 'CREDENTIALS', path: '', secrets: [], timeoutMs } as const
  const ask = async (method: string, url: string, headers: Record<string, string>) => {
    const reply = await client.send({ ...call, method, url, headers })
    if (reply.status >= 500 || reply.status === 429) throw noCredentials(reply, call.operation, base, '', '', [])
    return reply
  }
  const token = await ask('PUT', `${base}/latest/api/token`, { 'x-aws-ec2-metadata-token-ttl-seconds': '600' })
  if (token.status !== 200 && !settings.flag('imdsv1_fallback')) throw new NoneHere()
  const headers: Record<string, string> =
    token.status === 200 ? { 'x-aws-ec2-metadata-token': readableText(token.bytes) } : {}
  const list = `${base}/latest/meta-data/iam/security-credentials/`
  const role = await ask('GET', list, headers)
  // A machine without a role.
  if (role.status !== 200) throw new NoneHere()
  const url = `${list}${encodeURIComponent(readableText(role.bytes).trim())}`
  return roleCredentials(await ask('GET', url, headers), base, [])
}

function roleCredentials(reply: HttpReply, host: string, secrets: readonly string[]): AwsCredentials {
  const found = jsonObject(reply.bytes)
  const {
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    Token: sessionToken,
    Expiration: expiration,
  } = found
  if (reply.status === 200 && typeof accessKeyId === 'string' && typeof secretAccessKey === 'string') {
    return {
      accessKeyId,
      secretAccessKey,
      sessionToken: typeof sessionToken === 'string' ? sessionToken : undefined,
      expiration: typeof expiration === 'string' ? expiration : undefined,
    }
  }
  throw noCredentials(reply, 'CREDENTIALS', host, String(found.Code ?? ''), String(found.Message ?? ''), secrets)
}

function noCredentials(
  reply: HttpReply,
  operation: string,
  host: string,
  code: string,
  message: string,
  secrets: readonly string[],
): Error {
  const reason = reply.status === 429 || reply.status >= 500 ? 'Generic' : 'Unauthenticated'
  return refused(
    reason,
    { operation, path: '', where: `at ${host}`, status: reply.status, code, message, secrets },
    'no credentials were given',
  )
}
