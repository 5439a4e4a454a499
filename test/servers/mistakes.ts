// A wrong configuration, judged alike for every store: each call fails with the error of the right class, which names
// the place and what to fix, shows no secret, and comes in time; and behind `retrying`, where most of these are asked
// again, the deadline's error says the same.

import { inspect } from 'node:util'
import { expect } from 'vitest'
import { createEnv } from '../../src/env/system.ts'
import { isSlateDBError, type StoreReason } from '../../src/errors.ts'
import { retrying } from '../../src/objects/retrying.ts'
import type { ObjectStore } from '../../src/objects/store.ts'

export interface Mistake {
  readonly reason: StoreReason
  /** What to fix. */
  readonly says: RegExp
  /** The bucket or container as the message must name it. */
  readonly place: string
  /** What must not be seen, also not in causes. */
  readonly secrets?: readonly string[]
  readonly calls?: readonly (keyof typeof CALLS)[]
}

const CALLS = {
  list: (store: ObjectStore) => store.list('db/'),
  get: (store: ObjectStore) => store.get('db/a'),
  put: (store: ObjectStore) => store.put('db/a', new Uint8Array(1), { mode: 'create' }),
}

/** Of a call with all its retries; on a busy machine the first try must have failed by then, to be told. */
const DEADLINE_MS = 1500
const SLACK_MS = 4000

export async function expectMistake(store: ObjectStore, mistake: Mistake): Promise<void> {
  const { calls = ['list', 'get', 'put'] } = mistake
  const patient = retrying(store, createEnv({ seed: 'mistake' }), { deadlineMs: DEADLINE_MS })
  await Promise.all(
    calls.flatMap((call) => [
      expectFailure(call, CALLS[call](store), mistake),
      expectFailure(`${call} with retries`, CALLS[call](patient), mistake),
    ]),
  )
}

async function expectFailure(who: string, work: Promise<unknown>, mistake: Mistake): Promise<void> {
  const { reason, says, place, secrets = [] } = mistake
  const began = performance.now()
  const error = await work.then(
    () => expect.fail(`${who} succeeded`),
    (thrown: unknown) => thrown,
  )
  expect(performance.now() - began, who).toBeLessThan(DEADLINE_MS + SLACK_MS)
  if (!isSlateDBError(error)) throw new Error(`${who} failed without a type`, { cause: error })
  if (error.code === 'SLATEDB_STORE_DEADLINE') expect(error.cause, who).toMatchObject({ storeReason: reason })
  else expect(error, who).toMatchObject({ storeReason: reason })
  expect(error.message, who).toMatch(says)
  expect(error.message, who).toContain(place)
  const everything = `${inspect(error, { depth: 20, showHidden: true })} ${error.stack}`
  for (const secret of secrets) {
    for (const spelling of [secret, encodeURIComponent(secret)]) expect(everything).not.toContain(spelling)
  }
  expect(everything, 'a signed URL').not.toMatch(/[?&](sig|X-Amz-Signature|upload_id)=/)
}
