// What a store really does, found out by asking it. Every probe works in a folder of its own that is empty again at the
// end. A probe says what it saw; what follows from it for a database is said beside it (protocols.md section 1).

import type { Clock } from '../env/env.ts'
import type { Random } from '../env/random.ts'
import { isSlateDBError, isStoreError } from '../errors.ts'
import type { ObjectStore } from '../objects/store.ts'

export interface Finding {
  readonly name: string
  /** 'missing': the store says it cannot do this. 'refused': it cannot be written to, so nobody could find out. */
  readonly result: 'ok' | 'missing' | 'failed' | 'refused'
  readonly detail: string
  /** What a database loses without it; `undefined` when nothing depends on it. */
  readonly without: string
  /** A database that is written to must not run without it. */
  readonly essential: boolean
}

export interface ProbeContext {
  readonly store: ObjectStore
  /** Ends in a slash; nothing else is in it. */
  readonly folder: string
  readonly clock: Clock
  readonly random: Random
}

interface Probe {
  readonly name: string
  readonly without: string
  readonly essential: boolean
  /** Text for what was seen; `undefined` = the store says it cannot do this. Throws what went wrong. */
  readonly run: (context: ProbeContext) => Promise<string | undefined>
}

const RACERS = 16
/** S3 takes no smaller part but the last. */
const PART_BYTES = 5 * 1024 * 1024
/** Half of what S3 and Azure let a signed request be off; collectors judge ages by the store's clock, too. */
const WORST_SKEW_MS = 7.5 * 60_000
/** Stores tell times in whole seconds. */
const CLOCK_GRAIN_MS = 1000
const text = (value: string) => new TextEncoder().encode(value)

const DEFAULT_FLUSH_INTERVAL_MS = 100

const PROBES: readonly Probe[] = [
  {
    name: 'read after write',
    without: 'a reader may miss what was just written: do not use this store',
    essential: true,
    async run({ store, folder, random }) {
      const body = random.bytes(100_000)
      await store.put(`${folder}read`, body, { mode: 'overwrite' })
      expect(same((await store.get(`${folder}read`)).bytes, body), 'the object came back with other bytes')
      expect((await store.head(`${folder}read`)).size === body.length, 'head reports another size')
      await store.put(`${folder}read`, text('second'), { mode: 'overwrite' })
      expect(same((await store.get(`${folder}read`)).bytes, text('second')), 'an overwritten object came back old')
      return '100 kB written, read, overwritten and read again'
    },
  },
  {
    name: 'create if absent',
    without: 'two writers could both believe they own the database: writing is not safe',
    essential: true,
    async run({ store, folder }) {
      if (!store.capabilities.createIfAbsent) return undefined
      for (const round of [1, 2, 3]) {
        const name = `${folder}create-${round}`
        const outcomes = await race((i) => store.put(name, text(`racer ${i}`), { mode: 'create' }), 'AlreadyExists')
        const winners = outcomes.filter((won) => won).length
        expect(winners === 1, `${winners} of ${RACERS} racing creates won, expected 1`)
        const left = new TextDecoder().decode((await store.get(name)).bytes)
        expect(left === `racer ${outcomes.indexOf(true)}`, `the winner's bytes were replaced by those of ${left}`)
      }
      return `3 races of ${RACERS} creates, one winner each`
    },
  },
  {
    name: 'compare and set',
    without: 'garbage collection needs boundary_files_enabled = false and a long min_age',
    essential: false,
    async run({ store, folder }) {
      if (!store.capabilities.compareAndSet) return undefined
      const name = `${folder}cas`
      const { etag } = await store.put(name, text('start'), { mode: 'overwrite' })
      const ifMatch = etag ?? (await store.head(name)).etag
      expect(ifMatch !== undefined, 'the store gives no etags')
      const outcomes = await race(
        (i) => store.put(name, text(`racer ${i}`), { mode: { ifMatch: ifMatch! } }),
        'Precondition',
      )
      const winners = outcomes.filter((won) => won).length
      expect(winners === 1, `${winners} of ${RACERS} racing updates won, expected 1`)
      const late = await succeeds(store.put(name, text('late'), { mode: { ifMatch: ifMatch! } }), 'Precondition')
      expect(!late, 'an update with a stale etag was accepted')
      return `a race of ${RACERS} updates, one winner; a stale etag is refused`
    },
  },
  {
    name: 'ranges',
    without: 'tables cannot be read in blocks: do not use this store',
    essential: true,
    async run({ store, folder }) {
      const body = text('0123456789')
      await store.put(`${folder}range`, body, { mode: 'overwrite' })
      const read = async (range: { start: number; end?: number } | { suffix: number }) =>
        new TextDecoder().decode((await store.get(`${folder}range`, { range })).bytes)
      expect((await read({ start: 2, end: 5 })) === '234', 'a bounded range came back wrong')
      expect((await read({ start: 7 })) === '789', 'an open range came back wrong')
      expect((await read({ start: 8, end: 100 })) === '89', 'a range behind the end came back wrong')
      if (!store.capabilities.suffixRange)
        return 'bounded and open ranges; no suffix ranges (opening a table asks head first)'
      expect((await read({ suffix: 3 })) === '789', 'a suffix range came back wrong')
      return 'bounded, open and suffix ranges'
    },
  },
  {
    name: 'list after write',
    without: 'opening may miss the newest manifest or log: do not use this store',
    essential: true,
    async run({ store, folder }) {
      const names = ['a', 'a/b', 'a0', 'b', 'c'].map((name) => `${folder}list/${name}/object`)
      for (const name of names) await store.put(name, text(name), { mode: 'overwrite' })
      const listed = (await store.list(`${folder}list/`)).map((info) => info.path)
      expect(
        listed.join() === [...names].sort().join(),
        `listed ${listed.length} of ${names.length} objects, or out of order`,
      )
      const after = (await store.list(`${folder}list/`, { startAfter: names[2]! })).map((info) => info.path)
      expect(
        after.join() === ['b', 'c'].map((name) => `${folder}list/${name}/object`).join(),
        'startAfter is not exclusive',
      )
      await store.delete(names[0]!)
      const left = (await store.list(`${folder}list/`)).map((info) => info.path)
      expect(!left.includes(names[0]!), 'a deleted object is still listed')
      return store.capabilities.listStartAfter ? 'complete, in order, start after' : 'complete, in order'
    },
  },
  {
    name: 'delete',
    without: 'garbage stays',
    essential: false,
    async run({ store, folder }) {
      await store.put(`${folder}delete`, new Uint8Array(0), { mode: 'create' })
      expect((await store.head(`${folder}delete`)).size === 0, 'an empty object has a size')
      await store.delete(`${folder}delete`)
      await store.delete(`${folder}delete`)
      expect(!(await succeeds(store.head(`${folder}delete`), 'NotFound')), 'a deleted object is still there')
      return 'once and twice'
    },
  },
  {
    name: 'metadata',
    without: 'a write whose answer got lost is recognised by comparing bytes (one more request)',
    essential: false,
    async run({ store, folder }) {
      if (!store.capabilities.metadata) return undefined
      await store.put(`${folder}meta`, text('x'), { mode: 'create', metadata: { slatedbputid: 'probe' } })
      const { metadata } = await store.head(`${folder}meta`)
      expect(metadata?.slatedbputid === 'probe', 'metadata given to put is not returned by head')
      return 'given to put, returned by head'
    },
  },
  {
    name: 'upload in parts',
    without: 'a large table is written with one request, which holds all of it in memory',
    essential: false,
    async run({ store, folder, random }) {
      if (store.startUpload === undefined) return undefined
      const parts = [random.bytes(PART_BYTES), random.bytes(1000)]
      const upload = await store.startUpload(`${folder}parts`)
      await Promise.all(parts.map((part) => upload.part(part)))
      expect(!(await succeeds(store.head(`${folder}parts`), 'NotFound')), 'an unfinished upload can be seen')
      await upload.complete()
      const { size } = await store.head(`${folder}parts`)
      expect(size === PART_BYTES + 1000, `the object has ${size} bytes, expected ${PART_BYTES + 1000}`)
      const { bytes } = await store.get(`${folder}parts`, { range: { start: PART_BYTES - 10, end: PART_BYTES + 10 } })
      expect(
        same(bytes.subarray(0, 10), parts[0]!.subarray(-10)) && same(bytes.subarray(10), parts[1]!.subarray(0, 10)),
        'the parts are not where they belong',
      )
      const dropped = await store.startUpload(`${folder}dropped`)
      await dropped.part(parts[1]!)
      await dropped.abort()
      expect(!(await succeeds(store.head(`${folder}dropped`), 'NotFound')), 'an aborted upload left an object')
      return 'two parts side by side, whole at the end; an aborted one leaves nothing'
    },
  },
  {
    name: 'clock',
    without:
      'set the clock of this machine: collectors judge ages by it, and S3 and Azure refuse requests 15 minutes off',
    essential: false,
    async run({ store, folder, clock }) {
      const before = clock.now()
      await store.put(`${folder}clock`, text('x'), { mode: 'overwrite' })
      const after = clock.now()
      const { lastModified } = await store.head(`${folder}clock`)
      if (!(lastModified > 0)) return undefined
      // Between the two the store took its time; whatever lies outside is skew.
      const ahead = Math.max(0, before - CLOCK_GRAIN_MS - lastModified)
      const behind = Math.max(0, lastModified - after)
      const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
      expect(ahead < WORST_SKEW_MS, `this machine is ${seconds(ahead)} ahead of the store`)
      expect(behind < WORST_SKEW_MS, `this machine is ${seconds(behind)} behind the store`)
      if (ahead === 0 && behind === 0) return 'this machine and the store agree'
      return `this machine is ${ahead > 0 ? `${seconds(ahead)} ahead of` : `${seconds(behind)} behind`} the store`
    },
  },
]

/** Runs every probe; a probe that throws is a finding, not an end. */
export async function probeStore(context: ProbeContext, onProbe: (name: string) => void): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const { name, without, essential, run } of PROBES) {
    onProbe(name)
    const about = { name, without, essential }
    try {
      const detail = await twice(run, context)
      findings.push(
        detail === undefined
          ? { ...about, result: 'missing', detail: 'not offered by this store' }
          : { ...about, result: 'ok', detail },
      )
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error)
      findings.push({ ...about, result: isStoreError(error, 'NotSupported') ? 'refused' : 'failed', detail })
    }
  }
  return findings
}

/** A request that failed for once says nothing about guarantees. */
async function twice(run: Probe['run'], context: ProbeContext): Promise<string | undefined> {
  try {
    return await run(context)
  } catch (error) {
    if (!isSlateDBError(error) || error.storeReason !== 'Generic') throw error
    return run({ ...context, folder: `${context.folder}again/` })
  }
}

/** What to set, and to what, so that a database is safe and well on a store like this one. */
export function advice(findings: readonly Finding[], latencies: readonly Latency[]): string[] {
  const lacks = (name: string) => findings.some((finding) => finding.name === name && finding.result !== 'ok')
  if (findings.some(({ result }) => result === 'refused')) {
    return ['the store is read-only: open a reader here (SlateDB.openReader), and write where the objects come from']
  }
  const lines: string[] = []
  if (lacks('compare and set')) {
    lines.push(
      'set garbage_collector_options.boundary_files_enabled = false and a min_age longer than any writer may sleep',
    )
  }
  const put = latencies.find(({ request }) => request.startsWith('put'))
  if (put !== undefined && put.medianMs > DEFAULT_FLUSH_INTERVAL_MS) {
    const interval = Math.ceil(put.medianMs / 10) * 10
    lines.push(
      `a put takes ${interval} ms here: with flush_interval = "${interval}ms" a busy log makes no more requests than it can`,
    )
  }
  if (lines.length === 0 && findings.every(({ result, essential }) => result === 'ok' || !essential)) {
    lines.push('the default settings are right')
  }
  return lines
}

export interface Latency {
  readonly request: string
  readonly medianMs: number
  readonly worstMs: number
}

/** Round trips of small objects: what a durable put and a cold read cost at least. */
export async function measureLatency({ store, folder, clock }: ProbeContext): Promise<Latency[]> {
  const name = `${folder}latency`
  const body = new Uint8Array(4096)
  const time = async (request: string, call: (i: number) => Promise<unknown>): Promise<Latency> => {
    const times: number[] = []
    for (let i = 0; i < 9; i++) {
      const start = clock.monotonic()
      await call(i)
      times.push(clock.monotonic() - start)
    }
    times.sort((a, b) => a - b)
    return { request, medianMs: times[4]!, worstMs: times[8]! }
  }
  return [
    await time('put 4 KiB', (i) => store.put(`${name}-${i}`, body, { mode: 'create' })),
    await time('get 4 KiB', (i) => store.get(`${name}-${i}`)),
    await time('head', (i) => store.head(`${name}-${i}`)),
    await time('list', () => store.list(name)),
  ]
}

/** Deletes what the probes wrote; returns how many objects are left, which should be none. */
export async function cleanUp({ store, folder }: ProbeContext): Promise<number> {
  for (const { path } of await store.list(folder)) await store.delete(path)
  return (await store.list(folder)).length
}

/** Starts all at once; true for each that won, false for each that lost in the expected way. */
function race(attempt: (i: number) => Promise<unknown>, losing: 'AlreadyExists' | 'Precondition'): Promise<boolean[]> {
  return Promise.all(Array.from({ length: RACERS }, (_, i) => succeeds(attempt(i), losing)))
}

async function succeeds(
  call: Promise<unknown>,
  expected: 'AlreadyExists' | 'Precondition' | 'NotFound',
): Promise<boolean> {
  try {
    await call
    return true
  } catch (error) {
    if (isStoreError(error, expected)) return false
    throw error
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

function expect(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise)
}
