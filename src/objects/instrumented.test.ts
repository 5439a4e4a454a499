import { describe, expect, test } from 'vitest'
import { SimClock } from '../sim/clock.ts'
import { simEnv } from '../sim/env.ts'
import { simulate } from '../sim/simulate.ts'
import { instrumented } from './instrumented.ts'
import { MemoryStore } from './memory-store.ts'
import { dollars, dollarsPerMonth, S3_STANDARD } from './prices.ts'
import { objectClass, RequestCounts } from './request-counts.ts'
import { retrying } from './retrying.ts'

const env = () => simEnv(1, new SimClock())

describe('instrumented', () => {
  test('counts requests, bytes and failures by role, class and call', async () => {
    const store = instrumented(new MemoryStore(), env(), { role: 'db' })
    await store.put('db/wal/1.sst', new Uint8Array(100), { mode: 'create' })
    await store.put('db/wal/1.sst', new Uint8Array(7), { mode: 'create' }).catch(() => {})
    await store.get('db/wal/1.sst')
    await store.get('db/wal/1.sst', { range: { start: 0, end: 10 } })
    await store.head('db/manifest/1.manifest').catch(() => {})
    await store.list('db/manifest/')
    await store.list('db/manifest/', { startAfter: 'db/manifest/1' })
    const upload = await store.startUpload!('db/compacted/x.sst')
    await upload.part(new Uint8Array(5))
    await upload.complete()
    await store.copy!('db/wal/1.sst', 'db/wal/2.sst')
    await store.delete('db/wal/1.sst')
    expect(store.counts.toString().split('\n')).toEqual([
      'db compacted multipart_complete: 1',
      'db compacted multipart_init: 1',
      'db compacted multipart_part: 1',
      'db manifest head: 1 (1 failed)',
      'db manifest list: 1',
      'db manifest list_with_offset: 1',
      'db wal copy: 1',
      'db wal delete: 1',
      'db wal get: 1',
      'db wal get_range: 1',
      'db wal put: 2 (1 failed)',
    ])
    expect(store.counts.bytesUp({ objectClass: 'wal' })).toBe(107)
    expect(store.counts.bytesDown()).toBe(110)
  })

  test("writes the original's metrics, with latencies", async () => {
    const { value: snapshot } = await simulate(1, async (sim) => {
      const store = instrumented(sim.store({ latencyMs: [30, 30] }), sim.env, { role: 'gc', storeType: 'wal' })
      await store.list('db/wal/')
      await store.get('db/wal/1').catch(() => {})
      return sim.env.metrics.snapshot()
    })
    const labels = (api: string, more = '') => `{api="${api}",component="gc"${more},op="get",store_type="wal"}`
    expect(snapshot[`slatedb.object_store.request_count${labels('list')}`]).toBe(1)
    expect(snapshot[`slatedb.object_store.request_count${labels('get')}`]).toBe(1)
    expect(snapshot[`slatedb.object_store.error_count${labels('get')}`]).toBe(1)
    expect(snapshot[`slatedb.object_store.error_count${labels('list')}`]).toBe(0)
    const name = 'slatedb.object_store.request_duration_seconds'
    expect(snapshot[`${name}_sum${labels('list')}`]).toBeCloseTo(0.03)
    expect(snapshot[`${name}_bucket${labels('list', ',le="0.025"')}`]).toBe(0)
    expect(snapshot[`${name}_bucket${labels('list', ',le="0.05"')}`]).toBe(1)
    expect(snapshot[`${name}_bucket${labels('list', ',le="+Inf"')}`]).toBe(1)
  })

  test('below the retries it counts what is really sent', async () => {
    await simulate(1, async (sim) => {
      const inner = sim.store()
      const counted = instrumented(inner, sim.env, { role: 'db' })
      inner.inject('unavailable', undefined, 3)
      await retrying(counted, sim.env).list('')
      expect(counted.counts.requests()).toBe(4)
      expect(counted.counts.errors({ api: 'list' })).toBe(3)
    })
  })

  test('a long listing counts its pages, and roles share a ledger', async () => {
    const bucket = new MemoryStore()
    for (let i = 0; i < 2001; i++) await bucket.put(`db/wal/${i}`, new Uint8Array(0), { mode: 'create' })
    const counts = new RequestCounts()
    const before = counts.snapshot()
    await instrumented(bucket, env(), { role: 'db', counts }).list('db/wal/')
    await instrumented(bucket, env(), { role: 'gc', counts }).list('db/manifest/')
    const made = counts.since(before)
    expect([made.requests({ role: 'db' }), made.requests({ role: 'gc' }), made.requests()]).toEqual([3, 1, 4])
    expect(counts.since(made).requests()).toBe(0)
  })

  test.each([
    ['db/manifest/00000000000000000001.manifest', 'manifest'],
    ['db/compactions/', 'compactions'],
    ['a/b/wal/1.sst', 'wal'],
    ['wal/1.sst', 'wal'],
    ['db/compacted/x.sst', 'compacted'],
    ['db/gc/manifest.boundary', 'gc'],
    ['db/.deleting', 'other'],
    ['wal', 'other'],
    ['', 'other'],
  ])('the class of %j is %s', (path, expected) => {
    expect(objectClass(path)).toBe(expected)
  })
})

describe('prices', () => {
  test('writes and listings cost more than reads, deletes nothing', () => {
    const counts = new RequestCounts()
    counts.row('db', 'wal', 'put').requests = 1000
    counts.row('db', 'wal', 'list').requests = 1000
    counts.row('db', 'compacted', 'get_range').requests = 10_000
    counts.row('gc', 'wal', 'delete').requests = 1_000_000
    expect(dollars(counts, S3_STANDARD)).toBeCloseTo(0.005 + 0.005 + 0.004)
  })

  test('ten WAL puts a second for a month', () => {
    const counts = new RequestCounts()
    counts.row('db', 'wal', 'put').requests = 10
    expect(dollarsPerMonth(counts, 1000)).toBeCloseTo(10 * 30 * 86_400 * 0.000005)
    expect(dollarsPerMonth(new RequestCounts(), 1000, { storedBytes: 100e9 })).toBeCloseTo(2.3)
  })
})
