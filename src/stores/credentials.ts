// Credentials as stores take them: an explicit object, or an async provider function, so that the official credential
// packages plug in. They live in #private fields, so printing a store or a provider shows nothing.

import type { Clock } from '../env/env.ts'
import { invalid, storeError } from '../errors.ts'
import { askProvider, type Expiring, expiryMs, Refreshing } from './refreshing.ts'

/** What `@aws-sdk/credential-providers` and a static key pair have in common. */
export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
  readonly expiration?: Date | number | string | undefined
}

export type AwsCredentialProvider = () => AwsCredentials | Promise<AwsCredentials>

/** A bearer token as providers give it: text, or text with its end in one of the usual spellings. */
export type BearerToken =
  | string
  | {
      readonly token: string
      readonly expiresAt?: Date | number | string | undefined
      /** The spelling of `@azure/identity`. */
      readonly expiresOnTimestamp?: number | undefined
    }

export type BearerTokenProvider = () => BearerToken | Promise<BearerToken>

/** One source of credentials of type T, shared by the requests of a store. */
export class CredentialSource<T extends object> {
  readonly #refreshing: Refreshing<T>
  readonly #secretsOf: (value: T) => (string | undefined)[]

  constructor(clock: Clock, source: () => Promise<Expiring<T>>, secretsOf: (value: T) => (string | undefined)[]) {
    this.#refreshing = new Refreshing(clock, source)
    this.#secretsOf = secretsOf
  }

  get(): Promise<T> {
    return this.#refreshing.get()
  }

  /** After the server said that they are expired or unknown. */
  reject(value: T): void {
    this.#refreshing.reject(value)
  }

  /** What must not appear in any message. */
  secrets(): string[] {
    const held = this.#refreshing.peek()
    return held === undefined ? [] : this.#secretsOf(held).filter((secret) => secret !== undefined)
  }
}

/** What was given once and for all stays wrong; a provider may do better next time. */
function unusable(from: unknown, message: string): Error {
  return typeof from === 'function' ? storeError('Unauthenticated', '', message) : invalid('CREDENTIALS', message)
}

const ODD = 'has a line break, a space at an end, or another character that none has'

/** What can be sent as it is. Passwords of self-made servers may hold spaces. */
const isKey = (text: string): boolean => /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text)

export function awsCredentials(
  clock: Clock,
  from: AwsCredentials | AwsCredentialProvider,
): CredentialSource<AwsCredentials> {
  const provider = typeof from === 'function' ? from : () => from
  const source = async (): Promise<Expiring<AwsCredentials>> => {
    const found = await askProvider('AWS credentials', provider)
    const usable = typeof found?.accessKeyId === 'string' && typeof found.secretAccessKey === 'string'
    if (!usable || found.accessKeyId === '' || found.secretAccessKey === '') {
      throw unusable(from, 'AWS credentials need a non-empty accessKeyId and secretAccessKey')
    }
    const { accessKeyId, secretAccessKey, sessionToken } = found
    const odd = Object.entries({ accessKeyId, secretAccessKey, sessionToken }).find(
      ([, value]) => value && !isKey(value),
    )
    // A file that is read whole brings its last line break along.
    if (odd !== undefined) throw unusable(from, `${odd[0]} of the AWS credentials ${ODD}`)
    const value: AwsCredentials = { accessKeyId, secretAccessKey, sessionToken: sessionToken || undefined }
    // A fixed object cannot be renewed, so its end is the server's to tell.
    return { value, expiresAt: typeof from === 'function' ? expiryMs(found.expiration) : undefined }
  }
  return new CredentialSource(clock, source, (held) => [held.secretAccessKey, held.sessionToken, held.accessKeyId])
}

export interface Bearer {
  readonly token: string
}

export function bearerToken(clock: Clock, from: string | BearerTokenProvider): CredentialSource<Bearer> {
  const provider = typeof from === 'function' ? from : () => from
  const source = async (): Promise<Expiring<Bearer>> => {
    const found = await askProvider('a bearer token', provider)
    const token = typeof found === 'string' ? found : found?.token
    if (typeof token !== 'string' || token === '') throw unusable(from, 'the bearer token is empty')
    if (!/^[\x21-\x7e]+$/.test(token)) throw unusable(from, `the bearer token ${ODD}`)
    const expiresAt = typeof found === 'string' ? undefined : (expiryMs(found.expiresAt) ?? found.expiresOnTimestamp)
    return { value: { token }, expiresAt }
  }
  return new CredentialSource(clock, source, (held) => [held.token])
}
