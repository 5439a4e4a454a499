import { describe, expect, expectTypeOf, test } from 'vitest'
import { fresh, invalid } from '../../test/support/fresh.ts'
import { mergeOperators } from './merge-operators.ts'

async function parts() {
  const db = await fresh({
    keyEncoding: 'utf8',
    valueEncoding: 'utf8',
    durability: 'memory',
    mergeOperator: mergeOperators.append,
  })
  const users = db.sub('users', { valueEncoding: 'json' })
  const events = db.sub('events', { keyEncoding: 'tuple', valueEncoding: 'json' })
  return { db, users, events }
}

describe('parts of a database', () => {
  test('have keys and encodings of their own', async () => {
    const { db, users, events } = await parts()
    expectTypeOf(await users.get('1')).toBeAny()
    expectTypeOf(await db.get('1')).toEqualTypeOf<string | undefined>()
    await users.put('1', { name: 'Ada' })
    await events.put([2026, 11, 22], 'click')
    await db.put('1', 'plain')
    expect(await users.get('1')).toEqual({ name: 'Ada' })
    expect(await db.get('1')).toBe('plain')
    expect(await events.scan({ prefix: [2026] }).toArray()).toEqual([[[2026, 11, 22], 'click']])
    expect(await users.scan().toArray()).toEqual([['1', { name: 'Ada' }]])
    expect(await db.scan({ prefix: '!users!' }).toArray()).toEqual([['!users!1', '{"name":"Ada"}']])
    expect((await users.getRow('1'))!.key).toBe('1')
    expect(await users.getMany(['1', '2'])).toEqual([{ name: 'Ada' }, undefined])
  })

  test('scan, seek, count and clear stay inside', async () => {
    const { db } = await parts()
    const a = db.sub('a')
    const b = db.sub('b')
    for (const key of ['1', '2', '3', '\uffff']) await Promise.all([a.put(key, `a${key}`), b.put(key, `b${key}`)])
    expect(await a.scan({ gt: '1' }).keys().next()).toEqual({ done: false, value: '2' })
    expect((await a.scan({ reverse: true }).toArray()).map(([key]) => key)).toEqual(['\uffff', '3', '2', '1'])
    expect(await a.scan({ prefix: '2' }).toArray()).toEqual([['2', 'a2']])
    const scan = a.scan()
    await scan.seek('3')
    expect(await scan.next()).toEqual(['3', 'a3'])
    expect(await a.clear({ lt: '3' })).toBe(2)
    expect([await a.count(), await b.count(), await db.count()]).toEqual([2, 4, 6])
    expect(await a.clear()).toBe(2)
    expect([await a.count(), await b.count()]).toEqual([0, 4])
  })

  test('may have parts, and no name reaches into another', async () => {
    const { db } = await parts()
    const outer = db.sub('a')
    const inner = outer.sub('b')
    const longer = db.sub('ab')
    await Promise.all([outer.put('k', 'outer'), inner.put('k', 'inner'), longer.put('k', 'longer')])
    expect([await outer.get('k'), await inner.get('k'), await longer.get('k')]).toEqual(['outer', 'inner', 'longer'])
    expect(await inner.count()).toBe(1)
    expect(await outer.count()).toBe(2)
    expect(await longer.count()).toBe(1)
    for (const name of ['', 'a!b', 5 as never]) expect(() => db.sub(name)).toThrow(invalid('INVALID_NAME') as Error)
  })

  test('write, batch and merge', async () => {
    const { users, db } = await parts()
    await users.batch().put('1', { a: 1 }).delete('2').write()
    await users.batch([{ type: 'put', key: '3', value: 3 }])
    await db.sub('log').merge('m', 'x')
    await db.sub('log').merge('m', 'y')
    expect(await users.scan().toArray()).toEqual([
      ['1', { a: 1 }],
      ['3', 3],
    ])
    expect(await db.sub('log').get('m')).toBe('xy')
    await expect(users.put('', 1)).rejects.toEqual(invalid('EMPTY_KEY'))
  })

  test('one transaction and one snapshot reach several parts', async () => {
    const { db, users, events } = await parts()
    const snapshot = db.snapshot()
    await db.transaction(async (tx) => {
      tx.sub('users', { valueEncoding: 'json' }).put('1', { name: 'Ada' })
      tx.sub('events', { keyEncoding: 'tuple', valueEncoding: 'json' }).put([1], 'created')
      expect(await tx.sub('users').get('1')).toBe('{"name":"Ada"}')
      expect(await users.get('1')).toBeUndefined()
    })
    expect(await users.get('1')).toEqual({ name: 'Ada' })
    expect(await events.get([1])).toBe('created')
    expect((await db.getRow('!users!1'))!.seq).toBe((await events.getRow([1]))!.seq)
    expect(await snapshot.sub('users').get('1')).toBeUndefined()
    snapshot.close()
    const early = await db.transaction(async (tx) => {
      tx.sub('users').put('9', 'x')
      await tx.sub('users').commit()
      return tx.ended
    })
    expect(early).toBe(true)
  })

  test('are not closed', async () => {
    const { db, users } = await parts()
    await expect(users.close()).rejects.toEqual(invalid('CLOSE_PART'))
    await users[Symbol.asyncDispose]()
    await db.put('still', 'open')
    expect(await db.get('still')).toBe('open')
  })
})
