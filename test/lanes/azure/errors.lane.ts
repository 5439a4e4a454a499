// What a user sees when the configuration is wrong, from a server that checks it. Azurite checks keys, shared access
// signatures and their times, but not the date of a request: `src/stores/mistakes.test.ts` has that one.

import { createHmac } from 'node:crypto'
import { afterAll, describe, test } from 'vitest'
import { systemClock } from '../../../src/env/system.ts'
import type { StoreReason } from '../../../src/errors.ts'
import { type AzureOptions, AzureStore } from '../../../src/stores/azure.ts'
import { EMULATOR } from '../../../src/stores/cloud-environment.ts'
import { expectMistake, type Mistake } from '../../servers/mistakes.ts'
import { freePort, provide } from '../lane.ts'
import { startAzurite } from './servers.ts'

const { account, key: accountKey } = EMULATOR
const OTHER_KEY = Buffer.from('another-account-key-entirely').toString('base64')
const MINUTE = 60_000

/** A shared access signature of a container, as its owner makes it. */
function sas(container: string, permissions: string, fromMs: number, untilMs: number): string {
  const time = (offset: number) => new Date(systemClock.now() + offset).toISOString().replace(/\.\d+/, '')
  const [st, se, sv, sr] = [time(fromMs), time(untilMs), '2021-12-02', 'c']
  const signed = [permissions, st, se, `/blob/${account}/${container}`, '', '', '', sv, sr, ...Array(7).fill('')]
  const sig = createHmac('sha256', Buffer.from(accountKey, 'base64')).update(signed.join('\n')).digest('base64')
  return new URLSearchParams({ sv, sr, sp: permissions, st, se, sig }).toString()
}

const server = await provide('Azurite', startAzurite)
if (server !== undefined) {
  describe(`mistakes on Azurite ${server.version}`, () => {
    afterAll(() => server.stop())
    const store = (container: string, options: Partial<AzureOptions>) =>
      new AzureStore({
        account,
        container,
        endpoint: server.endpoint,
        credentials: { accountKey },
        timeoutMs: 3000,
        ...options,
      })
    const nobody = server.endpoint.replace(account, 'nobody')
    const table: [what: string, options: Partial<AzureOptions>, reason: StoreReason, says: RegExp][] = [
      [
        'the key of another account',
        { credentials: { accountKey: OTHER_KEY } },
        'Unauthenticated',
        /check AZURE_STORAGE_ACCOUNT_KEY/,
      ],
      ['no credentials', { credentials: undefined }, 'Unauthenticated', /set AZURE_STORAGE_ACCOUNT_KEY, AZURE_.*or/],
      [
        'a token that is none',
        { credentials: { bearer: 'token-of-nobody' } },
        'Unauthenticated',
        /check AZURE_STORAGE_TOKEN or the provider/,
      ],
      [
        'a container that does not exist',
        { container: 'no-such-container' },
        'InvalidPath',
        /does not exist: create it, or check its name/,
      ],
    ]
    test.each(table)('%s', async (_, options, reason, says) => {
      const container = options.container ?? (await server.container())
      const secrets = [accountKey, OTHER_KEY, 'token-of-nobody']
      await expectMistake(store(container, options), { reason, says, place: `container "${container}"`, secrets })
    })

    test('an account that does not exist', () =>
      expectMistake(store('any', { account: 'nobody', endpoint: nobody }), {
        reason: 'InvalidPath',
        says: /check the names of account and container/,
        place: 'container "any" of account "nobody"',
        secrets: [accountKey],
        // For a blob that may be missing the answer is the same, and must read as missing.
        calls: ['list', 'put'],
      }))

    const signatures: [what: string, permissions: string, fromMs: number, untilMs: number, Partial<Mistake>][] = [
      ['that has expired', 'rcwdl', -60 * MINUTE, -MINUTE, { says: /expired at 20.*set AZURE_STORAGE_SAS_TOKEN/ }],
      [
        'that is not valid yet',
        'rcwdl',
        60 * MINUTE,
        90 * MINUTE,
        { says: /valid from 20.* on: wait, or check the c/ },
      ],
      [
        'that cannot write',
        'rl',
        -MINUTE,
        60 * MINUTE,
        { calls: ['put'], reason: 'PermissionDenied', says: /allows "rl": a writer needs "rcwdl"/ },
      ],
      [
        'that cannot list',
        'rcw',
        -MINUTE,
        60 * MINUTE,
        { calls: ['list'], reason: 'PermissionDenied', says: /allows "rcw": a writer needs "rcwdl", a reader "rl"/ },
      ],
    ]
    test.each(signatures)('a SAS %s', async (_, permissions, fromMs, untilMs, expected) => {
      const container = await server.container()
      const given = sas(container, permissions, fromMs, untilMs)
      await expectMistake(store(container, { credentials: { sas: given } }), {
        reason: 'Unauthenticated',
        says: /./,
        place: `container "${container}"`,
        secrets: [given, new URLSearchParams(given).get('sig')!],
        ...expected,
      })
    })

    test('a SAS of another container', async () => {
      const [container, other] = [await server.container(), await server.container()]
      await expectMistake(store(container, { credentials: { sas: sas(other, 'rcwdl', -MINUTE, 60 * MINUTE) } }), {
        reason: 'Unauthenticated',
        says: /the SAS is wrong or was withdrawn: check AZURE_STORAGE_SAS_TOKEN/,
        place: `container "${container}"`,
      })
    })

    test('a SAS that allows all is none', async () => {
      const container = await server.container()
      const given = store(container, { credentials: { sas: sas(container, 'rcwdl', -MINUTE, 60 * MINUTE) } })
      await given.put('db/a', new Uint8Array(1), { mode: 'create' })
      await given.list('db/')
    })

    test('a host where nobody listens', async () =>
      expectMistake(store('any', { endpoint: `http://127.0.0.1:${await freePort()}/${account}` }), {
        reason: 'Generic',
        says: /is the server running.*check the account \(AZURE_STORAGE_ACCOUNT_NAME\) and the endpoint \(AZURE_STORAGE_ENDPOINT\)/,
        place: 'container "any"',
        secrets: [accountKey],
      }))
  })
}
