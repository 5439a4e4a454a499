import { beforeEach, describe, expect, test } from 'vitest'
import { JumpingClock } from '../../test/support/jumping-clock.ts'
import { decodeUtf8, encodeUtf8 } from '../bytes/text.ts'
import type { Env } from '../env/env.ts'
import { createEnv } from '../env/system.ts'
import { isSlateDBError, storeError } from '../errors.ts'
import { Boundary } from './boundary.ts'
import { MemoryStore } from './memory-store.ts'
import type { GetOptions, ListOptions, ObjectStore, PutOptions } from './store.ts'
import { Versioned } from './versioned.ts'

/** A store that tells what was asked of it, and lets a test act before a request takes effect. */
class Spy {
  readonly calls: string[] = []
  readonly store: ObjectStore
  before: (call: string) => void | Promise<void> = () => {}
  after: (call: string) => void | Promise<void> = () => {}

  constructor(inner: ObjectStore) {
    const around = async <T>(call: string, run: () => Promise<T>): Promise<T> => {
      this.calls.push(call)
      await this.before(call)
      const result = await run()
      await this.after(call)
      return result
    }
    this.store = {
      capabilities: inner.capabilities,
      get: (path, options?: GetOptions) => around(`GET ${short(path)}`, () => inner.get(path, options)),
      head: (path, options) => around(`HEAD ${short(path)}`, () => inner.head(path, options)),
      put: (path, body, options: PutOptions) => around(`PUT ${short(path)}`, () => inner.put(path, body, options)),
      delete: (path) => around(`DELETE ${short(path)}`, () => inner.delete(path)),
      list: (prefix, options?: ListOptions) =>
        around(options?.startAfter ? `LIST >${short(options.startAfter)}` : 'LIST', () => inner.list(prefix, options)),
      describe: () => 'spy',
    }
  }

  take(): string[] {
    return this.calls.splice(0)
  }
}

const short = (path: string) =>
  path
    .replace(/^.*\/0*(?=[1-9])/, '')
    .replace(/^.*\/0+$/, '0')
    .replace('db/', '')
const nameOf = (id: number) => `db/record/${String(id).padStart(20, '0')}`
const BOUNDARY = 'db/gc/boundary'

let bucket: MemoryStore
let clock: JumpingClock
let env: Env

beforeEach(() => {
  bucket = new MemoryStore()
  clock = new JumpingClock()
  env = createEnv({ clock, seed: 1 })
})

const boundaryOf = (store: ObjectStore) =>
  new Boundary(store, BOUNDARY, {
    encode: (id) => encodeUtf8(String(id)),
    decode: (bytes) => Number(decodeUtf8(bytes)),
  })

function open(store: ObjectStore = bucket): Versioned<string> {
  return new Versioned<string>(store, env, {
    what: 'record',
    folder: 'db/record/',
    nameOf,
    parse: (name) => (/\/\d{20}$/.test(name) ? Number(name.slice(-20)) : undefined),
    encode: encodeUtf8,
    decode: (bytes, what) => {
      const text = decodeUtf8(bytes)
      if (text.startsWith('damaged')) throw storeError('Generic', what, 'damaged')
      return text
    },
    boundary: boundaryOf(store),
  })
}

const set = (id: number, text: string) => bucket.put(nameOf(id), encodeUtf8(text), { mode: 'overwrite' })
const setBoundary = (id: number) => bucket.put(BOUNDARY, encodeUtf8(String(id)), { mode: 'overwrite' })
const kindOf = async (work: Promise<unknown>) => {
  try {
    await work
  } catch (error) {
    if (isSlateDBError(error)) return `${error.kind} ${error.code}`
    throw error
  }
  return 'ok'
}

describe('reading', () => {
  test('nothing there', async () => {
    const record = open()
    expect(await record.readLatest()).toBeUndefined()
    expect(record.current).toBeUndefined()
    expect(record.stale).toBe(false)
  })

  test('the greatest id, and requests', async () => {
    await set(1, 'one')
    await set(2, 'two')
    const spy = new Spy(bucket)
    const record = open(spy.store)
    expect(await record.readLatest()).toEqual({ id: 2, value: 'two' })
    expect(spy.take()).toEqual(['LIST', 'GET 2'])
    // An idle poll is one request (PN-9).
    expect(await record.refresh()).toBe(false)
    expect(spy.take()).toEqual(['LIST >2'])
    await set(3, 'three')
    await set(4, 'four')
    expect(await record.refresh()).toBe(true)
    expect(spy.take()).toEqual(['LIST >2', 'GET 4'])
    expect(record.current).toEqual({ id: 4, value: 'four' })
    expect(await record.readVersion(1)).toBe('one')
    expect(await record.readVersion(9)).toBeUndefined()
  })

  test('confirmation counts from the start of the LIST (AP-1)', async () => {
    await set(1, 'one')
    const spy = new Spy(bucket)
    const record = open(spy.store)
    spy.before = () => {
      clock.time += 500
    }
    await record.readLatest()
    expect(clock.time - record.confirmedAt).toBe(1000)
    spy.before = () => {}
    expect(record.stale).toBe(false)
    clock.time += 60_001
    expect(record.stale).toBe(true)
    await record.refresh()
    expect(record.stale).toBe(false)
  })

  test('strangers are skipped with one warning each (OB-2)', async () => {
    const warnings: unknown[] = []
    env = { ...env, logger: { ...env.logger, warn: (_, fields) => void warnings.push(fields?.path) } }
    await set(1, 'one')
    for (const name of ['99', 'x', '00000000000000000002.tmp', '00000000000000000000']) {
      await bucket.put(`db/record/${name}`, encodeUtf8('?'), { mode: 'overwrite' })
    }
    const record = open()
    await record.readLatest()
    await record.refresh()
    expect(record.current?.id).toBe(1)
    expect(warnings.sort()).toEqual([
      'db/record/00000000000000000000',
      'db/record/00000000000000000002.tmp',
      'db/record/99',
      'db/record/x',
    ])
  })

  test('a version that vanishes between LIST and GET is looked for again (BG-21)', async () => {
    await set(1, 'one')
    const spy = new Spy(bucket)
    let once = true
    spy.before = async (call) => {
      if (call !== 'GET 1' || !once) return
      once = false
      await bucket.delete(nameOf(1))
      await set(2, 'two')
    }
    expect(await open(spy.store).readLatest()).toEqual({ id: 2, value: 'two' })
    expect(spy.take()).toEqual(['LIST', 'GET 1', 'LIST', 'GET 2'])
  })

  test('a store that lists what it does not have ends in a typed error', async () => {
    const spy = new Spy(bucket)
    await set(1, 'one')
    spy.before = (call) => {
      if (call === 'GET 1') throw storeError('NotFound', nameOf(1), 'not there')
    }
    expect(await kindOf(open(spy.store).readLatest())).toBe('Data SLATEDB_LATEST_VERSION_MISSING')
    expect(spy.calls.length).toBeLessThanOrEqual(20)
  })

  test('an undecodable latest version is an error, never an older one instead (MS-11)', async () => {
    await set(1, 'one')
    await set(2, 'damaged')
    const record = open()
    expect(await kindOf(record.readLatest())).toBe('Unavailable SLATEDB_STORE_GENERIC')
    expect(record.current).toBeUndefined()
  })

  test('the whole list, with its newest version read', async () => {
    await set(3, 'three')
    await set(7, 'seven')
    const record = open()
    expect((await record.list()).map((version) => version.id)).toEqual([3, 7])
    expect(record.current).toEqual({ id: 7, value: 'seven' })
  })
})

describe('writing', () => {
  test('create, then versions one by one; requests', async () => {
    const spy = new Spy(bucket)
    const record = open(spy.store)
    await record.readLatest()
    spy.take()
    expect(await record.create('one')).toBe('written')
    expect(spy.take()).toEqual(['PUT 1', 'GET gc/boundary'])
    expect(await record.tryWrite(1, 'two')).toBe('written')
    expect(spy.take()).toEqual(['PUT 2', 'GET gc/boundary'])
    expect(record.current).toEqual({ id: 2, value: 'two' })
  })

  test('losing a race is a value', async () => {
    const [a, b] = [open(), open()]
    await a.readLatest()
    await b.readLatest()
    const results = await Promise.all([a.create('a'), b.create('b')])
    expect(results.sort()).toEqual(['conflict', 'written'])
    await Promise.all([a.refresh(), b.refresh()])
    expect(a.current).toEqual(b.current)
    // MS-9: a base that is not the one held is refused without asking the store.
    expect(await a.tryWrite(0, 'x')).toBe('conflict')
  })

  test('a version counts only once it is confirmed', async () => {
    await set(1, 'one')
    const record = open()
    await record.readLatest()
    const pending = await record.put(1, 'two')
    if (pending === 'conflict') throw new Error('nobody else writes')
    expect(record.current?.id).toBe(1)
    expect(await pending.confirm()).toBe('written')
    expect(record.current).toEqual({ id: 2, value: 'two' })
  })

  test('a write that ends late does not take the handle back', async () => {
    await set(1, 'one')
    const spy = new Spy(bucket)
    const record = open(spy.store)
    await record.readLatest()
    spy.before = async (call) => {
      if (call !== 'GET gc/boundary') return
      // Somebody builds on our version, and a poll sees it, while we still look at the boundary.
      await set(3, 'three')
      await record.refresh()
    }
    expect(await record.tryWrite(1, 'two')).toBe('written')
    expect(record.current).toEqual({ id: 3, value: 'three' })
  })

  test('updates of one handle do not race with themselves', async () => {
    await set(1, '')
    const spy = new Spy(bucket)
    const record = open(spy.store)
    await Promise.all(Array.from({ length: 10 }, (_, i) => record.update((text) => text + i)))
    expect(record.current).toEqual({ id: 11, value: '0123456789' })
    expect(spy.calls.filter((call) => call.startsWith('PUT'))).toHaveLength(10)
  })

  test('updates of many handles all take effect, and ids have no gaps (INV-2)', async () => {
    await set(1, '')
    const handles = Array.from({ length: 8 }, () => open())
    const letters = 'abcdefgh'
    const runs = handles.map(async (handle, i) => {
      for (let n = 0; n < 5; n++) await handle.update((text, id) => (id > 0 ? text + letters[i] : undefined))
    })
    await Promise.all(runs)
    const last = open()
    const versions = await last.list()
    expect(versions.map((version) => version.id)).toEqual(Array.from({ length: 41 }, (_, i) => i + 1))
    expect([...last.current!.value].sort().join('')).toBe([...letters].map((letter) => letter.repeat(5)).join(''))
    // Each version extends the one before it: nobody overwrote a winner.
    for (let id = 2; id <= 41; id++) {
      expect((await last.readVersion(id))!.startsWith((await last.readVersion(id - 1))!)).toBe(true)
    }
  })

  test('an edit that wants nothing writes nothing; what it throws ends the update', async () => {
    await set(1, 'one')
    const spy = new Spy(bucket)
    const record = open(spy.store)
    expect(await record.update(() => undefined)).toBe('one')
    const boom = new Error('boom')
    await expect(
      record.update(() => {
        throw boom
      }),
    ).rejects.toBe(boom)
    expect(spy.calls.some((call) => call.startsWith('PUT'))).toBe(false)
    // A failed update does not stop the ones behind it.
    expect(await record.update((text) => `${text}!`)).toBe('one!')
  })

  test('an update of a record that does not exist', async () => {
    expect(await kindOf(open().update(() => 'x'))).toBe('Data SLATEDB_RECORD_MISSING')
  })

  test('listeners hear of every change, once, in order', async () => {
    await set(1, 'one')
    const record = open()
    const heard: string[] = []
    const stop = record.listen(({ id, value }) => heard.push(`${id} ${value}`))
    await record.readLatest()
    await record.refresh()
    await record.update(() => 'two')
    stop()
    await record.update(() => 'three')
    expect(heard).toEqual(['1 one', '2 two'])
  })
})

describe('deadlines', () => {
  test('an update that always loses ends as Unavailable', async () => {
    await set(1, 'one')
    const spy = new Spy(bucket)
    let id = 1
    // Somebody else is always faster.
    spy.before = async (call) => {
      if (call.startsWith('PUT')) await set(++id, 'theirs')
    }
    expect(await kindOf(open(spy.store).update(() => 'ours', { timeoutMs: 5000 }))).toBe(
      'Unavailable SLATEDB_UPDATE_TIMEOUT',
    )
    expect(spy.calls.length).toBeLessThan(200)
  })

  test('a store that never answers', async () => {
    await set(1, 'one')
    const spy = new Spy(bucket)
    const record = open(spy.store)
    await record.readLatest()
    spy.before = (call) => (call.startsWith('PUT') ? new Promise(() => {}) : undefined)
    const started = clock.time
    expect(await kindOf(record.update(() => 'two', { timeoutMs: 1000 }))).toBe('Unavailable SLATEDB_UPDATE_TIMEOUT')
    expect(clock.time - started).toBe(1000)
    spy.before = () => {}
    expect(await record.update(() => 'two')).toBe('two')
  })

  test('an abort ends it with its reason', async () => {
    await set(1, 'one')
    const spy = new Spy(bucket)
    const controller = new AbortController()
    spy.before = (call) => {
      if (call.startsWith('PUT')) controller.abort(new Error('enough'))
    }
    await expect(open(spy.store).update(() => 'two', { signal: controller.signal })).rejects.toThrow('enough')
  })
})

describe('boundaries', () => {
  test('a create at or below the boundary is a conflict, although the object exists (MS-3, BG-1, TR-9)', async () => {
    await set(4, 'four')
    const slow = open()
    await slow.readLatest()
    // Others go on to version 12, and GC removes what is older, after raising the boundary.
    await set(12, 'twelve')
    await setBoundary(11)
    await bucket.delete(nameOf(4))
    const spy = new Spy(bucket)
    const seen: string[] = []
    const other = open(spy.store)
    await other.readLatest()
    expect(await slow.tryWrite(4, 'lost')).toBe('conflict')
    const result = await slow.update((text, id) => {
      seen.push(`${id} ${text}`)
      return 'kept'
    })
    expect(result).toBe('kept')
    expect(slow.current?.id).toBe(13)
    expect(seen.at(-1)).toBe('12 twelve')
    await other.refresh()
    expect(other.current).toEqual({ id: 13, value: 'kept' })
  })

  test('the check starts after the create was acknowledged (BD-5)', async () => {
    await set(1, 'one')
    const spy = new Spy(bucket)
    const record = open(spy.store)
    await record.readLatest()
    await setBoundary(0)
    spy.after = async (call) => {
      if (call === 'PUT 2') await setBoundary(2)
    }
    expect(await record.tryWrite(1, 'two')).toBe('conflict')
    expect(record.current?.id).toBe(1)
  })

  test('with a boundary object an own write confirms, without one it does not (AP-1)', async () => {
    await set(1, 'one')
    const record = open()
    await record.readLatest()
    const read = record.confirmedAt
    clock.time += 10
    await record.tryWrite(1, 'two')
    expect(record.confirmedAt).toBe(read)
    await setBoundary(0)
    await record.tryWrite(2, 'three')
    expect(record.confirmedAt).toBe(clock.time)
  })

  test('without one, a write on an old base looks first (MS-12, BG-44)', async () => {
    await set(4, 'four')
    const spy = new Spy(bucket)
    const idle = open(spy.store)
    await idle.readLatest()
    // A collector without boundary files empties the slot behind the base.
    await set(9, 'nine')
    await bucket.delete(nameOf(4))
    clock.time += 60_001
    spy.take()
    expect(await idle.tryWrite(4, 'lost')).toBe('conflict')
    expect(spy.take()).toEqual(['LIST >4', 'GET 9'])
    expect(await idle.update((text) => `${text}!`)).toBe('nine!')
    expect(idle.current?.id).toBe(10)
  })

  test('without one, a create that took too long looks behind itself', async () => {
    await set(4, 'four')
    const spy = new Spy(bucket)
    const slow = open(spy.store)
    await slow.readLatest()
    spy.before = async (call) => {
      if (call !== 'PUT 5') return
      // An outage of ten minutes, while others and GC go on.
      clock.time += 600_000
      await set(9, 'nine')
      await bucket.delete(nameOf(4))
    }
    expect(await slow.tryWrite(4, 'lost')).toBe('conflict')
    expect(await slow.refresh()).toBe(true)
    expect(slow.current?.id).toBe(9)
  })

  test('without one, a create during which the machine was suspended looks behind itself', async () => {
    await set(4, 'four')
    const spy = new Spy(bucket)
    const slow = open(spy.store)
    await slow.readLatest()
    spy.before = async (call) => {
      if (call !== 'PUT 5') return
      clock.suspendedMs += 600_000
      await set(9, 'nine')
      await bucket.delete(nameOf(4))
    }
    expect(await slow.tryWrite(4, 'lost')).toBe('conflict')
    expect(await slow.refresh()).toBe(true)
    expect(slow.current?.id).toBe(9)
  })

  test('without one, a handle whose machine was suspended makes sure of its base before it writes', async () => {
    await set(4, 'four')
    const record = open()
    await record.readLatest()
    await set(9, 'nine')
    await bucket.delete(nameOf(4))
    clock.suspendedMs += 60_001
    expect(record.stale).toBe(true)
    expect(await record.tryWrite(4, 'lost')).toBe('conflict')
  })

  test('a slow create that nobody overtook is written', async () => {
    await set(4, 'four')
    const spy = new Spy(bucket)
    const slow = open(spy.store)
    await slow.readLatest()
    spy.before = (call) => {
      if (call === 'PUT 5') clock.time += 600_000
    }
    expect(await slow.tryWrite(4, 'five')).toBe('written')
    expect(slow.stale).toBe(false)
  })

  test('a boundary above everything (damaged) ends in an error, not a loop', async () => {
    await set(4, 'four')
    await setBoundary(100)
    const record = open()
    await record.readLatest()
    expect(await record.tryWrite(4, 'five')).toBe('conflict')
    expect(await kindOf(record.readLatest())).toBe('Data SLATEDB_LATEST_VERSION_MISSING')
  })

  test('historical versions below the boundary stay readable (BD-10)', async () => {
    await set(4, 'four')
    await set(9, 'nine')
    await setBoundary(8)
    const record = open()
    await record.readLatest()
    await record.boundary.read()
    expect(await record.readVersion(4)).toBe('four')
  })
})
