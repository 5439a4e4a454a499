// What a user sees when the configuration is wrong. fake-gcs-server asks for no credentials, so it can only show what is
// wrong with buckets and hosts; refused tokens, missing roles and wrong clocks are in `src/stores/mistakes.test.ts`, with
// the answers that the documentation of the JSON API gives.

import { afterAll, describe, test } from 'vitest'
import { GcsStore } from '../../../src/stores/gcs.ts'
import { expectMistake } from '../../servers/mistakes.ts'
import { freePort, provide } from '../lane.ts'
import { startFakeGcs } from './servers.ts'

const TOKEN = 'lane-token-of-no-use'

const server = await provide('fake-gcs-server', startFakeGcs)
if (server !== undefined) {
  describe(`mistakes on fake-gcs-server ${server.version}`, () => {
    afterAll(() => server.stop())

    test('a bucket that does not exist', () =>
      expectMistake(
        new GcsStore({ bucket: 'no-such-bucket', endpoint: server.endpoint, credentials: TOKEN, timeoutMs: 3000 }),
        {
          reason: 'InvalidPath',
          says: /does not exist: create it, or check its name/,
          place: 'bucket "no-such-bucket"',
          secrets: [TOKEN],
          // Of a download this server says only that something was not found.
          calls: ['list', 'put'],
        },
      ))

    test('a host where nobody listens', async () => {
      const endpoint = `http://127.0.0.1:${await freePort()}`
      await expectMistake(new GcsStore({ bucket: 'any', endpoint, credentials: TOKEN, timeoutMs: 3000 }), {
        reason: 'Generic',
        says: /is the server running.*check the endpoint \(GOOGLE_BASE_URL\)/,
        place: 'bucket "any"',
        secrets: [TOKEN],
      })
    })
  })
}
