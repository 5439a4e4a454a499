// Both bindings on one folder, taking turns as the writer: what one wrote, the other reads, over flushes and reopens.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as peer from '@slatedb/uniffi'
import { afterAll, expect, test } from 'vitest'
import { Random } from '../../src/env/random.ts'
import * as drop from '../../src/uniffi/index.ts'
import { ALL, type Binding, bytes, drain, open, plain } from './script.ts'

const ours = drop as unknown as Binding
const folder = mkdtempSync(join(tmpdir(), 'slatedb-shared-'))
const url = pathToFileURL(folder).href

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const openThere = (slatedb: Binding) => open(slatedb, slatedb.ObjectStore.resolve(url))

test('writers take turns, and a reader of either kind sees all of it', async () => {
  const seed = `${Date.now()}`
  const random = new Random(seed)
  const model = new Map<string, string>()
  for (let turn = 0; turn < 6; turn++) {
    const slatedb = turn % 2 === 0 ? peer : ours
    const db = await openThere(slatedb as Binding)
    const before = await drain(await db.scan(ALL))
    expect(new Map(before.map(({ key, value }) => [plain(key), plain(value)])), `seed ${seed}, turn ${turn}`).toEqual(
      new Map([...model].map(([key, value]) => [`bytes:${key}`, `bytes:${value}`])),
    )
    const writes: Promise<unknown>[] = []
    for (let i = 0; i < 200; i++) {
      const key = `key-${random.int(0, 99)}`
      const kind = random.int(0, 9)
      if (kind < 6) {
        model.set(key, `value-${turn}-${i}`)
        writes.push(db.put(bytes(key), bytes(`value-${turn}-${i}`)))
      } else if (kind < 8) {
        model.delete(key)
        writes.push(db.delete(bytes(key)))
      } else {
        model.set(key, `${model.get(key) ?? ''}+`)
        writes.push(db.merge(bytes(key), bytes('+')))
      }
      if (i === 100) writes.push(db.flush_with_options({ flush_type: 'MemTable' }))
    }
    await Promise.all(writes)
    if (turn % 3 !== 2) await db.shutdown()
  }
  for (const slatedb of [peer as Binding, ours]) {
    const builder = new slatedb.DbReaderBuilder('db', slatedb.ObjectStore.resolve(url))
    builder.with_merge_operator({
      merge: (_key, existing, operand) => new Uint8Array([...(existing ?? []), ...operand]),
    })
    const reader = await builder.build()
    const rows = await drain(await reader.scan(ALL))
    expect(
      rows.map(({ key }) => plain(key)),
      `seed ${seed}`,
    ).toEqual([...model.keys()].sort().map((key) => `bytes:${key}`))
    await reader.shutdown()
  }
})

test('sequence numbers and times written by one are read by the other', async () => {
  const path = 'times'
  const theirs = await open(peer as Binding, peer.ObjectStore.resolve(url), path)
  const at = { ttl: peer.Ttl.ExpireAt(99_999_999_999_999n) }
  const handle = await theirs.put_with_options(bytes('a'), bytes('1'), at, { await_durable: true })
  await theirs.shutdown()
  const mine = await open(ours, ours.ObjectStore.resolve(url), path)
  expect(await mine.get_key_value(bytes('a'))).toEqual({
    key: bytes('a'),
    value: bytes('1'),
    seq: handle.seqnum,
    create_ts: handle.create_ts,
    expire_ts: 99_999_999_999_999n,
  })
  const next = await mine.put(bytes('b'), bytes('2'))
  expect(next.seqnum).toBeGreaterThan(handle.seqnum as bigint)
  await mine.shutdown()
  const again = await open(peer as Binding, peer.ObjectStore.resolve(url), path)
  expect(await again.get_key_value(bytes('b'))).toMatchObject({ seq: next.seqnum, create_ts: next.create_ts })
  await again.shutdown()
})
