// Runs inside workerd: the suite's tests against the binding of the Worker itself, one test per request.

import { storeSuite } from '../../../src/sim/store-suite.ts'
import { type R2Binding, R2Store } from '../../../src/stores/r2.ts'
import { ALL } from '../capabilities.ts'

type Buckets = Readonly<Record<string, R2Binding>>

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
  return found
}

const worker = {
  async fetch(request: Request, buckets: Buckets): Promise<Response> {
    const { searchParams } = new URL(request.url)
    const name = searchParams.get('test')
    const all = tests(() => buckets[searchParams.get('bucket')!]!)
    if (name === null) return Response.json([...all.keys()])
    try {
      await all.get(name)!()
      return Response.json({ ok: true })
    } catch (error) {
      return Response.json({ ok: false, error: (error as Error).stack ?? String(error) })
    }
  },
}

export default worker
