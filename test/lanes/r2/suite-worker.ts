// Runs inside workerd: tests against the binding of the Worker itself, one test or one hostile life per request.

import { storeSuite } from '../../../src/sim/store-suite.ts'
import { type R2Binding, R2Store } from '../../../src/stores/r2.ts'
import { hostileBinding } from '../../servers/hostile-binding.ts'
import { ALL } from '../capabilities.ts'
import { engineTests } from '../engine-tests.ts'
import type { Hostility } from '../hostile.ts'
import { LIVES, type Life } from '../hostile-lives.ts'
import { limitTests } from './limits.ts'

type Buckets = Readonly<Record<string, R2Binding>>

/** What is asked for: the names of all tests, one of them, or a life. */
export type Order =
  | { readonly names: true }
  | { readonly bucket: string; readonly test: string }
  | { readonly bucket: string; readonly life: Life; readonly hostility: Hostility }

function tests(open: () => R2Binding): Map<string, () => Promise<void>> {
  const found = new Map<string, () => Promise<void>>()
  storeSuite('R2Store', async () => ({ store: new R2Store(open()) }), {
    test: (name, body) => found.set(name, body),
    capabilities: ALL,
    racers: 100,
    listSize: 2100,
    // A Worker has 128 MiB, and this test holds the object three times.
    largeBytes: 24 << 20,
    partBytes: 5 << 20,
    unicode: true,
  })
  for (const [name, body] of limitTests(open)) found.set(name, body)
  for (const [name, body] of engineTests(async () => new R2Store(open()))) found.set(`the engine: ${name}`, body)
  return found
}

async function live(bucket: R2Binding, life: Life, hostility: Hostility): Promise<number> {
  const hostile = hostileBinding(bucket, hostility)
  const store = new R2Store(hostile.binding, { timeoutMs: hostility.timeoutMs })
  await LIVES[life]({ store, heal: hostile.heal }, `${hostility.fault} ${hostility.seed}`)
  return hostile.hits
}

const worker = {
  async fetch(request: Request, buckets: Buckets): Promise<Response> {
    const order = (await request.json()) as Order
    try {
      if ('names' in order) return Response.json({ answer: [...tests(() => undefined!).keys()] })
      const bucket = buckets[order.bucket]!
      if ('life' in order) return Response.json({ answer: await live(bucket, order.life, order.hostility) })
      await tests(() => bucket).get(order.test)!()
      return Response.json({ answer: true })
    } catch (error) {
      const { message, stack } = error as Error
      return Response.json({ error: { message, stack } })
    }
  },
}

export default worker
