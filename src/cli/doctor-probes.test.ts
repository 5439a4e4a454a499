import { describe, expect, test } from 'vitest'
import { Random } from '../env/random.ts'
import { systemClock } from '../env/system.ts'
import { storeError } from '../errors.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import type { ObjectStore, PutOptions } from '../objects/store.ts'
import { advice, cleanUp, measureLatency, probeStore } from './doctor-probes.ts'

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
    const store = new MemoryStore({ clock: systemClock })
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

  test.each([-20, 20])('a clock that is %i minutes off is found out', async (minutes) => {
    const store = new MemoryStore({ clock: { now: () => systemClock.now() + minutes * 60_000 } })
    const clock = (await probeStore(context(store), () => {})).find(({ name }) => name === 'clock')!
    expect(clock.result).toBe('failed')
    const [, seconds] = /is (\d+)/.exec(clock.detail)!
    expect(Math.abs(Number(seconds) - 1200)).toBeLessThan(5)
    expect(clock.detail).toMatch(minutes < 0 ? /ahead of the store/ : /behind the store/)
  })

  test('an upload that shows before it is complete is found out', async () => {
    const inner = new MemoryStore()
    const startUpload: ObjectStore['startUpload'] = async (path) => ({
      part: async (body) => void (await inner.put(path, body, { mode: 'overwrite' })),
      complete: async () => ({}),
      abort: async () => {},
    })
    const { put, get, head, list } = inner
    const store = brokenStore({
      startUpload,
      put: put.bind(inner),
      get: get.bind(inner),
      head: head.bind(inner),
      list: list.bind(inner),
    })
    expect(await resultsOf(store)).toMatchObject({ 'upload in parts': 'failed' })
  })

  test('one failed request is no missing guarantee, two in a row are', async () => {
    for (const failures of [1, 2]) {
      const inner = new MemoryStore({ clock: systemClock })
      let left = failures
      const head: ObjectStore['head'] = async (path, options) => {
        if (left-- > 0) throw storeError('Generic', path, 'busy')
        return inner.head(path, options)
      }
      const { put, get, list } = inner
      const bound = { put: put.bind(inner), get: get.bind(inner), list: list.bind(inner) }
      const results = await resultsOf(brokenStore({ head, ...bound }))
      expect(results['read after write']).toBe(failures === 1 ? 'ok' : 'failed')
    }
  })

  test('a store that only reads is refused, not unsafe, and the advice says what it is good for', async () => {
    const put: ObjectStore['put'] = async (path) => {
      throw storeError('NotSupported', path, 'this store only reads')
    }
    const findings = await probeStore(context(brokenStore({ put })), () => {})
    expect(findings[0]).toMatchObject({ result: 'refused' })
    expect(advice(findings, []).join()).toMatch(/openReader/)
  })

  test('advice names settings', async () => {
    const inner = new MemoryStore()
    const capabilities = { ...inner.capabilities, compareAndSet: false }
    const poor = await probeStore(context(brokenStore({ capabilities })), () => {})
    expect(advice(poor, []).join()).toMatch(/boundary_files_enabled = false/)
    const slow = [{ request: 'put 4 KiB', medianMs: 234, worstMs: 300 }]
    expect(advice([], slow)).toEqual([expect.stringMatching(/flush_interval = "240ms"/)])
    expect(advice([], [])).toEqual(['the default settings are right'])
  })
})
