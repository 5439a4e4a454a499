// R2's own implementation for development: workerd with an R2 binding, started by miniflare.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { R2Binding } from '../../../src/stores/r2.ts'
import { log, npmPackages } from '../lane.ts'

interface Miniflare {
  getR2Bucket(name: string): Promise<R2Binding>
  dispatchFetch(url: string): Promise<{ json(): Promise<unknown> }>
  dispose(): Promise<void>
}

export interface R2Server {
  readonly version: string
  /** A bucket that no other caller gets, from outside of the Worker. */
  bucket(): Promise<R2Binding>
  /** Names of the tests that the Worker holds. */
  tests(): Promise<string[]>
  /** Runs one of them inside workerd, on a bucket of its own. */
  runTest(name: string): Promise<void>
  stop(): Promise<void>
}

const BUCKETS = 100

export async function startMiniflare(): Promise<R2Server> {
  const folder = await npmPackages('r2')
  const load = createRequire(join(folder, 'package.json'))
  const { Miniflare } = load('miniflare') as { Miniflare: new (options: object) => Miniflare }
  const miniflare = new Miniflare({
    host: '127.0.0.1',
    modules: true,
    script: await bundledWorker(),
    compatibilityDate: '2025-01-01',
    r2Buckets: Array.from({ length: BUCKETS }, (_, i) => `BUCKET${i}`),
  })
  const installed = (name: string) => {
    const text = readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')
    return (JSON.parse(text) as { version: string }).version
  }
  const version = `${installed('miniflare')} (workerd ${installed('workerd')})`
  let next = 0
  const bucketName = () => {
    if (next === BUCKETS) throw new Error('the lane has no more buckets: raise their number')
    return `BUCKET${next++}`
  }
  const ask = async (query: string) => (await miniflare.dispatchFetch(`http://worker/?${query}`)).json()
  const names = (await ask('')) as string[]
  log(`miniflare ${version}, owned by process ${process.pid}`)
  return {
    version,
    stop: () => miniflare.dispose(),
    bucket: () => miniflare.getR2Bucket(bucketName()),
    tests: async () => names,
    async runTest(name) {
      const answer = (await ask(`bucket=${bucketName()}&test=${encodeURIComponent(name)}`)) as {
        ok: boolean
        error?: string
      }
      if (!answer.ok) throw new Error(answer.error)
    },
  }
}

async function bundledWorker(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./suite-worker.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    conditions: ['workerd', 'browser'],
    logLevel: 'error',
  })
  return outputFiles[0]!.text
}
