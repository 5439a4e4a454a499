// Databases that several releases and we own in turn. The releases are played by our writer, which is told the generation
// that each of them was seen to write (docs/compatibility.md), and by what each of them cannot read. Without a setting we
// must leave every database such that its last foreign owner, and every newer release, can own it again.

import { describe, expect, test } from 'vitest'
import type { Db } from '../../src/db/db.ts'
import { openDb } from '../../src/db/open.ts'
import { type FormatGeneration, parseSettings } from '../../src/db/settings.ts'
import { Random } from '../../src/env/random.ts'
import { createEnv } from '../../src/env/system.ts'
import { decodeManifest } from '../../src/format/manifest.ts'
import { Paths } from '../../src/format/paths.ts'
import { treesOf, viewsOf } from '../../src/manifest/trees.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'
import { toBytes, toText } from '../model/bytes.ts'

/** By what they write; each reads all that older ones write. */
const RELEASES: readonly FormatGeneration[] = ['0.12', '0.13', '0.15', '0.17', '0.18']
const knowsEmptyFences = (release: FormatGeneration) => RELEASES.indexOf(release) >= RELEASES.indexOf('0.15')
const writesLongKeys = (release: FormatGeneration) => RELEASES.indexOf(release) >= RELEASES.indexOf('0.17')
const paths = new Paths('db')

class History {
  readonly store = new MemoryStore()
  readonly #env = createEnv({ seed: 1 })
  readonly #random: Random
  readonly #model = new Map<string, string>()

  constructor(random: Random) {
    this.#random = random
  }

  /** One owner's life, us without a generation: reads everything, writes, perhaps flushes, and leaves a log or none. */
  async own(generation?: FormatGeneration, does: { flush?: boolean; close?: boolean; logs?: number } = {}) {
    const random = this.#random
    const { flush = random.chance(0.5), close = random.chance(0.5), logs = random.int(0, 4) } = does
    const db = await openDb({
      store: this.store,
      path: 'db',
      env: this.#env,
      settings: parseSettings({
        flushInterval: null,
        minFilterKeys: 0,
        l0MaxSsts: 1000,
        l0MaxSstsPerKey: 1000,
        formatGeneration: generation ?? null,
        compactorOptions: null,
        garbageCollectorOptions: null,
      }),
    })
    for (const [key, value] of this.#model) expect(toText((await db.get(toBytes(key)))!)).toBe(value)
    // Every release reads them; one that writes none must go on as before.
    const long = generation !== undefined && writesLongKeys(generation) && random.chance(0.3)
    for (let i = 0; i < logs; i++) await this.#write(db, long)
    if (flush) {
      await db.flush('memtable')
      await this.#write(db, long)
    }
    await db.close({ flush: close ? 'memtable' : false })
  }

  async #write(db: Db, long: boolean): Promise<void> {
    const key = `key${this.#random.int(0, 30)}${long ? '.'.repeat(65_536) : ''}`
    const value = String(this.#random.int(0, 1e9))
    await db.put(toBytes(key), toBytes(value))
    await db.flush('wal')
    this.#model.set(key, value)
  }

  /** What a collector of `release` leaves: no log in front of the replay point, and a boundary from 0.14.0 on. */
  async collect(release: FormatGeneration, { fences = this.#random.chance(0.5) } = {}): Promise<void> {
    const { replayAfterWalId } = await this.#manifest()
    for (const { path, size } of await this.store.list(paths.wals)) {
      // Those of zero bytes are kept unless somebody says otherwise (GC-16).
      if (paths.parseWal(path)! < replayAfterWalId && (size > 0 || fences)) await this.store.delete(path)
    }
    if (knowsEmptyFences(release)) await this.store.put(paths.manifestBoundary, toBytes('0'), { mode: 'overwrite' })
  }

  /** The releases that can own the database as it stands. */
  async open(): Promise<FormatGeneration[]> {
    const manifest = await this.#manifest()
    const tables = treesOf(manifest).flatMap(({ tree }) => viewsOf(tree))
    const composite = tables.some(({ table }) => table.info.filterFormat === 'composite')
    const logs = await this.store.list(paths.wals)
    const empty = logs.some(({ path, size }) => paths.parseWal(path)! > manifest.replayAfterWalId && size === 0)
    return RELEASES.filter((one) => !((empty && !knowsEmptyFences(one)) || (composite && one === '0.12')))
  }

  async newestFenceSize(): Promise<number> {
    const logs = await this.store.list(paths.wals)
    return logs.map(({ size }) => size).findLast((size) => size < 150) ?? Number.NaN
  }

  async #manifest() {
    const newest = (await this.store.list(paths.manifests)).at(-1)!
    return decodeManifest((await this.store.get(newest.path)).bytes, newest.path)
  }
}

const newerOrSame = (release: FormatGeneration) => RELEASES.slice(RELEASES.indexOf(release))

describe('what its releases can own stays so', () => {
  test('0.12, us, 0.13, us, 0.15, us', async () => {
    const history = new History(new Random(1))
    await history.own('0.12', { logs: 3, flush: true })
    await history.own()
    expect(await history.open()).toEqual(RELEASES)
    await history.own('0.13', { logs: 3, flush: true })
    await history.own()
    await history.own(undefined, { logs: 3, flush: true, close: false })
    expect(await history.open()).toEqual(newerOrSame('0.13'))
    await history.own('0.15', { logs: 3, flush: true, close: false })
    await history.own(undefined, { logs: 2, close: false })
    expect(await history.open()).toEqual(newerOrSame('0.15'))
    expect(await history.newestFenceSize()).toBe(0)
  })

  test('a new database of ours is one of 0.15 and remains one, however long its sessions', async () => {
    const history = new History(new Random(2))
    for (let i = 0; i < 3; i++) {
      await history.own(undefined, { logs: 120, flush: true })
      expect(await history.newestFenceSize()).toBe(0)
      await history.collect('0.15', { fences: true })
    }
  })

  test('a database that was asked to go back stays there', async () => {
    const history = new History(new Random(3))
    await history.own('0.15', { logs: 3, flush: true, close: false })
    await history.own('0.13', { logs: 3, flush: true, close: false })
    for (let i = 0; i < 3; i++) {
      await history.own()
      expect(await history.open()).toEqual(newerOrSame('0.13'))
    }
  })

  test('in random histories', async () => {
    for (let seed = 0; seed < 60; seed++) {
      const random = new Random(seed)
      const history = new History(random)
      let last = random.pick(RELEASES)
      const steps: string[] = []
      try {
        await history.own(last)
        steps.push(last)
        for (let step = 0; step < 8; step++) {
          if (random.chance(0.6)) {
            await history.own()
            steps.push('ours')
            const open = await history.open()
            expect(open).toEqual(expect.arrayContaining(newerOrSame(last)))
            if (knowsEmptyFences(last)) expect(await history.newestFenceSize()).toBe(0)
          } else {
            // Nobody goes back behind a newer release on purpose (VX-1).
            last = random.pick((await history.open()).filter((one) => newerOrSame(last).includes(one)))
            await history.own(last)
            steps.push(last)
          }
          if (random.chance(0.3)) {
            await history.collect(last)
            steps.push(`collected by ${last}`)
          }
        }
      } catch (error) {
        throw new Error(`seed ${seed}: ${steps.join(', ')}`, { cause: error })
      }
    }
  })
})
