// How handles, records and rows print: with JSON.stringify, and with console.log.

import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { fresh } from '../../test/support/fresh.ts'
import { SlateDB } from './slatedb.ts'

test('everything that a handle gives out can be written as JSON', async () => {
  const db = await fresh({ keyEncoding: 'utf8', valueEncoding: 'utf8' })
  const handle = await db.put('a', '1')
  const scan = db.scan()
  const rows = []
  for await (const row of db.scan().rows()) rows.push(row)
  const tx = db.begin()
  const printed = [
    db,
    db.sub('part'),
    db.engine,
    db.status,
    handle,
    await db.getRow('a'),
    rows,
    scan,
    db.snapshot(),
    tx,
  ].map((value) => JSON.stringify(value))
  expect(printed.every((text) => text.startsWith('{') || text.startsWith('['))).toBe(true)
  expect(JSON.parse(printed[3]!)).toMatchObject({ durableSeq: 1, lastSeq: 1 })
  expect(JSON.parse(printed[4]!)).toMatchObject({ seq: 1, createTs: handle.createTs })
  expect(JSON.parse(printed[5]!)).toMatchObject({ key: 'a', value: '1', seq: 1 })
  tx.rollback()
})

test('a sequence number that a JSON number cannot hold is a text', async () => {
  const db = await fresh()
  const handle = await db.put('a', '1', { seq: 2n ** 60n })
  expect(JSON.parse(JSON.stringify(handle))).toMatchObject({ seq: String(2n ** 60n) })
})

test('console.log of a handle tells location, epoch, sequence numbers and state', async () => {
  const db = await SlateDB.open('memory:shop')
  await db.put('a', '1')
  expect(inspect(db)).toMatch(
    /^SlateDB \{\s+location: 'memory:shop',\s+state: 'open',\s+epoch: 1,\s+lastSeq: 1n,\s+durableSeq: 1n\s+\}$/,
  )
  expect(inspect(db.sub('users'))).toContain("part: '!users!'")
  expect(inspect(db.engine)).toMatch(/^Db \{ state: 'open', epoch: 1/)
  expect(inspect({ db })).toContain("location: 'memory:shop'")
  expect(inspect(await db.put('b', '2'))).toMatch(/^WriteHandle \{ seq: 2n, createTs: \d+, isDurable: true \}$/)
  await db.close()
  expect(inspect(db)).toContain("state: 'closed'")
})

test('a location is shown without what a URL may carry of secrets', async () => {
  const { showLocation } = await import('./location.ts')
  for (const url of ['s3://id:canary@bucket/app', 's3://id:can/ary@bucket/app?token=canary']) {
    expect(showLocation(url)).not.toMatch(/canary|can\//)
  }
  expect(showLocation('file:./data/@scope/app')).toBe('file:./data/@scope/app')
})

test('nothing to write is no error', async () => {
  const db = await fresh()
  const before = await db.put('a', '1')
  for (const write of [() => db.batch([]), () => db.batch().write(), () => db.sub('part').batch([])]) {
    const handle = await write()
    expect(handle.seq).toBe(before.seq)
    await handle.durable
  }
  expect(db.status.lastSeq).toBe(before.seq)
  await db.close()
  await expect(db.batch([])).rejects.toMatchObject({ kind: 'Closed' })
})
