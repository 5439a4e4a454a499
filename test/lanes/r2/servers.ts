// R2's own implementation for development: workerd with an R2 binding, started by miniflare.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { HostileTarget } from '../hostile.ts'
import { log, npmPackages } from '../lane.ts'
import type { Order } from './suite-worker.ts'

interface Miniflare {
  dispatchFetch(url: string, init: { method: string; body: string }): Promise<{ json(): Promise<unknown> }>
  dispose(): Promise<void>
}

export interface R2Server {
  readonly version: string
  /** Names of the tests that the Worker holds. */
  tests(): Promise<string[]>
  /** Runs one of them inside workerd, on a bucket of its own. */
  runTest(name: string): Promise<void>
  /** Lives inside workerd behind a hostile binding. */
  readonly live: HostileTarget
  stop(): Promise<void>
}

/** Starts workerd with so many buckets: a bucket is a binding, so their number is fixed at the start. */
export async function startMiniflare(bucketCount = 100): Promise<R2Server> {
  const folder = await npmPackages('r2')
  const load = createRequire(join(folder, 'package.json'))
  const { Miniflare } = load('miniflare') as { Miniflare: new (options: object) => Miniflare }
  const miniflare = new Miniflare({
    host: '127.0.0.1',
    modules: true,
    script: await bundledWorker(),
    compatibilityDate: '2025-01-01',
    r2Buckets: Array.from({ length: bucketCount }, (_, i) => `BUCKET${i}`),
  })
  const installed = (name: string) => {
    const text = readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')
    return (JSON.parse(text) as { version: string }).version
  }
  const version = `${installed('miniflare')} (workerd ${installed('workerd')})`
  let next = 0
  const bucketName = () => {
    if (next === bucketCount) throw new Error('the lane has no more buckets: raise their number')
    return `BUCKET${next++}`
  }
  const ask = async (order: Order): Promise<unknown> => {
    const reply = await miniflare.dispatchFetch('http://worker/', { method: 'POST', body: JSON.stringify(order) })
    const { answer, error } = (await reply.json()) as { answer?: unknown; error?: { message: string; stack: string } }
    if (error === undefined) return answer
    throw Object.assign(new Error(error.message), { stack: error.stack })
  }
  const names = (await ask({ names: true })) as string[]
  log(`miniflare ${version}, owned by process ${process.pid}`)
  return {
    version,
    stop: () => miniflare.dispose(),
    tests: async () => names,
    runTest: async (test) => {
      await ask({ bucket: bucketName(), test })
    },
    live: async (life, hostility) => (await ask({ bucket: bucketName(), life, hostility })) as number,
  }
}

const source = (path: string) => fileURLToPath(new URL(`../../../src/${path}`, import.meta.url))

async function bundledWorker(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./suite-worker.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    conditions: ['workerd'],
    // What the package's own conditions say for workerd, of sources that nobody built yet.
    alias: { '#native': source('compress/no-native.ts'), '#host': source('objects/no-host.ts') },
    logLevel: 'error',
  })
  return outputFiles[0]!.text
}
