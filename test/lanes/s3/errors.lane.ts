// What a user sees when the configuration is wrong, from a server that checks it.

import { afterAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/env/system.ts'
import { type S3Options, S3Store } from '../../../src/stores/s3.ts'
import { freePort, provide } from '../lane.ts'
import { KEYS, startMinio } from './servers.ts'

const server = await provide('MinIO', startMinio)
if (server !== undefined) {
  describe(`mistakes on MinIO ${server.version}`, () => {
    afterAll(() => server.stop())
    const { endpoint } = server
    const shifted = (minutes: number) => ({ ...systemClock, now: () => systemClock.now() + minutes * 60_000 })
    const table: [what: string, options: Partial<S3Options>, reason: string, says: RegExp][] = [
      [
        'a bucket that does not exist',
        { bucket: 'no-such-bucket' },
        'InvalidPath',
        /bucket "no-such-bucket" does not exist/,
      ],
      ['an unknown key', { credentials: { ...KEYS, accessKeyId: 'nobody' } }, 'Unauthenticated', /AWS_ACCESS_KEY_ID/],
      [
        'a wrong secret',
        { credentials: { ...KEYS, secretAccessKey: 'wrong-secret' } },
        'Unauthenticated',
        /AWS_SECRET_ACCESS_KEY/,
      ],
      ['a session token of nobody', { credentials: { ...KEYS, sessionToken: 'stale' } }, 'Unauthenticated', /token/],
      ['no credentials', { credentials: undefined }, 'PermissionDenied', /permission/],
      ['another region', { region: 'eu-west-1' }, 'InvalidPath', /set the region/],
      [
        'a clock 20 minutes ahead',
        { clock: shifted(20) },
        'Unauthenticated',
        /20 minutes ahead of the server's: set the clock/,
      ],
      [
        'a clock 20 minutes behind',
        { clock: shifted(-20) },
        'Unauthenticated',
        /20 minutes behind the server's: set the clock/,
      ],
    ]
    test.each(table)('%s', async (_, options, storeReason, says) => {
      const bucket = options.bucket ?? (await server.bucket())
      const store = new S3Store({ endpoint, credentials: KEYS, timeoutMs: 5000, ...options, bucket })
      const message = expect.stringMatching(says)
      await expect(store.list('')).rejects.toMatchObject({ storeReason, message })
      await expect(store.put('a', new Uint8Array(1), { mode: 'create' })).rejects.toMatchObject({
        storeReason,
        message,
      })
    })

    test('a host where nobody listens', async () => {
      const nowhere = `http://127.0.0.1:${await freePort()}`
      const store = new S3Store({ endpoint: nowhere, credentials: KEYS, bucket: 'b', timeoutMs: 5000 })
      await expect(store.list('')).rejects.toMatchObject({
        kind: 'Unavailable',
        message: expect.stringContaining('is the server running'),
      })
    })
  })
}
