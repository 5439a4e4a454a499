import { describe, expect, test } from 'vitest'
import { Random } from '../env/random.ts'
import { systemClock } from '../env/system.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import type { ObjectStore, PutOptions } from '../objects/store.ts'
import { cleanUp, measureLatency, probeStore } from './doctor-probes.ts'

const context = (store: ObjectStore) => ({ store, folder: 'probe/', clock: systemClock, random: new Random(1) })

async function resultsOf(store: ObjectStore): Promise<Record<string, string>> {
  const findings = await probeStore(context(store), () => {})
  return Object.fromEntries(findings.map(({ name, result }) => [name, result]))
}

/** A memory store with one method or capability replaced. */
function brokenStore(changes: Partial<ObjectStore>): ObjectStore {
  const inner = new MemoryStore()
  return {
    capabilities: inner.capabilities,
    get: (path, options) => inner.get(path, options),
    head: (path, options) => inner.head(path, options),
    put: (path, body, options) => inner.put(path, body, options),
    delete: (path, options) => inner.delete(path, options),
    list: (prefix, options) => inner.list(prefix, options),
    describe: () => 'broken',
    ...changes,
  }
}

describe('doctor', () => {
  test('a memory store passes everything and is left empty', async () => {
    const store = new MemoryStore()
    expect(new Set(Object.values(await resultsOf(store)))).toEqual(new Set(['ok']))
    await measureLatency(context(store))
    expect(await cleanUp(context(store))).toBe(0)
    expect(await store.list('')).toEqual([])
  })

  test('a store that ignores conditions is found out', async () => {
    const inner = new MemoryStore()
    const put = (path: string, body: Parameters<ObjectStore['put']>[1], options: PutOptions) =>
      inner.put(path, body, { ...options, mode: 'overwrite' })
    const results = await resultsOf({
      ...brokenStore({}),
      put,
      get: inner.get.bind(inner),
      head: inner.head.bind(inner),
      list: inner.list.bind(inner),
      delete: inner.delete.bind(inner),
    })
    expect(results).toMatchObject({
      'create if absent': 'failed',
      'compare and set': 'failed',
      'read after write': 'ok',
    })
  })

  test('what a store says it cannot do is missing, not failed', async () => {
    const inner = new MemoryStore()
    const capabilities = { ...inner.capabilities, compareAndSet: false, metadata: false }
    expect(await resultsOf(brokenStore({ capabilities }))).toMatchObject({
      'compare and set': 'missing',
      metadata: 'missing',
    })
  })

  test('a list that lags behind is found out', async () => {
    const inner = new MemoryStore()
    let late: Awaited<ReturnType<ObjectStore['list']>> = []
    const list: ObjectStore['list'] = async (prefix, options) => {
      const now = await inner.list(prefix, options)
      const answer = late
      late = now
      return answer
    }
    const store = brokenStore({
      list,
      put: inner.put.bind(inner),
      get: inner.get.bind(inner),
      head: inner.head.bind(inner),
    })
    expect(await resultsOf(store)).toMatchObject({ 'list after write': 'failed' })
  })
})
