// Credentials that a cloud gives to its own machines, at an address that answers only there. Elsewhere its silence means
// that no credentials were set up at all, and no waiting mends that.

import { invalid, isSlateDBError, storeError } from '../errors.ts'
import { HttpFailure } from './http-errors.ts'

/** What a machine outside of the cloud meets at the address. */
const NO_ANSWER: ReadonlySet<string | undefined> = new Set([
  'TIMEOUT',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** How long the service may take to answer, try by try. It is on the same machine, and others ask it for one second. */
const TRIES_MS = [1000, 3000]

/** Thrown by `ask` when the service answered that this machine has no credentials; the message may say more. */
export class NoneHere extends Error {}

/**
 * A provider that asks the machine it runs on. `ask` is given the time for one request. Before the first success, an
 * address that does not answer means that no credentials were set up: an `Invalid` error with the `advice`, which is not
 * asked again. After one, the same is an outage.
 */
export function machineCredentials<T>(
  ask: (timeoutMs: number) => Promise<T>,
  advice: string,
  absent: ReadonlySet<string | undefined> = NO_ANSWER,
): () => Promise<T> {
  let had = false
  return async () => {
    try {
      const found = await patiently(ask)
      had = true
      return found
    } catch (error) {
      const code = networkCode(error)
      const none = error instanceof NoneHere || absent.has(code)
      if (!none && code === undefined) throw error
      const detail = error instanceof Error && error.message !== '' ? `${advice}; ${error.message}` : advice
      // That an address is silent says nothing more to those who have no machine of that cloud.
      if (none && !had) throw invalid('CREDENTIALS', error instanceof NoneHere ? detail : advice)
      throw storeError('Unauthenticated', '', detail, { cause: error })
    }
  }
}

async function patiently<T>(ask: (timeoutMs: number) => Promise<T>): Promise<T> {
  for (const timeoutMs of TRIES_MS.slice(0, -1)) {
    try {
      return await ask(timeoutMs)
    } catch (error) {
      if (networkCode(error) !== 'TIMEOUT') throw error
    }
  }
  return ask(TRIES_MS.at(-1)!)
}

/** Why there was no answer; undefined when there was one. */
function networkCode(error: unknown): string | undefined {
  const cause = isSlateDBError(error) ? error.cause : undefined
  return cause instanceof HttpFailure && cause.status === 0 ? cause.code : undefined
}
